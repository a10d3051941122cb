import type { DType } from '../../dtype';
import { elementCount } from '../../graph/ir';
import type { NodeCall, OpDefinition, Value } from '../../graph/op-set';
import { alongAxisBatch, perImageBatch, sameTypes } from './common';
import { algebra, axisOf, cast, scalar, wideType } from './scalar';
import { reshape } from './shape';

/** The default of `epsilon`, which ONNX gives as a float32 number. */
const EPSILON = Math.fround(1e-5);

const from = (axis: number, rank: number) =>
  Array.from({ length: rank - axis }, (_, i) => axis + i);

/** A vector of the channels of images of a shape, to be broadcast over axis 1. */
function perChannel(call: NodeCall, x: Value, images: readonly number[]): Value {
  const channels = images[1] ?? 1;
  if (x.desc.shape.join() !== `${channels}`) {
    throw call.error(
      `values per channel must be [${channels}] for x [${images.join(', ')}], got [${x.desc.shape.join(', ')}]`,
    );
  }
  return reshape(call, x, [channels, ...Array<number>(Math.max(0, images.length - 2)).fill(1)]);
}

/** `y`, which must have the shape of x: scales and biases broadcast to it alone. */
function shapedAs(call: NodeCall, y: Value, x: Value): Value {
  const [found, wanted] = [y.desc.shape.join(', '), x.desc.shape.join(', ')];
  if (found === wanted) return y;
  throw call.error(`scale and bias must broadcast to x [${wanted}], together they give [${found}]`);
}

/** x minus its mean over axes, divided by the deviation sqrt(variance + epsilon); mean, variance and 1 / deviation. */
function normalize(call: NodeCall, x: Value, axes: readonly number[], epsilon: number) {
  const a = algebra(call, x.desc.dtype);
  const mean = a.reduce('reduceMean', x, axes);
  const centred = a.sub(x, mean);
  const variance = a.reduce('reduceMean', a.mul(centred, centred), axes);
  const deviation = a.sqrt(a.add(variance, epsilon));
  const inverse = call.emit('reciprocal', [deviation]);
  return { y: a.div(centred, deviation), mean, variance, inverse };
}

/** The type in which a node computes, by `stash_type`. */
function stashType(call: NodeCall): DType {
  const stash = call.int('stash_type') ?? 1;
  if (stash !== 1) throw call.error(`stash_type must be 1 (float32), got ${stash}`);
  return call.input(0).desc.dtype === 'float64' ? 'float64' : 'float32';
}

/** BatchNormalization-6, 7, 9, 14, 15 with the mean and variance that were learned. */
const batchNorm: Omit<OpDefinition, 'since' | 'attributes'> = {
  op: 'BatchNormalization',
  inputs: [5, 5],
  lower(call) {
    const isTraining = (call.int('training_mode') ?? 0) !== 0;
    if (!isTraining && call.node.outputs.slice(1).some((name) => name !== ''))
      throw call.error('running statistics are made with training_mode 1 only');
    // Opset 6 said by is_test that it is no training, opset 7 no longer.
    if (call.opset < 7 && call.int('is_test') !== 1) throw call.error('is_test must be 1');
    if ((call.int('spatial') ?? 1) !== 1) throw call.error('spatial must be 1');
    const x = call.input(0);
    const vectors = [1, 2, 3, 4].map((i) => call.input(i));
    sameTypes(call, vectors);
    const wide = wideType(x.desc.dtype);
    const stats = vectors[0]?.desc.dtype;
    if (stats !== x.desc.dtype && stats !== wide) {
      throw call.error(`the learned values must be ${x.desc.dtype} or ${wide}, got ${stats}`);
    }
    // 16-bit images are widened: with statistics and sums in float32 there is one rounding, at the end.
    const a = algebra(call, wide);
    const channels = vectors.map((v) => perChannel(call, cast(call, v, wide), x.desc.shape));
    const [scale, bias, mean, variance] = channels as [Value, Value, Value, Value];
    const images = cast(call, x, wide);
    const epsilon = call.float('epsilon') ?? EPSILON;
    if (isTraining) {
      // Of these images: mean and population variance over all axes but the channels.
      const axes = [0, ...from(2, x.desc.shape.length)];
      const now = normalize(call, images, axes, epsilon);
      const y = cast(call, a.add(a.mul(now.y, scale), bias), x.desc.dtype);
      const momentum = call.float('momentum') ?? Math.fround(0.9);
      const running = (old: Value, current: Value, like: Value) => {
        const mixed = a.add(a.mul(old, momentum), a.mul(current, 1 - momentum));
        return cast(call, reshape(call, mixed, like.desc.shape), like.desc.dtype);
      };
      const [, , oldMean, oldVariance] = vectors as [Value, Value, Value, Value];
      return [y, running(mean, now.mean, oldMean), running(variance, now.variance, oldVariance)];
    }
    // Of the learned values alone, so computed once.
    const factor = a.div(scale, a.sqrt(a.add(variance, epsilon)));
    const y = a.add(a.mul(a.sub(images, mean), factor), bias);
    return cast(call, y, x.desc.dtype);
  },
  batch: (query) =>
    (query.int('training_mode') ?? 0) === 0
      ? perImageBatch(query)
      : { ok: false, why: 'its statistics are those of all images' },
};

