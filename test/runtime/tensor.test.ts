import * as workers from 'node:worker_threads';
import { Float16Array as PetamorikenFloat16Array } from '@petamoriken/float16';
import { explain, explainAsync, relu, type Tensor, tensor } from '../../lib';
import type { TensorData } from '../../lib/create';
import { expectRefusal } from '../support/op-info';

describe('tensor()', () => {
  it('takes numbers, bigints, booleans and nested arrays', async () => {
    const cases: [TensorData, string, number[], unknown][] = [
      [3, 'float32', [], 3],
      [[1, 2.5], 'float32', [2], [1, 2.5]],
      [
        [
          [1, 2],
          [3, 4],
        ],
        'float32',
        [2, 2],
        [
          [1, 2],
          [3, 4],
        ],
      ],
      [[1n, -(2n ** 60n)], 'int64', [2], [1n, -(2n ** 60n)]],
      [[true, false], 'bool', [2], [true, false]],
      [[], 'float32', [0], []],
      [[[], []], 'float32', [2, 0], [[], []]],
    ];
    for (const [data, dtype, shape, values] of cases) {
      const t = tensor(data);
      expect([t.dtype, t.shape]).toEqual([dtype, shape]);
      expect(await t.toArray()).toEqual(values);
    }
  });

  it('keeps the type of typed arrays and copies at once', async () => {
    const views: [ArrayBufferView, string][] = [
      [Float32Array.of(1, 2), 'float32'],
      [Float64Array.of(1, 2), 'float64'],
      [Int8Array.of(-1, 2), 'int8'],
      [Uint8Array.of(1, 2), 'uint8'],
      [Uint8ClampedArray.of(1, 2), 'uint8'],
      [Int16Array.of(1, -2), 'int16'],
      [Uint16Array.of(1, 2), 'uint16'],
      [Int32Array.of(1, -2), 'int32'],
      [BigInt64Array.of(1n, -2n), 'int64'],
    ];
    for (const [view, dtype] of views) {
      const expected = Array.from(view as unknown as ArrayLike<number>);
      const t = tensor(view);
      new Uint8Array(view.buffer).fill(0);
      expect(t.dtype).toBe(dtype);
      expect(Array.from((await t.data()) as ArrayLike<number>)).toEqual(expected);
    }
  });

  it('takes 16-bit floats as bits, as Float16Array of either kind, and rounds numbers once', async () => {
    const bits = Uint16Array.of(0x3c00, 0x7bff, 0xfc00, 0x0001);
    const values = [1, 65504, -Infinity, 2 ** -24];
    for (const data of [
      bits,
      new PetamorikenFloat16Array(values),
      new Float64Array(values),
      values,
    ]) {
      const t = tensor(data as TensorData, { dtype: 'float16' });
      expect(Array.from(await t.data())).toEqual(values);
      expect(Array.from(await t.asUint16())).toEqual(Array.from(bits));
    }
    const native = (globalThis as { Float16Array?: new (v: number[]) => ArrayBufferView })
      .Float16Array;
    if (native)
      expect(Array.from((await tensor(new native(values)).data()) as Float32Array)).toEqual(values);
    expect(tensor(new PetamorikenFloat16Array([1]) as unknown as TensorData).dtype).toBe('float16');
    // Through float32 this would be a tie and round to 1; the number itself is above it.
    const above = 1 + 2 ** -11 + 2 ** -40;
    expect(Array.from(await tensor([above], { dtype: 'float16' }).data())).toEqual([1 + 2 ** -10]);
  });

  it('reads bytes of buffers, also unaligned ones', async () => {
    const buffer = Buffer.alloc(9);
    buffer.writeFloatLE(1.5, 1);
    buffer.writeFloatLE(-2, 5);
    const t = tensor(buffer.subarray(1), { dtype: 'float32' });
    expect(await t.toArray()).toEqual([1.5, -2]);
    expect(
      await tensor(new DataView(buffer.buffer, buffer.byteOffset + 1, 8), {
        dtype: 'float32',
      }).toArray(),
    ).toEqual([1.5, -2]);
    expect(await tensor(Buffer.from([1, 2])).toArray()).toEqual([1, 2]);
    const shared = new SharedArrayBuffer(4);
    new Int16Array(shared).set([7, -7]);
    expect(await tensor(shared, { dtype: 'int16' }).toArray()).toEqual([7, -7]);
    expect(await tensor(new Int16Array(shared)).toArray()).toEqual([7, -7]);
  });

  it('survives an ArrayBuffer that is transferred or resized', async () => {
    const values = Float32Array.of(1, 2, 3);
    const t = tensor(values);
    structuredClone(values.buffer, { transfer: [values.buffer] });
    expect(await t.toArray()).toEqual([1, 2, 3]);
    expectRefusal(
      () => tensor(values, { shape: [3] }),
      'ERR_SHAPE',
      'needs 12 bytes of data, got 0',
    );

    const Resizable = ArrayBuffer as unknown as new (
      n: number,
      o: { maxByteLength: number },
    ) => ArrayBuffer & { resize(n: number): void };
    const buffer = new Resizable(16, { maxByteLength: 32 });
    const view = new Float32Array(buffer, 8, 2);
    buffer.resize(8);
    expectRefusal(() => tensor(view, { shape: [2] }), 'ERR_SHAPE', 'needs 8 bytes of data, got 0');
    buffer.resize(32);
    expect(await tensor(new Float32Array(buffer)).toArray()).toEqual(Array(8).fill(0));

    const result = await t.data();
    structuredClone(result.buffer, { transfer: [result.buffer as ArrayBuffer] });
    expect(await t.toArray()).toEqual([1, 2, 3]);
  });
});

