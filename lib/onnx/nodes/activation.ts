import { isIntDType } from '../../dtype';
import type { NodeCall, OpDefinition, Value } from '../../graph/op-set';
import { broadcastBatch, perImageBatch, sameTypes } from './common';
import { type Algebra, algebra, cast, scalar, wideType } from './scalar';
import { reshape } from './shape';

/** An elementwise function of one tensor, with float attributes and their defaults, which ONNX gives as float32 numbers. */
function activation<Name extends string>(
  op: string,
  since: number,
  defaults: Readonly<Record<Name, number>>,
  lower: (x: Value, a: Algebra, attributes: Readonly<Record<Name, number>>) => Value,
  typeOf = wideType,
): OpDefinition {
  const names = Object.keys(defaults) as Name[];
  return {
    op,
    since,
    inputs: [1, 1],
    attributes: Object.fromEntries(names.map((name) => [name, 'float' as const])),
    lower(call) {
      const x = call.input(0);
      const values = names.map((name) => [name, call.float(name) ?? Math.fround(defaults[name])]);
      const { dtype } = x.desc;
      // Several steps are rounded once.
      const type = typeOf(dtype);
      const y = lower(cast(call, x, type), algebra(call, type), Object.fromEntries(values));
      return cast(call, y, dtype);
    },
    batch: perImageBatch,
  };
}

/** log(1 + exp(x)), without an overflow on the way. */
export const softplus = (x: Value, a: Algebra) =>
  a.add(a.max(x, 0), a.log(a.add(a.exp(a.neg(a.abs(x))), 1)));

/** exp(x) - 1 where x is negative. */
const negativeExp = (x: Value, a: Algebra) => a.sub(a.exp(a.min(x, 0)), 1);

export const hardSigmoid = (x: Value, a: Algebra, alpha: number, beta: number) =>
  a.max(a.min(a.add(a.mul(x, alpha), beta), 1), 0);

const SELU = { alpha: 1.6732632, gamma: 1.050701 };

const ACTIVATIONS: readonly OpDefinition[] = [
  activation('Celu', 12, { alpha: 1 }, (x, a, { alpha }) =>
    a.add(a.max(x, 0), a.mul(negativeExp(a.div(x, alpha), a), alpha)),
  ),
  activation('Elu', 6, { alpha: 1 }, (x, a, { alpha }) =>
    a.where(a.less(x, 0), a.mul(negativeExp(x, a), alpha), x),
  ),
  activation('HardSigmoid', 6, { alpha: 0.2, beta: 0.5 }, (x, a, { alpha, beta }) =>
    hardSigmoid(x, a, alpha, beta),
  ),
  activation('HardSwish', 14, {}, (x, a) => a.mul(x, hardSigmoid(x, a, 1 / 6, 0.5))),
  activation('LeakyRelu', 6, { alpha: 0.01 }, (x, a, { alpha }) =>
    a.where(a.less(x, 0), a.mul(x, alpha), x),
  ),
  activation('Mish', 18, {}, (x, a) => a.mul(x, a.tanh(softplus(x, a)))),
  activation('Selu', 6, SELU, (x, a, { alpha, gamma }) =>
    a.mul(a.where(a.greater(x, 0), x, a.mul(negativeExp(x, a), alpha)), gamma),
  ),
  activation(
    'Shrink',
    9,
    { bias: 0, lambd: 0.5 },
    (x, a, { bias, lambd }) =>
      a.where(a.less(x, -lambd), a.add(x, bias), a.where(a.greater(x, lambd), a.sub(x, bias), 0)),
    // The bias of integers need not be whole.
    (dtype) => (isIntDType(dtype) ? 'float64' : wideType(dtype)),
  ),
  activation('Softplus', 1, {}, softplus),
  activation('Softsign', 1, {}, (x, a) => a.div(x, a.add(a.abs(x), 1))),
  activation('Swish', 24, { alpha: 1 }, (x, a, { alpha }) => a.mul(x, a.sigmoid(a.mul(x, alpha)))),
  activation('ThresholdedRelu', 10, { alpha: 1 }, (x, a, { alpha }) =>
    a.where(a.greater(x, alpha), x, 0),
  ),
];

/** SwiGLU-28: a sigmoid(alpha a) b. */
const swiGlu: OpDefinition = {
  op: 'SwiGLU',
  since: 28,
  inputs: [2, 2],
  attributes: { alpha: 'float' },
  lower(call) {
    const [x, gate] = sameTypes(call, [call.input(0), call.input(1)]) as [Value, Value];
    const { dtype } = x.desc;
    const wide = wideType(dtype);
    const a = algebra(call, wide);
    const wider = cast(call, x, wide);
    const swish = a.mul(wider, a.sigmoid(a.mul(wider, call.float('alpha') ?? 1)));
    return cast(call, a.mul(swish, cast(call, gate, wide)), dtype);
  },
  batch: broadcastBatch,
};

