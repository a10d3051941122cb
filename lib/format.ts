/** Text for tensors, in NumPy's manner. */

import {
  bfloat16BitsToFloat,
  DTYPE_NAMES,
  type DType,
  floatToBfloat16Bits,
  floatToHalfBits,
  halfBitsToFloat,
  isStoredDType,
} from './dtype';
import { isNarrowFloat, nearestStored } from './stored';

const THRESHOLD = 1000; // more elements than this are summarized
const EDGE = 3; // items shown at each end of an axis then
const WIDTH = 75; // columns of a line

/** The number that `dtype` holds nearest to `x`. */
const NEAREST: Readonly<Partial<Record<DType, (x: number) => number>>> = {
  ...Object.fromEntries(
    DTYPE_NAMES.filter(isStoredDType)
      .filter(isNarrowFloat)
      .map((dtype) => [dtype, (x: number) => nearestStored(x, dtype)]),
  ),
  float16: (x) => halfBitsToFloat(floatToHalfBits(x)),
  bfloat16: (x) => bfloat16BitsToFloat(floatToBfloat16Bits(x)),
  float32: Math.fround,
  float64: (x) => x,
};

const MAX_DIGITS = 8; // as NumPy prints, also of float64

/** `v` with as few decimal digits as tell it from its neighbours in `dtype`, up to MAX_DIGITS. */
function shortest(v: number, nearest: (x: number) => number): number {
  for (let digits = 1; digits < MAX_DIGITS; digits++) {
    const short = Number(v.toPrecision(digits));
    if (nearest(short) === v) return short;
  }
  return Number(v.toPrecision(MAX_DIGITS));
}

type Values = ArrayLike<number | bigint>;

/** The positions of an axis that are shown; -1 stands for the gap. */
function positions(size: number, summarize: boolean): number[] {
  if (!summarize || size <= 2 * EDGE) return Array.from({ length: size }, (_, i) => i);
  const head = Array.from({ length: EDGE }, (_, i) => i);
  return [...head, -1, ...head.map((i) => size - EDGE + i)];
}

/** How one number of the tensor is written, given all that are shown. */
function formatter(shown: (number | bigint)[], dtype: DType): (v: number | bigint) => string {
  if (dtype === 'bool') return (v) => (v ? 'true' : 'false');
  const nearest = NEAREST[dtype];
  if (!nearest) return String;
  const texts = new Map<number, string>();
  const finite = shown.map(Number).filter((v) => Number.isFinite(v) && v !== 0);
  const largest = Math.max(0, ...finite.map(Math.abs));
  const smallest = Math.min(Infinity, ...finite.map(Math.abs));
  // NumPy's rule for scientific notation.
  const scientific = largest >= 1e8 || smallest < 1e-4 || largest / smallest > 1000;
  const short = (v: number) =>
    scientific ? shortest(v, nearest).toExponential() : String(shortest(v, nearest));
  const fraction = (v: number) => (/\.(\d+)/.exec(short(v))?.[1] ?? '').length;
  const places = Math.min(MAX_DIGITS, Math.max(0, ...finite.map(fraction)));
  const write = (v: number): string => {
    if (!Number.isFinite(v)) return Number.isNaN(v) ? 'nan' : v > 0 ? 'inf' : '-inf';
    const sign = v < 0 || Object.is(v, -0) ? '-' : '';
    if (scientific) {
      const [mantissa = '', exponent = ''] = Math.abs(v).toExponential(places).split('e');
      const point = mantissa.includes('.') ? '' : '.';
      return `${sign}${mantissa}${point}e${exponent[0]}${exponent.slice(1).padStart(2, '0')}`;
    }
    const text = String(Math.abs(shortest(v, nearest)));
    const [whole = '', digits = ''] = text.split('.');
    // Columns are aligned at the point: what follows the last digit is blank.
    return `${sign}${whole}.${digits.slice(0, places).padEnd(places)}`;
  };
  return (v) => {
    const n = Number(v);
    const known = Object.is(n, -0) ? undefined : texts.get(n);
    if (known !== undefined) return known;
    const text = write(n);
    if (!Object.is(n, -0)) texts.set(n, text);
    return text;
  };
}

/**
 * The values of a tensor in NumPy's notation: nested brackets, aligned columns, `...` in large ones.
 *
 * @param values row-major elements, `shape` their sizes
 */
export function formatTensor(values: Values, shape: readonly number[], dtype: DType): string {
  const size = shape.reduce((n, d) => n * d, 1);
  const summarize = size > THRESHOLD;
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((n, d) => n * d, 1));

  const shown: (number | bigint)[] = [];
  const collect = (axis: number, offset: number): void => {
    if (axis === shape.length) {
      shown.push(values[offset] ?? 0);
      return;
    }
    for (const i of positions(shape[axis] ?? 0, summarize)) {
      if (i >= 0) collect(axis + 1, offset + i * (strides[axis] ?? 0));
    }
  };
  if (size > 0) collect(0, 0);
  const format = formatter(shown, dtype);
  const width = Math.max(0, ...shown.map((v) => format(v).length));

  const write = (axis: number, offset: number, indent: string): string => {
    if (axis === shape.length) return format(values[offset] ?? 0).padStart(width);
    const at = positions(shape[axis] ?? 0, summarize);
    const inner = `${indent} `;
    const parts = at.map((i) =>
      i < 0 ? '...' : write(axis + 1, offset + i * (strides[axis] ?? 0), inner),
    );
    if (axis === shape.length - 1) {
      const lines: string[] = [];
      let line = '';
      for (const part of parts) {
        if (line && indent.length + line.length + part.length + 2 > WIDTH) {
          lines.push(line);
          line = part;
        } else {
          line = line ? `${line} ${part}` : part;
        }
      }
      if (line) lines.push(line);
      return `[${lines.join(`\n${inner}`)}]`;
    }
    const gap = '\n'.repeat(shape.length - axis - 1);
    return `[${parts.join(`${gap}${inner}`)}]`;
  };
  return size === 0 ? `[] (${dtype} [${shape.join(', ')}])` : write(0, 0, '');
}
