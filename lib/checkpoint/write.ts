/** Writing whole pieces of a file. */

import type { FileHandle } from 'node:fs/promises';

/** Bytes per call. */
const CHUNK = 1 << 23;

/** Appends all of `bytes`; one call of the system may write less than it was given. */
export async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    const { bytesWritten } = await handle.write(bytes, done, Math.min(CHUNK, bytes.length - done));
    done += bytesWritten;
  }
}
