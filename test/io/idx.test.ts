import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { ParamError } from '../../lib/errors';
import { gunzipIfNeeded, readIdx } from '../../lib/io/idx';
import { writeNpy } from '../../lib/io/npy';
import { readArray } from '../../lib/io/read';

const images = Uint8Array.of(0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 1, 2, 3, 4, 5, 255);

describe('readIdx', () => {
  test('reads images and labels', () => {
    expect(readIdx(images)).toEqual({
      dtype: 'uint8',
      shape: [2, 1, 3],
      data: Uint8Array.of(1, 2, 3, 4, 5, 255),
    });
    expect(readIdx(Uint8Array.of(0, 0, 9, 1, 0, 0, 0, 1, 255)).data).toEqual(Int8Array.of(-1));
  });

  test('reads wider types, which are big-endian', () => {
    expect(readIdx(Uint8Array.of(0, 0, 11, 1, 0, 0, 0, 1, 1, 2)).data).toEqual(Int16Array.of(258));
    expect(readIdx(Uint8Array.of(0, 0, 12, 1, 0, 0, 0, 1, 0, 0, 1, 2)).data).toEqual(
      Int32Array.of(258),
    );
    expect(readIdx(Uint8Array.of(0, 0, 13, 1, 0, 0, 0, 1, 0x3f, 0xc0, 0, 0)).data).toEqual(
      Float32Array.of(1.5),
    );
    const double = [0x3f, 0xf8, 0, 0, 0, 0, 0, 0];
    expect(readIdx(Uint8Array.of(0, 0, 14, 1, 0, 0, 0, 1, ...double)).data).toEqual(
      Float64Array.of(1.5),
    );
  });

  const BAD: readonly [string, readonly number[], RegExp][] = [
    ['an empty file', [], /not an idx file/],
    ['another format', [0x50, 0x4b, 3, 4], /not an idx file/],
    ['an unknown element type', [0, 0, 10, 1, 0, 0, 0, 0], /not an idx file/],
    ['rank 0', [0, 0, 8, 0], /rank must be 1 to 8, got 0/],
    ['rank 200', [0, 0, 8, 200], /rank must be 1 to 8, got 200/],
    ['an end inside the header', [0, 0, 8, 2, 0, 0, 0, 1], /ends inside its header, after 8 bytes/],
    ['too few values', [0, 0, 8, 1, 0, 0, 0, 2, 7], /needs 2 bytes, the file has 1/],
    ['too many values', [0, 0, 8, 1, 0, 0, 0, 0, 7], /needs 0 bytes, the file has 1/],
    [
      'sizes that claim 2^64 bytes',
      [0, 0, 8, 2, 255, 255, 255, 255, 255, 255, 255, 255],
      /\[4294967295, 4294967295\] needs \d+ bytes, the file has 0/,
    ],
  ];

  test.each(BAD)('refuses %s', (_name, bytes, message) => {
    expect(() => readIdx(Uint8Array.from(bytes))).toThrow(message);
    expect(() => readIdx(Uint8Array.from(bytes))).toThrow(ParamError);
  });
});

describe('gunzipIfNeeded', () => {
  test('unpacks gzip and leaves the rest alone', async () => {
    expect(await gunzipIfNeeded(images)).toBe(images);
    expect(new Uint8Array(await gunzipIfNeeded(gzipSync(images)))).toEqual(images);
  });

  test('stops at the limit: a megabyte of zeros fits into a kilobyte', async () => {
    const bomb = gzipSync(new Uint8Array(1 << 20));
    expect(bomb.length).toBeLessThan(2000);
    await expect(gunzipIfNeeded(bomb, 1 << 16)).rejects.toThrow(
      'gunzip: it unfolds to more than 65536 bytes',
    );
  });

  test('refuses damaged data', async () => {
    const packed = gzipSync(images);
    await expect(gunzipIfNeeded(packed.subarray(0, -9))).rejects.toThrow(ParamError);
    const flipped = Uint8Array.from(packed, (byte, i) =>
      i === packed.length - 5 ? byte ^ 1 : byte,
    );
    await expect(gunzipIfNeeded(flipped)).rejects.toThrow(/gunzip: incorrect data/);
  });
});

describe('readArray', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'halftone-'));
  });
  afterAll(() => rm(folder, { recursive: true }));
  const file = async (name: string, bytes: Uint8Array) => {
    const full = path.join(folder, name);
    await writeFile(full, bytes);
    return full;
  };

  test('goes by the contents, not the name', async () => {
    const expected = readIdx(images);
    expect(await readArray(await file('a.npy', writeNpy(expected)))).toEqual(expected);
    expect(await readArray(await file('b.npy', images))).toEqual(expected);
    expect(await readArray(await file('c.npy.gz', gzipSync(writeNpy(expected))))).toEqual(expected);
    expect(await readArray(await file('d', gzipSync(images)))).toEqual(expected);
  });

  test('names the file in errors', async () => {
    const text = await file('text.txt', Buffer.from('hello'));
    await expect(readArray(text)).rejects.toThrow(/text\.txt: readArray: neither/);
    const short = await file('short.idx', images.subarray(0, 10));
    await expect(readArray(short)).rejects.toThrow(/short\.idx: readIdx: the file ends/);
    await expect(readArray(path.join(folder, 'none'))).rejects.toThrow(/ENOENT/);
    await expect(readArray(folder)).rejects.toThrow(`${folder}: is a directory`);
  });

  test('can be given up', async () => {
    const name = await file('e', images);
    await expect(readArray(name, { signal: AbortSignal.abort() })).rejects.toThrow(/abort/i);
  });
});
