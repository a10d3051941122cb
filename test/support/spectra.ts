/** How well ONNX's own cases know the spectra that they expect: these come from a float32 FFT. */

import type { Model, Tensor } from '../../lib';
import { fftBound } from './tolerance';

/** The transforms in the result of a model. */
export interface Spectra {
  readonly axis: number;
  /** Only the bins up to half of the sampling rate are there. */
  readonly isOneSided: boolean;
}

/** Those of the DFT or STFT of a model; undefined where it has none. */
export function spectraOf(
  { nodes, opsets }: Model,
  inputs: Readonly<Record<string, unknown>>,
): Spectra | undefined {
  const node = nodes.find(({ op }) => op === 'DFT' || op === 'STFT');
  if (!node) return undefined;
  const isShort = node.op === 'STFT';
  const input = inputs[node.inputs[2] ?? ''] as Tensor | undefined;
  const given = node.attributes.get('axis')?.value ?? (isShort ? 2 : input?.dataSync()[0]);
  const side = node.attributes.get('onesided')?.value ?? (isShort ? 1 : 0);
  // The inverse of one side is a whole signal.
  const inverse = node.attributes.get('inverse')?.value ?? 0;
  const axis = Number(given ?? ((opsets.get('') ?? 0) < 20 ? 1 : -2));
  return { axis, isOneSided: Number(side) !== 0 && Number(inverse) === 0 };
}

/** For each number of a result its bound, which is that of its transform. */
export function spectrumBounds(
  { axis, isOneSided }: Spectra,
  shape: readonly number[],
  values: readonly number[],
): number[] {
  const at = axis < 0 ? axis + shape.length : axis;
  const size = shape[at] as number;
  const inner = shape.slice(at + 1, -1).reduce((n, d) => n * d, 1);
  const parts = shape.at(-1) as number;
  // Transforms differ by the axes before theirs, and by those behind it but the last: real and imaginary.
  const transform = (i: number) => {
    const pixel = Math.floor(i / parts);
    return Math.floor(pixel / (inner * size)) * inner + (pixel % inner);
  };
  const squares: number[] = [];
  for (const [i, y] of values.entries()) {
    squares[transform(i)] = (squares[transform(i)] ?? 0) + y * y;
  }
  // One side of a real signal's spectrum has at least half of the squares, and at least half of the numbers.
  const [n, share] = isOneSided ? [2 * size, 2] : [size, 1];
  return values.map((_, i) => fftBound(n, Math.sqrt(share * (squares[transform(i)] as number))));
}
