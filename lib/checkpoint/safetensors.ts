/**
 * .safetensors files: the length of a header as u64, the header as JSON, the values.
 * Format: https://huggingface.co/docs/safetensors, "Format".
 */

import { type FileHandle, open } from 'node:fs/promises';
import { ParamError } from '../errors';
import {
  byteLengthOf,
  type OutputTensor,
  type Source,
  type StoredTensor,
  type StoredType,
} from './types';
import { writeAll } from './write';

/** Longer headers are refused, as by the reference implementation. */
const MAX_HEADER = 100_000_000;

/** Bytes per read, between which the signal is looked at. */
const CHUNK = 1 << 23;

/** All element types that fill whole bytes. */
const TYPES: Readonly<Record<string, StoredType>> = {
  BOOL: { name: 'bool', size: 1, dtype: 'bool' },
  U8: { name: 'uint8', size: 1, dtype: 'uint8' },
  I8: { name: 'int8', size: 1, dtype: 'int8' },
  F8_E5M2: { name: 'float8_e5m2', size: 1 },
  F8_E4M3: { name: 'float8_e4m3', size: 1 },
  F8_E8M0: { name: 'float8_e8m0', size: 1 },
  I16: { name: 'int16', size: 2, dtype: 'int16' },
  U16: { name: 'uint16', size: 2, dtype: 'uint16' },
  F16: { name: 'float16', size: 2, dtype: 'float16' },
  BF16: { name: 'bfloat16', size: 2, dtype: 'bfloat16' },
  I32: { name: 'int32', size: 4, dtype: 'int32' },
  U32: { name: 'uint32', size: 4, dtype: 'uint32' },
  F32: { name: 'float32', size: 4, dtype: 'float32' },
  F64: { name: 'float64', size: 8, dtype: 'float64' },
  I64: { name: 'int64', size: 8, dtype: 'int64' },
  U64: { name: 'uint64', size: 8, dtype: 'uint64' },
  C64: { name: 'complex64', size: 8 },
};

const CODES = new Map(Object.entries(TYPES).map(([code, { name }]) => [name, code]));

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isSize = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;

const show = (value: unknown): string => (JSON.stringify(value) ?? 'nothing').slice(0, 80);

interface Placed extends StoredTensor {
  /** Offset of its first byte among the values. */
  readonly begin: number;
  readonly end: number;
}

function parseTensor(name: string, entry: unknown, fail: (what: string) => ParamError): Placed {
  const wrong = (what: string) => fail(`tensor ${JSON.stringify(name)}: ${what}`);
  if (!isObject(entry)) throw wrong(`must be an object, got ${show(entry)}`);
  const { dtype, shape, data_offsets: offsets } = entry;
  const type = typeof dtype === 'string' && Object.hasOwn(TYPES, dtype) ? TYPES[dtype] : undefined;
  if (!type)
    throw wrong(`dtype must be one of ${Object.keys(TYPES).join(', ')}, got ${show(dtype)}`);
  if (!Array.isArray(shape) || !shape.every(isSize)) {
    throw wrong(`shape must be an array of whole numbers, got ${show(shape)}`);
  }
  const [begin, end] = Array.isArray(offsets) && offsets.length === 2 ? offsets : [];
  if (!isSize(begin) || !isSize(end) || begin > end) {
    throw wrong(`data_offsets must be two whole numbers in order, got ${show(offsets)}`);
  }
  const needed = byteLengthOf(type, shape);
  if (needed !== end - begin) {
    throw wrong(
      `stored as ${type.name}, ${end - begin} bytes; ${type.name} of shape [${shape.join(', ')}] needs ${needed}`,
    );
  }
  return { name, type, shape, byteLength: needed, begin, end };
}

/** The values of all tensors follow each other without gaps and fill the file. */
function checkPlaces(
  placed: readonly Placed[],
  available: number,
  fail: (what: string) => ParamError,
): void {
  let at = 0;
  let before = '';
  for (const { name, begin, end } of placed) {
    const quoted = JSON.stringify(name);
    if (end > available) {
      throw fail(
        `tensor ${quoted}: its values end at byte ${end}, the file has ${available} bytes of values`,
      );
    }
    if (begin < at) throw fail(`tensors ${before} and ${quoted} overlap at byte ${begin}`);
    if (begin > at)
      throw fail(`bytes ${at} to ${begin} before tensor ${quoted} belong to no tensor`);
    at = end;
    before = quoted;
  }
  if (at !== available) throw fail(`bytes ${at} to ${available} belong to no tensor`);
}

