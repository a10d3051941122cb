import { minMax, tensor } from '../../lib';
import { DEVICES, expectRefusal, host } from '../support/op-info';
import { channels } from '../support/quant';
import { Rng } from '../support/rng';

describe.each(DEVICES)('minMax on %s', (device) => {
  it('finds the ends of all elements and of each channel', async () => {
    const rng = new Rng();
    for (const dtype of ['float32', 'float16', 'bfloat16'] as const) {
      for (const shape of [[], [1], [100], [3, 5], [2, 70, 3], [70000], [900, 3], [2, 0]]) {
        const x = host(dtype, shape, rng, 10);
        const t = tensor(x.values, { shape, dtype, device });
        for (const axis of [null, ...shape.keys()]) {
          const { min, max } = minMax(t, { axis });
          const n = axis === null ? 1 : (shape[axis] as number);
          const least = new Array<number>(n).fill(Infinity);
          const most = new Array<number>(n).fill(-Infinity);
          for (const [i, c] of channels(shape, axis).entries()) {
            least[c] = Math.min(least[c] as number, x.values[i] as number);
            most[c] = Math.max(most[c] as number, x.values[i] as number);
          }
          expect(min.shape).toEqual(axis === null ? [] : [n]);
          expect([...(await min.data())]).toEqual(least);
          expect([...(await max.data())]).toEqual(most);
        }
      }
    }
  });

  it('is NaN where there is one, and only there', async () => {
    const values = new Float32Array(300).fill(1);
    for (const at of [0, 15, 16, 150, 299]) {
      const x = tensor(values.with(at, NaN), { shape: [3, 100], device });
      const { min, max } = minMax(x, { axis: 0 });
      const expected = [1, 1, 1].with(Math.floor(at / 100), NaN);
      expect([...(await min.data())]).toEqual(expected);
      expect([...(await max.data())]).toEqual(expected);
      expect((await minMax(x).max.data())[0]).toBeNaN();
    }
  });

  it('refuses integers and unknown axes', () => {
    expectRefusal(
      () => minMax(tensor([1], { dtype: 'int8', device })),
      'ERR_DTYPE',
      'minMax: x must be float32, float16 or bfloat16, got int8',
    );
    expectRefusal(
      () => minMax(tensor([1], { device }), { axis: 1 }),
      'ERR_PARAM',
      'axis must lie in [-1, 0]',
    );
  });
});
