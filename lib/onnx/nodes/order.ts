import { bfloat16BitsToFloat, halfBitsToFloat } from '../../dtype';
import { type Constant, elementCount } from '../../graph/ir';
import type { NodeCall, OpDefinition, Value } from '../../graph/op-set';
import { perImageBatch } from './common';
import { axisOf } from './scalar';
import { int64, number, reshape } from './shape';

/** The batch rule of what works along one axis, which must not be that of the images. */
const alongAxis =
  (fallback: number): NonNullable<OpDefinition['batch']> =>
  (query) => {
    const rank = query.shapes[0]?.length ?? 0;
    const axis = query.int('axis') ?? fallback;
    if ((axis < 0 ? axis + rank : axis) === 0) {
      return { ok: false, why: 'it works along the axis of the images' };
    }
    return perImageBatch(query);
  };

function topK(call: NodeCall, k: number): readonly Value[] {
  const x = call.input(0);
  const axis = axisOf(call, call.int('axis') ?? -1, x.desc.shape.length);
  const largest = (call.int('largest') ?? 1) !== 0;
  return call.emitAll('topK', [x], { k, axis, largest });
}

/** TopK-1: k is an attribute; -10: an input; -11, 24: `sorted` 0 leaves the order open, so that it may be this one too. */
const TOP_K: readonly OpDefinition[] = [
  {
    op: 'TopK',
    since: 1,
    inputs: [1, 1],
    outputs: 2,
    attributes: { axis: 'int', k: 'int' },
    lower(call) {
      const k = call.int('k');
      if (k === undefined) throw call.error('attribute "k" is missing');
      return topK(call, k);
    },
    batch: alongAxis(-1),
  },
  ...[10, 11].map(
    (since): OpDefinition => ({
      op: 'TopK',
      since,
      inputs: [2, 2],
      outputs: 2,
      attributes: since === 10 ? { axis: 'int' } : { axis: 'int', largest: 'int', sorted: 'int' },
      lower: (call) => topK(call, number(call, 1) ?? 0),
      batch: alongAxis(-1),
    }),
  ),
];

/** CumSum-11, 14 and CumProd-26: the axis is known. */
const cumulative = (op: string, since: number, native: string): OpDefinition => ({
  op,
  since,
  inputs: [2, 2],
  attributes: { exclusive: 'int', reverse: 'int' },
  lower(call) {
    const x = call.input(0);
    return call.emit(native, [x], {
      axis: axisOf(call, number(call, 1) ?? 0, x.desc.shape.length),
      exclusive: (call.int('exclusive') ?? 0) !== 0,
      reverse: (call.int('reverse') ?? 0) !== 0,
    });
  },
});

/** The values of a tensor as numbers that compare as they do. */
function comparable({ dtype, data }: Constant): readonly (number | bigint)[] {
  if (dtype === 'float16') return Array.from(data as Uint16Array, halfBitsToFloat);
  if (dtype === 'bfloat16') return Array.from(data as Uint16Array, bfloat16BitsToFloat);
  return Array.from<number | bigint>(data);
}

/** NonZero-9, 13. The shape of the result follows from the values. */
const nonZero: OpDefinition = {
  op: 'NonZero',
  since: 9,
  inputs: [1, 1],
  lower(call) {
    const x = call.data(0)[0] as Constant;
    // -0 is zero, NaN is not.
    const found = comparable(x).flatMap((value, i) => (Number(value) === 0 ? [] : [i]));
    const steps = x.shape.map((_, axis) => elementCount(x.shape.slice(axis + 1)));
    const rows = steps.flatMap((step, axis) =>
      found.map((i) => Math.floor(i / step) % (x.shape[axis] as number)),
    );
    return call.constant(int64(rows, [x.shape.length, found.length]));
  },
};

/** NaN is equal to itself, and greater than all others. */
function compare(a: number | bigint, b: number | bigint): number {
  if (a === b) return 0;
  const [aIsNaN, bIsNaN] = [Number.isNaN(a), Number.isNaN(b)];
  if (aIsNaN || bIsNaN) return Number(aIsNaN) - Number(bIsNaN);
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Unique-11: entries along an axis, or all elements. The shape of the result follows from the values. */
const unique: OpDefinition = {
  op: 'Unique',
  since: 11,
  inputs: [1, 1],
  outputs: 4,
  attributes: { axis: 'int', sorted: 'int' },
  lower(call) {
    const given = call.input(0);
    const values = comparable(call.data(0)[0] as Constant);
    const wanted = call.int('axis');
    const x = wanted === undefined ? reshape(call, given, [values.length]) : given;
    const { shape } = x.desc;
    const axis = axisOf(call, wanted ?? 0, shape.length);
    const size = shape[axis] as number;
    const inner = elementCount(shape.slice(axis + 1));
    const outer = elementCount(shape.slice(0, axis));
    const order = (i: number, j: number): number => {
      for (let o = 0; o < outer; o++) {
        for (let k = 0; k < inner; k++) {
          const at = (entry: number) => values[(o * size + entry) * inner + k] as number;
          const found = compare(at(i), at(j));
          if (found !== 0) return found;
        }
      }
      return 0;
    };
    // Equal entries stand together, the first of them in front.
    const sorted = Array.from({ length: size }, (_, i) => i).sort((i, j) => order(i, j) || i - j);
    const groups: number[][] = [];
    for (const [k, entry] of sorted.entries()) {
      const group = groups.at(-1);
      if (group && order(sorted[k - 1] as number, entry) === 0) group.push(entry);
      else groups.push([entry]);
    }
    if ((call.int('sorted') ?? 1) === 0) {
      groups.sort(([i = 0], [j = 0]) => i - j);
    }
    const first = groups.map(([entry = 0]) => entry);
    const inverse = new Array<number>(size);
    for (const [g, group] of groups.entries()) for (const entry of group) inverse[entry] = g;
    const indices = call.constant(int64(first));
    return [
      call.emit('gather', [x, indices], { axis }),
      indices,
      call.constant(int64(inverse)),
      call.constant(int64(groups.map((group) => group.length))),
    ];
  },
};

export const ORDER: readonly OpDefinition[] = [
  ...TOP_K,
  cumulative('CumSum', 11, 'cumSum'),
  cumulative('CumProd', 26, 'cumProd'),
  nonZero,
  unique,
];