function parseHeader(bytes: Uint8Array, available: number, fail: (what: string) => ParamError) {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw fail(`the header is no JSON: ${(cause as Error).message}`);
  }
  if (!isObject(header)) throw fail(`the header must be an object, got ${show(header)}`);
  const metadata: [string, string][] = [];
  const tensors: Placed[] = [];
  for (const [name, entry] of Object.entries(header)) {
    if (name !== '__metadata__') {
      tensors.push(parseTensor(name, entry, fail));
      continue;
    }
    if (!isObject(entry)) throw fail(`__metadata__ must be an object, got ${show(entry)}`);
    for (const [key, value] of Object.entries(entry)) {
      if (typeof value !== 'string') {
        throw fail(`__metadata__ must hold strings, got ${show(value)} for ${show(key)}`);
      }
      metadata.push([key, value]);
    }
  }
  tensors.sort((a, b) => a.begin - b.begin || a.end - b.end);
  checkPlaces(tensors, available, fail);
  return { tensors, metadata: Object.fromEntries(metadata) };
}

/** Reads exactly `length` bytes. */
async function readAt(
  handle: FileHandle,
  position: number,
  length: number,
  fail: (what: string) => ParamError,
  signal?: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    signal?.throwIfAborted();
    const piece = Math.min(CHUNK, length - done);
    const { bytesRead } = await handle.read(bytes, done, piece, position + done);
    if (bytesRead === 0) throw fail(`the file ends at byte ${position + done}`);
    done += bytesRead;
  }
  return bytes;
}

/** Opens a .safetensors file and checks its header. @throws ParamError naming the file when it is damaged. */
export async function openSafetensors(file: string): Promise<Source> {
  const fail = (what: string) => new ParamError(`convertCheckpoint: ${file}: ${what}`);
  const handle = await open(file);
  try {
    const { size } = await handle.stat();
    if (size < 8) throw fail(`not a .safetensors file: it has ${size} bytes`);
    const head = await readAt(handle, 0, 8, fail);
    const length = new DataView(head.buffer).getBigUint64(0, true);
    if (length > BigInt(size - 8)) {
      throw fail(`the header has ${length} bytes by its length, the file ${size - 8} after it`);
    }
    if (length > BigInt(MAX_HEADER)) {
      throw fail(`the header must have at most ${MAX_HEADER} bytes, got ${length}`);
    }
    const start = 8 + Number(length);
    const header = await readAt(handle, 8, Number(length), fail);
    const { tensors, metadata } = parseHeader(header, size - start, fail);
    return {
      tensors,
      metadata,
      read(index, signal) {
        const { begin, byteLength } = tensors[index] as Placed;
        return readAt(handle, start + begin, byteLength, fail, signal);
      },
      close: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/**
 * Writes a .safetensors file. Tensors of larger element types come first, so that the values of each are aligned without
 * gaps, which the format does not allow; else their order stays.
 */
export async function writeSafetensors(
  handle: FileHandle,
  tensors: readonly OutputTensor[],
  metadata: Readonly<Record<string, string>>,
): Promise<void> {
  const ordered = [...tensors].sort((a, b) => b.type.size - a.type.size);
  let at = 0;
  const entries = ordered.map(({ name, type, shape, byteLength }) => {
    const entry = { dtype: CODES.get(type.name), shape, data_offsets: [at, at + byteLength] };
    at += byteLength;
    return `${JSON.stringify(name)}:${JSON.stringify(entry)}`;
  });
  if (Object.keys(metadata).length > 0) {
    entries.unshift(`"__metadata__":${JSON.stringify(metadata)}`);
  }
  const text = Buffer.from(`{${entries.join(',')}}`);
  // Blanks fill the header up, so that the values begin at a multiple of 8.
  const header = Buffer.alloc(8 + Math.ceil(text.length / 8) * 8, ' ');
  header.writeBigUInt64LE(BigInt(header.length - 8));
  text.copy(header, 8);
  await writeAll(handle, header);
  for (const tensor of ordered) {
    for (const chunk of (await tensor.values()).chunks) await writeAll(handle, chunk);
  }
}
