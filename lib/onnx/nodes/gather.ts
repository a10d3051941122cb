import { type Constant, integersOf } from '../../graph/ir';
import type { BatchAnswer, BatchQuery, NodeCall, OpDefinition, Value } from '../../graph/op-set';
import { sameTypes } from './common';
import { algebra, axisOf, cast } from './scalar';
import { countUp, integers, number, reshape } from './shape';
import { gatherSizes } from './sizes';

/** Reading and writing where indices say. Those that are known are checked when the model is loaded. */

function checkIndices(call: NodeCall, index: number, size: number): Value {
  const value = call.input(index);
  if (value.constant && value.desc.dtype.startsWith('int')) {
    const wrong = integersOf(value.constant).find((i) => i < -size || i >= size);
    if (wrong !== undefined) throw call.error(`index ${wrong} is outside of ${size}`);
  }
  return value;
}

const rankOf = (call: NodeCall): number => call.input(0).desc.shape.length;
const sizeAt = (call: NodeCall, axis: number): number => call.input(0).desc.shape[axis] as number;

/** Images are rows of the indices into one table, or of x with another axis gathered. */
function gatherBatch({ batched, shapes, int }: BatchQuery): BatchAnswer {
  const axis = int('axis') ?? 0;
  const first = axis === 0 || axis === -(shapes[0]?.length ?? 0);
  if (batched[0] && batched[1]) return { ok: false, why: 'both inputs depend on the images' };
  if (batched[1] && first) return { ok: true };
  if (batched[0] && !first) return { ok: true };
  return { ok: false, why: 'the images are not axis 0 of what is gathered' };
}

/** Gather-1, 11, 13. */
const gather: OpDefinition = {
  op: 'Gather',
  since: 1,
  inputs: [2, 2],
  attributes: { axis: 'int' },
  lower(call) {
    const axis = axisOf(call, call.int('axis') ?? 0, rankOf(call));
    const indices = checkIndices(call, 1, sizeAt(call, axis));
    return call.emit('gather', [call.input(0), indices], { axis });
  },
  sizes: gatherSizes,
  batch: gatherBatch,
};

/** GatherElements-11, 13. */
const gatherElements: OpDefinition = {
  op: 'GatherElements',
  since: 11,
  inputs: [2, 2],
  attributes: { axis: 'int' },
  lower(call) {
    const axis = axisOf(call, call.int('axis') ?? 0, rankOf(call));
    const indices = checkIndices(call, 1, sizeAt(call, axis));
    return call.emit('gatherElements', [call.input(0), indices], { axis });
  },
};

const lowerGatherNd = (call: NodeCall): Value =>
  call.emit('gatherNd', [call.input(0), call.input(1)], { batchDims: call.int('batch_dims') ?? 0 });

/** GatherND-11, and with batch_dims 12, 13. */
const GATHER_ND: readonly OpDefinition[] = [
  { op: 'GatherND', since: 11, inputs: [2, 2], lower: lowerGatherNd },
  {
    op: 'GatherND',
    since: 12,
    inputs: [2, 2],
    attributes: { batch_dims: 'int' },
    lower: lowerGatherNd,
  },
];

/** What updates do to elements: `none` alone before 16, and no `max` and `min` before 18. */
function reductionOf(call: NodeCall): string {
  const reduction = call.string('reduction') ?? 'none';
  const known = ['none', 'add', 'mul', ...(call.opset >= 18 ? ['max', 'min'] : [])];
  if (!known.includes(reduction)) {
    throw call.error(`reduction must be ${known.join(', ')}, got "${reduction}"`);
  }
  return reduction;
}

function lowerScatterElements(call: NodeCall): Value {
  const axis = axisOf(call, call.int('axis') ?? 0, rankOf(call));
  const indices = checkIndices(call, 1, sizeAt(call, axis));
  const inputs = [call.input(0), indices, call.input(2)];
  return call.emit('scatterElements', inputs, { axis, reduction: reductionOf(call) });
}

const lowerScatterNd = (call: NodeCall): Value =>
  call.emit('scatterNd', [call.input(0), call.input(1), call.input(2)], {
    reduction: reductionOf(call),
  });

