/** What the tests of the quantization ops share: types, layouts of channels, and rounding in float64. */

import { type DType, iinfo } from '../../lib/dtype';
import type { CodeDType } from '../../lib/ops/quantize';
import { type HostTensor, host } from './op-info';

export const CODES: readonly CodeDType[] = ['int8', 'uint8', 'int16', 'uint16', 'int32'];
export const REALS: readonly DType[] = ['float32', 'float16', 'bfloat16'];

/** Least and greatest code. */
export const limits = (dtype: CodeDType) => iinfo(dtype);
export const clamp = (x: number, low: number, high: number) => Math.min(Math.max(x, low), high);

/** To the nearest whole number; Number holds all of these exactly. */
export function round(t: number, ties: 'even' | 'away' | 'up'): number {
  const down = Math.floor(t);
  const rest = t - down;
  if (rest !== 0.5) return rest < 0.5 ? down : down + 1;
  if (ties === 'up') return down + 1;
  if (ties === 'away') return t > 0 ? down + 1 : down;
  return down % 2 === 0 ? down : down + 1;
}

/** The channel of each element: its index along `axis`. */
export function channels(shape: readonly number[], axis: number | null): number[] {
  const n = shape.reduce((product, d) => product * d, 1);
  if (axis === null) return new Array(n).fill(0);
  const inner = shape.slice(axis + 1).reduce((product, d) => product * d, 1);
  return Array.from({ length: n }, (_, i) => Math.floor(i / inner) % (shape[axis] as number));
}

/** A shape and the axis along which scales differ. */
export interface Layout {
  readonly shape: readonly number[];
  readonly axis: number | null;
}
export const LAYOUTS: readonly Layout[] = [
  { shape: [], axis: null },
  { shape: [37], axis: null },
  { shape: [4, 0], axis: 0 },
  { shape: [3, 70, 2], axis: 0 },
  { shape: [3, 70, 2], axis: 1 },
  { shape: [3, 70, 2], axis: 2 },
  { shape: [2, 3, 90], axis: 1 },
];

/** One number per channel, drawn by `draw`; a scalar without an axis. */
export function perChannel(dtype: DType, { shape, axis }: Layout, draw: () => number): HostTensor {
  const n = axis === null ? 1 : (shape[axis] as number);
  return host(dtype, axis === null ? [] : [n], Array.from({ length: n }, draw));
}
