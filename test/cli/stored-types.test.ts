/** Models with the types that are only stored: saved, inspected, loaded again and run, from end to end. */

import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type DType, Model, type Tensor, tensor } from '../../lib';
import { dataTypeCode } from '../../lib/onnx/decode-tensor';
import { halftone } from '../support/cli';
import { onnxModel } from '../support/onnx-builder';

const folder = mkdtempSync(path.join(os.tmpdir(), 'halftone-'));
afterAll(() => rmSync(folder, { recursive: true }));

const STORED = [
  'float8e4m3fn',
  'float8e4m3fnuz',
  'float8e5m2',
  'float8e5m2fnuz',
  'float8e8m0',
  'float4e2m1',
  'int4',
  'uint4',
  'int2',
  'uint2',
] as const satisfies readonly DType[];

// Powers of two that all of them hold but int2 and uint2; five are no whole number of bytes when packed.
const valuesOf = (dtype: DType) =>
  /2$/.test(dtype) && dtype.includes('int') ? [1, 0, 1, 1, 0] : [1, 2, 4, 1, 2];

test.each(STORED)('%s', async (dtype) => {
  const values = valuesOf(dtype);
  const to = dataTypeCode(dtype);
  const file = path.join(folder, `${dtype}.onnx`);
  const bytes = onnxModel({
    opset: 25,
    inputs: { x: { shape: [5] } },
    outputs: { y: { shape: [5] }, codes: { elemType: to, shape: [5] } },
    nodes: [
      { op: 'Cast', name: 'narrow', inputs: ['x'], outputs: ['codes'], attributes: { to } },
      { op: 'Cast', name: 'wide', inputs: ['codes'], outputs: ['y'], attributes: { to: 1 } },
    ],
  });
  const read = async (value: Tensor | undefined) =>
    Array.from((await value?.toArray()) as number[], Number);
  using model = await Model.load(bytes);
  await model.save(file);
  using again = await Model.load(file);
  const { y, codes } = await again.run({ x: tensor(values) });
  expect([y?.dtype, codes?.dtype]).toEqual(['float32', dtype]);
  expect([await read(y), await read(codes)]).toEqual([values, values]);

  const { code, stdout, stderr } = halftone(['inspect', file]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toContain(`y float32 [N], codes ${dtype} [N]`);
});

test('weights of 4 bits stay packed in a file, and are read as they were', async () => {
  const file = path.join(folder, 'weights.onnx');
  // -8 ... 7 in pairs, the first of each in the low half; the fifth has a byte of its own.
  const raw = Uint8Array.of(0x18, 0x7f, 0x03);
  const bytes = onnxModel({
    opset: 25,
    inputs: { x: [5] },
    outputs: { y: [5] },
    initializers: {
      w: { data_type: 22, dims: [5], raw_data: raw },
      s: { floats: [0.5], dims: [] },
    },
    nodes: [
      { op: 'DequantizeLinear', name: 'd', inputs: ['w', 's'], outputs: ['f'] },
      { op: 'Mul', name: 'm', inputs: ['x', 'f'], outputs: ['y'] },
    ],
  });
  using model = await Model.load(bytes);
  await model.save(file);
  using again = await Model.load(file);
  const { y } = await again.run({ x: [1, 1, 1, 1, 2] });
  expect(await y?.data()).toEqual(Float32Array.of(-4, 0.5, -0.5, 3.5, 3));
  const { stdout } = halftone(['inspect', file, '--json']);
  expect(JSON.parse(stdout)).toMatchObject({ operators: { DequantizeLinear: 1, Mul: 1 } });
});
