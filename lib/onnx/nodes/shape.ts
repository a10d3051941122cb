import { bfloat16BitsToFloat, halfBitsToFloat } from '../../dtype';
import { type Constant, elementCount, integersOf } from '../../graph/ir';
import {
  BATCH,
  type BatchAnswer,
  type BatchQuery,
  type NodeCall,
  type OpDefinition,
  VIEW,
  type Value,
} from '../../graph/op-set';
import { MAX_RANK } from '../decode-tensor';
import { perImageBatch, WORKS_ALONG } from './common';
import { leadsWithImages, sameSizes } from './sizes';

/** The same elements in another shape; of known values nothing is left to run. */
export function reshape(call: NodeCall, x: Value, shape: readonly number[]): Value {
  if (shape.length > MAX_RANK) {
    throw call.error(`the result has ${shape.length} axes, at most ${MAX_RANK} are supported`);
  }
  const whole = shape.every((size) => Number.isInteger(size) && size >= 0);
  if (!whole || elementCount(shape) !== elementCount(x.desc.shape)) {
    throw call.error(
      `a value of shape [${x.desc.shape.join(', ')}] must have as many elements as [${shape.join(', ')}]`,
    );
  }
  if (x.constant) return call.constant({ ...x.constant, shape });
  return call.emit(VIEW, [x], { shape });
}

/** Known sizes or indices. */
export const int64 = (values: readonly number[], shape = [values.length]): Constant => ({
  dtype: 'int64',
  shape,
  data: BigInt64Array.from(values, BigInt),
});

/** Integers of an input that may be int32 or int64: a list, or one alone. */
export function integers(call: NodeCall, index: number): readonly number[] | undefined {
  if (!call.optional(index)) return undefined;
  const { dtype, data, shape } = call.known(index);
  if (shape.length > 1)
    throw call.error(`input ${index} must be a vector, got [${shape.join(', ')}]`);
  if (dtype !== 'int64' && dtype !== 'int32') {
    throw call.error(`input ${index} must be int32 or int64, got ${dtype}`);
  }
  const limit = (value: number) =>
    Math.max(-Number.MAX_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, value));
  return Array.from<number | bigint, number>(data, (value) => limit(Number(value)));
}

/** The single number of an input. */
export function number(call: NodeCall, index: number): number | undefined {
  if (!call.optional(index)) return undefined;
  const { dtype, data, shape } = call.known(index);
  if (data.length !== 1) {
    throw call.error(`input ${index} must be one value, got [${shape.join(', ')}]`);
  }
  if (dtype === 'float16') return halfBitsToFloat(Number(data[0]));
  if (dtype === 'bfloat16') return bfloat16BitsToFloat(Number(data[0]));
  return Number(data[0]);
}

/** start, start + 1, ... as int64. */
export const countUp = (
  call: NodeCall,
  n: number,
  start: number,
  shape: readonly number[],
): Value =>
  reshape(call, call.emit('arange', [], { start, stop: start + n, dtype: 'int64' }), shape);

/** Batch rule of operators that only give the elements another shape. */
function keepsImages({ batch, outputShapes }: BatchQuery): BatchAnswer {
  const [shape = []] = outputShapes;
  if (shape[0] === batch) return { ok: true };
  return { ok: false, why: `the images are no longer axis 0 of [${shape.join(', ')}]` };
}

/**
 * The shape that Reshape's second input stands for: 0 copies a size of x (unless allowzero), -1 is what is left. Sizes that are
 * copied cancel, so that no images [0, 3, 4] are [0, 12] by [0, -1].
 */
function targetShape(call: NodeCall, from: readonly number[], target: readonly number[]): number[] {
  const text = `[${target.join(', ')}]`;
  const copies = call.int('allowzero') !== 1;
  const shape = target.map((size, axis) => {
    if (size !== 0 || !copies) return size;
    const copied = from[axis];
    if (copied === undefined) {
      throw call.error(
        `shape ${text} copies axis ${axis} of x, which has the shape [${from.join(', ')}]`,
      );
    }
    return copied;
  });
  const open = shape.indexOf(-1);
  if (shape.some((size, axis) => size < 0 && axis !== open)) {
    throw call.error(`shape may hold one -1 and no other negative size, got ${text}`);
  }
  if (open >= 0) {
    const counts = (_: number, axis: number) => axis !== open && !(copies && target[axis] === 0);
    const rest = elementCount(shape.filter(counts));
    if (rest === 0) throw call.error(`shape ${text} leaves -1 open beside a size of 0`);
    const copied = new Set(target.flatMap((size, axis) => (copies && size === 0 ? [axis] : [])));
    shape[open] = elementCount(from.filter((_, axis) => !copied.has(axis))) / rest;
  }
  if (elementCount(shape) !== elementCount(from) || shape.some((size) => !Number.isInteger(size))) {
    throw call.error(`shape ${text} does not fit x with the shape [${from.join(', ')}]`);
  }
  return shape;
}