describe('Tensor', () => {
  it('reshapes without a copy', async () => {
    const t = tensor([1, 2, 3, 4, 5, 6]);
    const r = t.reshape([2, -1]);
    expect(r.shape).toEqual([2, 3]);
    t.dispose();
    expect(await r.toArray()).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    expectRefusal(() => r.reshape([4]), 'ERR_SHAPE', 'got [4] for [2, 3]');
    expectRefusal(
      () => r.reshape([4, -1]),
      'ERR_SHAPE',
      'shape[1] must be an integer >= 0, got 1.5',
    );
    expectRefusal(
      () => r.reshape(6 as unknown as number[]),
      'ERR_SHAPE',
      'reshape: the new shape must be an array of integers, got 6',
    );
    expectRefusal(() => r.reshape([-1, -1]), 'ERR_SHAPE', 'only one size may be -1, got [-1, -1]');
  });

  it('tells of data that came from JavaScript, and of results', () => {
    const x = tensor([1, -1]);
    const made = explain(relu(x));
    expect(made).toMatchObject({
      backend: 'cpu',
      device: 'cpu',
      library: 'halftone-cpu',
      storage: 'float32',
      tensorCores: false,
    });
    expect(made.kernel).toMatch(/^relu_f32/);
    expect(explain(tensor(Float32Array.of(1))).kernel).toBeNull();
  });

  it('cannot be cloned for another thread, or its clone cannot be used', () => {
    const t = tensor([1]);
    const clones = 'markAsUncloneable' in workers;
    if (clones) expect(() => structuredClone(t)).toThrow(/clone/);
    else expectRefusal(() => relu(structuredClone(t)), 'ERR_PARAM', 'relu: x must be a Tensor');
  });

  it('is itself, no proxy of it and nothing that inherits from it', async () => {
    const t = tensor([1]);
    for (const fake of [new Proxy(t, {}), Object.create(t) as Tensor]) {
      expectRefusal(
        () => relu(fake),
        'ERR_PARAM',
        'relu: x must be a Tensor, got Tensor { itself not one',
      );
      expectRefusal(() => explain(fake), 'ERR_PARAM', 'explain: a Tensor was expected');
      await expect(explainAsync(fake)).rejects.toMatchObject({ code: 'ERR_PARAM' });
    }
  });

  it('is printed like a NumPy array', () => {
    const text = (t: Tensor) => String(t);
    expect(text(tensor([1, 2, 3]))).toBe('[1. 2. 3.]');
    expect(
      text(
        tensor([
          [1, -2.5],
          [30, 4],
        ]),
      ),
    ).toBe('[[ 1.  -2.5]\n [30.   4. ]]');
    expect(text(tensor(5, { dtype: 'int8' }))).toBe('5');
    expect(text(tensor([true, false]))).toBe('[ true false]');
    expect(text(tensor([1, NaN, -Infinity]))).toBe('[  1.  nan -inf]');
    expect(text(tensor([1e-7, 1]))).toBe('[1.e-07 1.e+00]');
    expect(text(tensor([], { shape: [0, 3] }))).toBe('[] (float32 [0, 3])');
    expect(
      text(
        tensor([
          [[1], [2]],
          [[3], [4]],
        ]),
      ),
    ).toBe('[[[1.]\n  [2.]]\n\n [[3.]\n  [4.]]]');
    expect(text(tensor(Float32Array.from({ length: 2000 }, (_, i) => i)))).toBe(
      '[0.000e+00 1.000e+00 2.000e+00 ... 1.997e+03 1.998e+03 1.999e+03]',
    );
  });
});
