/**
 * NumPy's .npy files, versions 1 to 3: a magic string, a header written as a Python dictionary, and the values.
 * Format: numpy.lib.format.
 */
import { ARRAY_TYPES, bfloat16BitsToFloat, DTYPES, type DType, type TypedArrayOf } from '../dtype';
import { ParamError } from '../errors';
import type { HostArray } from './array';

const MAGIC = '\x93NUMPY';

/** Longer headers are refused: those of plain arrays have about a hundred bytes, and NumPy's own limit is this one. */
const MAX_HEADER = 10_000;

/** NumPy's type codes. bfloat16 has none: NumPy writes it as raw bytes (|V2), which says nothing of their meaning. */
const DTYPE_BY_CODE: Readonly<Record<string, DType>> = {
  f2: 'float16',
  f4: 'float32',
  f8: 'float64',
  i1: 'int8',
  u1: 'uint8',
  i2: 'int16',
  u2: 'uint16',
  i4: 'int32',
  u4: 'uint32',
  u8: 'uint64',
  i8: 'int64',
  b1: 'bool',
};

const fail = (what: string) => new ParamError(`readNpy: ${what}`);

/** Bytes that hold the whole header of any .npy file that is accepted, or the whole file. */
export const NPY_HEAD_BYTES = 12 + MAX_HEADER;

/** What a .npy file says of its values, and where they begin. */
export interface NpyHeader {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly bigEndian: boolean;
  /** Column-major. */
  readonly fortran: boolean;
  /** Bytes before the values. */
  readonly start: number;
  /** Bytes of the values. */
  readonly byteLength: number;
}

/**
 * Reads the header of a .npy file from its first bytes; {@link NPY_HEAD_BYTES} are enough.
 *
 * @throws ParamError when the bytes do not begin such a file, or it holds an element type that Halftone does not have.
 */
export function readNpyHeader(bytes: Uint8Array): NpyHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = Buffer.from(bytes.subarray(0, 6)).toString('latin1');
  if (magic !== MAGIC || bytes.length < 10)
    throw fail('not a .npy file: it does not start with \\x93NUMPY');
  const version = bytes[6] as number;
  if (version < 1 || version > 3) throw fail(`version must be 1, 2 or 3, got ${version}`);
  const first = version === 1 ? 10 : 12;
  if (bytes.length < first)
    throw fail(`the file ends inside its header, after ${bytes.length} bytes`);
  const headerBytes = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (headerBytes > MAX_HEADER)
    throw fail(`header must have at most ${MAX_HEADER} bytes, got ${headerBytes}`);
  const start = first + headerBytes;
  if (bytes.length < start)
    throw fail(`the file ends inside its header, after ${bytes.length} bytes`);
  const text = Buffer.from(bytes.subarray(first, start)).toString(
    version === 3 ? 'utf8' : 'latin1',
  );
  const header = parseHeader(text);
  const byteLength = header.shape.reduce((n, d) => n * d, DTYPES[header.dtype].size);
  return { ...header, start, byteLength };
}

/**
 * Reads the bytes of a .npy file. Fortran (column-major) arrays come back row-major, big-endian ones in the host's order.
 *
 * @throws ParamError when the bytes are not such a file, hold an element type that Halftone does not have, or are shorter
 *   or longer than the shape says.
 * @example
 * const { data, shape } = readNpy(writeNpy({ dtype: 'int8', shape: [2], data: Int8Array.of(1, 2) }));
 */
export function readNpy(bytes: Uint8Array): HostArray {
  const { dtype, bigEndian, fortran, shape, start, byteLength } = readNpyHeader(bytes);
  if (!Number.isSafeInteger(byteLength) || bytes.length - start !== byteLength) {
    throw fail(
      `${dtype} of shape [${shape.join(', ')}] needs ${byteLength} bytes, the file has ${bytes.length - start}`,
    );
  }
  const raw = new Uint8Array(bytes.subarray(start));
  if (bigEndian) swapBytes(raw, DTYPES[dtype].size);
  const data = new ARRAY_TYPES[dtype](raw.buffer, 0, byteLength / DTYPES[dtype].size);
  return { dtype, shape, data: fortran ? transpose(data, dtype, shape) : data };
}