/** Reshape-5, 13, 14, 19 ... with a shape that is known. */
const reshapeNode: OpDefinition = {
  op: 'Reshape',
  since: 5,
  inputs: [2, 2],
  attributes: { allowzero: 'int' },
  lower(call) {
    const x = call.input(0);
    const target = call.knownInts(1) ?? [];
    return reshape(call, x, targetShape(call, x.desc.shape, target));
  },
  sizes: sameSizes,
  sizesAt: 1,
  batch(query) {
    const kept = keepsImages(query);
    if (!kept.ok) return kept;
    const [, asked] = query.sizes;
    if (asked?.includes(BATCH)) {
      // Computed anew for each number of images. Axis 0 holds them before and after.
      return query.batched[0]
        ? leadsWithImages(asked)
        : { ok: false, why: 'input 0 does not depend on the images, and its shape does' };
    }
    if (!query.batched[0]) return kept;
    const target = query.known[1];
    if (!target) return { ok: false, why: 'its shape depends on what the model is given' };
    const sizes = integersOf(target);
    // 0 copies the number of images and -1 follows from it; a number is the batch that the file was made for. Since
    // axis 0 is the images before and after, an image has as many elements before as after, so 0 is what was meant.
    const copies = query.int('allowzero') !== 1;
    if (sizes[0] === -1 || (sizes[0] === 0 && copies)) return { ok: true };
    if (!copies && sizes.includes(-1)) {
      return { ok: false, why: `its shape [${sizes.join(', ')}] fixes the number of images` };
    }
    const lead = copies ? 0 : -1;
    const data = BigInt64Array.from([lead, ...sizes.slice(1)], BigInt);
    return { ok: true, replace: { input: 1, by: { dtype: 'int64', shape: target.shape, data } } };
  },
};

/** A matrix: all axes before the attribute `axis` (1 by default) are its rows, the others its columns. */
export function splitBeforeAxis(call: NodeCall, x: Value): Value {
  const { shape } = x.desc;
  const axis = call.int('axis') ?? 1;
  const at = axis < 0 ? axis + shape.length : axis;
  if (at < 0 || at > shape.length) {
    throw call.error(`axis must lie in [-${shape.length}, ${shape.length}], got ${axis}`);
  }
  return reshape(call, x, [elementCount(shape.slice(0, at)), elementCount(shape.slice(at))]);
}

/** Flatten-1, 9, 11, 13 ...: two axes, split before `axis`. */
const flatten: OpDefinition = {
  op: 'Flatten',
  since: 1,
  inputs: [1, 1],
  attributes: { axis: 'int' },
  lower: (call) => splitBeforeAxis(call, call.input(0)),
  batch(query) {
    const axis = query.int('axis') ?? 1;
    const rank = query.shapes[0]?.length ?? 0;
    return (axis < 0 ? axis + rank : axis) === 0 ? WORKS_ALONG : keepsImages(query);
  },
};

/** The axes of Squeeze and Unsqueeze: an attribute, and since 13 an input. */
const axesOf = (call: NodeCall): readonly number[] | undefined =>
  call.ints('axes') ?? call.knownInts(1);

function axesBatch(query: BatchQuery, rank: number): BatchAnswer {
  const axes = query.ints('axes') ?? (query.known[1] && integersOf(query.known[1]));
  const touched = axes?.some((axis) => axis === 0 || axis === -rank) ?? true;
  return touched ? WORKS_ALONG : keepsImages(query);
}

function checkAxes(call: NodeCall, axes: readonly number[], rank: number): Set<number> {
  const found = new Set(axes.map((axis) => (axis < 0 ? axis + rank : axis)));
  if (found.size !== axes.length || [...found].some((axis) => axis < 0 || axis >= rank)) {
    throw call.error(`axes must be different ones of ${rank}, got [${axes.join(', ')}]`);
  }
  return found;
}

const squeeze: Omit<OpDefinition, 'since' | 'inputs'> = {
  op: 'Squeeze',
  lower(call) {
    const x = call.input(0);
    const { shape } = x.desc;
    const axes = axesOf(call);
    const gone = axes && checkAxes(call, axes, shape.length);
    const large = [...(gone ?? [])].find((axis) => shape[axis] !== 1);
    if (large !== undefined) {
      throw call.error(`axis ${large} of [${shape.join(', ')}] cannot be left out: it is not 1`);
    }
    return reshape(
      call,
      x,
      shape.filter((size, axis) => (gone ? !gone.has(axis) : size !== 1)),
    );
  },
  sizes: sameSizes,
  batch: (query) => axesBatch(query, query.shapes[0]?.length ?? 0),
};

