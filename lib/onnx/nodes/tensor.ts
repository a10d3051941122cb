import { ARRAY_TYPES } from '../../dtype';
import { elementCount, integersOf } from '../../graph/ir';
import {
  BATCH,
  type BatchAnswer,
  type BatchQuery,
  type NodeCall,
  type OpDefinition,
  type Value,
} from '../../graph/op-set';
import { dataTypeName, dtypeOf } from '../decode-tensor';
import { alongAxisBatch, inputsOf, perImageBatch, sameTypes, WORKS_ALONG } from './common';
import { part } from './move';
import { algebra, axisOf, cast, scalar } from './scalar';
import { countUp, int64, integers, number, reshape } from './shape';
import { concatSizes, leadsWithImages, repeatedBatch, shapeSizes, sliceSizes } from './sizes';

/** Shape-1, 13, 15 ...: with the first and the end of the wanted axes. */
const shapeOf = {
  op: 'Shape',
  inputs: [1, 1],
  lower(call: NodeCall) {
    const { shape } = call.input(0).desc;
    return call.constant(int64(shape.slice(call.int('start') ?? 0, call.int('end'))));
  },
  sizes: shapeSizes,
} as const;

/** Size-1, 13 ... */
const size: OpDefinition = {
  op: 'Size',
  since: 1,
  inputs: [1, 1],
  lower: (call) => call.constant(int64([elementCount(call.input(0).desc.shape)], [])),
};

/** Concat-4, 11, 13. */
const concatNode: OpDefinition = {
  op: 'Concat',
  since: 4,
  inputs: [1, Number.POSITIVE_INFINITY],
  attributes: { axis: 'int' },
  lower(call) {
    const axis = call.int('axis');
    if (axis === undefined) throw call.error('attribute "axis" is missing');
    return call.emit('concat', sameTypes(call, inputsOf(call)), { axis });
  },
  sizes: concatSizes,
  batch(query) {
    const rank = query.shapes[0]?.length ?? 0;
    const axis = query.int('axis') ?? 0;
    if (axis === 0 || axis === -rank) return { ok: false, why: 'it joins along the images' };
    const fixed = query.batched.indexOf(false);
    return fixed < 0 ? { ok: true } : { ok: false, why: `input ${fixed} has no images` };
  },
};

function missing(call: NodeCall, what: string): never {
  throw call.error(`${what} is missing`);
}

/** The values of an input that is known, for batch rules. */
const knownOf = ({ known }: BatchQuery, index: number): readonly number[] | undefined => {
  const constant = known[index];
  return constant && integersOf(constant);
};

/** Slices of the axis of the images must take all of them, however many there are. */
function sliceBatch(
  query: BatchQuery,
  starts: readonly number[] | undefined,
  ends: readonly number[] | undefined,
  axes: readonly number[] | undefined,
  steps: readonly number[] | undefined,
): BatchAnswer {
  const other = perImageBatch(query);
  if (!other.ok || !starts || !ends) return other.ok ? WORKS_ALONG : other;
  const rank = query.shapes[0]?.length ?? 0;
  const at = axes?.length ? axes.findIndex((axis) => axis === 0 || axis === -rank) : 0;
  // 2^31 - 1 is how exporters write "to the end".
  const takesAll =
    starts[at] === 0 && (ends[at] as number) >= 2 ** 31 - 1 && (steps?.[at] ?? 1) === 1;
  return at < 0 || takesAll ? other : WORKS_ALONG;
}

/** Slice-1: attributes. */
const slice1: OpDefinition = {
  op: 'Slice',
  since: 1,
  inputs: [1, 1],
  attributes: { axes: 'ints', ends: 'ints', starts: 'ints' },
  lower: (call) =>
    call.emit('slice', [call.input(0)], {
      starts: call.ints('starts') ?? missing(call, 'attribute "starts"'),
      ends: call.ints('ends') ?? missing(call, 'attribute "ends"'),
      axes: call.ints('axes') ?? [],
    }),
  sizes: sliceSizes,
  batch: (query) =>
    sliceBatch(query, query.ints('starts'), query.ints('ends'), query.ints('axes'), undefined),
};

