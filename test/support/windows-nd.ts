/** Windows over any number of axes, by loops over the definition. */

import type { Rng } from './rng';

/** One value for each axis. */
export interface Windows {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  readonly before: readonly number[];
  readonly after: readonly number[];
  readonly ceilMode?: boolean;
}

export const product = (sizes: readonly number[]): number => sizes.reduce((a, b) => a * b, 1);

/** All positions of a box, in row-major order. */
export function positions(sizes: readonly number[]): number[][] {
  return sizes.reduce<number[][]>(
    (all, size) => all.flatMap((at) => Array.from({ length: size }, (_, i) => [...at, i])),
    [[]],
  );
}

export const indexIn = (sizes: readonly number[], at: readonly number[]): number =>
  at.reduce((index, i, axis) => index * (sizes[axis] as number) + i, 0);

/** Small windows over `axes` axes. */
export function drawWindows(rng: Rng, axes: number): Windows {
  const each = (from: readonly number[]) => Array.from({ length: axes }, () => rng.pick(from));
  return {
    kernel: each([1, 2, 3]),
    stride: each([1, 1, 2, 3]),
    dilation: each([1, 1, 2]),
    before: each([0, 0, 1, 2]),
    after: each([0, 0, 1, 2]),
  };
}

/** How many windows fit along each axis; below 1 where none does. */
export const windowCounts = (w: Windows, sizes: readonly number[]): number[] =>
  sizes.map((size, a) => {
    const [kernel = 1, stride = 1, dilation = 1] = [w.kernel[a], w.stride[a], w.dilation[a]];
    const [before = 0, after = 0] = [w.before[a], w.after[a]];
    const room = size + before + after - (kernel - 1) * dilation - 1;
    if (room < 0) return 0;
    const count = (w.ceilMode ? Math.ceil(room / stride) : Math.floor(room / stride)) + 1;
    // The last window of ceilMode begins in the input or in the padding before it.
    return w.ceilMode && count > 1 && (count - 1) * stride >= size + before ? count - 1 : count;
  });

/** Calls f(window, tap, where the tap lies) for all taps, also those outside of the input. */
export function eachTapAt(
  w: Windows,
  out: readonly number[],
  f: (window: number, tap: number, at: readonly number[]) => void,
): void {
  const taps = positions(w.kernel);
  for (const o of positions(out))
    for (const t of taps) {
      const at = o.map(
        (i, a) =>
          i * (w.stride[a] as number) +
          (t[a] as number) * (w.dilation[a] as number) -
          (w.before[a] as number),
      );
      f(indexIn(out, o), indexIn(w.kernel, t), at);
    }
}

/** Calls f(window, tap, position in the input) for the taps that lie in the input. */
export function eachTap(
  w: Windows,
  sizes: readonly number[],
  out: readonly number[],
  f: (window: number, tap: number, x: number) => void,
): void {
  eachTapAt(w, out, (window, tap, at) => {
    if (at.every((i, a) => i >= 0 && i < (sizes[a] as number))) f(window, tap, indexIn(sizes, at));
  });
}
