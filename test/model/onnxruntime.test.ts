/**
 * ONNX Runtime computes what Halftone computes: for each model of the data folder as it is, and for the files that `save`
 * writes of its conversions, with their casts.
 */

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { makeDigits } from '../../examples/digits/digits';
import { type ConvertOptions, Model, type Tensor, tensor } from '../../lib/index';
import { decodeModel } from '../../lib/onnx/decode';
import { describeWithData } from '../support/data';
import { OnnxRuntime } from '../support/ort';
import { REPO } from '../support/repo';
import { networkBound, unitRoundoff } from '../support/tolerance';
import { type Arrays, float32, INPUTS, normals } from '../support/zoo';

let runtime: OnnxRuntime;
beforeAll(() => {
  runtime = new OnnxRuntime();
});
afterAll(() => runtime.close());

/** Products that each node sums, as far as its weights tell. */
function termsOf(bytes: Uint8Array): number[] {
  const { nodes, initializers } = decodeModel(bytes);
  return nodes.map(({ op, inputs }) => {
    const [rows = 1, ...rest] = initializers.get(inputs[1] ?? '')?.shape ?? [];
    const each = rest.reduce((n, d) => n * d, 1);
    if (op === 'Conv' || op === 'QLinearConv') return each;
    if (op === 'MatMul' || op === 'Gemm') return Math.max(rows, each);
    return 1;
  });
}

function tensorsOf(arrays: Arrays): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(arrays).map(([name, { data, shape, dtype }]) => [
      name,
      tensor(data, { shape, dtype }),
    ]),
  );
}

/** Runs the bytes with both, and compares every output. */
async function compare(bytes: Uint8Array, arrays: Arrays, unit: number): Promise<void> {
  const other = await runtime.run(bytes, arrays);
  using model = await Model.load(bytes);
  const inputs = tensorsOf(arrays);
  const outputs = await model.run(inputs);
  const bound = networkBound(termsOf(bytes), unit);
  expect([...other.keys()].sort()).toEqual(Object.keys(outputs).sort());
  for (const [name, output] of Object.entries(outputs)) {
    const { shape, data } = other.get(name) as { shape: number[]; data: ArrayLike<number> };
    expect(output.shape).toEqual(shape);
    let [difference, size] = [0, 0];
    for (const [i, value] of Array.from((await output.data()) as Float32Array).entries()) {
      difference += (value - Number(data[i])) ** 2;
      size += value ** 2;
    }
    expect(size).toBeGreaterThan(0);
    // Also false for NaN.
    expect({ name, close: Math.sqrt(difference / size) <= bound }).toEqual({ name, close: true });
    output.dispose();
  }
  for (const input of Object.values(inputs)) input.dispose();
}

/** The file of a conversion, and whether ONNX Runtime agrees with it. */
async function compareConverted(bytes: Uint8Array, arrays: Arrays, options: ConvertOptions) {
  using model = await Model.load(bytes);
  using converted = await model.convert(options);
  await compare(converted.toBytes(), arrays, unitRoundoff('float16'));
}

const LOW: readonly ConvertOptions[] = [
  { precision: 'float16' },
  { precision: 'mixed' },
  { precision: 'mixed', profile: 'onnx-converter' },
];

const TABLE = LOW.map((o) => [o.profile ?? o.precision, o] as const);

describe('examples/digits', () => {
  const bytes = readFileSync(path.join(REPO, 'examples/digits/digits.onnx'));
  const arrays = { pixels: float32([16, 1, 28, 28], [...makeDigits(16, 3).pixels]) };

  test('as it is', () => compare(bytes, arrays, unitRoundoff('float32')));

  test.each(TABLE)('%s', (_, options) => compareConverted(bytes, arrays, options));
});

/** Its sums leave the range of float16 by design: only the nodes that measuring finds can be low. */
const CONSTRAINED = 'needs_constraints.onnx';

for (const [name, make] of Object.entries(INPUTS)) {
  describeWithData(name, path.join('models', name), (file) => {
    const bytes = readFileSync(file);
    let made: Promise<Arrays> | undefined;
    const inputsOnce = () => (made ??= make());
    // Codes of 8 bits: kernels of some CPUs saturate sums of pairs, and a code may be the next one.
    const own = name.includes('int8') ? 2 ** -8 : unitRoundoff('float32');

    test('as it is', async () => compare(bytes, await inputsOnce(), own));

    if (name === CONSTRAINED) {
      test("converted with 'auto'", async () => {
        const arrays = await inputsOnce();
        const inputs = tensorsOf(arrays);
        await compareConverted(bytes, arrays, { precision: 'auto', data: [inputs] });
        for (const input of Object.values(inputs)) input.dispose();
      });
    } else {
      test.each(TABLE)('%s', async (_, options) => {
        await compareConverted(bytes, await inputsOnce(), options);
      });
    }
  });
}

describeWithData('models without weights', 'onnx/light', (folder) => {
  // All nine give the outputs that ONNX has for them (zoo.test.ts); float16 cannot hold sums of so many equal weights.
  test.each(['resnet50', 'shufflenet', 'squeezenet'])('%s as it is', async (name) => {
    const bytes = readFileSync(path.join(folder, `light_${name}.onnx`));
    using model = await Model.load(bytes);
    const arrays = { [model.inputs[0]?.name ?? '']: normals([1, 3, 224, 224], 4) };
    await compare(bytes, arrays, unitRoundoff('float32'));
  });
});
