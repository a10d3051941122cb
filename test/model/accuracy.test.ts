/** Trained networks on real data: what they are known to reach, and what 16 bits change. docs/precision.md states the figures. */

import { type Evaluation, evaluate } from '../../lib/cli/evaluate';
import { type ConvertOptions, Model, type Tensor, tensor } from '../../lib/index';
import type { HostArray } from '../../lib/io/array';
import { describeWithData } from '../support/data';
import { type Arrays, crops, INPUTS, keywords } from '../support/zoo';

/** Of 1000 predictions: 99.8 %. */
const AGREEMENT = 998;

async function evaluations(
  file: string,
  images: HostArray,
  labels: readonly number[] | undefined,
  options: readonly ConvertOptions[],
): Promise<Evaluation[]> {
  using model = await Model.load(file);
  const data = { images, count: images.shape[0] as number, ...(labels && { labels }) };
  const all: Evaluation[] = [];
  for (const option of options) {
    using converted = await model.convert(option);
    all.push(await evaluate(converted, data, { batch: 250 }));
  }
  return all;
}

const same = (a: Evaluation, b: Evaluation | undefined) =>
  a.predictions.filter((prediction, i) => prediction === b?.predictions[i]).length;

const FLOAT32 = { precision: 'float32' } as const;
const FLOAT16 = { precision: 'float16' } as const;

describeWithData('keywords', 'models/kws_dscnn.onnx', (file) => {
  test('float32 knows 901 of 1000 words, float16 and mixed say the same', async () => {
    const { inputs, labels } = keywords();
    const [float32, ...low] = await evaluations(file, inputs, labels, [
      FLOAT32,
      FLOAT16,
      { precision: 'float16', compute: 'float16' },
      { precision: 'mixed' },
    ]);
    expect(float32?.correct).toBe(901);
    for (const evaluation of low) {
      expect(same(evaluation, float32)).toBeGreaterThanOrEqual(AGREEMENT);
    }
  });
});

describeWithData('ResNet-20', 'models/resnet20_cifar10.onnx', (file) => {
  test('1000 crops of photographs: float16 sees what float32 sees', async () => {
    const [float32, float16] = await evaluations(file, await crops(1000, 1), undefined, [
      FLOAT32,
      FLOAT16,
    ]);
    expect(same(float16 as Evaluation, float32)).toBeGreaterThanOrEqual(AGREEMENT);
    // The crops are no single class, or the agreement would say nothing.
    expect(new Set(float32?.predictions).size).toBeGreaterThan(5);
  });
});

/** The outputs of a model for its inputs, in one precision. */
async function outputs(file: string, arrays: Arrays, precision: 'float32' | 'float16' | 'mixed') {
  using model = await Model.load(file);
  using converted = await model.convert({ precision });
  const inputs: Record<string, Tensor> = {};
  for (const [name, { data, shape, dtype }] of Object.entries(arrays)) {
    inputs[name] = tensor(data, { shape, dtype });
  }
  const made = await converted.run(inputs);
  const values: Record<string, Float32Array> = {};
  for (const [name, output] of Object.entries(made)) {
    values[name] = (await output.data()) as Float32Array;
    output.dispose();
  }
  for (const input of Object.values(inputs)) input.dispose();
  return values;
}

const largestDifference = (a: Float32Array, b: Float32Array) =>
  a.reduce((most, value, i) => Math.max(most, Math.abs(value - (b[i] as number))), 0);

describeWithData('super_resolution.onnx', 'models/super_resolution.onnx', (file) => {
  test.each(['float16', 'mixed'] as const)('%s: a PSNR of 60 dB or more', async (precision) => {
    const arrays = (await INPUTS['super_resolution.onnx']?.()) as Arrays;
    const { output: exact = new Float32Array() } = await outputs(file, arrays, 'float32');
    const { output: low = new Float32Array() } = await outputs(file, arrays, precision);
    const square = exact.reduce((sum, value, i) => sum + (value - (low[i] as number)) ** 2, 0);
    // The luminance that 1 stands for, over the root mean square error. One rounding of values near 1 alone is 77 dB.
    expect(10 * Math.log10(exact.length / square)).toBeGreaterThan(60);
    // The picture is one: neither empty nor all noise.
    const mean = exact.reduce((sum, value) => sum + value, 0) / exact.length;
    expect(mean).toBeGreaterThan(0.2);
    expect(mean).toBeLessThan(0.8);
  });
});

describeWithData('ultraface-rfb-320.onnx', 'models/ultraface-rfb-320.onnx', (file) => {
  test('finds the astronaut in float32, float16 and mixed', async () => {
    const arrays = (await INPUTS['ultraface-rfb-320.onnx']?.()) as Arrays;
    const exact = await outputs(file, arrays, 'float32');
    for (const precision of ['float32', 'float16', 'mixed'] as const) {
      const { scores = new Float32Array(), boxes = new Float32Array() } = await outputs(
        file,
        arrays,
        precision,
      );
      // Pairs of probabilities: nothing, a face.
      const faces = scores.filter((_, i) => i % 2 === 1);
      const best = faces.indexOf(Math.max(...faces));
      expect(faces[best]).toBeGreaterThan(0.99);
      const [left = 0, top = 0, right = 0, bottom = 0] = boxes.subarray(4 * best, 4 * best + 4);
      // Her nose in the picture of 320 x 240.
      expect(left < 0.44 && 0.44 < right && top < 0.15 && 0.15 < bottom).toBe(true);
      expect(largestDifference(scores, exact['scores'] as Float32Array)).toBeLessThan(0.01);
      expect(largestDifference(boxes, exact['boxes'] as Float32Array)).toBeLessThan(0.005);
    }
  });
});
