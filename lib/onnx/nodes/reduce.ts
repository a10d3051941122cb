import { integersOf } from '../../graph/ir';
import type { BatchQuery, NodeCall, OpDefinition, Value } from '../../graph/op-set';
import { perImageBatch, WORKS_ALONG } from './common';

/** A reduction: its Halftone op, and what is done to each element before it. */
interface Reduction {
  readonly op: string;
  readonly native: string;
  /** From this operator set on the axes are an input; before, an attribute. */
  readonly axesAreInput: number;
  readonly before?: (call: NodeCall, x: Value) => Value;
}

const absolute = (call: NodeCall, x: Value) => call.emit('abs', [x]);

const REDUCTIONS: readonly Reduction[] = [
  { op: 'ReduceL1', native: 'reduceSum', axesAreInput: 18, before: absolute },
  { op: 'ReduceMax', native: 'reduceMax', axesAreInput: 18 },
  { op: 'ReduceMean', native: 'reduceMean', axesAreInput: 18 },
  { op: 'ReduceMin', native: 'reduceMin', axesAreInput: 18 },
  { op: 'ReduceProd', native: 'reduceProd', axesAreInput: 18 },
  { op: 'ReduceSum', native: 'reduceSum', axesAreInput: 13 },
];

/** Axes counted from the front. */
const normalize = (axes: readonly number[], rank: number): number[] =>
  axes.map((axis) => (axis < 0 ? axis + rank : axis));

function reduce(
  call: NodeCall,
  { native, before }: Reduction,
  axes: readonly number[] | undefined,
): Value {
  const x = call.input(0);
  const prepared = before ? before(call, x) : x;
  if (!axes?.length && call.int('noop_with_empty_axes') === 1) return prepared;
  const all = x.desc.shape.map((_, axis) => axis);
  return call.emit(native, [prepared], {
    axes: axes?.length ? normalize(axes, x.desc.shape.length) : all,
    keepDims: (call.int('keepdims') ?? 1) !== 0,
  });
}

/** The images stay where they are unless axis 0 is reduced. */
function reduceBatch(query: BatchQuery, axes: readonly number[] | undefined) {
  const rank = query.shapes[0]?.length ?? 0;
  const nothing = !axes?.length && query.int('noop_with_empty_axes') === 1;
  const along = !axes?.length || normalize(axes, rank).includes(0);
  return along && !nothing ? WORKS_ALONG : perImageBatch(query);
}

const reductions = REDUCTIONS.flatMap((reduction): OpDefinition[] => {
  const { op, axesAreInput } = reduction;
  return [
    {
      op,
      since: 1,
      inputs: [1, 1],
      attributes: { axes: 'ints', keepdims: 'int' },
      lower: (call) => reduce(call, reduction, call.ints('axes')),
      batch: (query) => reduceBatch(query, query.ints('axes')),
    },
    {
      op,
      since: axesAreInput,
      inputs: [1, 2],
      attributes: { keepdims: 'int', noop_with_empty_axes: 'int' },
      lower: (call) => reduce(call, reduction, call.knownInts(1)),
      batch: (query) => reduceBatch(query, query.known[1] && integersOf(query.known[1])),
    },
  ];
});

/** GlobalAveragePool-1, 22 and GlobalMaxPool-1, 22: all axes behind the channels. */
const globalPool = (op: string, native: string): OpDefinition => ({
  op,
  since: 1,
  inputs: [1, 1],
  lower(call) {
    const x = call.input(0);
    const axes = x.desc.shape.map((_, axis) => axis).slice(2);
    return call.emit(native, [x], { axes, keepDims: true });
  },
  batch: perImageBatch,
});

export const REDUCE: readonly OpDefinition[] = [
  ...reductions,
  globalPool('GlobalAveragePool', 'reduceMean'),
  globalPool('GlobalMaxPool', 'reduceMax'),
];