/** Slice-10, 11, 13. */
const slice10: OpDefinition = {
  op: 'Slice',
  since: 10,
  inputs: [3, 5],
  lower: (call) =>
    call.emit('slice', [call.input(0)], {
      starts: integers(call, 1),
      ends: integers(call, 2),
      axes: integers(call, 3) ?? [],
      steps: integers(call, 4) ?? [],
    }),
  sizes: sliceSizes,
  batch(query) {
    const optional = (index: number) => (query.shapes[index] ? knownOf(query, index) : []);
    const [starts, ends, axes, steps] = [1, 2, 3, 4].map(optional);
    return axes && steps ? sliceBatch(query, starts, ends, axes, steps) : WORKS_ALONG;
  },
};

/** Parts of these sizes along an axis, one after the other. */
function split(call: NodeCall, sizes: readonly number[] | undefined): readonly Value[] {
  const x = call.input(0);
  const axis = axisOf(call, call.int('axis') ?? 0, x.desc.shape.length);
  const length = x.desc.shape[axis] as number;
  const count = call.node.outputs.length;
  // Equal parts; since 18 the last may be smaller.
  if (!sizes && call.opset < 18 && length % count !== 0)
    throw call.error(`axis ${axis} of ${length} must be ${count} equal parts`);
  const equal = Math.ceil(length / count);
  const parts =
    sizes ??
    Array.from({ length: count }, (_, i) => Math.max(0, Math.min(equal, length - i * equal)));
  const wanted = call.int('num_outputs');
  if (wanted !== undefined && (sizes || wanted !== count)) {
    throw call.error(`num_outputs ${wanted} must be the number of outputs, without sizes`);
  }
  const fits = parts.reduce((a, b) => a + b, 0) === length && parts.every((n) => n >= 0);
  if (parts.length !== count || !fits) {
    throw call.error(`${count} parts [${parts.join(', ')}] must add up to ${length}`);
  }
  let begin = 0;
  return parts.map((n) => {
    begin += n;
    return part(call, x, axis, begin - n, n);
  });
}

const SPLIT: readonly OpDefinition[] = [
  {
    op: 'Split',
    since: 2,
    inputs: [1, 1],
    outputs: Number.POSITIVE_INFINITY,
    attributes: { axis: 'int', split: 'ints' },
    lower: (call) => split(call, call.ints('split')),
    batch: alongAxisBatch(0),
  },
  {
    op: 'Split',
    since: 13,
    inputs: [1, 2],
    outputs: Number.POSITIVE_INFINITY,
    attributes: { axis: 'int' },
    lower: (call) => split(call, call.knownInts(1)),
    batch: alongAxisBatch(0),
  },
  {
    op: 'Split',
    since: 18,
    inputs: [1, 2],
    outputs: Number.POSITIVE_INFINITY,
    attributes: { axis: 'int', num_outputs: 'int' },
    lower: (call) => split(call, call.knownInts(1)),
    batch: alongAxisBatch(0),
  },
];

/** Margins before and after each axis; negative ones cut off first, so that what is cut is never repeated nor mirrored. */
function pad(call: NodeCall, pads: readonly number[], value: number): Value {
  const x = call.input(0);
  const rank = x.desc.shape.length;
  const axes = (integers(call, 3) ?? x.desc.shape.map((_, axis) => axis)).map((axis) =>
    axisOf(call, axis, rank),
  );
  if (pads.length !== 2 * axes.length || new Set(axes).size !== axes.length) {
    throw call.error(`pads must hold 2 sizes for each of ${axes.length} axes, got ${pads.length}`);
  }
  const [before, after] = [new Array<number>(rank).fill(0), new Array<number>(rank).fill(0)];
  for (const [i, axis] of axes.entries()) {
    before[axis] = pads[i] as number;
    after[axis] = pads[i + axes.length] as number;
  }
  const all = [...before, ...after];
  const mode = call.string('mode') ?? 'constant';
  const negative = all.some((n) => n < 0);
  const cut = !negative
    ? x
    : call.emit('slice', [x], {
        starts: before.map((n) => Math.max(0, -n)),
        ends: after.map((n, axis) => (x.desc.shape[axis] as number) + Math.min(0, n)),
      });
  if (all.every((n) => n <= 0)) return cut;
  return call.emit('pad', [cut], {
    before: before.map((n) => Math.max(0, n)),
    after: after.map((n) => Math.max(0, n)),
    mode,
    value,
  });
}

