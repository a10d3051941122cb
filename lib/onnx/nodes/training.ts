/** ai.onnx.preview.training: one step of an optimizer. Gradient is in gradient.ts. */

import type { NodeCall, OpDefinition, Value } from '../../graph/op-set';
import { GRADIENT } from './gradient';
import { type Algebra, algebra, cast, scalar } from './scalar';

/** What an optimizer makes of one tensor; the names are those of the definitions. */
type Update = (a: Algebra, tensors: readonly Value[], rate: Rate) => readonly Value[];

interface Rate {
  /** R, and T as a float. */
  readonly rate: Value;
  readonly count: Value;
  /** Whether T is above 0. */
  readonly isLater: Value;
}

const domain = 'ai.onnx.preview.training';
const many = Number.POSITIVE_INFINITY;

/** An optimizer whose inputs are R, T, all X, all G, and so on: `each` tensors for every X, all but G are updated. */
function optimizer(each: number, update: (call: NodeCall) => Update): OpDefinition['lower'] {
  return (call) => {
    const tensors = call.inputCount - 2;
    if (tensors % each !== 0) {
      throw call.error(
        `behind R and T there must be ${each} inputs for each tensor, got ${tensors}`,
      );
    }
    const count = tensors / each;
    const { dtype } = call.input(2).desc;
    const a = algebra(call, dtype);
    const t = call.input(1);
    const rate: Rate = {
      rate: cast(call, call.input(0), dtype),
      count: cast(call, t, dtype),
      isLater: call.emit('greater', [t, scalar(call, 0, t.desc.dtype)]),
    };
    const step = update(call);
    const made = Array.from({ length: count }, (_, k) => {
      const own = Array.from({ length: each }, (_, i) => call.input(2 + i * count + k));
      const other = own.find(({ desc }) => desc.shape.join() !== own[0]?.desc.shape.join());
      if (other) {
        throw call.error(`tensors must have one shape, got [${other.desc.shape.join(', ')}]`);
      }
      return step(a, own, rate);
    });
    return Array.from({ length: each - 1 }, (_, i) =>
      made.map((values) => values[i] as Value),
    ).flat();
  };
}

/** The gradient with that of the regularization, norm / 2 * |X|^2. */
const regularized = (a: Algebra, norm: number, x: Value, g: Value): Value =>
  a.add(a.mul(x, norm), g);

const adagrad: OpDefinition = {
  op: 'Adagrad',
  domain,
  since: 1,
  inputs: [3, many],
  outputs: many,
  attributes: { decay_factor: 'float', epsilon: 'float', norm_coefficient: 'float' },
  lower: optimizer(3, (call) => (a, [x, g, h], { rate, count }) => {
    const decay = call.float('decay_factor') ?? 0;
    const gradient = regularized(a, call.float('norm_coefficient') ?? 0, x as Value, g as Value);
    const squares = a.add(h as Value, a.mul(gradient, gradient));
    const factor = a.div(rate, a.add(a.mul(count, decay), 1));
    const scale = a.add(a.sqrt(squares), call.float('epsilon') ?? 1e-6);
    return [a.sub(x as Value, a.div(a.mul(factor, gradient), scale)), squares];
  }),
};

const adam: OpDefinition = {
  op: 'Adam',
  domain,
  since: 1,
  inputs: [3, many],
  outputs: many,
  attributes: {
    alpha: 'float',
    beta: 'float',
    epsilon: 'float',
    norm_coefficient: 'float',
    norm_coefficient_post: 'float',
  },
  lower: optimizer(4, (call) => (a, [x, g, v, h], { rate, count, isLater }) => {
    const alpha = call.float('alpha') ?? 0.9;
    const beta = call.float('beta') ?? 0.999;
    const post = call.float('norm_coefficient_post') ?? 0;
    const gradient = regularized(a, call.float('norm_coefficient') ?? 0, x as Value, g as Value);
    const mean = a.add(a.mul(v as Value, alpha), a.mul(gradient, 1 - alpha));
    const squares = a.add(a.mul(h as Value, beta), a.mul(a.mul(gradient, gradient), 1 - beta));
    const scale = a.add(a.sqrt(squares), call.float('epsilon') ?? 1e-6);
    const bias = a.div(a.sqrt(a.sub(1, a.pow(beta, count))), a.sub(1, a.pow(alpha, count)));
    const factor = a.where(isLater, a.mul(rate, bias), rate);
    const moved = a.sub(x as Value, a.div(a.mul(factor, mean), scale));
    return [post === 0 ? moved : a.mul(moved, 1 - post), mean, squares];
  }),
};

const momentum: OpDefinition = {
  op: 'Momentum',
  domain,
  since: 1,
  inputs: [3, many],
  outputs: many,
  attributes: { alpha: 'float', beta: 'float', mode: 'string', norm_coefficient: 'float' },
  lower: optimizer(3, (call) => (a, [x, g, v], { rate, isLater }) => {
    const [alpha, beta] = [call.float('alpha'), call.float('beta')];
    const norm = call.float('norm_coefficient');
    const mode = call.string('mode');
    if (alpha === undefined || beta === undefined || norm === undefined) {
      throw call.error('alpha, beta and norm_coefficient must be given');
    }
    if (mode !== 'standard' && mode !== 'nesterov') {
      throw call.error(`mode must be standard or nesterov, got "${mode ?? ''}"`);
    }
    const gradient = regularized(a, norm, x as Value, g as Value);
    const weight = a.where(isLater, beta, 1);
    const kept = a.add(a.mul(v as Value, alpha), a.mul(weight, gradient));
    const step = mode === 'standard' ? kept : a.add(gradient, a.mul(kept, alpha));
    return [a.sub(x as Value, a.mul(rate, step)), kept];
  }),
};

export const TRAINING: readonly OpDefinition[] = [adagrad, adam, momentum, ...GRADIENT];
