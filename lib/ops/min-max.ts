/** The range of a tensor's values. */

import { checkOptions } from '../options';
import { runOpAll } from '../run';
import type { Tensor } from '../tensor';

/** Options of {@link minMax}. */
export interface MinMaxOptions {
  /** Results for each index of this axis; may be negative. Default null: of all elements. */
  readonly axis?: number | null | undefined;
}

/**
 * The least and the greatest element, in one pass: float32, [] or with `axis` [x.shape[axis]].
 *
 * NaN anywhere makes both NaN. Of no elements `min` is Infinity and `max` -Infinity.
 *
 * @param x float32, float16 or bfloat16
 * @throws DtypeError for other types; ParamError for an axis that x does not have.
 * @example
 * const range = minMax(tensor([[3, -1], [2, 5]]), { axis: 0 });
 * await range.max.data(); // Float32Array [3, 5]
 */
export function minMax(
  x: Tensor,
  options: MinMaxOptions = {},
): { min: Tensor<'float32'>; max: Tensor<'float32'> } {
  checkOptions('minMax', options, { axis: 'any' });
  const [min, max] = runOpAll('minMax', [x], { axis: options.axis });
  return { min: min as Tensor<'float32'>, max: max as Tensor<'float32'> };
}
