import {
  chooseQParams,
  chooseQParamsPerAxis,
  codeRange,
  dequantize,
  quantizeTensor,
  tensor,
} from '../../lib';
import { DEVICES, expectRefusal } from '../support/op-info';
import { Rng } from '../support/rng';

describe('codeRange', () => {
  it.each([
    [{}, -127, 127],
    [{ scheme: 'affine' }, -128, 127],
    [{ dtype: 'uint8' }, 0, 255],
    [{ dtype: 'uint8', scheme: 'affine' }, 0, 255],
    [{ dtype: 'int16' }, -32767, 32767],
    [{ dtype: 'uint16', scheme: 'affine' }, 0, 65535],
    [{ reduceRange: true }, -64, 64],
    [{ dtype: 'uint8', reduceRange: true }, 0, 127],
    [{ dtype: 'int16', reduceRange: true }, -16384, 16384],
    [{ dtype: 'uint16', reduceRange: true }, 0, 32767],
    [{ narrowRange: false }, -128, 127],
    [{ scheme: 'affine', narrowRange: true }, -127, 127],
  ] as const)('%j is [%d, %d]', (options, qmin, qmax) => {
    expect(codeRange(options)).toEqual({ qmin, qmax });
  });
});

describe('chooseQParams', () => {
  // scale = fround((max - min) / (qmax - qmin)), zeroPoint = rint(qmin - min / scale), by hand.
  it.each([
    [-1, 3, { dtype: 'uint8', scheme: 'affine' }, 4 / 255, 64], // 63.75
    [-1, 3, { dtype: 'int8', scheme: 'affine' }, 4 / 255, -64], // -64.25
    [0, 255, { dtype: 'uint8', scheme: 'affine' }, 1, 0],
    [2, 4, { dtype: 'uint8', scheme: 'affine' }, 4 / 255, 0], // widened to contain 0
    [-4, -2, { dtype: 'uint8', scheme: 'affine' }, 4 / 255, 255],
    [-127.5, 127.5, { dtype: 'uint8', scheme: 'affine' }, 1, 128], // a tie, to even
    [-126.5, 128.5, { dtype: 'uint8', scheme: 'affine' }, 1, 126],
    [-1, 3, { dtype: 'int8' }, 6 / 254, 0],
    [-1, 3, { dtype: 'uint8' }, 6 / 255, 128],
    [-5, 1, { dtype: 'uint16' }, 10 / 65535, 32768],
    [-1, 3, { dtype: 'int8', reduceRange: true }, 6 / 128, 0],
    [0, 0, {}, 1, 0],
    [0, 0, { dtype: 'uint8' }, 1, 0],
    [0, 1e-44, {}, 1, 0],
    [Infinity, -Infinity, {}, 1, 0],
    [0, 0, { minRealRange: 0.5, dtype: 'uint8', scheme: 'affine' }, 0.5 / 255, 0],
  ] as const)('[%d, %d] %j', (min, max, options, scale, zeroPoint) => {
    expect(chooseQParams(min, max, options)).toMatchObject({
      scale: Math.fround(scale),
      zeroPoint,
    });
  });

  it('gives 0 a code that means 0, inside the range', () => {
    const rng = new Rng();
    for (let i = 0; i < 2000; i++) {
      const [a, b] = [rng.normal() * 10, rng.normal()];
      const dtype = rng.pick(['int8', 'uint8', 'int16', 'uint16'] as const);
      const scheme = rng.pick(['affine', 'symmetric'] as const);
      const p = chooseQParams(Math.min(a, b), Math.max(a, b), { dtype, scheme });
      expect(Number.isInteger(p.zeroPoint)).toBe(true);
      expect(p.zeroPoint).toBeGreaterThanOrEqual(p.qmin);
      expect(p.zeroPoint).toBeLessThanOrEqual(p.qmax);
      expect(p.scale).toBe(Math.fround(p.scale));
    }
  });

  it('works channel by channel', () => {
    const all = chooseQParamsPerAxis([-1, 0], [1, 254], { scheme: 'symmetric' });
    expect(all.map((p) => p.scale)).toEqual([Math.fround(2 / 254), 2]);
  });

  it.each([
    [NaN, 1, {}, 'min and max must be finite and min not above max, got NaN and 1'],
    [-Infinity, 1, {}, 'got -Infinity and 1'],
    [2, 1, {}, 'got 2 and 1'],
    [-3e38, 3e38, {}, 'max - min must be a finite float32'],
    [0, 1, { dtype: 'int32' }, 'dtype must be int8, uint8, int16 or uint16, got int32'],
    [0, 1, { scheme: 'odd' }, 'scheme must be symmetric or affine, got odd'],
    [0, 1, { reduceRange: true, narrowRange: true }, 'narrowRange must be false with reduceRange'],
  ])('refuses [%d, %d] %j', (min, max, options, message) => {
    expectRefusal(() => chooseQParams(min, max, options as never), 'ERR_PARAM', message);
  });

  it('refuses unequal channels', () => {
    expectRefusal(
      () => chooseQParamsPerAxis([1], [1, 2]),
      'ERR_PARAM',
      'mins and maxs must be equally long, got 1 and 2',
    );
  });
});

