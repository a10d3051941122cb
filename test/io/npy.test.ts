import { ARRAY_TYPES, type DType } from '../../lib/dtype';
import { ParamError } from '../../lib/errors';
import { readNpy, writeNpy } from '../../lib/io/npy';

/** A .npy file as NumPy lays it out. */
function npy(header: string, data: Uint8Array | readonly number[], version = 1): Uint8Array {
  const text = Buffer.from(`${header}\n`, version === 3 ? 'utf8' : 'latin1');
  const size = Buffer.alloc(version === 1 ? 2 : 4);
  if (version === 1) size.writeUInt16LE(text.length);
  else size.writeUInt32LE(text.length);
  const magic = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, version, 0]);
  return new Uint8Array(Buffer.concat([magic, size, text, Uint8Array.from(data)]));
}

const header = (descr: string, shape: string, fortran = false) =>
  `{'descr': '${descr}', 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': ${shape}, }`;

describe('readNpy', () => {
  test('reads what NumPy 2 writes for np.arange(6, dtype="<i2").reshape(2, 3)', () => {
    // np.save: 118 bytes of header, padded with blanks to a multiple of 64.
    const text = header('<i2', '(2, 3)').padEnd(117);
    const file = npy(text, [0, 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0]);
    expect(file.length).toBe(128 + 12);
    expect(readNpy(file)).toEqual({
      dtype: 'int16',
      shape: [2, 3],
      data: Int16Array.of(0, 1, 2, 3, 4, 5),
    });
  });

  test('reads versions 2 and 3, scalars, empty arrays and unaligned buffers', () => {
    for (const version of [1, 2, 3]) {
      const file = npy(header('<f4', '()'), new Uint8Array(Float32Array.of(1.5).buffer), version);
      const unaligned = new Uint8Array(file.length + 1).subarray(1);
      unaligned.set(file);
      expect(readNpy(unaligned)).toEqual({
        dtype: 'float32',
        shape: [],
        data: Float32Array.of(1.5),
      });
    }
    expect(readNpy(npy(header('|u1', '(0, 7)'), []))).toEqual({
      dtype: 'uint8',
      shape: [0, 7],
      data: new Uint8Array(0),
    });
  });

  test('turns Fortran order into row-major order', () => {
    // [[[0, 1], [2, 3]], [[4, 5], [6, 7]], [[8, 9], [10, 11]]] by columns
    const columns = [0, 4, 8, 2, 6, 10, 1, 5, 9, 3, 7, 11];
    const { data, shape } = readNpy(npy(header('|i1', '(3, 2, 2)', true), columns));
    expect(shape).toEqual([3, 2, 2]);
    expect([...data]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  });

  test('swaps the bytes of big-endian values', () => {
    expect([...readNpy(npy(header('>i2', '(2,)'), [1, 2, 0xff, 0xfe])).data]).toEqual([258, -2]);
    expect([...readNpy(npy(header('>f8', '(1,)'), [0x3f, 0xf8, 0, 0, 0, 0, 0, 0])).data]).toEqual([
      1.5,
    ]);
  });

  const good = npy(header('<f4', '(2,)'), new Uint8Array(8));
  const BAD: readonly [string, Uint8Array, RegExp][] = [
    ['another format', Buffer.from('\x89PNG and so on'), /not a \.npy file/],
    ['an empty file', new Uint8Array(0), /not a \.npy file/],
    ['version 4', npy(header('<f4', '()'), [], 4), /version must be 1, 2 or 3, got 4/],
    ['an end inside the header', good.subarray(0, 30), /ends inside its header, after 30 bytes/],
    ['an end inside the size', npy('', [], 2).subarray(0, 11), /ends inside its header/],
    [
      'a huge header',
      npy(' '.repeat(20_000), []),
      /header must have at most 10000 bytes, got 20001/,
    ],
    ['too few values', good.subarray(0, -1), /needs 8 bytes, the file has 7/],
    ['too many values', npy(header('<f4', '(2,)'), new Uint8Array(9)), /needs 8 bytes.* has 9/],
    [
      'a shape without a comma',
      npy(header('<f4', '(1 2,)'), []),
      /whole numbers below 2\^53, got \(1 2,\)/,
    ],
    ['a size beyond 2^53', npy(header('<f4', '(0, 99999999999999999999)'), []), /whole numbers/],
    ['an impossible shape', npy(header('<f4', '(99999999, 99999999999)'), []), /the file has 0/],
    ['complex numbers', npy(header('<c8', '(1,)'), new Uint8Array(8)), /got '<c8'/],
    [
      'objects',
      npy(header('|O', '(1,)'), new Uint8Array(8)),
      /descr must be one of f2.* got '\|O'/,
    ],
    ['a name of Object.prototype', npy(header('|toString', '()'), []), /descr must be one of/],
    ['records', npy("{'descr': [('a', '<f4')], 'shape': (1,)}", []), /header must hold descr/],
    ['negative sizes', npy(header('<f4', '(-1,)'), []), /header must hold descr/],
  ];

  test.each(BAD)('refuses %s', (_name, bytes, message) => {
    expect(() => readNpy(bytes)).toThrow(message);
    expect(() => readNpy(bytes)).toThrow(ParamError);
  });
});

describe('writeNpy', () => {
  const DTYPES: readonly DType[] = [
    'float32',
    'float16',
    'int8',
    'uint8',
    'int16',
    'uint16',
    'int32',
    'int64',
    'bool',
    'float64',
  ];

  test.each(DTYPES)('%s comes back as it was', (dtype) => {
    for (const shape of [[], [1], [2, 3], [0, 4], [1, 1, 1, 1, 1, 1, 1, 2]]) {
      const data = new ARRAY_TYPES[dtype](shape.reduce((n, d) => n * d, 1));
      for (let i = 0; i < data.length; i++) data[i] = (dtype === 'int64' ? 1n : 1) as never;
      const bytes = writeNpy({ dtype, shape, data });
      expect(bytes.indexOf(0x0a) % 64).toBe(63);
      expect(readNpy(bytes)).toEqual({ dtype, shape, data });
    }
  });

  test('bfloat16 is written as float32', () => {
    const data = Uint16Array.of(0x3fc0, 0xff80);
    expect(readNpy(writeNpy({ dtype: 'bfloat16', shape: [2], data }))).toEqual({
      dtype: 'float32',
      shape: [2],
      data: Float32Array.of(1.5, -Infinity),
    });
  });
});
