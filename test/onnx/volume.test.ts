/** Conv, ConvTranspose and MaxPool of volumes against loops over the definition. Sums of small integers are exact. */

import { Model, tensor } from '../../lib';
import { difference } from '../support/compare';
import { onnxModel } from '../support/onnx-builder';
import { read } from '../support/op-info';
import { Rng } from '../support/rng';
import { drawWindows, eachTap, product, type Windows, windowCounts } from '../support/windows-nd';

const whole = (rng: Rng, n: number) => Float32Array.from({ length: n }, () => rng.int(-4, 4));

async function check(
  op: string,
  w: Windows,
  attributes: Readonly<Record<string, number | readonly number[]>>,
  inputs: readonly { shape: readonly number[]; values: Float32Array }[],
  expected: { shape: readonly number[]; values: Float32Array },
): Promise<void> {
  const names = inputs.map((_, i) => `x${i}`);
  const model = await Model.load(
    onnxModel({
      inputs: Object.fromEntries(names.map((name, i) => [name, inputs[i]?.shape ?? []])),
      outputs: { y: expected.shape },
      nodes: [
        {
          op,
          inputs: names,
          outputs: ['y'],
          attributes: {
            kernel_shape: w.kernel,
            strides: w.stride,
            dilations: w.dilation,
            pads: [...w.before, ...w.after],
            ...attributes,
          },
        },
      ],
    }),
    { freeBatch: false },
  );
  try {
    const given = inputs.map(({ shape, values }) => tensor(values, { shape }));
    const { y } = await model.run(
      Object.fromEntries(given.map((x, i) => [names[i] as string, x] as const)),
    );
    if (!y) throw new Error('there is no output');
    const wrong = difference(await read(y), { ...expected, dtype: 'float32' });
    if (wrong) throw new Error(`${op} ${JSON.stringify({ w, attributes })}: ${wrong}`);
    for (const one of [...given, y]) one.dispose();
  } finally {
    model.dispose();
  }
}

test('Conv', async () => {
  const rng = new Rng();
  for (let done = 0; done < 25; ) {
    const w = drawWindows(rng, 3);
    const sizes = [0, 0, 0].map(() => rng.int(1, 6));
    const out = windowCounts(w, sizes);
    if (out.some((size) => size < 1)) continue;
    done++;
    const [n, groups, ci, ko] = [rng.int(1, 2), rng.int(1, 3), rng.int(1, 3), rng.int(1, 3)];
    const [c, k] = [groups * ci, groups * ko];
    const x = whole(rng, n * c * product(sizes));
    const f = whole(rng, k * ci * product(w.kernel));
    const bias = whole(rng, k);
    const y = new Float32Array(n * k * product(out));
    for (let b = 0; b < n; b++)
      for (let o = 0; o < k; o++) {
        const base = (b * k + o) * product(out);
        y.fill(bias[o] as number, base, base + product(out));
        for (let i = 0; i < ci; i++) {
          const from = (b * c + Math.floor(o / ko) * ci + i) * product(sizes);
          const filter = (o * ci + i) * product(w.kernel);
          eachTap(w, sizes, out, (at, tap, image) => {
            (y[base + at] as number) += (x[from + image] as number) * (f[filter + tap] as number);
          });
        }
      }
    await check(
      'Conv',
      w,
      { group: groups },
      [
        { shape: [n, c, ...sizes], values: x },
        { shape: [k, ci, ...w.kernel], values: f },
        { shape: [k], values: bias },
      ],
      { shape: [n, k, ...out], values: y },
    );
  }
});

test('ConvTranspose', async () => {
  const rng = new Rng();
  for (let done = 0; done < 25; ) {
    const w = drawWindows(rng, 3);
    // The result's sizes are drawn: what it is the gradient of has windows over them.
    const out = [0, 0, 0].map(() => rng.int(1, 6));
    const sizes = windowCounts(w, out);
    if (sizes.some((size) => size < 1)) continue;
    done++;
    const [n, groups, ci, ko] = [rng.int(1, 2), rng.int(1, 3), rng.int(1, 3), rng.int(1, 3)];
    const [c, k] = [groups * ci, groups * ko];
    const x = whole(rng, n * c * product(sizes));
    const f = whole(rng, c * ko * product(w.kernel));
    const y = new Float32Array(n * k * product(out));
    for (let b = 0; b < n; b++)
      for (let o = 0; o < k; o++)
        for (let i = 0; i < ci; i++) {
          const channel = Math.floor(o / ko) * ci + i;
          const from = (b * c + channel) * product(sizes);
          const filter = (channel * ko + (o % ko)) * product(w.kernel);
          const to = (b * k + o) * product(out);
          eachTap(w, out, sizes, (at, tap, image) => {
            (y[to + image] as number) += (x[from + at] as number) * (f[filter + tap] as number);
          });
        }
    const output_padding = out.map((wanted, a) => {
      const [size = 0, s = 0, d = 0, t = 0] = [sizes[a], w.stride[a], w.dilation[a], w.kernel[a]];
      const cut = (w.before[a] as number) + (w.after[a] as number);
      return wanted - ((size - 1) * s + (t - 1) * d + 1 - cut);
    });
    await check(
      'ConvTranspose',
      w,
      { group: groups, output_padding },
      [
        { shape: [n, c, ...sizes], values: x },
        { shape: [c, ko, ...w.kernel], values: f },
      ],
      { shape: [n, k, ...out], values: y },
    );
  }
});

test('MaxPool', async () => {
  const rng = new Rng();
  for (let done = 0; done < 25; ) {
    const w = drawWindows(rng, 3);
    const sizes = [0, 0, 0].map(() => rng.int(1, 6));
    const out = windowCounts(w, sizes);
    if (out.some((size) => size < 1)) continue;
    done++;
    const planes = [rng.int(1, 2), rng.int(1, 3)];
    const x = whole(rng, product(planes) * product(sizes));
    const y = new Float32Array(product(planes) * product(out)).fill(-Infinity);
    for (let plane = 0; plane < product(planes); plane++)
      eachTap(w, sizes, out, (at, _tap, image) => {
        const to = plane * product(out) + at;
        y[to] = Math.max(y[to] as number, x[plane * product(sizes) + image] as number);
      });
    await check('MaxPool', w, {}, [{ shape: [...planes, ...sizes], values: x }], {
      shape: [...planes, ...out],
      values: y,
    });
  }
});

test('a filter of more slices than are planned is refused', async () => {
  const model = onnxModel({
    inputs: { x: [1, 1, 2000, 1, 1], w: [1, 1, 2000, 1, 1] },
    outputs: { y: [1, 1, 1, 1, 1] },
    nodes: [{ op: 'Conv', inputs: ['x', 'w'], outputs: ['y'] }],
  });
  await expect(Model.load(model)).rejects.toThrow('filters have at most 1024 slices, got 2000');
});
