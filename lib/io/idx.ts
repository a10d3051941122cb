/**
 * The idx files of the MNIST data sets: 0, 0, an element type, a rank, that many big-endian sizes, then the values.
 * Often gzipped. Format: yann.lecun.com/exdb/mnist.
 */
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { ARRAY_TYPES, DTYPES, type DType } from '../dtype';
import { ParamError } from '../errors';
import type { HostArray } from './array';

const DTYPE_BY_CODE: Readonly<Record<number, DType>> = {
  8: 'uint8',
  9: 'int8',
  11: 'int16',
  12: 'int32',
  13: 'float32',
  14: 'float64',
};

const fail = (what: string) => new ParamError(`readIdx: ${what}`);

/**
 * Reads the bytes of an idx file that is not compressed (see `gunzipIfNeeded`).
 *
 * @throws ParamError when the bytes are not such a file, or are shorter or longer than the shape says.
 */
export function readIdx(bytes: Uint8Array): HostArray {
  const dtype = bytes[0] === 0 && bytes[1] === 0 ? DTYPE_BY_CODE[bytes[2] ?? 0] : undefined;
  if (!dtype) throw fail('not an idx file: it does not start with 0, 0 and an element type');
  const rank = bytes[3] ?? 0;
  const start = 4 + 4 * rank;
  if (rank < 1 || rank > 8) throw fail(`rank must be 1 to 8, got ${rank}`);
  if (bytes.length < start)
    throw fail(`the file ends inside its header, after ${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  const elements = shape.reduce((n, d) => n * d, 1);
  const { size } = DTYPES[dtype];
  if (bytes.length - start !== elements * size) {
    throw fail(
      `${dtype} of shape [${shape.join(', ')}] needs ${elements * size} bytes, the file has ${bytes.length - start}`,
    );
  }
  const raw = Buffer.from(bytes.subarray(start));
  if (size === 2) raw.swap16();
  if (size === 4) raw.swap32();
  if (size === 8) raw.swap64();
  return { dtype, shape, data: new ARRAY_TYPES[dtype](new Uint8Array(raw).buffer, 0, elements) };
}

const gunzipAsync = promisify(gunzip);

/** What a gzipped file may unfold to at most, unless the caller says more: 1 GiB. */
const MAX_UNZIPPED = 2 ** 30;

/**
 * `bytes`, decompressed when they are gzip. Works on a thread of Node's pool.
 *
 * @throws ParamError when the data are damaged or unfold to more than `maxBytes`.
 */
export async function gunzipIfNeeded(
  bytes: Uint8Array,
  maxBytes = MAX_UNZIPPED,
): Promise<Uint8Array> {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    return await gunzipAsync(bytes, { maxOutputLength: maxBytes });
  } catch (cause) {
    const tooLarge = (cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
    const why = tooLarge ? `it unfolds to more than ${maxBytes} bytes` : (cause as Error).message;
    throw new ParamError(`gunzip: ${why}`, { cause });
  }
}