describe.each(DEVICES)('quantizeTensor on %s', (device) => {
  it('uses the whole range of codes', async () => {
    const x = tensor([-0.5, 0, 1.5], { device });
    expect([...(await (await quantizeTensor(x)).data())]).toEqual([-42, 0, 127]);
    const affine = await quantizeTensor(x, { dtype: 'uint8', scheme: 'affine' });
    expect([...(await affine.data())]).toEqual([0, 64, 255]);
  });

  it('scales each channel on its own', async () => {
    const x = tensor(
      [
        [1, -2],
        [0.1, 0.05],
      ],
      { device },
    );
    const q = await quantizeTensor(x, { axis: 0 });
    expect([...(await q.data())]).toEqual([64, -127, 127, 64]);
    expect(q.quantization?.axis).toBe(0);
  });

  it('comes back within half a step of each number', async () => {
    const rng = new Rng();
    const values = Float32Array.from({ length: 600 }, () => rng.normal());
    for (const scheme of ['symmetric', 'affine'] as const) {
      for (const dtype of ['int8', 'uint8', 'int16', 'uint16'] as const) {
        for (const axis of [null, 0, 1, -1]) {
          const x = tensor(values, { shape: [20, 30], device });
          const q = await quantizeTensor(x, { scheme, dtype, axis });
          const back = await dequantize(q).data();
          const scales = (await q.quantization?.scale.data()) as Float32Array;
          for (const [i, v] of values.entries()) {
            const channel = axis === null ? 0 : axis === 0 ? Math.floor(i / 30) : i % 30;
            // A rounded zero point moves the ends of the range by up to half a step more; float32 arithmetic on at most
            // 2^17 steps adds two roundings.
            const step = scales[channel] as number;
            const steps = scheme === 'affine' ? 1 : 0.5;
            const bound = step * (steps + 2 ** 17 * 2 * 2 ** -24);
            expect(Math.abs((back[i] as number) - v)).toBeLessThanOrEqual(bound);
          }
        }
      }
    }
  });

  it('works on no elements, on zeros and on 16-bit floats', async () => {
    const none = await quantizeTensor(tensor(new Float32Array(0), { device }));
    expect(none.shape).toEqual([0]);
    const zeros = await quantizeTensor(tensor([0, 0], { device }), { dtype: 'uint8' });
    expect([...(await dequantize(zeros).data())]).toEqual([0, 0]);
    const half = await quantizeTensor(tensor([1, -1], { dtype: 'float16', device }));
    expect([...(await half.data())]).toEqual([127, -127]);
  });

  it('refuses NaN', async () => {
    await expect(quantizeTensor(tensor([1, NaN], { device }))).rejects.toMatchObject({
      code: 'ERR_PARAM',
      message: expect.stringContaining('must be finite'),
    });
  });
});
