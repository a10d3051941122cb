/** Gradients of a model's values, against derivatives by hand. */

import { Model, type Tensor } from '../../lib/index';
import { type ModelSpec, type NodeSpec, onnxModel } from '../support/onnx-builder';
import { functionBound } from '../support/tolerance';

const domain = 'ai.onnx.preview.training';
const gradient = (
  xs: readonly string[],
  y: string,
  outputs: readonly string[],
  zs: readonly string[] = [],
): NodeSpec => ({
  op: 'Gradient',
  name: `gradient_${y}`,
  domain,
  inputs: [...xs, ...zs],
  outputs,
  attributes: { xs: { strings: xs }, y, ...(zs.length > 0 && { zs: { strings: zs } }) },
});
const node = (
  op: string,
  inputs: readonly string[],
  output: string,
  attributes?: NodeSpec['attributes'],
): NodeSpec => ({
  op,
  name: `${op.toLowerCase()}_${output}`,
  inputs,
  outputs: [output],
  ...(attributes ? { attributes } : {}),
});
const modelOf = (
  inputs: ModelSpec['inputs'],
  outputs: readonly string[],
  nodes: readonly NodeSpec[],
  more: Partial<ModelSpec> = {},
) =>
  onnxModel({
    opsets: { '': 13, [domain]: 1 },
    inputs: inputs ?? {},
    outputs: Object.fromEntries(outputs.map((name) => [name, {}])),
    nodes,
    ...more,
  });

async function run(bytes: Uint8Array, feeds: Record<string, readonly number[]>) {
  using model = await Model.load(bytes);
  const made = await model.run(feeds);
  const read = async (value: Tensor) => ({
    shape: value.shape,
    data: Array.from(await value.data(), Number),
  });
  return Promise.all(Object.values(made).map(read));
}

const rules: [string, readonly NodeSpec[], (x: number) => number][] = [
  ['Add', [node('Add', ['x', 'x'], 'y')], () => 2],
  ['Sub', [node('Sub', ['one', 'x'], 'y')], () => -1],
  ['Mul', [node('Mul', ['x', 'x'], 'y')], (x) => 2 * x],
  ['Div', [node('Div', ['one', 'x'], 'y')], (x) => -1 / (x * x)],
  ['Neg', [node('Neg', ['x'], 'y')], () => -1],
  ['Exp', [node('Exp', ['x'], 'y')], Math.exp],
  ['Log', [node('Log', ['x'], 'y')], (x) => 1 / x],
  ['Sqrt', [node('Sqrt', ['x'], 'y')], (x) => 0.5 / Math.sqrt(x)],
  ['Tanh', [node('Tanh', ['x'], 'y')], (x) => 1 - Math.tanh(x) ** 2],
  ['Sigmoid', [node('Sigmoid', ['x'], 'y')], (x) => Math.exp(-x) / (1 + Math.exp(-x)) ** 2],
  ['Relu', [node('Sub', ['x', 'one'], 'a'), node('Relu', ['a'], 'y')], (x) => (x > 1 ? 1 : 0)],
  [
    'Cast',
    [
      node('Cast', ['x'], 'a', { to: 11 }),
      node('Mul', ['a', 'a'], 'b'),
      node('Cast', ['b'], 'y', { to: 1 }),
    ],
    (x) => 2 * x,
  ],
];

test.each(rules)('of %s', async (_op, nodes, derivative) => {
  const initializers = { one: { floats: [1], dims: [] } };
  const bytes = modelOf({ x: [3] }, ['d'], [...nodes, gradient(['x'], 'y', ['d'])], {
    initializers,
  });
  const x = [0.5, 1.5, 2];
  const [d] = await run(bytes, { x });
  expect(d?.shape).toEqual([3]);
  // A function, and few operations.
  for (const [i, value] of x.entries()) {
    const wanted = derivative(value);
    expect(Math.abs((d?.data[i] as number) - wanted)).toBeLessThanOrEqual(
      functionBound(wanted, 'float32', 4),
    );
  }
});