/** LRN-1, 13: x / (bias + alpha / size * sum of the squares of `size` channels around)^beta. */
const lrn: OpDefinition = {
  op: 'LRN',
  since: 1,
  inputs: [1, 1],
  attributes: { alpha: 'float', beta: 'float', bias: 'float', size: 'int' },
  lower(call) {
    const x = call.input(0);
    const size = call.int('size') ?? 0;
    const [, channels = 0] = x.desc.shape;
    if (size < 1) throw call.error(`size must be 1 or more, got ${size}`);
    if (elementCount(x.desc.shape) === 0) return x;
    const wide = wideType(x.desc.dtype);
    const a = algebra(call, wide);
    const images = cast(call, x, wide);
    // What lies beyond the first and the last channel adds nothing.
    const before = Math.min(Math.floor((size - 1) / 2), channels - 1);
    const after = Math.min(size - 1 - Math.floor((size - 1) / 2), channels - 1);
    const [n = 0, , ...rest] = x.desc.shape;
    const column = reshape(call, a.mul(images, images), [n, 1, channels, elementCount(rest)]);
    // The norm with p = 1 of squares is their sum.
    const sums = call.emit('lpPool', [column], {
      kernel: [before + 1 + after, 1],
      padding: [before, 0, after, 0],
      p: 1,
    });
    const sum = reshape(call, sums, x.desc.shape);
    const scale = (call.float('alpha') ?? Math.fround(1e-4)) / size;
    const base = a.add(a.mul(sum, scale), call.float('bias') ?? 1);
    const divisor = call.emit('pow', [base, scalar(call, call.float('beta') ?? 0.75, wide)]);
    return cast(call, a.div(images, divisor), x.desc.dtype);
  },
  batch: perImageBatch,
};

/** InstanceNormalization-6, 22. */
const instanceNorm: OpDefinition = {
  op: 'InstanceNormalization',
  since: 6,
  inputs: [3, 3],
  attributes: { epsilon: 'float' },
  lower(call) {
    const inputs = sameTypes(
      call,
      [0, 1, 2].map((i) => call.input(i)),
    );
    const [x, scale, bias] = inputs as [Value, Value, Value];
    const rank = x.desc.shape.length;
    const a = algebra(call, x.desc.dtype);
    const wide = cast(call, x, wideType(x.desc.dtype));
    const result = normalize(call, wide, from(2, rank), call.float('epsilon') ?? EPSILON);
    const y = cast(call, result.y, x.desc.dtype);
    const [factor, addend] = [scale, bias].map((v) => perChannel(call, v, x.desc.shape));
    return a.add(a.mul(y, factor as Value), addend as Value);
  },
  batch: perImageBatch,
};

/** GroupNormalization-21: scale and bias per channel. */
const groupNorm: OpDefinition = {
  op: 'GroupNormalization',
  since: 21,
  inputs: [3, 3],
  attributes: { epsilon: 'float', num_groups: 'int', stash_type: 'int' },
  lower(call) {
    const groups = call.int('num_groups');
    if (groups === undefined) throw call.error('attribute "num_groups" is missing');
    const x = call.input(0);
    const { shape, dtype } = x.desc;
    const [n = 0, channels = 0, ...rest] = shape;
    if (shape.length < 2 || groups < 1 || channels % groups !== 0) {
      throw call.error(`num_groups ${groups} must divide the channels of [${shape.join(', ')}]`);
    }
    const type = stashType(call);
    const grouped = reshape(call, cast(call, x, type), [n, groups, channels / groups, ...rest]);
    const axes = from(2, grouped.desc.shape.length);
    const { y } = normalize(call, grouped, axes, call.float('epsilon') ?? EPSILON);
    const a = algebra(call, dtype);
    const flat = cast(call, reshape(call, y, shape), dtype);
    const [scale, bias] = [1, 2].map((i) => perChannel(call, call.input(i), shape));
    return a.add(a.mul(flat, scale as Value), bias as Value);
  },
  batch: perImageBatch,
};