function padBatch(query: BatchQuery, pads: readonly number[] | undefined): BatchAnswer {
  const rank = query.shapes[0]?.length ?? 0;
  const [before, after] = [pads?.[0], pads?.[rank]];
  return before === 0 && after === 0 ? perImageBatch(query) : WORKS_ALONG;
}

const PAD: readonly OpDefinition[] = [
  {
    op: 'Pad',
    since: 2,
    inputs: [1, 1],
    attributes: { mode: 'string', pads: 'ints', value: 'float' },
    lower: (call) =>
      pad(call, call.ints('pads') ?? missing(call, 'attribute "pads"'), call.float('value') ?? 0),
    batch: (query) => padBatch(query, query.ints('pads')),
  },
  {
    op: 'Pad',
    since: 11,
    inputs: [2, 4],
    attributes: { mode: 'string' },
    lower(call) {
      const value = call.optional(2);
      if (value) sameTypes(call, [call.input(0), value]);
      return pad(call, call.knownInts(1) ?? [], number(call, 2) ?? 0);
    },
    batch: (query) => padBatch(query, knownOf(query, 1)),
  },
];

/** A tensor of one value, broadcast to a shape without a copy in the graph. */
const full = (call: NodeCall, shape: readonly number[], value: Value): Value => {
  const yes = call.emit('full', [], { shape, value: 1, dtype: 'bool' });
  return call.emit('where', [yes, value, value]);
};

/** ConstantOfShape-9 ... */
const constantOfShape: OpDefinition = {
  op: 'ConstantOfShape',
  since: 9,
  inputs: [1, 1],
  attributes: { value: 'tensor' },
  lower(call) {
    const shape = call.knownInts(0) ?? [];
    const value = call.tensor('value') ?? {
      dtype: 'float32',
      shape: [1],
      data: new ARRAY_TYPES.float32(1),
    };
    if (value.data.length !== 1) throw call.error('attribute "value" must hold one value');
    if (shape.some((n) => n < 0)) throw call.error(`the shape is [${shape.join(', ')}]`);
    return full(call, shape, call.constant({ ...value, shape: [] }));
  },
  sizesAt: 0,
  batch: ({ sizes: [asked = []] }) => repeatedBatch(asked, []),
};

/** Expand-8, 13: broadcasts in both directions. */
const expand: OpDefinition = {
  op: 'Expand',
  since: 8,
  inputs: [2, 2],
  lower: (call) => full(call, call.knownInts(1) ?? [], call.input(0)),
  sizesAt: 1,
  batch(query) {
    const [, asked] = query.sizes;
    const [from = []] = query.shapes;
    if (asked?.includes(BATCH)) {
      if (!query.batched[0]) return repeatedBatch(asked, from);
      return asked.length === from.length ? leadsWithImages(asked) : WORKS_ALONG;
    }
    const sizes = knownOf(query, 1);
    const rank = query.shapes[0]?.length ?? 0;
    if (!sizes || sizes.length > rank) return WORKS_ALONG;
    const [first] = sizes;
    if (sizes.length < rank || first === 1) return { ok: true };
    if (first !== query.batch) return WORKS_ALONG;
    // It spells out the number of images; 1 broadcasts to any.
    return { ok: true, replace: { input: 1, by: int64([1, ...sizes.slice(1)]) } };
  },
};

/** Tile-6, 13. */
const tile: OpDefinition = {
  op: 'Tile',
  since: 6,
  inputs: [2, 2],
  lower(call) {
    const x = call.input(0);
    const repeats = call.knownInts(1) ?? [];
    if (repeats.length !== x.desc.shape.length || repeats.some((n) => n < 0)) {
      throw call.error(
        `repeats [${repeats.join(', ')}] must be one for each axis of [${x.desc.shape.join(', ')}]`,
      );
    }
    // [a, b] -> [1, a, 1, b] broadcast to [m, a, n, b]: one axis at a time keeps the ranks small.
    return repeats.reduce((y, n, axis) => {
      if (n === 1) return y;
      const { shape } = y.desc;
      const flat = [elementCount(shape.slice(0, axis)), 1, elementCount(shape.slice(axis))];
      const wide = full(call, [flat[0] as number, n, flat[2] as number], reshape(call, y, flat));
      return reshape(
        call,
        wide,
        shape.map((d, k) => (k === axis ? d * n : d)),
      );
    }, x);
  },
  batch: (query) => (knownOf(query, 1)?.[0] === 1 ? perImageBatch(query) : WORKS_ALONG),
};

