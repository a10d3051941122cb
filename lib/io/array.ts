import type { DType, TypedArrayOf } from '../dtype';

/** What a data file holds: values as in memory (the bits of 16-bit floats), dense and row-major. */
export interface HostArray {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: TypedArrayOf;
}
