import { tensor } from '../create';
import { runOp } from '../run';
import { scope } from '../scope';
import type { Constant, Graph } from './ir';
import {
  type CastLoss,
  castConstant,
  countLoss,
  isPrecision,
  noLoss,
  type Precision,
} from './passes/cast-constant';

/** Smaller constants are converted in JavaScript: a call costs more. */
const NATIVE_FROM = 4096;

/** Constants in another precision. */
export interface CastConstants {
  readonly cast: (constant: Constant) => Constant;
  /** What became of those that a conversion has cast. */
  readonly lossOf: (used: ReadonlySet<Constant>) => CastLoss;
}

/**
 * Converts all float constants of a graph ahead of `convertPrecision`, large ones in native code, so that the event loop
 * goes on meanwhile. `fitted` makes their values fit the precision where that is asked for.
 */
export async function castConstants(
  graph: Graph,
  to: Precision,
  device: string,
  fitted: (constant: Constant) => Constant,
): Promise<CastConstants> {
  const constants = [...graph.initializers.values()];
  for (const node of graph.nodes) {
    for (const attribute of node.attributes.values()) {
      if (attribute.type === 'tensor') constants.push(attribute.value);
    }
  }
  const done = new Map<Constant, { readonly result: Constant; readonly loss: CastLoss }>();
  const add = (constant: Constant, fitting: Constant, result: Constant) => {
    const loss = noLoss();
    countLoss(fitting, result, loss);
    done.set(constant, { result, loss });
    return result;
  };
  for (const constant of new Set(constants)) {
    if (!isPrecision(constant.dtype) || constant.dtype === to) continue;
    const fitting = fitted(constant);
    const large = constant.data.length >= NATIVE_FROM;
    const result = large ? await castNative(fitting, to, device) : castConstant(fitting, to);
    add(constant, fitting, result);
  }
  const castNow = (constant: Constant) => {
    const fitting = fitted(constant);
    return add(constant, fitting, castConstant(fitting, to));
  };
  return {
    cast: (constant) => done.get(constant)?.result ?? castNow(constant),
    lossOf: (used) => sumOfLosses([...used].flatMap((constant) => done.get(constant)?.loss ?? [])),
  };
}

function sumOfLosses(losses: readonly CastLoss[]): CastLoss {
  const sum = noLoss();
  for (const loss of losses) {
    for (const key of Object.keys(sum) as (keyof CastLoss)[]) sum[key] += loss[key];
  }
  return sum;
}

function castNative(
  { data, dtype, shape }: Constant,
  to: Precision,
  device: string,
): Promise<Constant> {
  return scope(async () => {
    const from = tensor(data, { shape, dtype, device });
    const result = runOp<typeof to>('cast', [from], { to });
    const values = to === 'float32' ? await result.data() : await result.asUint16();
    return { dtype: to, shape, data: values };
  });
}