/** PRelu-6: one slope, or one for each channel. */
const prelu6: OpDefinition = {
  op: 'PRelu',
  since: 6,
  inputs: [2, 2],
  lower(call) {
    const [x, slope] = sameTypes(call, [call.input(0), call.input(1)]) as [Value, Value];
    const [count = 1] = slope.desc.shape;
    const rank = x.desc.shape.length;
    if (slope.desc.shape.length > 1) throw call.error('the slope must be a vector');
    const a = algebra(call, x.desc.dtype);
    const wide = reshape(
      call,
      slope,
      x.desc.shape.map((_, axis) => (axis === Math.min(1, rank - 1) ? count : 1)),
    );
    return a.where(a.less(x, 0), a.mul(x, wide), x);
  },
  batch: perImageBatch,
};

/** PRelu-7, 9, 16: the slope is broadcast to x. */
const prelu: OpDefinition = {
  op: 'PRelu',
  since: 7,
  inputs: [2, 2],
  lower(call) {
    const [x, slope] = sameTypes(call, [call.input(0), call.input(1)]) as [Value, Value];
    const a = algebra(call, x.desc.dtype);
    const y = a.where(a.less(x, 0), a.mul(x, slope), x);
    if (y.desc.shape.join() !== x.desc.shape.join()) {
      throw call.error(
        `the slope [${slope.desc.shape.join(', ')}] must broadcast to x [${x.desc.shape.join(', ')}]`,
      );
    }
    return y;
  },
  batch: broadcastBatch,
};

/** Not-1. */
const not: OpDefinition = {
  op: 'Not',
  since: 1,
  inputs: [1, 1],
  lower: (call) => call.emit('logicalXor', [call.input(0), scalar(call, 1, 'bool')]),
  batch: perImageBatch,
};

/** IsNaN-9, 13, 20. */
const isNotANumber: OpDefinition = {
  op: 'IsNaN',
  since: 9,
  inputs: [1, 1],
  lower: (call) => call.emit('notEqual', [call.input(0), call.input(0)]),
  batch: perImageBatch,
};

/** IsInf-10, 20. */
const isInfinite: OpDefinition = {
  op: 'IsInf',
  since: 10,
  inputs: [1, 1],
  attributes: { detect_negative: 'int', detect_positive: 'int' },
  lower(call) {
    const x = call.input(0);
    const a = algebra(call, x.desc.dtype);
    const negative = (call.int('detect_negative') ?? 1) !== 0;
    const positive = (call.int('detect_positive') ?? 1) !== 0;
    if (negative && positive) return a.equal(a.abs(x), Infinity);
    // Nothing is both less and greater.
    if (!negative && !positive) return a.less(x, x);
    return a.equal(x, positive ? Infinity : -Infinity);
  },
  batch: perImageBatch,
};

const INTEGERS = /^u?int/;

/** Mod-10, 13: the sign is that of the divisor, with fmod, which floats need, that of the dividend. */
const mod: OpDefinition = {
  op: 'Mod',
  since: 10,
  inputs: [2, 2],
  attributes: { fmod: 'int' },
  lower(call) {
    const [x, y] = sameTypes(call, [call.input(0), call.input(1)]) as [Value, Value];
    const { dtype } = x.desc;
    const a = algebra(call, dtype);
    const rest = call.emit('fmod', [x, y]);
    if (call.int('fmod') === 1 || dtype.startsWith('u')) return rest;
    if (!INTEGERS.test(dtype)) throw call.error(`${dtype} needs fmod 1`);
    const differ = call.emit('logicalXor', [a.less(rest, 0), a.less(y, 0)]);
    const wrong = call.emit('logicalAnd', [differ, a.notEqual(rest, 0)]);
    return a.where(wrong, a.add(rest, y), rest);
  },
  batch: broadcastBatch,
};

/** Mean-8, 13: of any number of inputs. */
const mean: OpDefinition = {
  op: 'Mean',
  since: 8,
  inputs: [1, Number.POSITIVE_INFINITY],
  lower(call: NodeCall) {
    const inputs = sameTypes(
      call,
      Array.from({ length: call.inputCount }, (_, i) => call.input(i)),
    );
    const [first] = inputs as [Value];
    const a = algebra(call, first.desc.dtype);
    return a.div(
      inputs.reduce((x, y) => a.add(x, y)),
      inputs.length,
    );
  },
  batch: broadcastBatch,
};

export const ACTIVATION: readonly OpDefinition[] = [
  swiGlu,
  ...ACTIVATIONS,
  isInfinite,
  isNotANumber,
  mean,
  mod,
  not,
  prelu6,
  prelu,
];
