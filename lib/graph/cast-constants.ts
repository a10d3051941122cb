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

/**
 * Converts all float constants of a graph ahead of `convertPrecision`, large ones in native code, so that the event loop
 * goes on meanwhile.
 */
export async function castConstants(
  graph: Graph,
  to: Precision,
  device: string,
): Promise<{ cast: (constant: Constant) => Constant; loss: CastLoss }> {
  const constants = [...graph.initializers.values()];
  for (const node of graph.nodes) {
    for (const attribute of node.attributes.values()) {
      if (attribute.type === 'tensor') constants.push(attribute.value);
    }
  }
  const loss = noLoss();
  const done = new Map<Constant, Constant>();
  for (const constant of new Set(constants)) {
    if (!isPrecision(constant.dtype) || constant.dtype === to) continue;
    const large = constant.data.length >= NATIVE_FROM;
    const result = large ? await castNative(constant, to, device) : castConstant(constant, to);
    done.set(constant, result);
    countLoss(constant, result, loss);
  }
  return { cast: (constant) => done.get(constant) ?? castConstant(constant, to), loss };
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
