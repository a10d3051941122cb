import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { type FileHandle, open, realpath, rename, rm, stat } from 'node:fs/promises';

/** What the codes of the file system say about a file that is to be made. */
const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such folder',
  ENOTDIR: 'a part of its path is no folder',
  EACCES: 'it is not allowed',
  EPERM: 'it is not allowed',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota is used up',
  EISDIR: 'it is a folder',
  ENAMETOOLONG: 'its name is too long',
};

function failure(file: string, code: string, why: string, cause?: unknown): Error {
  const error = new Error(`${file} cannot be written: ${why}`, { cause });
  return Object.assign(error, { code, path: file });
}

/** An error of the file system in terms of the name that was given, not of the temporary one; others as they are. */
function explain(file: string, cause: unknown): unknown {
  const { code, syscall, message } = cause as NodeJS.ErrnoException;
  // What is read meanwhile is another file.
  if (code === undefined || syscall === undefined || syscall === 'read') return cause;
  return failure(file, code, REASONS[code] ?? message, cause);
}

/**
 * Writes `file` under another name beside it and gives it its name when it is complete; else nothing is left, and a file that was
 * there before stays whole. A link stays one: what it leads to is replaced. Pipes, terminals and devices, such as
 * /dev/stdout, cannot be replaced and are written to.
 *
 * @throws the error of the file system with its `code`, in terms of `file`; what `write` throws; the reason of `signal`.
 */
export async function writeWhole(
  file: string,
  signal: AbortSignal | undefined,
  write: (handle: FileHandle) => Promise<unknown>,
): Promise<void> {
  const before = await stat(file).catch(() => undefined);
  if (before?.isDirectory()) throw failure(file, 'EISDIR', REASONS['EISDIR'] as string);
  try {
    if (before && !before.isFile()) await writeTo(file, 'w', write);
    else await replace(before ? await realpath(file) : file, before?.mode, signal, write);
  } catch (cause) {
    throw explain(file, cause);
  }
}

async function writeTo(
  file: string,
  flags: 'w' | 'wx',
  write: (handle: FileHandle) => Promise<unknown>,
): Promise<void> {
  const handle = await open(file, flags);
  try {
    await write(handle);
  } finally {
    await handle.close();
  }
}

/** Files that are being written here: process.exit() removes them. */
const unfinished = new Set<string>();

function removeUnfinished(): void {
  for (const file of unfinished) rmSync(file, { force: true });
}

/** `mode`: that of the file to be replaced. */
async function replace(
  file: string,
  mode: number | undefined,
  signal: AbortSignal | undefined,
  write: (handle: FileHandle) => Promise<unknown>,
): Promise<void> {
  const temporary = `${file}.${randomBytes(6).toString('hex')}.tmp`;
  if (unfinished.size === 0) process.on('exit', removeUnfinished);
  unfinished.add(temporary);
  try {
    await writeTo(temporary, 'wx', async (handle) => {
      if (mode !== undefined) await handle.chmod(mode & 0o777);
      await write(handle);
      await handle.sync();
    });
    signal?.throwIfAborted();
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {}); // the first error counts
    throw error;
  } finally {
    unfinished.delete(temporary);
    if (unfinished.size === 0) process.off('exit', removeUnfinished);
  }
}
