/** Tensors out of nothing. */

import { randomInt } from 'node:crypto';
import type { ArangeParams, FullParams, RandomParams } from '../../binding';
import type { DeviceName } from '../device';
import type { DType } from '../dtype';
import { checkOptions } from '../options';
import { runOp } from '../run';
import type { Tensor } from '../tensor';

/** Element type and place of a new tensor. */
export interface CreateOptions<D extends DType = DType> {
  /** Default: float32. */
  readonly dtype?: D | undefined;
  /** Default: HALFTONE_DEVICE, else the CPU. */
  readonly device?: DeviceName | undefined;
}

/** Options of {@link arange}. */
export type ArangeOptions<D extends DType = DType> = CreateOptions<D> & Pick<ArangeParams, 'step'>;

/** Options of {@link random}. */
export type RandomOptions<D extends DType = DType> = CreateOptions<D> &
  Omit<RandomParams, 'shape' | 'seed' | 'dtype'> & {
    /** The same seed gives the same numbers. Default: one from the system's generator. */
    readonly seed?: number | bigint | undefined;
  };

/**
 * A tensor with `value` everywhere. ONNX ConstantOfShape-9.
 *
 * @param value rounded once to a float type; for integer types whole and in range, for bool true or false (or 1 or 0)
 * @throws ParamError when the element type does not have `value`
 * @example
 * await full([2, 2], 0.1, { dtype: 'float16' }).data(); // Float32Array [0.0999755859375, ...]
 */
export function full<D extends DType = 'float32'>(
  shape: readonly number[],
  value: number | boolean,
  options: CreateOptions<D> = {},
): Tensor<D> {
  checkOptions('full', options);
  const { device, ...rest } = options;
  const params: FullParams = {
    ...rest,
    shape,
    value: typeof value === 'boolean' ? Number(value) : value,
  };
  return runOp<D, 'full'>('full', [], params, device);
}

/**
 * A tensor of zeros (false for bool).
 *
 * @example
 * await zeros([2, 3]).data(); // Float32Array [0, 0, 0, 0, 0, 0]
 */
export function zeros<D extends DType = 'float32'>(
  shape: readonly number[],
  options?: CreateOptions<D>,
): Tensor<D> {
  return full(shape, 0, options);
}

/**
 * A tensor of ones (true for bool).
 *
 * @example
 * await ones([3], { dtype: 'int8' }).data(); // Int8Array [1, 1, 1]
 */
export function ones<D extends DType = 'float32'>(
  shape: readonly number[],
  options?: CreateOptions<D>,
): Tensor<D> {
  return full(shape, 1, options);
}

/** Zeros of the shape, element type and device of `x`, each of which an option may replace. */
export function zerosLike<D extends DType>(
  x: Tensor<D>,
  options: CreateOptions<D> = {},
): Tensor<D> {
  checkOptions('zerosLike', options);
  const { dtype = x.dtype, device = x.device } = options;
  return zeros(x.shape, { dtype, device });
}

/** Ones of the shape, element type and device of `x`, each of which an option may replace. */
export function onesLike<D extends DType>(x: Tensor<D>, options: CreateOptions<D> = {}): Tensor<D> {
  checkOptions('onesLike', options);
  const { dtype = x.dtype, device = x.device } = options;
  return ones(x.shape, { dtype, device });
}

/**
 * start, start + step, ... up to but without stop: ceil((stop - start) / step) numbers, each start + i * step in float64,
 * rounded once. ONNX Range-11, numpy.arange.
 *
 * @throws ParamError when step is 0, or when an integer type does not have all of the numbers
 * @example
 * await arange(4).data(); // Float32Array [0, 1, 2, 3]
 * await arange(5, -1, { step: -2, dtype: 'int32' }).data(); // Int32Array [5, 3, 1]
 */
export function arange<D extends DType = 'float32'>(
  stop: number,
  options?: ArangeOptions<D>,
): Tensor<D>;
export function arange<D extends DType = 'float32'>(
  start: number,
  stop: number,
  options?: ArangeOptions<D>,
): Tensor<D>;
export function arange<D extends DType>(
  first: number,
  second?: number | ArangeOptions<D>,
  third?: ArangeOptions<D>,
): Tensor<D> {
  const ends = typeof second === 'number' ? { start: first, stop: second } : { stop: first };
  const options = typeof second === 'number' ? third : second;
  checkOptions('arange', options);
  const { device, ...rest } = options ?? {};
  return runOp<D, 'arange'>('arange', [], { ...rest, ...ends }, device);
}

/**
 * Random numbers that depend on seed, position and options alone: the same on every machine, with any number of threads,
 * and a shorter tensor begins like a longer one. Philox-4x32-10. Not for secrets.
 *
 * - `distribution: 'uniform'` (default): low <= y < high, default [0, 1). Float types round to nearest, and what would
 *   reach `high` is the greatest number below it; integer types need `high` of at least low + 2.
 * - `distribution: 'normal'`: mean + std * n for float types, Box-Muller in float64, rounded once.
 *
 * Without a seed one is drawn; `explain(y).kernel` ends with `seed=` and the seed, drawn or given.
 *
 * @throws ParamError for an empty range, and for options of the other distribution
 * @example
 * const noise = random([2, 3], { seed: 7, distribution: 'normal', std: 0.02, dtype: 'float16' });
 * const pixels = random([1, 224, 224, 3], { seed: 7, dtype: 'uint8', high: 256 });
 */
export function random<D extends DType = 'float32'>(
  shape: readonly number[],
  options: RandomOptions<D> = {},
): Tensor<D> {
  checkOptions('random', options);
  const { device, seed, ...rest } = options;
  const params = { ...rest, shape, seed: seed ?? randomInt(2 ** 48 - 1) };
  return runOp<D, 'random'>('random', [], params, device);
}
