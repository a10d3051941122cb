/** Files that are damaged or lie: each gives a ParamError that names the file, and no output. */

import { existsSync, readdirSync } from 'node:fs';
import { convertCheckpoint, ParamError } from '../../lib/index';
import { writeNpy } from '../../lib/io/npy';
import { rawSafetensors, safetensors, temporaryFolder, zip } from '../support/checkpoints';

const temp = temporaryFolder();
afterAll(() => temp.remove());

async function refuses(name: string, bytes: Uint8Array, message: string, maxTensorBytes?: number) {
  const input = temp.put(name, bytes);
  const output = temp.at('out.safetensors');
  const failed = convertCheckpoint(input, output, { dtype: 'float16', maxTensorBytes });
  await expect(failed).rejects.toThrow(ParamError);
  await expect(failed).rejects.toThrow(input);
  await expect(failed).rejects.toThrow(message);
  expect(existsSync(output)).toBe(false);
  expect(readdirSync(temp.folder).filter((file) => file.endsWith('.tmp'))).toEqual([]);
}

const data = (bytes: number) => new Uint8Array(bytes);
const tensor = (dtype: unknown, shape: unknown, offsets: unknown) => ({
  dtype,
  shape,
  data_offsets: offsets,
});
const file = (header: object, bytes: number) => rawSafetensors(JSON.stringify(header), data(bytes));

describe('.safetensors', () => {
  test.each<[string, Buffer, string]>([
    ['an empty file', Buffer.alloc(0), 'not a .safetensors file: it has 0 bytes'],
    [
      'a header beyond the file',
      rawSafetensors('{}', data(0), 3n),
      'the header has 3 bytes by its length, the file 2',
    ],
    [
      'a length of 2^64 - 1',
      rawSafetensors('{}', data(0), 2n ** 64n - 1n),
      'the header has 18446744073709551615 bytes',
    ],
    ['no JSON', rawSafetensors('{"w":', data(0)), 'the header is no JSON'],
    ['no UTF-8', rawSafetensors(Buffer.from([0x7b, 0xff, 0x7d]), data(0)), 'the header is no JSON'],
    ['an array', rawSafetensors('[]', data(0)), 'the header must be an object, got []'],
    ['a number for a tensor', file({ w: 1 }, 0), 'tensor "w": must be an object, got 1'],
    [
      'an unknown dtype',
      file({ w: tensor('F12', [1], [0, 4]) }, 4),
      'tensor "w": dtype must be one of BOOL',
    ],
    ['a dtype of Object', file({ w: tensor('constructor', [1], [0, 4]) }, 4), 'got "constructor"'],
    [
      'a negative size',
      file({ w: tensor('F32', [-1], [0, 4]) }, 4),
      'shape must be an array of whole numbers, got [-1]',
    ],
    [
      'no shape',
      file({ w: { dtype: 'F32', data_offsets: [0, 4] } }, 4),
      'shape must be an array of whole numbers, got nothing',
    ],
    [
      'offsets in the wrong order',
      file({ w: tensor('F32', [1], [4, 0]) }, 4),
      'data_offsets must be two whole numbers in order',
    ],
    [
      'offsets that are no numbers',
      file({ w: tensor('F32', [1], ['0', '4']) }, 4),
      'data_offsets must be two whole numbers',
    ],
    [
      'a size that does not fit',
      file({ w: tensor('F32', [384], [0, 768]) }, 768),
      'tensor "w": stored as float32, 768 bytes; float32 of shape [384] needs 1536',
    ],
    [
      'a size beyond 2^53',
      file({ w: tensor('F32', [2 ** 40, 2 ** 40], [0, 4]) }, 4),
      'needs 4.8357',
    ],
    [
      'values beyond the file',
      file({ w: tensor('F32', [2], [0, 8]) }, 7),
      'its values end at byte 8, the file has 7 bytes of values',
    ],
    [
      'an overlap',
      file({ a: tensor('F32', [2], [0, 8]), b: tensor('F32', [1], [4, 8]) }, 8),
      'tensors "a" and "b" overlap at byte 4',
    ],
    [
      'the same place twice',
      file({ a: tensor('F32', [2], [0, 8]), b: tensor('F32', [2], [0, 8]) }, 8),
      'overlap at byte 0',
    ],
    [
      'a gap',
      file({ a: tensor('F32', [1], [0, 4]), b: tensor('F32', [1], [8, 12]) }, 12),
      'bytes 4 to 8 before tensor "b" belong to no tensor',
    ],
    [
      'bytes at the end',
      file({ a: tensor('F32', [1], [0, 4]) }, 5),
      'bytes 4 to 5 belong to no tensor',
    ],
    [
      'metadata that is no object',
      file({ __metadata__: 3 }, 0),
      '__metadata__ must be an object, got 3',
    ],
    [
      'metadata that is no text',
      file({ __metadata__: { a: 1 } }, 0),
      '__metadata__ must hold strings, got 1 for "a"',
    ],
  ])('%s', async (_label, bytes, message) => {
    await refuses('hostile.safetensors', bytes, message);
  });

  test('any cut of a file is refused', async () => {
    const w = { dtype: 'F32', shape: [4], data: Float32Array.of(1, 2, 3, 4) };
    const whole = safetensors({ w });
    for (let length = 0; length < whole.length; length += 7) {
      await refuses('cut.safetensors', whole.subarray(0, length), 'convertCheckpoint: ');
    }
  });

  test('a tensor named __proto__ is one like others', async () => {
    const header = '{"__proto__":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}';
    const input = temp.put('proto.safetensors', rawSafetensors(header, data(4)));
    const report = await convertCheckpoint(input, temp.at('proto.npz'), { dtype: 'float16' });
    expect(report.tensors.map(({ outputName }) => outputName)).toEqual(['__proto__']);
  });
});