/** LayerNormalization-17: over all axes from `axis` on. */
const layerNorm: OpDefinition = {
  op: 'LayerNormalization',
  since: 17,
  inputs: [2, 3],
  outputs: 3,
  attributes: { axis: 'int', epsilon: 'float', stash_type: 'int' },
  lower(call) {
    const [x, scale, bias] = [call.input(0), call.input(1), call.optional(2)];
    const { dtype, shape } = x.desc;
    const axis = axisOf(call, call.int('axis') ?? -1, shape.length);
    const wide = cast(call, x, stashType(call));
    const axes = from(axis, shape.length);
    const result = normalize(call, wide, axes, call.float('epsilon') ?? EPSILON);
    const a = algebra(call, dtype);
    const scaled = a.mul(cast(call, result.y, dtype), scale);
    const y = shapedAs(call, bias ? a.add(scaled, bias) : scaled, x);
    // Statistics have the type that stash_type names, also those of float64.
    return [y, ...[result.mean, result.inverse].map((value) => cast(call, value, 'float32'))];
  },
  batch: alongAxisBatch(-1),
};

/** RMSNormalization-23: over all axes from `axis` on. */
const rmsNorm: OpDefinition = {
  op: 'RMSNormalization',
  since: 23,
  inputs: [2, 2],
  attributes: { axis: 'int', epsilon: 'float', stash_type: 'int' },
  lower(call) {
    const [x, scale] = [call.input(0), call.input(1)];
    const { dtype, shape } = x.desc;
    const type = stashType(call);
    const wide = cast(call, x, type);
    const w = algebra(call, type);
    const axes = from(axisOf(call, call.int('axis') ?? -1, shape.length), shape.length);
    const square = w.reduce('reduceMean', w.mul(wide, wide), axes);
    const y = w.div(wide, w.sqrt(w.add(square, call.float('epsilon') ?? EPSILON)));
    return shapedAs(call, algebra(call, dtype).mul(cast(call, y, dtype), scale), x);
  },
  batch: alongAxisBatch(-1),
};

/** LpNormalization-1, 22: 0 where the norm is 0. */
const lpNorm: OpDefinition = {
  op: 'LpNormalization',
  since: 1,
  inputs: [1, 1],
  attributes: { axis: 'int', p: 'int' },
  lower(call) {
    const given = call.input(0);
    const x = cast(call, given, wideType(given.desc.dtype));
    const p = call.int('p') ?? 2;
    if (p !== 1 && p !== 2) throw call.error(`p must be 1 or 2, got ${p}`);
    const a = algebra(call, x.desc.dtype);
    const axes = [axisOf(call, call.int('axis') ?? -1, x.desc.shape.length)];
    const norm =
      p === 1
        ? a.reduce('reduceSum', a.abs(x), axes)
        : a.sqrt(a.reduce('reduceSumSquare', x, axes));
    return cast(call, a.where(a.equal(norm, 0), 0, a.div(x, norm)), given.desc.dtype);
  },
  batch: alongAxisBatch(-1),
};

export const NORM: readonly OpDefinition[] = [
  lrn,
  {
    ...batchNorm,
    since: 6,
    attributes: { epsilon: 'float', is_test: 'int', momentum: 'float', spatial: 'int' },
  },
  {
    ...batchNorm,
    since: 7,
    attributes: { epsilon: 'float', momentum: 'float', spatial: 'int' },
  },
  { ...batchNorm, since: 9, attributes: { epsilon: 'float', momentum: 'float' } },
  {
    ...batchNorm,
    since: 14,
    outputs: 3,
    attributes: { epsilon: 'float', momentum: 'float', training_mode: 'int' },
  },
  groupNorm,
  instanceNorm,
  layerNorm,
  lpNorm,
  rmsNorm,
];