/** ScatterElements-11, 13, 16, 18, ScatterND-11, 13, 16, 18, and Scatter-9, which 11 replaced. */
const SCATTER: readonly OpDefinition[] = [
  {
    op: 'Scatter',
    since: 9,
    inputs: [3, 3],
    attributes: { axis: 'int' },
    lower: lowerScatterElements,
  },
  {
    op: 'Scatter',
    since: 11,
    inputs: [3, 3],
    attributes: { axis: 'int' },
    lower(call) {
      throw call.error('Scatter ended with operator set 10', 'Use ScatterElements');
    },
  },
  {
    op: 'ScatterElements',
    since: 11,
    inputs: [3, 3],
    attributes: { axis: 'int' },
    lower: lowerScatterElements,
  },
  {
    op: 'ScatterElements',
    since: 16,
    inputs: [3, 3],
    attributes: { axis: 'int', reduction: 'string' },
    lower: lowerScatterElements,
  },
  { op: 'ScatterND', since: 11, inputs: [3, 3], lower: lowerScatterNd },
  {
    op: 'ScatterND',
    since: 16,
    inputs: [3, 3],
    attributes: { reduction: 'string' },
    lower: lowerScatterNd,
  },
];

/** A tensor of int64 as large as `shape`. */
function spread(call: NodeCall, x: Value, shape: readonly number[]): Value {
  const yes = call.emit('full', [], { shape, value: 1, dtype: 'bool' });
  return call.emit('where', [yes, x, x]);
}

/** TensorScatter-24: a part of a cache along one axis, from a place of its own for each entry of axis 0. */
const tensorScatter: OpDefinition = {
  op: 'TensorScatter',
  since: 24,
  inputs: [2, 3],
  attributes: { axis: 'int', mode: 'string' },
  lower(call) {
    const [cache, update] = sameTypes(call, [call.input(0), call.input(1)]) as [Value, Value];
    const { shape } = update.desc;
    const axis = axisOf(call, call.int('axis') ?? -2, rankOf(call));
    const mode = call.string('mode') ?? 'linear';
    if (mode !== 'linear' && mode !== 'circular') {
      throw call.error(`mode must be linear or circular, got "${mode}"`);
    }
    if (axis === 0) throw call.error('axis must not be that of the batch');
    const size = sizeAt(call, axis);
    const count = shape[axis] ?? 0;
    const differs = cache.desc.shape.some((n, k) => k !== axis && n !== shape[k]);
    if (shape.length !== rankOf(call) || count > size || differs) {
      throw call.error(
        `update [${shape.join(', ')}] does not fit the cache [${cache.desc.shape.join(', ')}]`,
      );
    }
    const a = algebra(call, 'int64');
    const along = (n: number, at: number) => shape.map((_, k) => (k === at ? n : 1));
    const begin = call.optional(2);
    if (begin && begin.desc.shape.join() !== `${shape[0]}`) {
      throw call.error(
        `write_indices must have the shape [${shape[0]}], got [${begin.desc.shape.join(', ')}]`,
      );
    }
    const offsets = countUp(call, count, 0, along(count, axis));
    const places = begin ? a.add(offsets, reshape(call, begin, along(shape[0] ?? 0, 0))) : offsets;
    // Both are less than the size, so that their sum goes around once at most.
    const around =
      mode === 'circular' ? a.where(a.less(places, size), places, a.sub(places, size)) : places;
    return call.emit('scatterElements', [cache, spread(call, around, shape), update], { axis });
  },
};

/** OneHot-9, 11: indices of any number type, which are cut to whole numbers. */
const oneHot: OpDefinition = {
  op: 'OneHot',
  since: 9,
  inputs: [3, 3],
  attributes: { axis: 'int' },
  lower(call) {
    const depth = Math.trunc(number(call, 1) ?? 0);
    if (!(depth >= 0)) throw call.error(`depth must be 0 or more, got ${depth}`);
    const indices = cast(call, call.input(0), 'int64');
    const axis = call.int('axis') ?? -1;
    return call.emit('oneHot', [indices, call.input(2)], { depth, axis });
  },
};

