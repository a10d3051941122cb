import { open } from 'node:fs/promises';

const CHUNK = 1 << 24;

export interface ReadBytesOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** A file's bytes, read in pieces between which `signal` is looked at. */
export async function readBytes(
  file: string | URL,
  { signal, onProgress }: ReadBytesOptions = {},
): Promise<Uint8Array> {
  signal?.throwIfAborted();
  const handle = await open(file);
  try {
    const { size } = await handle.stat();
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
