import { open } from 'node:fs/promises';
import { ModelError } from '../errors';

const CHUNK = 1 << 24;

export interface ReadBytesOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** Protocol buffers can be no larger. Without a limit a sparse file takes all memory. */
const MAX_BYTES = 2 ** 31;

/**
 * The bytes of a model's file, read in pieces between which `signal` is looked at.
 *
 * @throws ModelError when it is a directory or larger than any model; the error of the file system when it cannot be read.
 */
export async function readBytes(
  file: string | URL,
  { signal, onProgress }: ReadBytesOptions = {},
): Promise<Uint8Array> {
  signal?.throwIfAborted();
  const handle = await open(file);
  try {
    const stat = await handle.stat();
    const { size } = stat;
    if (stat.isDirectory()) throw new ModelError(`${file} is a directory, not a model`);
    if (!stat.isFile()) throw new ModelError(`${file} is a pipe or a device, not a file`);
    if (size > MAX_BYTES) {
      throw new ModelError(`${file} has ${size} bytes; a model has at most ${MAX_BYTES}`);
    }
    const bytes = new Uint8Array(size);
    let done = 0;
    while (done < size) {
      signal?.throwIfAborted();
      const { bytesRead } = await handle.read(bytes, done, Math.min(CHUNK, size - done), done);
      if (bytesRead === 0) break;
      done += bytesRead;
      onProgress?.(done, size);
    }
    return done === size ? bytes : bytes.subarray(0, done);
  } finally {
    await handle.close();
  }
}