/** ReverseSequence-10: the first `sequence_lens` entries of each series are turned around. */
const reverseSequence: OpDefinition = {
  op: 'ReverseSequence',
  since: 10,
  inputs: [2, 2],
  attributes: { batch_axis: 'int', time_axis: 'int' },
  lower(call) {
    const x = call.input(0);
    const { shape } = x.desc;
    if (shape.length < 2) throw call.error(`x must have 2 axes or more, got [${shape.join(', ')}]`);
    const batch = axisOf(call, call.int('batch_axis') ?? 1, shape.length);
    const time = axisOf(call, call.int('time_axis') ?? 0, shape.length);
    if (batch === time) throw call.error('batch_axis and time_axis must differ');
    const perm = [batch, time, ...shape.keys()].filter((axis, i, all) => all.indexOf(axis) === i);
    const [n = 0, steps = 0] = perm.map((axis) => shape[axis]);
    const a = algebra(call, 'int64');
    const at = countUp(call, steps, 0, [1, steps]);
    const lengths = reshape(call, call.input(1), [n, 1]);
    const places = a.where(a.less(at, lengths), a.sub(a.sub(lengths, 1), at), at);
    const series = call.emit('transpose', [x], { perm });
    const tuples = reshape(call, places, [n, steps, 1]);
    const turned = call.emit('gatherNd', [series, tuples], { batchDims: 1 });
    return call.emit('transpose', [turned], { perm: shape.map((_, axis) => perm.indexOf(axis)) });
  },
};

/** Compress-9, 11: the entries along an axis, or of all elements, where a condition is true. */
const compress: OpDefinition = {
  op: 'Compress',
  since: 9,
  inputs: [2, 2],
  attributes: { axis: 'int' },
  lower(call) {
    const given = call.input(0);
    const { dtype, data } = call.data(1)[0] as Constant;
    if (dtype !== 'bool') throw call.error(`condition must be bool, got ${dtype}`);
    const wanted = call.int('axis');
    const x =
      wanted === undefined
        ? reshape(call, given, [given.desc.shape.reduce((n, d) => n * d, 1)])
        : given;
    const axis = axisOf(call, wanted ?? 0, x.desc.shape.length);
    const size = x.desc.shape[axis] as number;
    if (data.length > size) {
      throw call.error(`condition has ${data.length} entries for an axis of ${size}`);
    }
    const chosen = [...data.keys()].filter((i) => Number(data[i]) !== 0);
    const indices = call.constant({
      dtype: 'int64',
      shape: [chosen.length],
      data: BigInt64Array.from(chosen, BigInt),
    });
    return call.emit('gather', [x, indices], { axis });
  },
};

/** CenterCropPad-18: each of the axes is cut to a size around its middle, or filled up with zeros. */
const centerCropPad: OpDefinition = {
  op: 'CenterCropPad',
  since: 18,
  inputs: [2, 2],
  attributes: { axes: 'ints' },
  lower(call) {
    const x = call.input(0);
    const { shape } = x.desc;
    const axes = (call.ints('axes') ?? shape.map((_, axis) => axis)).map((axis) =>
      axisOf(call, axis, shape.length),
    );
    const sizes = integers(call, 1) ?? [];
    if (sizes.length !== axes.length || sizes.some((n) => n < 0)) {
      throw call.error(`shape must hold ${axes.length} sizes, got [${sizes.join(', ')}]`);
    }
    const target = [...shape];
    for (const [i, axis] of axes.entries()) target[axis] = sizes[i] as number;
    const starts = shape.map((n, k) => Math.max(0, Math.floor((n - (target[k] as number)) / 2)));
    const ends = shape.map((n, k) => (starts[k] as number) + Math.min(n, target[k] as number));
    const cut = call.emit('slice', [x], { starts, ends });
    const missing = cut.desc.shape.map((n, k) => (target[k] as number) - n);
    if (missing.every((n) => n === 0)) return cut;
    const before = missing.map((n) => Math.floor(n / 2));
    const after = missing.map((n, k) => n - (before[k] as number));
    return call.emit('pad', [cut], { before, after });
  },
};

export const GATHER: readonly OpDefinition[] = [
  gather,
  gatherElements,
  ...GATHER_ND,
  ...SCATTER,
  tensorScatter,
  oneHot,
  reverseSequence,
  compress,
  centerCropPad,
];
