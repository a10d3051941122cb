/** .npz files: zip archives of .npy files, as numpy.savez and numpy.savez_compressed write them. */

import type { FileHandle } from 'node:fs/promises';
import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import * as yauzl from 'yauzl';
import * as yazl from 'yazl';
import { DTYPES } from '../dtype';
import { HalftoneError, ParamError } from '../errors';
import { NPY_HEAD_BYTES, type NpyHeader, npyHead, readNpy, readNpyHeader } from '../io/npy';
import type { OutputTensor, Source, StoredTensor } from './types';
import { writeAll } from './write';

/** More entries are refused before they are read one by one. */
const MAX_ENTRIES = 1_000_000;

const PIECE = 1 << 20;

interface Member extends StoredTensor {
  readonly entry: yauzl.Entry;
  readonly header: NpyHeader;
}

/** The first `limit` bytes of an entry, or all of it with its checksum compared. */
async function readEntry(
  zip: yauzl.ZipFile,
  entry: yauzl.Entry,
  limit: number,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  signal?.throwIfAborted();
  const all = limit >= entry.uncompressedSize;
  const bytes = new Uint8Array(Math.min(limit, entry.uncompressedSize));
  const stream = await zip.openReadStreamPromise(entry);
  let done = 0;
  let sum = 0;
  try {
    for await (const piece of stream as AsyncIterable<Buffer>) {
      signal?.throwIfAborted();
      const used = piece.subarray(0, bytes.length - done);
      bytes.set(used, done);
      done += used.length;
      if (all) sum = crc32(used, sum);
      else if (done === bytes.length) break;
    }
  } finally {
    stream.destroy();
  }
  if (done !== bytes.length) throw new ParamError(`ends after ${done} of ${bytes.length} bytes`);
  if (all && sum !== entry.crc32) throw new ParamError('its checksum does not fit: it is damaged');
  return bytes;
}

/** Names, sizes and headers of all entries. */
async function readMembers(
  zip: yauzl.ZipFile,
  size: number,
  maxTensorBytes: number,
): Promise<Member[]> {
  if (zip.entryCount > MAX_ENTRIES) throw new ParamError(`${zip.entryCount} entries are too many`);
  const entries: yauzl.Entry[] = [];
  let packed = 0;
  for await (const entry of zip.eachEntry()) {
    const { fileName } = entry;
    if (!fileName.endsWith('.npy')) {
      throw new ParamError(`entry ${JSON.stringify(fileName)} is no .npy file`);
    }
    packed += entry.compressedSize;
    // Entries that share bytes are how small archives unfold to any size.
    if (packed > size) {
      throw new ParamError(`entries overlap: they have ${packed} bytes, the file ${size}`);
    }
    entries.push(entry);
  }
  const members: Member[] = [];
  const names = new Set<string>();
  for (const entry of entries) {
    const name = entry.fileName.slice(0, -'.npy'.length);
    const wrong = (what: string) => new ParamError(`tensor ${JSON.stringify(name)}: ${what}`);
    if (names.has(name)) throw wrong('is there twice');
    names.add(name);
    if (entry.uncompressedSize > maxTensorBytes + NPY_HEAD_BYTES) {
      throw wrong(
        `unfolds to ${entry.uncompressedSize} bytes, maxTensorBytes allows ${maxTensorBytes}`,
      );
    }
    try {
      const header = readNpyHeader(await readEntry(zip, entry, NPY_HEAD_BYTES));
      const { dtype, shape, start, byteLength } = header;
      const stored = entry.uncompressedSize - start;
      if (stored !== byteLength) {
        const needs = `${dtype} of shape [${shape.join(', ')}] needs ${byteLength}`;
        throw new ParamError(`stored as ${dtype}, ${stored} bytes; ${needs}`);
      }
      const type = { name: dtype, size: DTYPES[dtype].size, dtype };
      members.push({ name, type, shape, byteLength, entry, header });
    } catch (error) {
      throw wrong((error as Error).message);
    }
  }
  return members;
}

/**
 * Opens a .npz file and reads the headers of its arrays. `who` begins the messages.
 *
 * @throws ParamError naming the file when it is damaged.
 */
export async function openNpz(
  file: string,
  maxTensorBytes: number,
  who = 'convertCheckpoint',
): Promise<Source> {
  /** What yauzl and zlib say is about the file; what the file system or an abort says stays as it is. */
  const explain = (error: unknown, signal?: AbortSignal): unknown => {
    if (signal?.aborted || !(error instanceof Error)) return error;
    if ('syscall' in error) return error;
    const what = error instanceof HalftoneError ? error.message : `damaged: ${error.message}`;
    return new ParamError(`${who}: ${file}: ${what}`, { cause: error });
  };
  const { size } = await stat(file);
  let zip: yauzl.ZipFile | undefined;
  try {
    zip = await yauzl.openPromise(file, { lazyEntries: true, autoClose: false });
    const opened = zip;
    const members = await readMembers(opened, size, maxTensorBytes);
    const readRaw = async (index: number, signal?: AbortSignal): Promise<Uint8Array> => {
      const { name, entry } = members[index] as Member;
      try {
        return await readEntry(opened, entry, Number.POSITIVE_INFINITY, signal);
      } catch (error) {
        if (error instanceof HalftoneError) {
          throw explain(new ParamError(`tensor ${JSON.stringify(name)}: ${error.message}`));
        }
        throw explain(error, signal);
      }
    };
    return {
      tensors: members,
      metadata: {},
      readRaw,
      async read(index, signal) {
        const { data } = readNpy(await readRaw(index, signal));
        return new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
      },
      close: async () => opened.close(),
    };
  } catch (error) {
    zip?.close();
    throw explain(error);
  }
}

/** Pieces whose checksum takes about a millisecond, so that other work gets its turn. */
function* pieces(chunks: readonly Uint8Array[]): Generator<Buffer> {
  for (const { buffer, byteOffset, length } of chunks) {
    for (let at = 0; at < length; at += PIECE) {
      yield Buffer.from(buffer, byteOffset + at, Math.min(PIECE, length - at));
    }
  }
}

/** Writes a .npz file, not compressed, as numpy.savez does: values of weights hardly shrink. */
export async function writeNpz(
  handle: FileHandle,
  tensors: readonly OutputTensor[],
): Promise<void> {
  const zip = new yazl.ZipFile();
  const bytes = zip.outputStream as Readable;
  const fail = (error: Error) => bytes.destroy(error);
  zip.on('error', fail);
  // The same bytes for the same tensors at any time: the date of all entries is the first that zip can say.
  const options = { compress: false, mtime: new Date(1980, 0, 1), forceDosTimestamp: true };
  for (const { name, type, shape, values } of tensors) {
    zip.addReadStreamLazy(`${name}.npy`, options, (done) => {
      values().then(({ chunks, raw }) => {
        const head = raw || !type.dtype ? [] : [npyHead(type.dtype, shape)];
        done(null, Readable.from(pieces([...head, ...chunks])));
      }, fail);
    });
  }
  zip.end();
  for await (const piece of bytes) await writeAll(handle, piece as Buffer);
}
