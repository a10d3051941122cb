/** Rounding the values of one tensor, with a count of what that does to them. */

import { tensor } from '../create';
import { ARRAY_TYPES, type FloatDType } from '../dtype';
import { cast } from '../ops/cast';
import type { CheckpointCounts, CheckpointDType } from './types';

/** Elements per piece: a few milliseconds of counting, between which other work gets its turn. */
const PIECE = 1 << 18;

/** Bits without the sign: from `infinity` on they are no finite number, below `normal` zero or subnormal. */
interface Bits {
  readonly sign: number;
  readonly infinity: number;
  readonly normal: number;
}

const BITS: Readonly<Record<CheckpointDType, Bits>> = {
  float16: { sign: 0x8000, infinity: 0x7c00, normal: 0x0400 },
  bfloat16: { sign: 0x8000, infinity: 0x7f80, normal: 0x0080 },
  float32: { sign: 0x8000_0000, infinity: 0x7f80_0000, normal: 0x0080_0000 },
};

export type Counter = { -readonly [K in keyof CheckpointCounts]: CheckpointCounts[K] };

export const noCounts = (): Counter => ({
  elements: 0,
  overflow: 0,
  underflow: 0,
  subnormal: 0,
  nan: 0,
  infinity: 0,
});

/** Counts what became of `values` in `bits`; with `clamp`, puts the largest finite number where rounding overflowed. */
function count(
  values: Float32Array | Float64Array,
  bits: Uint16Array | Uint32Array,
  { sign, infinity, normal }: Bits,
  clamp: boolean,
  counter: Counter,
): void {
  counter.elements += values.length;
  for (let i = 0; i < values.length; i++) {
    const all = bits[i] as number;
    // Without &, which gives signed numbers: the sign is the highest bit.
    const magnitude = all >= sign ? all - sign : all;
    if (magnitude >= infinity) {
      const value = values[i] as number;
      if (Number.isNaN(value)) counter.nan++;
      else if (Math.abs(value) === Number.POSITIVE_INFINITY) counter.infinity++;
      else {
        counter.overflow++;
        if (clamp) bits[i] = all - magnitude + infinity - 1;
      }
    } else if (magnitude < normal) {
      if (magnitude !== 0) counter.subnormal++;
      else if (values[i] !== 0) counter.underflow++;
    }
  }
}

export interface RoundOptions {
  readonly clamp: boolean;
  /** Only counts: `chunks` stays empty. */
  readonly countOnly?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Rounds values once, to nearest, ties to even, by {@link cast}.
 *
 * @param bytes dense values of `from`, at the start of their buffer
 * @returns the bytes of the rounded values in pieces, and the counts
 */
export async function roundValues(
  bytes: Uint8Array<ArrayBuffer>,
  from: FloatDType,
  to: CheckpointDType,
  { clamp, countOnly = false, signal }: RoundOptions,
): Promise<{ chunks: Uint8Array[]; counts: CheckpointCounts }> {
  const data = new ARRAY_TYPES[from](
    bytes.buffer,
    bytes.byteOffset,
    bytes.length / elementSize(from),
  );
  const counter = noCounts();
  const chunks: Uint8Array[] = [];
  for (let start = 0; start < data.length; start += PIECE) {
    signal?.throwIfAborted();
    const piece = data.subarray(start, start + PIECE) as Float32Array | Float64Array | Uint16Array;
    using x = tensor(piece, { dtype: from, device: 'cpu' });
    using y = cast(x, to);
    const bits =
      to === 'float32'
        ? new Uint32Array(((await y.data()) as Float32Array<ArrayBuffer>).buffer)
        : await y.asUint16();
    // 16-bit floats are read as float32, which is exact.
    const values = piece instanceof Uint16Array ? ((await x.data()) as Float32Array) : piece;
    count(values, bits, BITS[to], clamp, counter);
    if (!countOnly) chunks.push(new Uint8Array(bits.buffer, bits.byteOffset, bits.byteLength));
  }
  return { chunks, counts: counter };
}

const elementSize = (dtype: FloatDType): number => ARRAY_TYPES[dtype].BYTES_PER_ELEMENT;
