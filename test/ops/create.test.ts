import { arange, explain, full, ones, onesLike, random, tensor, zeros, zerosLike } from '../../lib';
import { isFloatDType } from '../../lib/dtype';
import { COMPUTED_DTYPES, DEVICES, expectRefusal, read } from '../support/op-info';

describe.each(DEVICES)('creation on %s', (device) => {
  test('zeros, ones and full of every dtype', async () => {
    for (const dtype of COMPUTED_DTYPES) {
      const shape = [2, 3];
      expect(await read(zeros(shape, { dtype, device }))).toMatchObject({ dtype, shape });
      expect(Array.from(await zeros(shape, { dtype, device }).data(), Number)).toEqual([
        0, 0, 0, 0, 0, 0,
      ]);
      expect(Array.from(await ones(shape, { dtype, device }).data(), Number)).toEqual([
        1, 1, 1, 1, 1, 1,
      ]);
      expect(Array.from(await full([1], true, { dtype, device }).data(), Number)).toEqual([1]);
      expect(full([0, 4], 1, { dtype, device }).size).toBe(0);
      expect(full([], 1, { dtype, device }).shape).toEqual([]);
    }
  });

  test('float32 is the default, the device is the one asked for', () => {
    expect(zeros([1]).dtype).toBe('float32');
    expect(zeros([1], { device }).device).toBe(tensor([1], { device }).device);
    expect(explain(full([2], 1, { device })).kernel).toBe('full_f32');
  });

  test('full rounds once to a float type', async () => {
    expect(await full([1], 0.1, { dtype: 'float16', device }).data()).toEqual(
      new Float32Array([0.0999755859375]),
    );
    expect(await full([1], 65520, { dtype: 'float16', device }).data()).toEqual(
      new Float32Array([Infinity]),
    );
    expect(await full([1], Number.NaN, { device }).data()).toEqual(new Float32Array([Number.NaN]));
  });

  test('zerosLike and onesLike take shape, dtype and device; options replace them', async () => {
    const x = tensor([[1, 2, 3]], { dtype: 'bfloat16', device });
    const [z, o] = [zerosLike(x), onesLike(x)];
    expect([z.shape, z.dtype, z.device]).toEqual([x.shape, x.dtype, x.device]);
    expect(await o.data()).toEqual(new Float32Array([1, 1, 1]));
    const as = onesLike<'int8' | 'bfloat16'>(x, { dtype: 'int8', device: undefined });
    expect(await as.data()).toEqual(new Int8Array([1, 1, 1]));
  });

  test('arange', async () => {
    expect(await arange(4, { device }).data()).toEqual(new Float32Array([0, 1, 2, 3]));
    expect(await arange(2, 4, { device }).data()).toEqual(new Float32Array([2, 3]));
    expect(await arange(5, -1, { step: -2, dtype: 'int32', device }).data()).toEqual(
      new Int32Array([5, 3, 1]),
    );
    expect(await arange(1, 0, { device }).data()).toEqual(new Float32Array(0));
    expect(await arange(0, 0.3, { step: 0.1, dtype: 'float64', device }).data()).toEqual(
      new Float64Array([0, 0.1, 0.2]),
    );
  });

  test.each([
    [
      'full',
      () => full([2], 300, { dtype: 'int8', device }),
      'full: value must be a whole number in [-128, 127] for int8, got 300',
    ],
    [
      'full',
      () => zeros([2, -1], { device }),
      'full: shape must be an array of integers >= 0, got -1',
    ],
    ['arange', () => arange(1, { step: 0, device }), 'arange: step must not be 0, got 0'],
    [
      'random',
      () => random([2], { dtype: 'int8', device }),
      'random: high - low must lie in [2, 2^53] for int8, got low 0 and high 1',
    ],
    [
      'random',
      () => random([2], { distribution: 'normal', high: 3, device }),
      'random: low and high must be left out with the normal distribution, got 0 and 3',
    ],
    [
      'random',
      () => random([2], { seed: 2 ** 60, device }),
      'random: seed must be an integer, got',
    ],
  ])('%s refuses what has no meaning', (_op, call, message) => {
    expectRefusal(call, 'ERR_PARAM', message);
  });

  test('random refuses a dtype that the distribution does not have', () => {
    const call = () => random([2], { dtype: 'int8', distribution: 'normal', device });
    expectRefusal(
      call,
      'ERR_DTYPE',
      'random: dtype must be a float for the normal distribution, got int8',
    );
  });
});

describe.each(DEVICES)('random on %s', (device) => {
  // The first words that Philox-4x32-10 has for key 0 and counter 0: 6627e8d5 e169c58d bc57ac4c 9b00dbd8.
  test('is made of the published words of the generator', async () => {
    const words = [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8];
    expect(await random([4], { seed: 0, device }).data()).toEqual(
      Float32Array.from(words, (w) => w / 2 ** 32),
    );
    expect(await random([2], { seed: 0n, dtype: 'uint8', high: 256, device }).data()).toEqual(
      new Uint8Array([0xe1, 0x9b]),
    );
  });

  test('the same seed gives the same numbers, and a part of them for a smaller shape', async () => {
    for (const dtype of COMPUTED_DTYPES.filter(isFloatDType)) {
      for (const distribution of ['uniform', 'normal'] as const) {
        const options = { seed: 2n ** 62n, dtype, distribution, device };
        const [a, b, part, other] = await Promise.all([
          random([50, 40], options).data(),
          random([2000], options).data(),
          random([7], options).data(),
          random([7], { ...options, seed: 1 }).data(),
        ]);
        expect(a).toEqual(b);
        expect(part).toEqual(a.slice(0, 7));
        expect(other).not.toEqual(part);
      }
    }
  });

  test('without a seed it draws one and reports it', async () => {
    const first = random([8], { device });
    const second = random([8], { device });
    expect(await first.data()).not.toEqual(await second.data());
    const seed = / seed=(\d+)$/.exec(explain(first).kernel ?? '')?.[1];
    expect(await random([8], { seed: Number(seed), device }).data()).toEqual(await first.data());
  });

  test('low and high bound the numbers, also where rounding would reach high', async () => {
    const x = await random([20000], { seed: 5, dtype: 'float16', low: -1, high: 1, device }).data();
    expect(x.every((v) => v >= -1 && v < 1)).toBe(true);
    expect(Math.max(...x)).toBe(1 - 2 ** -11);
  });
});
