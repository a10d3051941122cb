/** The MNIST network of the ONNX model zoo on all 10,000 test images, in each arithmetic. */

import path from 'node:path';
import { type Evaluation, evaluate, readDataSet } from '../../lib/cli/evaluate';
import { type ConvertOptions, Model, tensor } from '../../lib/index';
import { DATA, describeWithData } from '../support/data';

/** Right of 10,000 in float32: 98.91 %, as the data folder's README says. */
const FLOAT32_RIGHT = 9891;
/** 0.05 points. */
const CLOSE = 5;

const mnist = (name: string) => path.join(DATA, 'mnist', `t10k-${name}-ubyte.gz`);

describeWithData('mnist-8.onnx', 'models/mnist-8.onnx', (file) => {
  let model: Model;
  let data: Awaited<ReturnType<typeof readDataSet>>;

  beforeAll(async () => {
    model = await Model.load(file);
    data = await readDataSet({ images: mnist('images-idx3'), labels: mnist('labels-idx1') });
  });
  afterAll(() => model.dispose());

  const run = async (options: ConvertOptions): Promise<Evaluation> => {
    using converted = await model.convert(options);
    return await evaluate(converted, data, { batch: 250 });
  };

  /** "storage products sums" of the nodes that sum products. */
  const arithmetic = ({ nodes }: Evaluation) => [
    ...new Set(
      nodes
        .filter(({ op }) => op === 'Conv' || op === 'MatMul')
        .map(({ provenance: p }) => `${p.storage} ${p.multiply} ${p.accumulate}`),
    ),
  ];

  test('was saved for one image and takes any number', () => {
    expect(model.batch).toEqual({ free: true });
    expect(model.inputs).toEqual([{ name: 'Input3', dtype: 'float32', shape: ['N', 1, 28, 28] }]);
    expect(data.count).toBe(10_000);
  });

  test('an image gives the same outputs alone and among others', async () => {
    const pixels = Float32Array.from(data.images.data.subarray(0, 7 * 784) as Uint8Array);
    using all = tensor(pixels, { shape: [7, 1, 28, 28] });
    const together = await (await model.run({ Input3: all }))['Plus214_Output_0']?.data();
    for (let i = 0; i < 7; i++) {
      const one = await model.run({ Input3: pixels.slice(i * 784, (i + 1) * 784) });
      expect(one['Plus214_Output_0']?.shape).toEqual([1, 10]);
      expect(await one['Plus214_Output_0']?.data()).toEqual(together?.slice(10 * i, 10 * i + 10));
    }
  });

  test('float32: 98.91 %', async () => {
    const result = await run({ precision: 'float32' });
    expect(arithmetic(result)).toEqual(['float32 float32 float32']);
    expect(result.correct).toBe(FLOAT32_RIGHT);
  });

  test('float16 with float32 sums: the same within 0.05 points', async () => {
    const result = await run({ precision: 'float16' });
    expect(arithmetic(result)).toEqual(['float16 float32 float32']);
    const { predictions } = await run({ precision: 'float32' });
    const same = result.predictions.filter((prediction, i) => prediction === predictions[i]);
    expect(same.length).toBeGreaterThanOrEqual(9980);
    expect(Math.abs((result.correct ?? 0) - FLOAT32_RIGHT)).toBeLessThanOrEqual(CLOSE);
  });

  test('bfloat16 with float32 sums: the same within 0.05 points', async () => {
    const result = await run({ precision: 'bfloat16' });
    expect(arithmetic(result)).toEqual(['bfloat16 float32 float32']);
    expect(Math.abs((result.correct ?? 0) - FLOAT32_RIGHT)).toBeLessThanOrEqual(CLOSE);
  });

  // Its sums stay below 65504 and are short: measured 9891, as in float32.
  test('float16 with float16 sums: the same within 0.05 points', async () => {
    const result = await run({ precision: 'float16', compute: 'float16' });
    expect(arithmetic(result)).toEqual(['float16 float16 float16']);
    expect(Math.abs((result.correct ?? 0) - FLOAT32_RIGHT)).toBeLessThanOrEqual(CLOSE);
  });
});
