/** Text for tensors, in NumPy's manner. */

import type { DType } from './dtype';

const THRESHOLD = 1000; // more elements than this are summarized
const EDGE = 3; // items shown at each end of an axis then
const WIDTH = 75; // columns of a line

/** Decimal digits that tell neighbouring values of a type apart, up to 8 as NumPy prints. */
const DIGITS: Partial<Record<DType, number>> = { float16: 4, bfloat16: 3, float32: 8, float64: 8 };

type Values = ArrayLike<number | bigint>;

/** The positions of an axis that are shown; -1 stands for the gap. */
function positions(size: number, summarize: boolean): number[] {
  if (!summarize || size <= 2 * EDGE) return Array.from({ length: size }, (_, i) => i);
  const head = Array.from({ length: EDGE }, (_, i) => i);
  return [...head, -1, ...head.map((i) => size - EDGE + i)];
}

/** How one number of the tensor is written, given all that are shown. */
function formatter(shown: (number | bigint)[], dtype: DType): (v: number | bigint) => string {
  const digits = DIGITS[dtype];
  if (dtype === 'bool') return (v) => (v ? 'true' : 'false');
  if (digits === undefined) return String;
  const finite = shown.map(Number).filter((v) => Number.isFinite(v) && v !== 0);
  const magnitudes = finite.map(Math.abs);
  const largest = Math.max(0, ...magnitudes);
  const smallest = Math.min(Infinity, ...magnitudes);
  const special = (v: number) =>
    Number.isNaN(v) ? 'nan' : v === Infinity ? 'inf' : v === -Infinity ? '-inf' : undefined;
  const signed = (v: number, text: string) => (Object.is(v, -0) ? `-${text}` : text);
  if (
    largest >= 1e8 ||
    smallest < 1e-4 ||
    (finite.length > 1 && largest / smallest > 1e3 && smallest < 1e-3)
  ) {
    const precision = Math.max(
      0,
      ...finite.map(
        (v) => (/\.(\d+)e/.exec(Number(v.toPrecision(digits)).toExponential())?.[1] ?? '').length,
      ),
    );
    return (v) => special(Number(v)) ?? signed(Number(v), Number(v).toExponential(precision));
  }
  const places = Math.max(
    0,
    ...finite.map((v) => (/\.(\d+)/.exec(String(Number(v.toPrecision(digits))))?.[1] ?? '').length),
  );
  const decimals = Math.min(8, places);
  return (v) => {
    const n = Number(v);
    const word = special(n);
    if (word !== undefined) return word;
    if (decimals === 0) return `${signed(n, n.toFixed(0))}.`;
    // Columns are aligned at the point: what follows the last digit is blank.
    return signed(n, n.toFixed(decimals)).replace(/0+$/, (zeros) => ' '.repeat(zeros.length));
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