function parseHeader(text: string): Omit<NpyHeader, 'start' | 'byteLength'> {
  const field = (name: string, value: string) =>
    new RegExp(`['"]${name}['"]\\s*:\\s*${value}`).exec(text)?.[1];
  const descr = field('descr', `['"]([^'"]*)['"]`);
  const order = field('fortran_order', '(True|False)');
  const sizes = field('shape', '\\(([0-9,\\sL]*)\\)');
  if (descr === undefined || order === undefined || sizes === undefined) {
    throw fail(
      `header must hold descr (of a plain type), fortran_order and shape, got ${text.trim().slice(0, 120)}`,
    );
  }
  const [byteOrder = '', code = ''] = [descr.slice(0, 1), descr.slice(1)];
  const dtype = Object.hasOwn(DTYPE_BY_CODE, code) ? DTYPE_BY_CODE[code] : undefined;
  if (!dtype || !'<>|='.includes(byteOrder)) {
    throw fail(`descr must be one of ${Object.keys(DTYPE_BY_CODE).join(', ')}, got '${descr}'`);
  }
  const shape = sizes
    .split(',')
    .map((size) => size.replace('L', '').trim())
    .filter((size) => size !== '')
    .map(Number);
  if (!shape.every(Number.isSafeInteger))
    throw fail(`shape must hold whole numbers below 2^53, got (${sizes})`);
  return { dtype, bigEndian: byteOrder === '>', fortran: order === 'True', shape };
}

function swapBytes(bytes: Uint8Array, size: number): void {
  const buffer = Buffer.from(bytes.buffer);
  if (size === 2) buffer.swap16();
  if (size === 4) buffer.swap32();
  if (size === 8) buffer.swap64();
}

/** Column-major to row-major. */
function transpose(from: TypedArrayOf, dtype: DType, shape: readonly number[]): TypedArrayOf {
  const to = new ARRAY_TYPES[dtype](from.length);
  const index = shape.map(() => 0);
  const strides = shape.map((_, axis) => shape.slice(0, axis).reduce((n, d) => n * d, 1));
  let at = 0;
  for (let i = 0; i < from.length; i++) {
    to[i] = from[at] as never;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at += strides[axis] as number;
      index[axis] = (index[axis] as number) + 1;
      if ((index[axis] as number) < (shape[axis] as number)) break;
      at -= (strides[axis] as number) * (shape[axis] as number);
      index[axis] = 0;
    }
  }
  return to;
}

/**
 * Everything before the values in a .npy file (version 1) of row-major, little-endian values.
 *
 * @throws ParamError for bfloat16, which NumPy cannot say.
 */
export function npyHead(dtype: DType, shape: readonly number[]): Uint8Array {
  const code = Object.entries(DTYPE_BY_CODE).find(([, name]) => name === dtype)?.[0];
  if (code === undefined) throw new ParamError(`npyHead: a .npy file cannot hold ${dtype}`);
  const order = DTYPES[dtype].size === 1 ? '|' : '<';
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const text = `{'descr': '${order}${code}', 'fortran_order': False, 'shape': (${sizes}), }`;
  // Magic, version, length and header together fill a multiple of 64 bytes; the header ends with a newline.
  const headerBytes = Math.ceil((10 + text.length + 1) / 64) * 64 - 10;
  const head = Buffer.alloc(10, MAGIC, 'latin1');
  head.writeUInt16LE(1, 6);
  head.writeUInt16LE(headerBytes, 8);
  return Buffer.concat([head, Buffer.from(`${text.padEnd(headerBytes - 1)}\n`, 'latin1')]);
}

/**
 * The bytes of a .npy file (version 1) that holds `array`. bfloat16, which NumPy cannot say, is widened to float32.
 */
export function writeNpy(array: HostArray): Uint8Array {
  const { dtype, shape } = array;
  if (dtype === 'bfloat16') {
    const data = Float32Array.from(array.data as Uint16Array, bfloat16BitsToFloat);
    return writeNpy({ dtype: 'float32', shape, data });
  }
  const { buffer, byteOffset, byteLength } = array.data;
  const bytes = Buffer.concat([npyHead(dtype, shape), Buffer.from(buffer, byteOffset, byteLength)]);
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
