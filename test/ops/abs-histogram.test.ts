import { absHistogram, explain, minMax, tensor } from '../../lib';
import { DEVICES, expectRefusal, host } from '../support/op-info';
import { Rng } from '../support/rng';

describe.each(DEVICES)('absHistogram on %s', (device) => {
  it('counts each element once, where it belongs', async () => {
    const rng = new Rng();
    for (const dtype of ['float32', 'float16', 'bfloat16'] as const) {
      for (const [n, bins] of [
        [0, 5],
        [1, 1],
        [1000, 16],
        [5000, undefined],
        [900, 20000],
      ] as const) {
        const x = host(dtype, [n], rng, 3);
        for (const [i, special] of [NaN, Infinity, -Infinity, 0, -0, 1e9, -2, 2].entries()) {
          if (n > 100) x.values[i * 11] = dtype === 'float16' && special > 1e5 ? 6e4 : special;
        }
        const t = tensor(x.values, { shape: [n], dtype, device });
        const expected = new Array<bigint>(bins ?? 2048).fill(0n);
        let [above, nonFinite] = [0n, 0n];
        for (const v of x.values) {
          const magnitude = Math.abs(v);
          if (!Number.isFinite(v)) nonFinite++;
          else if (magnitude > 2) above++;
          else {
            const place = Math.floor(Math.fround((magnitude / 2) * expected.length));
            const at = Math.min(place, expected.length - 1);
            expected[at] = (expected[at] as bigint) + 1n;
          }
        }
        const result = absHistogram(t, 2, bins === undefined ? {} : { bins });
        expect(result.counts.shape).toEqual([expected.length]);
        expect([...(await result.counts.data())]).toEqual(expected);
        expect([...(await result.above.data())]).toEqual([above]);
        expect([...(await result.nonFinite.data())]).toEqual([nonFinite]);
      }
    }
  });

  it('takes the range from a tensor on the device', async () => {
    const x = tensor([0, 0.1, 0.5, 2], { device });
    const { counts, above } = absHistogram(x, minMax(x).max, { bins: 4 });
    expect([...(await counts.data())]).toEqual([2n, 1n, 0n, 1n]);
    expect([...(await above.data())]).toEqual([0n]);
    expect(explain(counts)).toMatchObject({ kernel: 'abs_histogram_f32', accumulate: 'int64' });
  });

  it('has an answer for ranges that are none', async () => {
    const x = tensor([0, -0, 1, NaN], { device });
    const zero = absHistogram(x, 0, { bins: 2 });
    expect([...(await zero.counts.data())]).toEqual([2n, 0n]);
    expect([...(await zero.above.data())]).toEqual([1n]);
    const none = absHistogram(x, tensor([NaN], { device }), { bins: 2 });
    expect([...(await none.counts.data())]).toEqual([0n, 0n]);
    expect([...(await none.above.data())]).toEqual([3n]);
    expect([...(await none.nonFinite.data())]).toEqual([1n]);
  });

  it('refuses what is no range', () => {
    const x = tensor([1], { device });
    for (const max of [-1, NaN, Infinity, 1e40, '1' as never]) {
      expectRefusal(
        () => absHistogram(x, max),
        'ERR_PARAM',
        'absHistogram: max must be a Tensor or a finite float32 of at least 0, got ',
      );
    }
    expectRefusal(
      () => absHistogram([1] as never, 1),
      'ERR_PARAM',
      'absHistogram: x must be a Tensor',
    );
    expectRefusal(
      () => absHistogram(x, 1, { bins: 0 }),
      'ERR_PARAM',
      'absHistogram: bins must be an integer in [1, 1048576], got 0',
    );
    expectRefusal(
      () => absHistogram(x, tensor([1, 2], { device })),
      'ERR_SHAPE',
      'absHistogram: max must hold one number ([] or [1]), got max [2]',
    );
    expectRefusal(
      () => absHistogram(tensor([1], { dtype: 'int8', device }), 1),
      'ERR_DTYPE',
      'absHistogram: x must be float32, float16 or bfloat16, got int8',
    );
    expectRefusal(
      () => absHistogram(x, tensor([1], { dtype: 'float16', device })),
      'ERR_DTYPE',
      'absHistogram: max must be float32, got float16',
    );
  });
});
