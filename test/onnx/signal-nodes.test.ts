/** Windows and spectra: what ONNX's own cases do not ask for. */

import { expectClose, floats, one, run } from '../support/one-node';
import { Rng } from '../support/rng';
import { sumBound } from '../support/tolerance';

/** sum x[t] e^(sign 2 pi i k t / n), and a bound for it. */
function spectrum(re: readonly number[], im: readonly number[], bins: number, sign: number) {
  const n = re.length;
  const magnitude = [...re, ...im].reduce((sum, v) => sum + Math.abs(v), 0);
  return Array.from({ length: bins }, (_, k) => {
    let [a, b] = [0, 0];
    for (let t = 0; t < n; t++) {
      const angle = (sign * 2 * Math.PI * k * t) / n;
      const [p = 0, q = 0] = [re[t], im[t]];
      a += p * Math.cos(angle) - q * Math.sin(angle);
      b += p * Math.sin(angle) + q * Math.cos(angle);
    }
    return [a, b] as const;
  })
    .flat()
    .map((y) => ({ y, bound: sumBound(y, magnitude, 4 * n, 'float32', 'float64') }));
}

describe('spectra', () => {
  const rng = new Rng();
  for (const n of [1, 2, 7, 16, 45]) {
    const x = Float32Array.from(rng.values('float32', n));
    const pairs = Float32Array.from(rng.values('float32', 2 * n));
    const axis = { n: { ints: [n], dims: [] }, axis: one(0) };

    test(`of ${n} real numbers, whole and one side`, async () => {
      for (const onesided of [0, 1]) {
        const bins = onesided ? Math.floor(n / 2) + 1 : n;
        const graph = { op: 'DFT', initializers: axis, attributes: { onesided } };
        const [y] = await run({ ...graph, inputs: { x: [[n, 1], x] } });
        expect(y?.shape).toEqual([bins, 2]);
        expectClose(y?.data ?? [], spectrum([...x], Array(n).fill(0), bins, -1));
      }
    });

    test(`of ${n} complex numbers, and back`, async () => {
      const re = [...pairs].filter((_, i) => i % 2 === 0);
      const im = [...pairs].filter((_, i) => i % 2 === 1);
      const [y] = await run({ op: 'DFT', initializers: axis, inputs: { x: [[n, 2], pairs] } });
      expectClose(y?.data ?? [], spectrum(re, im, n, -1));
      const attributes = { inverse: 1 };
      const [back] = await run({
        op: 'DFT',
        initializers: axis,
        inputs: { x: [[n, 2], pairs] },
        attributes,
      });
      const scaled = spectrum(re, im, n, 1).map(({ y, bound }) => ({ y: y / n, bound }));
      expectClose(back?.data ?? [], scaled);
    });

    test(`one side of ${n} gives the real signal again`, async () => {
      const forward = { op: 'DFT', initializers: axis, attributes: { onesided: 1 } };
      const [half] = await run({ ...forward, inputs: { x: [[n, 1], x] } });
      const given: [readonly number[], Float32Array] = [
        half?.shape ?? [],
        floats(...(half?.data ?? [])),
      ];
      const attributes = { onesided: 1, inverse: 1 };
      const [y] = await run({ op: 'DFT', initializers: axis, inputs: { x: given }, attributes });
      expect(y?.shape).toEqual([n, 1]);
      const magnitude = (half?.data ?? []).reduce((sum, v) => sum + Math.abs(v), 0);
      // The spectrum between was rounded to float32.
      const bound = sumBound(0, magnitude, n, 'float32', 'float32');
      expectClose(
        y?.data ?? [],
        [...x].map((v) => ({ y: v, bound: bound + sumBound(v, 0, 1, 'float32', 'float64') })),
      );
    });
  }

  test('of more points than there are, and of less', async () => {
    const x = floats(1, 2, 3);
    for (const [n, padded] of [
      [5, [1, 2, 3, 0, 0]],
      [2, [1, 2]],
    ] as const) {
      const initializers = { n: one(n), axis: one(0) };
      const [y] = await run({ op: 'DFT', initializers, inputs: { x: [[3, 1], x] } });
      expectClose(y?.data ?? [], spectrum([...padded], Array(n).fill(0), n, -1));
    }
  });

  test('of frames that overlap, with a window', async () => {
    const signal = Float32Array.from(rng.values('float32', 20));
    const window = [0.5, 1, 2, 1];
    const [y] = await run({
      op: 'STFT',
      inputs: { x: [[1, 20, 1], signal] },
      initializers: { step: one(3), window: { floats: window } },
    });
    expect(y?.shape).toEqual([1, 6, 3, 2]);
    const expected = Array.from({ length: 6 }, (_, f) =>
      spectrum(
        window.map((w, t) => w * (signal[3 * f + t] as number)),
        Array(4).fill(0),
        3,
        -1,
      ),
    ).flat();
    expectClose(y?.data ?? [], expected);
  });
});

test('windows of no, one and several values', async () => {
  const hann = (size: number, periodic: number) =>
    run({ op: 'HannWindow', inputs: { n: [[], Int32Array.of(size)] }, attributes: { periodic } });
  expect(await hann(0, 1)).toEqual([{ shape: [0], data: [] }]);
  expect(await hann(1, 0)).toEqual([{ shape: [1], data: [0] }]);
  const [periodic] = await hann(4, 1);
  const [symmetric] = await hann(5, 0);
  expectClose(
    periodic?.data ?? [],
    [0, 0.5, 1, 0.5].map((y) => ({ y, bound: sumBound(y, 1, 2, 'float32', 'float64') })),
  );
  expectClose(
    symmetric?.data ?? [],
    [0, 0.5, 1, 0.5, 0].map((y) => ({ y, bound: sumBound(y, 1, 2, 'float32', 'float64') })),
  );
});
