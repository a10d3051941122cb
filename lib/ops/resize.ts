/** Tensors at other sizes. */

import type { ResampleParams } from '../../binding';
import { tensor } from '../create';
import type { DType } from '../dtype';
import { DtypeError } from '../errors';
import { checkOptions } from '../options';
import { type OpInput, type OpName, runOp } from '../run';
import { scope } from '../scope';
import type { Tensor } from '../tensor';
import { type ResizeOptions, type ResizeTable, resizeTables } from './resize-tables';

export type { ResizeCoordinates, ResizeOptions } from './resize-tables';

/** Options of {@link resample}. */
export type ResampleOptions = ResampleParams;

/**
 * One axis of x through a table: `y[.., o, ..]` is the sum over t of `weights[o, t] * x[.., indices[o, t], ..]`, products and sums each
 * rounded to the type of x, in order. An index that x does not have is no tap. Without weights, the bits of the one element are
 * copied, and are 0 where there is none.
 *
 * @param x any shape of one axis or more; float32 or float64 with weights, else any type
 * @param indices `[size, taps]`, int32
 * @param weights `[size, taps]`, the type of x; undefined: one tap, copied
 * @param options `axis` (default: the last)
 * @throws ShapeError, DtypeError, ParamError when the arguments do not fit
 * @example
 * const x = tensor([1, 2, 4]);
 * const between = tensor([0, 1, 1, 2], { shape: [2, 2], dtype: 'int32' });
 * const halves = tensor([0.5, 0.5, 0.5, 0.5], { shape: [2, 2] });
 * await resample(x, between, halves).data(); // Float32Array [1.5, 3]
 * await resample(x, tensor([2, 0, 0], { shape: [3, 1], dtype: 'int32' })).data(); // Float32Array [4, 1, 1]
 */
export function resample<D extends DType>(
  x: Tensor<D>,
  indices: Tensor<'int32'>,
  weights?: Tensor,
  options: ResampleOptions = {},
): Tensor<D> {
  return runOp<D, 'resample'>('resample', [x, indices, weights], options);
}

/** What the steps of a resize are made with: tensors now, or values of a plan. */
export interface ResizeCalls<V> {
  dtypeOf(x: V): DType;
  constant(dtype: DType, shape: readonly number[], values: ArrayLike<number>): V;
  emit(op: OpName, inputs: readonly V[], params: Readonly<Record<string, unknown>>): V;
}

/** Types whose elements can be weighted, and the type of the sums: it holds all of their values. */
const WEIGHTED: Readonly<Partial<Record<DType, 'float32' | 'float64'>>> = {
  float32: 'float32',
  float16: 'float32',
  bfloat16: 'float32',
  int8: 'float32',
  uint8: 'float32',
  int16: 'float32',
  uint16: 'float32',
  float64: 'float64',
  int32: 'float64',
  uint32: 'float64',
};

function weightedType(dtype: DType): 'float32' | 'float64' {
  const type = WEIGHTED[dtype];
  if (type) return type;
  throw new DtypeError(
    `resize: x must be a float of 16 bits or more or an integer up to 32 bits, got ${dtype}`,
  );
}

/** x through tables of `resizeTables`, one axis after the other; weighted in float32 or float64, and rounded once. */
export function applyTables<V>(
  calls: ResizeCalls<V>,
  x: V,
  shape: readonly number[],
  tables: readonly ResizeTable[],
  extrapolationValue = 0,
): V {
  const dtype = calls.dtypeOf(x);
  const isWeighted = tables.some(({ weights }) => weights !== undefined);
  const type = isWeighted ? weightedType(dtype) : dtype;
  const cast = (from: V, to: DType) =>
    calls.dtypeOf(from) === to ? from : calls.emit('cast', [from], { to });
  let y = cast(x, type);
  for (const { axis, size, taps, indices, weights } of tables) {
    const inputs = [y, calls.constant('int32', [size, taps], indices)];
    if (weights) inputs.push(calls.constant(type, [size, taps], weights));
    y = calls.emit('resample', inputs, { axis });
  }
  for (const { axis, size, outside } of tables) {
    // Results outside are zeros already.
    if (extrapolationValue === 0 || !outside?.includes(1)) continue;
    const along = shape.map((_, k) => (k === axis ? size : 1));
    const mask = calls.constant('bool', along, outside);
    y = calls.emit('where', [mask, calls.constant(type, [], [extrapolationValue]), y], {});
  }
  if (type === dtype) return y;
  // Integers: nearest, ties to even, and no further than the type goes.
  const isFloat = dtype === 'float16' || dtype === 'bfloat16';
  return calls.emit('cast', isFloat ? [y] : [calls.emit('round', [y], {})], {
    to: dtype,
    saturate: !isFloat,
  });
}

/**
 * x with other sizes: elements copied ('nearest', the default), or interpolated ('linear', 'cubic') along each resized axis.
 * ONNX Resize-19, with its coordinate modes; Upsample and the resizes of TensorFlow and PyTorch are among them.
 *
 * 'nearest' copies bits. The others are computed in float32 (float64 for float64 and int32), one axis after the other, those that
 * shrink most first, and rounded once at the end; integers to nearest even, clamped. Weights are computed in float64 and
 * rounded to the type of the sums.
 *
 * @param x any shape; any type for 'nearest', else a float or an integer up to 32 bits
 * @param options `sizes` or `scales` of `axes` (default: all), and how the results lie in the input
 * @throws ShapeError, DtypeError, ParamError when the arguments do not fit
 * @example
 * const x = tensor([[1, 2], [3, 4]]);
 * await resize(x, { sizes: [2, 4] }).toArray(); // [[1, 1, 2, 2], [3, 3, 4, 4]]
 * await resize(x, { scales: [0.5, 0.5], mode: 'linear' }).toArray(); // [[2.5]]
 */
export function resize<D extends DType>(x: Tensor<D>, options: ResizeOptions): Tensor<D> {
  checkOptions('resize', options);
  const { device, shape } = x;
  const calls: ResizeCalls<Tensor> = {
    dtypeOf: ({ dtype }) => dtype,
    constant: (dtype, sizes, values) =>
      tensor(dtype === 'bool' ? Array.from(values, Boolean) : Array.from(values), {
        dtype,
        shape: sizes,
        device,
      }),
    emit: (op, inputs, params) => runOp(op, inputs as readonly OpInput[], params as never),
  };
  const tables = resizeTables(shape, options ?? {});
  return scope(() => {
    const y = applyTables<Tensor>(calls, x, shape, tables, options.extrapolationValue);
    return y === x ? x.reshape(shape) : y;
  }) as Tensor<D>;
}
