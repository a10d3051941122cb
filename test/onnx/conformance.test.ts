/**
 * ONNX's own backend cases: models with inputs and outputs. Those that load must give the outputs; those that do not must
 * say so with a ModelError.
 */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { bfloat16BitsToFloat, halfBitsToFloat } from '../../lib/dtype';
import { TensorEngine } from '../../lib/graph/tensor-engine';
import type { Constant } from '../../lib/graph/ir';
import { Model, ModelError, type Tensor } from '../../lib/index';
import { decodeTensor } from '../../lib/onnx/decode-tensor';
import { decodeTensorProto } from '../../lib/onnx/proto';
import { difference } from '../support/compare';
import { describeWithData } from '../support/data';
import { onnxCaseBound } from '../support/tolerance';

/** How many cases of each folder ran when this was written: fewer would mean that an operator was lost. */
const SUITES: readonly [folder: string, atLeast: number][] = [
  ['node', 222],
  ['pytorch-converted', 14],
  ['pytorch-operator', 8],
  ['simple', 1],
];

function readTensor(file: string): Constant {
  return decodeTensor(decodeTensorProto(readFileSync(file)), path.basename(file));
}

function toNumbers({ dtype, data }: Constant): number[] {
  if (dtype === 'float16') return Array.from(data as Uint16Array, halfBitsToFloat);
  if (dtype === 'bfloat16') return Array.from(data as Uint16Array, bfloat16BitsToFloat);
  return Array.from<number | bigint, number>(data, Number);
}

/** undefined when the model gives its outputs, else what is wrong. */
async function runCase(folder: string, model: Model): Promise<string | undefined> {
  const engine = new TensorEngine('cpu');
  const inputs: Record<string, Tensor> = {};
  for (const [k, { name }] of model.inputs.entries()) {
    inputs[name] = engine.upload(readTensor(path.join(folder, `input_${k}.pb`)));
  }
  const outputs = await model.run(inputs);
  for (const [k, { name }] of model.outputs.entries()) {
    const expected = readTensor(path.join(folder, `output_${k}.pb`));
    const values = toNumbers(expected);
    const actual = outputs[name] as Tensor;
    const wrong = difference(
      { shape: actual.shape, dtype: actual.dtype, values: await actual.data() },
      { shape: expected.shape, dtype: expected.dtype, values, bounds: values.map(onnxCaseBound) },
    );
    if (wrong) return `${name} ${wrong}`;
  }
  return undefined;
}

describe.each(SUITES)('%s', (folder, atLeast) => {
  describeWithData('ONNX cases', path.join('onnx', folder), (root) => {
    test('give their outputs, or are refused by name', async () => {
      const failures: string[] = [];
      let ran = 0;
      for (const name of readdirSync(root).sort()) {
        const file = path.join(root, name, 'model.onnx');
        if (!existsSync(file)) continue;
        try {
          using model = await Model.load(file, { freeBatch: false });
          const wrong = await runCase(path.join(root, name, 'test_data_set_0'), model);
          ran += 1;
          if (wrong) failures.push(`${name}: ${wrong}`);
        } catch (error) {
          if (!(error instanceof ModelError)) failures.push(`${name}: ${String(error)}`);
        }
      }
      expect(failures).toEqual([]);
      expect(ran).toBeGreaterThanOrEqual(atLeast);
    });
  });
});