const unsqueeze: Omit<OpDefinition, 'since' | 'inputs'> = {
  op: 'Unsqueeze',
  lower(call) {
    const x = call.input(0);
    const axes = axesOf(call);
    if (!axes) throw call.error('the axes are missing');
    const sizes = [...x.desc.shape];
    const rank = sizes.length + axes.length;
    const added = checkAxes(call, axes, rank);
    const shape = Array.from({ length: rank }, (_, axis) =>
      added.has(axis) ? 1 : (sizes.shift() as number),
    );
    return reshape(call, x, shape);
  },
  sizes: sameSizes,
  batch: (query) => axesBatch(query, query.outputShapes[0]?.length ?? 0),
};

/** Transpose-1, 13, 21 ... */
const transpose: OpDefinition = {
  op: 'Transpose',
  since: 1,
  inputs: [1, 1],
  attributes: { perm: 'ints' },
  lower(call) {
    const perm = call.ints('perm');
    return call.emit('transpose', [call.input(0)], perm ? { perm } : {});
  },
  batch: (query) => (query.ints('perm')?.[0] === 0 ? { ok: true } : WORKS_ALONG),
};

/** Identity-1 ... */
const identity: OpDefinition = {
  op: 'Identity',
  since: 1,
  inputs: [1, 1],
  lower: (call) => call.input(0),
  sizes: sameSizes,
  batch: perImageBatch,
};

/** [b, c * k * k, h, w] to [b, c, h * k, w * k]: DepthToSpace-1, 11, 13. */
const depthToSpace: OpDefinition = {
  op: 'DepthToSpace',
  since: 1,
  inputs: [1, 1],
  attributes: { blocksize: 'int', mode: 'string' },
  lower(call) {
    const x = call.input(0);
    const [b = 0, c = 0, h = 0, w = 0] = x.desc.shape;
    const k = blockSize(call);
    const mode = call.string('mode') ?? 'DCR';
    if (mode !== 'DCR' && mode !== 'CRD')
      throw call.error(`mode must be DCR or CRD, got "${mode}"`);
    if (c % (k * k) !== 0) throw call.error(`${c} channels are no multiple of ${k} * ${k}`);
    const depth = c / (k * k);
    const isDcr = mode === 'DCR';
    const split = reshape(call, x, isDcr ? [b, k, k, depth, h, w] : [b, depth, k, k, h, w]);
    const perm = isDcr ? [0, 3, 4, 1, 5, 2] : [0, 1, 4, 2, 5, 3];
    return reshape(call, call.emit('transpose', [split], { perm }), [b, depth, h * k, w * k]);
  },
  batch: perImageBatch,
};

/** [b, c, h * k, w * k] to [b, k * k * c, h, w]: SpaceToDepth-1, 13. */
const spaceToDepth: OpDefinition = {
  op: 'SpaceToDepth',
  since: 1,
  inputs: [1, 1],
  attributes: { blocksize: 'int' },
  lower(call) {
    const x = call.input(0);
    const [b = 0, c = 0, h = 0, w = 0] = x.desc.shape;
    const k = blockSize(call);
    if (h % k !== 0 || w % k !== 0) throw call.error(`${h} x ${w} is no multiple of ${k}`);
    const split = reshape(call, x, [b, c, h / k, k, w / k, k]);
    const turned = call.emit('transpose', [split], { perm: [0, 3, 5, 1, 2, 4] });
    return reshape(call, turned, [b, c * k * k, h / k, w / k]);
  },
  batch: perImageBatch,
};

function blockSize(call: NodeCall): number {
  const size = call.int('blocksize') ?? 0;
  if (size < 1) throw call.error(`blocksize must be 1 or more, got ${size}`);
  if (call.input(0).desc.shape.length !== 4) {
    throw call.error(
      `only images [n, c, h, w] are supported, got [${call.input(0).desc.shape.join(', ')}]`,
    );
  }
  return size;
}

export const SHAPE: readonly OpDefinition[] = [
  depthToSpace,
  spaceToDepth,
  reshapeNode,
  flatten,
  identity,
  transpose,
  { ...squeeze, since: 1, inputs: [1, 1], attributes: { axes: 'ints' } },
  { ...squeeze, since: 13, inputs: [1, 2] },
  { ...unsqueeze, since: 1, inputs: [1, 1], attributes: { axes: 'ints' } },
  { ...unsqueeze, since: 13, inputs: [2, 2] },
];