test('what is broadcast is summed, and other values are constants', async () => {
  const bytes = modelOf(
    { a: [2, 3], b: [3], c: [2, 1] },
    ['da', 'dc'],
    [
      node('Mul', ['a', 'b'], 'p'),
      node('Mul', ['p', 'c'], 'y'),
      gradient(['a', 'c'], 'y', ['da', 'dc'], ['b']),
    ],
  );
  const feeds = { a: [1, 2, 3, 4, 5, 6], b: [1, 10, 100], c: [2, 3] };
  expect(await run(bytes, feeds)).toEqual([
    { shape: [2, 3], data: [2, 20, 200, 3, 30, 300] },
    { shape: [2, 1], data: [321, 654] },
  ]);
});

test('of a product of matrices, by way of a reshape', async () => {
  const bytes = modelOf(
    { a: [4], b: [2, 1] },
    ['da', 'db'],
    [
      node('Reshape', ['a', 's'], 'm'),
      node('MatMul', ['m', 'b'], 'y'),
      gradient(['a', 'b'], 'y', ['da', 'db']),
    ],
    { initializers: { s: { ints: [2, 2] } } },
  );
  expect(await run(bytes, { a: [1, 2, 3, 4], b: [5, 6] })).toEqual([
    { shape: [4], data: [5, 6, 5, 6] },
    { shape: [2, 1], data: [4, 6] },
  ]);
});

test('of a gradient, of itself, and of what does not depend on it', async () => {
  const bytes = modelOf(
    { x: [1], u: [1] },
    ['d2', 'dy', 'du'],
    [
      node('Mul', ['x', 'x'], 'a'),
      node('Mul', ['a', 'x'], 'y'),
      gradient(['x'], 'y', ['d1']),
      gradient(['x'], 'd1', ['d2']),
      { ...gradient(['y'], 'y', ['dy']), name: 'itself' },
      { ...gradient(['u'], 'y', ['du']), name: 'other' },
    ],
  );
  expect(await run(bytes, { x: [3], u: [7] })).toEqual([
    { shape: [1], data: [18] },
    { shape: [1], data: [1] },
    { shape: [1], data: [0] },
  ]);
});

test('of an intermediate value, and of nothing', async () => {
  const bytes = modelOf(
    { x: [0] },
    ['d'],
    [node('Exp', ['x'], 'a'), node('Mul', ['a', 'a'], 'y'), gradient(['a'], 'y', ['d'])],
  );
  expect(await run(bytes, { x: [] })).toEqual([{ shape: [0], data: [] }]);
});

test.each<[string, readonly NodeSpec[], string]>([
  [
    'an operator without a rule',
    [node('Softmax', ['x'], 'y'), gradient(['x'], 'y', ['d'])],
    'node "gradient_y" (Gradient, opset 1): a gradient through node "softmax_y" (Softmax) is not supported',
  ],
  [
    'another place than the named one',
    [node('Neg', ['x'], 'y'), { ...gradient(['x'], 'y', ['d']), inputs: ['y'] }],
    'input 0 must be the value that the attributes name',
  ],
  [
    'integers',
    [node('Cast', ['x'], 'y', { to: 7 }), gradient(['x'], 'y', ['d'])],
    'y must be a float, got int64',
  ],
  [
    'a value that nobody makes',
    [gradient(['x'], 'nowhere', ['d'])],
    'input 2 ("nowhere") is made by no node',
  ],
])('%s is refused when the model is loaded', async (_what, nodes, message) => {
  await expect(Model.load(modelOf({ x: [2] }, ['d'], nodes))).rejects.toThrow(message);
});

test('files keep it, also of a model that was converted', async () => {
  const bytes = modelOf(
    { x: [1, 2] },
    ['d'],
    [node('MatMul', ['x', 'w'], 'a'), node('Mul', ['a', 'a'], 'y'), gradient(['x'], 'y', ['d'])],
    { initializers: { w: { floats: [1, 2, 3, 4], dims: [2, 2] } } },
  );
  const wanted = [{ shape: [1, 2], data: [7 * 2 + 10 * 4, 7 * 6 + 10 * 8] }];
  expect(await run(bytes, { x: [1, 2] })).toEqual(wanted);
  using model = await Model.load(bytes);
  expect(await run(model.toBytes(), { x: [1, 2] })).toEqual(wanted);
  // Small whole numbers: exact in float16, too.
  using half = await model.convert({ precision: 'float16' });
  expect(await run(half.toBytes(), { x: [1, 2] })).toEqual(wanted);
});
