/** How often magnitudes occur: what entropy and percentile calibration choose a range from. */

import { inspect } from 'node:util';
import { tensor } from '../create';
import { ParamError } from '../errors';
import { checkOptions } from '../options';
import { runOpAll } from '../run';
import { scope } from '../scope';
import { Tensor } from '../tensor';

/** Options of {@link absHistogram}. */
export interface AbsHistogramOptions {
  /** Number of bins, up to 2^20. Default 2048. */
  readonly bins?: number | undefined;
}

/** Counts of {@link absHistogram}. All of them together are the number of elements. */
export interface AbsHistogram {
  /** int64 [bins]: the magnitudes of each bin. */
  readonly counts: Tensor<'int64'>;
  /** int64 []: finite numbers whose magnitude lies beyond `max`. */
  readonly above: Tensor<'int64'>;
  /** int64 []: NaN and infinities. */
  readonly nonFinite: Tensor<'int64'>;
}

/**
 * Counts |x| in bins of equal width over [0, max].
 *
 * Bin i holds the x with floor((|x| / max) * bins) = i, a quotient and a product in float32; |x| = max is in the last bin. 16-bit
 * floats are widened exactly. Each element is counted once: in a bin, in `above`, or in `nonFinite`, so that a calibrator sees
 * what a histogram alone would hide. Twice the bins over twice the range have the same edges: counts of batches whose range
 * grows can be added. Counts are exact, and the same on every device.
 *
 * @param x float32, float16 or bfloat16
 * @param max the upper end of the last bin: a number, or a float32 tensor ([] or [1]) on x's device, such as a result of
 *   minMax. With 0 all zeros are in bin 0; below every finite number (NaN, negative) all finite numbers are above.
 * @throws DtypeError for other types; ShapeError for a `max` of several numbers; ParamError for a `max` that is not a finite float32
 *   of at least 0, or `bins` outside [1, 2^20].
 * @example
 * const { counts, above, nonFinite } = absHistogram(tensor([0, -0.6, 1, 2, NaN]), 1, { bins: 4 });
 * await counts.data(); // [1n, 0n, 1n, 1n]
 * await above.data(); // [1n]
 * await nonFinite.data(); // [1n]
 */
export function absHistogram(
  x: Tensor,
  max: number | Tensor,
  options: AbsHistogramOptions = {},
): AbsHistogram {
  checkOptions('absHistogram', options, { bins: 'any' });
  if (!Tensor.is(max)) {
    if (typeof max !== 'number' || !(max >= 0 && Math.fround(max) < Infinity)) {
      throw new ParamError(
        `absHistogram: max must be a Tensor or a finite float32 of at least 0, got ${inspect(max, { depth: 0 })}`,
      );
    }
    if (!Tensor.is(x)) throw new ParamError(`absHistogram: x must be a Tensor, got ${String(x)}`);
  }
  return scope(() => {
    const end = Tensor.is(max) ? max : tensor(Float32Array.of(max), { device: x.device });
    const [counts, above, nonFinite] = runOpAll('absHistogram', [x, end], { bins: options.bins });
    return {
      counts: counts as Tensor<'int64'>,
      above: above as Tensor<'int64'>,
      nonFinite: nonFinite as Tensor<'int64'>,
    };
  });
}