describe('.npz', () => {
  const zeros = (n: number) =>
    writeNpy({ dtype: 'float32', shape: [n], data: new Float32Array(n) });
  const w = zeros(100);

  test.each<[string, Buffer, string]>([
    ['no archive', Buffer.from('no archive'), 'damaged: '],
    ['another entry', zip([{ name: 'a.txt', data: w }]), 'entry "a.txt" is no .npy file'],
    ['no array', zip([{ name: 'a.npy', data: data(200) }]), 'tensor "a": readNpy: not a .npy file'],
    [
      'two of one name',
      zip([
        { name: 'a.npy', data: w },
        { name: 'a.npy', data: w },
      ]),
      'tensor "a": is there twice',
    ],
    ['a name that leaves the folder', zip([{ name: '../a.npy', data: w }]), 'damaged: '],
    [
      'a wrong checksum',
      zip([{ name: 'a.npy', data: w, claimedCrc: 1 }]),
      'tensor "a": its checksum does not fit',
    ],
    [
      'fewer bytes than claimed',
      zip([{ name: 'a.npy', data: w, compress: true, claimedSize: 600 }]),
      'tensor "a": ',
    ],
    [
      'more bytes than claimed',
      zip([{ name: 'a.npy', data: w, compress: true, claimedSize: 400 }]),
      'tensor "a": ',
    ],
    [
      'too few values',
      zip([{ name: 'a.npy', data: w.subarray(0, 300) }]),
      'tensor "a": stored as float32, 172 bytes; float32 of shape [100] needs 400',
    ],
  ])('%s', async (_label, bytes, message) => {
    await refuses('hostile.npz', bytes, message);
  });

  test('a size that is far from the truth costs nothing', async () => {
    const bomb = zip([{ name: 'a.npy', data: w, compress: true, claimedSize: 0xf000_0000 }]);
    await refuses('bomb.npz', bomb, 'tensor "a": not enough bytes in the stream');
  });

  test('a small file that unfolds to much is bounded', async () => {
    const bomb = zip([{ name: 'a.npy', data: zeros(1 << 18), compress: true }]);
    expect(bomb.length).toBeLessThan(4096);
    await refuses('bomb.npz', bomb, 'unfolds to 1048704 bytes, maxTensorBytes allows 65536', 65536);
  });

  test('entries that share their bytes are refused', async () => {
    const bomb = zip([{ name: '__.npy', data: zeros(1000) }], 3);
    await refuses('overlap.npz', bomb, 'entries overlap');
  });

  test('damage behind the header is found', async () => {
    const bytes = zip([{ name: 'a.npy', data: zeros(10_000) }]);
    bytes[20_000] = 1;
    await refuses('damaged.npz', bytes, 'tensor "a": its checksum does not fit');
  });

  test('any cut of a file is refused', async () => {
    const whole = zip([{ name: 'a.npy', data: w, compress: true }]);
    for (let length = 0; length < whole.length; length += 11) {
      await refuses('cut.npz', whole.subarray(0, length), 'convertCheckpoint: ');
    }
  });
});
