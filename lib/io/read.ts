import { readFile } from 'node:fs/promises';
import { ParamError } from '../errors';
import type { HostArray } from './array';
import { gunzipIfNeeded, readIdx } from './idx';
import { readNpy } from './npy';

export interface ReadOptions {
  readonly signal?: AbortSignal | undefined;
  /** What a gzipped file may unfold to at most; 1 GiB. */
  readonly maxBytes?: number | undefined;
}

/**
 * Reads an array from a .npy or idx file, gzipped or not. The contents decide, not the name.
 *
 * @throws ParamError naming the file when it is neither, or damaged.
 */
export async function readArray(file: string, options: ReadOptions = {}): Promise<HostArray> {
  const { signal, maxBytes } = options;
  const packed = await readFile(file, { signal }).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'EISDIR') throw cause; // the others name the file
    throw new ParamError(`${file}: is a directory`, { cause });
  });
  try {
    const bytes = await gunzipIfNeeded(packed, maxBytes);
    if (bytes[0] === 0x93) return readNpy(bytes);
    if (bytes[0] === 0) return readIdx(bytes);
    throw new ParamError('readArray: neither a .npy nor an idx file');
  } catch (cause) {
    if (cause instanceof ParamError) throw new ParamError(`${file}: ${cause.message}`, { cause });
    throw cause;
  }
}
