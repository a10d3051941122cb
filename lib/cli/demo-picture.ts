/**
 * The data of the demo's second part: a made-up picture of many channels with what real feature maps have (gradients,
 * edges, texture, mostly empty channels), a filter, and the convolution of both in float64.
 */

/** A 3x3 convolution with 'same' padding over one NHWC picture, HWIO filter. */
export interface PictureProblem {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly filters: number;
  /** float32 values, [1, height, width, channels]. */
  readonly x: Float32Array;
  /** float32 values, [3, 3, channels, filters]. */
  readonly w: Float32Array;
}

/** Random numbers in [0, 1), the same on every machine: mulberry32 (public domain), exact in 32-bit arithmetic. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** One value of the picture, at (u, v) in [0, 1)^2. */
function pixel(channel: number, u: number, v: number, noise: number): number {
  const angle = (channel * Math.PI) / 8;
  const along = u * Math.cos(angle) + v * Math.sin(angle);
  const gradient = along;
  const edge = Math.hypot(u - 0.5, v - 0.4) < 0.1 + 0.02 * channel ? 1 : 0;
  const texture = 0.3 * Math.sin(2 * Math.PI * (8 + 3 * channel) * along);
  // As after an activation: nothing below zero.
  return Math.max(0, gradient + edge + texture + 0.1 * (noise - 0.5) - 0.2 * (channel % 4));
}

/** The problem of the demo. `size` is height and width. */
export function pictureProblem(size: number, channels: number, filters: number): PictureProblem {
  const random = generator(1);
  const x = new Float32Array(size * size * channels);
  for (let i = 0, h = 0; h < size; h++) {
    for (let w = 0; w < size; w++) {
      for (let c = 0; c < channels; c++) x[i++] = pixel(c, w / size, h / size, random());
    }
  }
  // Uniform in +-sqrt(6 / fan-in), as Kaiming initialization draws them: outputs are of the size of the inputs.
  const bound = Math.sqrt(6 / (9 * channels));
  const w = Float32Array.from({ length: 9 * channels * filters }, () => bound * (2 * random() - 1));
  return { height: size, width: size, channels, filters, x, w };
}

/** All filters' outputs at one pixel, summed in float64. */
function outputsAt(problem: PictureProblem, row: number, column: number, out: Float64Array): void {
  const { height, width, channels, filters, x, w } = problem;
  out.fill(0);
  for (let r = 0; r < 3; r++) {
    for (let s = 0; s < 3; s++) {
      const h = row + r - 1;
      const v = column + s - 1;
      if (h < 0 || h >= height || v < 0 || v >= width) continue;
      for (let c = 0; c < channels; c++) {
        const a = x[(h * width + v) * channels + c] as number;
        const from = ((r * 3 + s) * channels + c) * filters;
        for (let f = 0; f < filters; f++) out[f] = (out[f] as number) + a * (w[from + f] as number);
      }
    }
  }
}

/** Some of the exact outputs: all filters at `pixels` pixels, spread evenly over the picture with its corners. */
export interface Sample {
  /** Index of the pixel, row-major. */
  readonly pixels: Int32Array;
  /** [pixels, filters]. */
  readonly values: Float64Array;
}

/** The convolution in float64 at `count` pixels. */
export function reference(problem: PictureProblem, count: number): Sample {
  const { height, width, filters } = problem;
  const last = height * width - 1;
  const pixels = Int32Array.from({ length: count }, (_, i) => Math.round((i * last) / (count - 1)));
  const values = new Float64Array(count * filters);
  for (const [i, p] of pixels.entries()) {
    const row = Math.floor(p / width);
    outputsAt(problem, row, p - row * width, values.subarray(i * filters, (i + 1) * filters));
  }
  return { pixels, values };
}

/** Largest and root mean square difference of `actual` ([height, width, filters]) from the sample. */
export function errors(actual: ArrayLike<number>, { pixels, values }: Sample, filters: number) {
  let max = 0;
  let squares = 0;
  for (const [i, p] of pixels.entries()) {
    for (let f = 0; f < filters; f++) {
      const difference = Math.abs(
        (actual[p * filters + f] as number) - (values[i * filters + f] as number),
      );
      max = difference > max || Number.isNaN(difference) ? difference : max;
      squares += difference * difference;
    }
  }
  return { max, rms: Math.sqrt(squares / values.length) };
}
