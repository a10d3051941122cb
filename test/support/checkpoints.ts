/** Checkpoint files for tests, written and read without the code under test. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { crc32, deflateRawSync } from 'node:zlib';

export interface Entry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data: ArrayBufferView;
}

export const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Buffer =>
  Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);

/** A file with this text as header. */
export function rawSafetensors(header: string | Buffer, data: Uint8Array, length?: bigint): Buffer {
  const text = Buffer.from(header as string);
  const head = Buffer.alloc(8);
  head.writeBigUInt64LE(length ?? BigInt(text.length));
  return Buffer.concat([head, text, data]);
}

export function safetensors(
  entries: Readonly<Record<string, Entry>>,
  metadata?: Readonly<Record<string, string>>,
): Buffer {
  let at = 0;
  const header: Record<string, unknown> = metadata ? { __metadata__: metadata } : {};
  for (const [name, { dtype, shape, data }] of Object.entries(entries)) {
    header[name] = { dtype, shape, data_offsets: [at, at + data.byteLength] };
    at += data.byteLength;
  }
  const data = Object.values(entries).map((entry) => bytesOf(entry.data));
  return rawSafetensors(JSON.stringify(header), Buffer.concat(data));
}

/** Header and values by name; values start at an aligned place of their own. */
export function parseSafetensors(file: string) {
  const bytes = readFileSync(file);
  const length = Number(bytes.readBigUInt64LE(0));
  const { __metadata__: metadata, ...header } = JSON.parse(bytes.toString('utf8', 8, 8 + length));
  const tensors: Record<string, { dtype: string; shape: number[]; bytes: Buffer; begin: number }> =
    {};
  for (const [name, entry] of Object.entries(header)) {
    const {
      dtype,
      shape,
      data_offsets: offsets,
    } = entry as {
      dtype: string;
      shape: number[];
      data_offsets: [number, number];
    };
    const [begin, end] = offsets;
    const copy = new Uint8Array(bytes.subarray(8 + length + begin, 8 + length + end));
    tensors[name] = { dtype, shape, bytes: Buffer.from(copy.buffer), begin };
  }
  return { metadata, tensors, headerBytes: length };
}

export interface ZipEntry {
  readonly name: string;
  readonly data: Uint8Array;
  readonly compress?: boolean;
  /** What the archive says, when that is not the truth. */
  readonly claimedSize?: number;
  readonly claimedCrc?: number;
}

/** A zip archive, with lies where they are asked for. `repeat`: that many directory entries for each file. */
export function zip(entries: readonly ZipEntry[], repeat = 1): Buffer {
  const files: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const { name, data, compress = false, claimedSize, claimedCrc } of entries) {
    const packed = compress ? deflateRawSync(data) : Buffer.from(data);
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt16LE(compress ? 8 : 0, 4);
    fields.writeUInt16LE(0x21, 8);
    fields.writeUInt32LE(claimedCrc ?? crc32(data), 10);
    fields.writeUInt32LE(packed.length, 14);
    fields.writeUInt32LE(claimedSize ?? data.length, 18);
    fields.writeUInt16LE(Buffer.byteLength(name), 22);
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), fields, Buffer.from(name), packed]);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(at, 10);
    for (let i = 0; i < repeat; i++) {
      const own = repeat === 1 ? name : `${i}${name.slice(String(i).length)}`;
      directory.push(
        Buffer.concat([Buffer.from('PK\x01\x02\x14\0'), fields, rest, Buffer.from(own)]),
      );
    }
    files.push(local);
    at += local.length;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(directory.length, 8);
  end.writeUInt16LE(directory.length, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...files, central, end]);
}

/** A folder that is gone after `remove()`. */
export function temporaryFolder() {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'halftone-'));
  const at = (name: string) => path.join(folder, name);
  return {
    folder,
    at,
    put(name: string, data: Uint8Array): string {
      writeFileSync(at(name), data);
      return at(name);
    },
    remove: () => rmSync(folder, { recursive: true }),
  };
}
