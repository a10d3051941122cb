/** Constants beyond the range of float16: only those that a conversion rounds are clamped, counted or refused. */

import { type ConvertOptions, Model } from '../../lib/index';
import { type NodeSpec, onnxModel } from '../support/onnx-builder';

const X = Float32Array.of(1, 2, -1, 0.5);

async function big(model: Model): Promise<number[]> {
  const { big: made } = await model.run({ x: X });
  return made ? Array.from((await made.data()) as Float32Array) : [];
}

const clamp: ConvertOptions = { precision: 'float16', outOfRange: 'clamp' };

test('constants that stay float32 are not touched, nor counted', async () => {
  const bytes = onnxModel({
    opset: 13,
    inputs: { x: ['N', 2] },
    outputs: { y: ['N', 2], big: ['N', 2] },
    initializers: {
      w: { floats: [0.5, -0.25, 0.125, 1], dims: [2, 2] },
      c: { floats: [90000, 1e-9], dims: [2] },
    },
    nodes: [
      { op: 'MatMul', name: 'product', inputs: ['x', 'w'], outputs: ['y'] },
      { op: 'Mul', name: 'grow', inputs: ['x', 'c'], outputs: ['big'] },
    ],
  });
  using model = await Model.load(bytes);
  for (const outOfRange of ['clamp', 'error', 'report'] as const) {
    // Only the product is low, which reads w: four values.
    using mixed = await model.convert({ precision: 'mixed', outOfRange });
    expect(mixed.conversion?.loss).toEqual({
      constants: 1,
      values: 4,
      overflowed: 0,
      underflowed: 0,
      subnormal: 0,
    });
    expect(await big(mixed)).toEqual(await big(model));
  }
  using clamped = await model.convert(clamp);
  expect(clamped.conversion?.loss).toMatchObject({ constants: 2, overflowed: 0, underflowed: 1 });
});

test('constants in nodes are constants, too', async () => {
  const value_float = { float: 90000 };
  const nodes: readonly NodeSpec[] = [
    { op: 'Constant', name: 'k', inputs: [], outputs: ['k'], attributes: { value_float } },
    { op: 'Mul', name: 'mul', inputs: ['x', 'k'], outputs: ['big'] },
  ];
  const inputs = { x: ['N', 2] };
  const bytes = onnxModel({ opset: 13, inputs, outputs: { big: ['N', 2] }, nodes });
  using model = await Model.load(bytes, { optimize: false });
  using clamped = await model.convert(clamp);
  expect(clamped.conversion?.outOfRange).toEqual([{ name: 'k', values: 1, largest: 90000 }]);
  expect((await big(clamped))[3]).toBe(65504 / 2);
  using kept = await model.convert({ precision: 'float16', outOfRange: 'keep' });
  expect((await big(kept))[3]).toBe(45000);
  await expect(model.convert({ precision: 'float16', outOfRange: 'error' })).rejects.toThrow(
    'initializer "k" holds 1 values',
  );
});
