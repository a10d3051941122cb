import { integersOf } from '../../graph/ir';
import type { BatchQuery, NodeCall, OpDefinition, Value } from '../../graph/op-set';
import { perImageBatch, WORKS_ALONG } from './common';
import { algebra, axisOf, cast, wideType } from './scalar';
import { reshape } from './shape';

/** A reduction: its Halftone op, and what is done to each element before it. */
interface Reduction {
  readonly op: string;
  readonly native: string;
  /** From this operator set on the axes are an input; before, an attribute. */
  readonly axesAreInput: number;
  readonly before?: (call: NodeCall, x: Value) => Value;
  /** What is done to the results. */
  readonly after?: string;
}

const absolute = (call: NodeCall, x: Value) => call.emit('abs', [x]);

const REDUCTIONS: readonly Reduction[] = [
  { op: 'ReduceL1', native: 'reduceSum', axesAreInput: 18, before: absolute },
  { op: 'ReduceL2', native: 'reduceSumSquare', axesAreInput: 18, after: 'sqrt' },
  { op: 'ReduceLogSum', native: 'reduceSum', axesAreInput: 18, after: 'log' },
  { op: 'ReduceMax', native: 'reduceMax', axesAreInput: 18 },
  { op: 'ReduceMean', native: 'reduceMean', axesAreInput: 18 },
  { op: 'ReduceMin', native: 'reduceMin', axesAreInput: 18 },
  { op: 'ReduceProd', native: 'reduceProd', axesAreInput: 18 },
  { op: 'ReduceSum', native: 'reduceSum', axesAreInput: 13 },
  { op: 'ReduceSumSquare', native: 'reduceSumSquare', axesAreInput: 18 },
];

/** Axes counted from the front. */
const normalize = (axes: readonly number[], rank: number): number[] =>
  axes.map((axis) => (axis < 0 ? axis + rank : axis));

function reduce(
  call: NodeCall,
  { native, before, after }: Reduction,
  axes: readonly number[] | undefined,
): Value {
  const given = call.input(0);
  const { dtype } = given.desc;
  // The greatest and the least of bools are those of their bytes, of none of them false and true.
  const isBool = dtype === 'bool' && (native === 'reduceMax' || native === 'reduceMin');
  const x = cast(call, given, isBool ? 'uint8' : after ? wideType(dtype) : dtype);
  const finish = (y: Value) => cast(call, after ? call.emit(after, [y]) : y, dtype);
  const prepared = before ? before(call, x) : x;
  if (!axes?.length && call.int('noop_with_empty_axes') === 1) {
    // What is not reduced is a sum of one term.
    const square = native === 'reduceSumSquare';
    return finish(square ? call.emit('mul', [prepared, prepared]) : prepared);
  }
  const all = x.desc.shape.map((_, axis) => axis);
  const y = call.emit(native, [prepared], {
    axes: axes?.length ? normalize(axes, x.desc.shape.length) : all,
    keepDims: (call.int('keepdims') ?? 1) !== 0,
  });
  return finish(y);
}

/** log(sum(exp(x))), with the greatest element taken out first so that nothing overflows. */
function logSumExp(call: NodeCall, axes: readonly number[] | undefined): Value {
  const given = call.input(0);
  if (!axes?.length && call.int('noop_with_empty_axes') === 1) return given;
  const x = cast(call, given, wideType(given.desc.dtype));
  const { shape, dtype } = x.desc;
  const along = axes?.length ? normalize(axes, shape.length) : shape.map((_, axis) => axis);
  const a = algebra(call, dtype);
  const greatest = a.reduce('reduceMax', x, along);
  // Infinite ones stay: x - x would be NaN.
  const finite = a.less(a.abs(greatest), Infinity);
  const shift = a.where(finite, greatest, 0);
  const sum = a.reduce('reduceSum', a.exp(a.sub(x, shift)), along);
  const y = cast(call, a.add(a.log(sum), shift), given.desc.dtype);
  if ((call.int('keepdims') ?? 1) !== 0) return y;
  return reshape(
    call,
    y,
    shape.filter((_, axis) => !along.includes(axis)),
  );
}

/** The images stay where they are unless axis 0 is reduced. */
function reduceBatch(query: BatchQuery, axes: readonly number[] | undefined) {
  const rank = query.shapes[0]?.length ?? 0;
  const nothing = !axes?.length && query.int('noop_with_empty_axes') === 1;
  const along = !axes?.length || normalize(axes, rank).includes(0);
  return along && !nothing ? WORKS_ALONG : perImageBatch(query);
}

type LowerReduction = (call: NodeCall, axes: readonly number[] | undefined) => Value;

/** Both forms of a reduction: axes as an attribute, and as an input. */
function forms(op: string, axesAreInput: number, lower: LowerReduction): OpDefinition[] {
  return [
    {
      op,
      since: 1,
      inputs: [1, 1],
      attributes: { axes: 'ints', keepdims: 'int' },
      lower: (call) => lower(call, call.ints('axes')),
      batch: (query) => reduceBatch(query, query.ints('axes')),
    },
    {
      op,
      since: axesAreInput,
      inputs: [1, 2],
      attributes: { keepdims: 'int', noop_with_empty_axes: 'int' },
      lower: (call) => lower(call, call.knownInts(1)),
      batch: (query) => reduceBatch(query, query.known[1] && integersOf(query.known[1])),
    },
  ];
}

/** ArgMax and ArgMin: -1, 11; with `select_last_index` since 12. */
function argReduction(op: string, native: string): OpDefinition[] {
  const lower = (call: NodeCall): Value => {
    const x = call.input(0);
    const { shape } = x.desc;
    const axis = axisOf(call, call.int('axis') ?? 0, shape.length);
    const keepDims = (call.int('keepdims') ?? 1) !== 0;
    if ((call.int('select_last_index') ?? 0) === 0)
      return call.emit(native, [x], { axis, keepDims });
    const size = shape[axis] as number;
    const [starts, ends] = [[-1], [-size - 1]];
    const reversed = call.emit('slice', [x], { starts, ends, axes: [axis], steps: [-1] });
    const found = call.emit(native, [reversed], { axis, keepDims });
    return algebra(call, 'int64').sub(size - 1, found);
  };
  const batch = (query: BatchQuery) => reduceBatch(query, [query.int('axis') ?? 0]);
  const attributes = { axis: 'int', keepdims: 'int' } as const;
  const last = { ...attributes, select_last_index: 'int' } as const;
  return [
    { op, since: 1, inputs: [1, 1], attributes, lower, batch },
    { op, since: 12, inputs: [1, 1], attributes: last, lower, batch },
  ];
}

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
  ...REDUCTIONS.flatMap((reduction) =>
    forms(reduction.op, reduction.axesAreInput, (call, axes) => reduce(call, reduction, axes)),
  ),
  ...forms('ReduceLogSumExp', 18, logSumExp),
  ...argReduction('ArgMax', 'argMax'),
  ...argReduction('ArgMin', 'argMin'),
  globalPool('GlobalAveragePool', 'reduceMean'),
  globalPool('GlobalMaxPool', 'reduceMax'),
];