/** Range-11: numbers that are known. */
const range: OpDefinition = {
  op: 'Range',
  since: 11,
  inputs: [3, 3],
  lower(call) {
    const [{ desc }] = sameTypes(call, inputsOf(call)) as [Value];
    const [start, stop, step] = [0, 1, 2].map((i) => number(call, i));
    return call.emit('arange', [], { start, stop, step, dtype: desc.dtype });
  },
};

/** column - row of a matrix, plus `offset`. */
function diagonals(call: NodeCall, rows: number, columns: number, offset: number): Value {
  const row = countUp(call, rows, 0, [rows, 1]);
  return call.emit('sub', [countUp(call, columns, offset, [1, columns]), row]);
}

/** EyeLike-9, 22: ones on a diagonal. */
const eyeLike: OpDefinition = {
  op: 'EyeLike',
  since: 9,
  inputs: [1, 1],
  attributes: { dtype: 'int', k: 'int' },
  lower(call) {
    const { shape, dtype } = call.input(0).desc;
    const [rows, columns] = shape;
    if (shape.length !== 2 || rows === undefined || columns === undefined) {
      throw call.error(`x must be a matrix, got [${shape.join(', ')}]`);
    }
    const code = call.int('dtype');
    const to = code === undefined ? dtype : dtypeOf(code);
    if (!to) throw call.error(`a result of ${dataTypeName(code ?? 0)} is not supported`);
    const diagonal = diagonals(call, rows, columns, -(call.int('k') ?? 0));
    return cast(call, algebra(call, 'int64').equal(diagonal, 0), to);
  },
};

/** Trilu-14: the part of matrices above or below a diagonal. */
const trilu: OpDefinition = {
  op: 'Trilu',
  since: 14,
  inputs: [1, 2],
  attributes: { upper: 'int' },
  lower(call) {
    const x = call.input(0);
    const [rows, columns] = x.desc.shape.slice(-2);
    if (rows === undefined || columns === undefined) throw call.error('x must be matrices');
    const upper = (call.int('upper') ?? 1) !== 0;
    const a = algebra(call, 'int64');
    const diagonal = diagonals(call, rows, columns, -(number(call, 1) ?? 0));
    const keep = upper ? a.greater(diagonal, -1) : a.less(diagonal, 1);
    return call.emit('where', [keep, x, scalar(call, 0, x.desc.dtype)]);
  },
  batch: (query) => ((query.shapes[0]?.length ?? 0) > 2 ? perImageBatch(query) : WORKS_ALONG),
};

/** Dropout outside of training, or in training with ratio 0: x, and a mask of true. */
const dropout: Omit<OpDefinition, 'since' | 'inputs'> = {
  op: 'Dropout',
  outputs: 2,
  lower(call) {
    const x = call.input(0);
    const isTraining = call.optional(2) !== undefined && number(call, 2) !== 0;
    if (isTraining && !(call.optional(1) && number(call, 1) === 0)) {
      throw call.error('training_mode is supported with ratio 0 only');
    }
    if (!call.node.outputs[1]) return x;
    // Before 10 the mask has the type of the input.
    const dtype = call.opset < 10 ? x.desc.dtype : 'bool';
    return [x, call.emit('full', [], { shape: x.desc.shape, value: 1, dtype })];
  },
  batch: perImageBatch,
};

export const TENSOR: readonly OpDefinition[] = [
  { ...shapeOf, since: 1 },
  { ...shapeOf, since: 15, attributes: { start: 'int', end: 'int' } },
  concatNode,
  constantOfShape,
  { ...dropout, since: 7, inputs: [1, 1], attributes: { ratio: 'float' } },
  { ...dropout, since: 12, inputs: [1, 3], attributes: { seed: 'int' } },
  expand,
  eyeLike,
  ...PAD,
  range,
  size,
  slice1,
  slice10,
  ...SPLIT,
  tile,
  trilu,
];
