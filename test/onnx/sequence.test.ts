/** Sequences of tensors inside a model: what ONNX's cases do not ask for. */

import { Model, tensor } from '../../lib/index';
import { type ModelSpec, type NodeSpec, onnxModel } from '../support/onnx-builder';

function modelOf(nodes: readonly NodeSpec[], more: Partial<ModelSpec> = {}): Uint8Array {
  return onnxModel({ opset: 13, inputs: { x: [2, 3] }, outputs: { y: {} }, nodes, ...more });
}
const X = Float32Array.of(1, 2, 3, 4, 5, 6);

async function run(bytes: Uint8Array, feeds: Record<string, Float32Array | BigInt64Array> = {}) {
  using model = await Model.load(bytes);
  const { y } = await model.run({ x: X, ...feeds });
  return y && { shape: y.shape, data: Array.from(await y.data(), Number) };
}

const split = (
  attributes: NodeSpec['attributes'],
  inputs: readonly string[] = ['x'],
): NodeSpec => ({
  op: 'SplitToSequence',
  name: 'split',
  inputs,
  outputs: ['s'],
  ...(attributes ? { attributes } : {}),
});
const join = (attributes: NodeSpec['attributes']): NodeSpec => ({
  op: 'ConcatFromSequence',
  name: 'join',
  inputs: ['s'],
  outputs: ['y'],
  ...(attributes ? { attributes } : {}),
});

test('parts of one size, and of given sizes', async () => {
  const at = (position: number): ModelSpec['initializers'] => ({
    at: { ints: [position], dims: [] },
  });
  const take = { op: 'SequenceAt', name: 'take', inputs: ['s', 'at'], outputs: ['y'] };
  const two = { size: { ints: [2], dims: [] } };
  expect(
    await run(
      modelOf([split({ axis: 1 }, ['x', 'size']), take], { initializers: { ...two, ...at(-1) } }),
    ),
  ).toEqual({ shape: [2, 1], data: [3, 6] });
  const sizes = { size: { ints: [1, 2] } };
  expect(
    await run(
      modelOf([split({ axis: -1 }, ['x', 'size']), take], { initializers: { ...sizes, ...at(1) } }),
    ),
  ).toEqual({ shape: [2, 2], data: [2, 3, 5, 6] });
});

test('single rows joined along a new axis', async () => {
  const nodes = [split({ axis: 0, keepdims: 0 }), join({ axis: -1, new_axis: 1 })];
  expect(await run(modelOf(nodes))).toEqual({ shape: [3, 2], data: [1, 4, 2, 5, 3, 6] });
});

test('a position may come with the run', async () => {
  using model = await Model.load(
    modelOf(
      [split({ axis: 0 }), { op: 'SequenceAt', name: 'take', inputs: ['s', 'i'], outputs: ['y'] }],
      {
        inputs: { x: [2, 3], i: { dtype: 'int64', shape: [] } },
      },
    ),
  );
  using x = tensor(X, { shape: [2, 3] });
  for (const [i, row] of [
    [0n, [1, 2, 3]],
    [-1n, [4, 5, 6]],
  ] as const) {
    using position = tensor(BigInt64Array.of(i), { shape: [] });
    const { y } = await model.run({ x, i: position });
    expect(Array.from((await y?.data()) as Float32Array)).toEqual(row);
  }
  using far = tensor(BigInt64Array.of(2n), { shape: [] });
  await expect(model.run({ x, i: far })).rejects.toThrow(
    'node "take" (SequenceAt, opset 13): position must lie in [-2, 1], got 2',
  );
});

const refused: [string, NodeSpec[], NonNullable<ModelSpec['initializers']>, string][] = [
  [
    'a sequence where a tensor is read',
    [split({}), { op: 'Relu', name: 'r', inputs: ['s'], outputs: ['y'] }],
    {},
    'input 0 is a sequence, it must be a tensor',
  ],
  [
    'a tensor where a sequence is read',
    [{ ...join({ axis: 0 }), inputs: ['x'] }],
    {},
    'input 0 is a tensor',
  ],
  ['a sequence as output', [{ ...split({}), outputs: ['y'] }], {}, 'output "y" is a sequence'],
  [
    'no elements to join',
    [{ op: 'SequenceEmpty', name: 'e', inputs: [], outputs: ['s'] }, join({ axis: 0 })],
    {},
    'the sequence has no elements',
  ],
  [
    'elements of two types',
    [
      { op: 'SequenceConstruct', name: 'c', inputs: ['x', 'size'], outputs: ['s'] },
      join({ axis: 0 }),
    ],
    { size: { ints: [2] } },
    'elements must be float32, got int64',
  ],
  [
    'parts that do not add up',
    [split({ axis: 1 }, ['x', 'size']), join({ axis: 1 })],
    { size: { ints: [1, 1] } },
    'parts [1, 1] must add up to 3',
  ],
  [
    'parts of no size',
    [split({ axis: 1 }, ['x', 'size']), join({ axis: 1 })],
    { size: { ints: [0], dims: [] } },
    'split must be positive, got 0',
  ],
];

test.each(refused)('refuses %s', async (_what, nodes, initializers, message) => {
  await expect(Model.load(modelOf(nodes, { initializers }))).rejects.toThrow(message);
});

test('more elements than anyone wants are refused before they are made', async () => {
  const bytes = modelOf([split({ axis: 0 }), join({ axis: 0 })], { inputs: { x: [2 ** 40, 1] } });
  await expect(Model.load(bytes, { freeBatch: false })).rejects.toThrow(
    'at most 4096 elements are supported, got 1099511627776',
  );
});

test('sequences stay float32 in conversions, and audits pass them over', async () => {
  const w = { w: { floats: [0.5, 0.25, 0.125], dims: [3, 1] } };
  const product = { op: 'MatMul', name: 'product', inputs: ['x', 'w'], outputs: ['p'] };
  const nodes = [product, { ...split({ axis: 0 }), inputs: ['p'] }, join({ axis: 1 })];
  using model = await Model.load(modelOf(nodes, { initializers: w }));
  using half = await model.convert({ precision: 'float16' });
  expect(half.conversion?.nodes.map(({ precision }) => precision)).toEqual([
    'float16',
    'float32',
    'float32',
  ]);
  const report = await half.audit({ reference: model, data: [{ x: X }] });
  expect(report.outputs[0]?.error.sqnr).toBeGreaterThan(60);
});
