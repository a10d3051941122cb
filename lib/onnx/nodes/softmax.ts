import { elementCount } from '../../graph/ir';
import type { NodeCall, OpDefinition, Value } from '../../graph/op-set';
import { alongAxisBatch } from './common';
import { algebra, axisOf, cast } from './scalar';
import { reshape, splitBeforeAxis } from './shape';

/** How a row is turned into numbers that belong together. */
type RowFunction = (call: NodeCall, x: Value, axis: number) => Value;

const softmax: RowFunction = (call, x, axis) => call.emit('softmax', [x], { axis });

/** x - max - log(sum(exp(x - max))), in float32 for 16-bit types. */
export const logSoftmax: RowFunction = (call, x, axis) => {
  const { dtype } = x.desc;
  const type = dtype === 'float64' ? 'float64' : 'float32';
  const a = algebra(call, type);
  const wide = cast(call, x, type);
  const shifted = a.sub(wide, a.reduce('reduceMax', wide, [axis]));
  const sum = a.reduce('reduceSum', a.exp(shifted), [axis]);
  return cast(call, a.sub(shifted, a.log(sum)), dtype);
};

/** 1 at the first greatest element, else 0. */
const hardmax: RowFunction = (call, x, axis) => {
  const { dtype, shape } = x.desc;
  // Rows of nothing have no largest element.
  if (elementCount(shape) === 0) return x;
  const n = shape[axis] as number;
  const counted = call.emit('arange', [], { stop: n, dtype: 'int64' });
  const index = reshape(
    call,
    counted,
    shape.map((_, k) => (k === axis ? n : 1)),
  );
  const first = call.emit('argMax', [x], { axis, keepDims: true });
  return cast(call, call.emit('equal', [index, first]), dtype);
};

/** Before 13 the rows are all axes from `axis` on; since 13 they lie along one axis. */
const forms = (op: string, lower: RowFunction): OpDefinition[] => [
  {
    op,
    since: 1,
    inputs: [1, 1],
    attributes: { axis: 'int' },
    lower(call) {
      const x = call.input(0);
      return reshape(call, lower(call, splitBeforeAxis(call, x), 1), x.desc.shape);
    },
    batch: alongAxisBatch(1),
  },
  {
    op,
    since: 13,
    inputs: [1, 1],
    attributes: { axis: 'int' },
    lower(call) {
      const x = call.input(0);
      return lower(call, x, axisOf(call, call.int('axis') ?? -1, x.desc.shape.length));
    },
    batch: alongAxisBatch(-1),
  },
];

export const SOFTMAX: readonly OpDefinition[] = [
  ...forms('Hardmax', hardmax),
  ...forms('LogSoftmax', logSoftmax),
  ...forms('Softmax', softmax),
];
