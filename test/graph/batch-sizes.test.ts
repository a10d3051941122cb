/** Models whose shapes are computed from a Shape, made for one number of images and run with another. */

import { Model, tensor } from '../../lib';
import { Rng } from '../support/rng';
import { type ModelSpec, type NodeSpec, onnxModel } from '../support/onnx-builder';

const node = (
  op: string,
  inputs: string[],
  output: string,
  attributes: NodeSpec['attributes'] = {},
): NodeSpec => ({ op, name: output, inputs, outputs: [output], attributes });

const scalar = (value: number) => ({ ints: [value], dims: [] });
const CONSTANTS = {
  zero: scalar(0),
  one: scalar(1),
  minus: { ints: [-1] },
  first: { ints: [0] },
  two: { ints: [2] },
  three: { ints: [3] },
  six: { ints: [6] },
};

/** The number of images and what else belongs in a shape, as PyTorch writes it. */
const count = (from = 'x'): NodeSpec[] => [
  node('Shape', [from], 's'),
  node('Gather', ['s', 'zero'], 'n', { axis: 0 }),
  node('Unsqueeze', ['n', 'first'], 'n1'),
];

const spec = (nodes: NodeSpec[], more: Partial<ModelSpec> = {}): ModelSpec => ({
  opset: 14,
  inputs: { x: [1, 3, 4] },
  outputs: { y: { elemType: 1 } },
  initializers: CONSTANTS,
  nodes,
  ...more,
});

/** What one image gives, run alone, and as one of several. */
async function check(given: ModelSpec): Promise<void> {
  using model = await Model.load(onnxModel(given));
  expect(model.batch).toEqual({ free: true });
  const images = 3;
  const x = Float32Array.from(new Rng().values('float32', images * 12));
  const all = await model.run({ x: tensor(x, { shape: [images, 3, 4] }) });
  const values = (await all['y']?.data()) as Float32Array;
  expect(all['y']?.shape[0]).toBe(images);
  for (let i = 0; i < images; i++) {
    const one = await model.run({ x: tensor(x.slice(i * 12, i * 12 + 12), { shape: [1, 3, 4] }) });
    const each = (await one['y']?.data()) as Float32Array;
    expect(values.slice(i * each.length, (i + 1) * each.length)).toEqual(each);
  }
}

const GOOD: Readonly<Record<string, ModelSpec>> = {
  'Gather, Unsqueeze, Concat, Reshape': spec([
    ...count(),
    node('Concat', ['n1', 'minus'], 'to', { axis: 0 }),
    node('Reshape', ['x', 'to'], 'y'),
  ]),
  'a part of the shape of another value': spec([
    node('Relu', ['x'], 'r'),
    node('Shape', ['r'], 's'),
    node('Slice', ['s', 'first', 'two'], 'nc'),
    node('Concat', ['nc', 'two', 'minus'], 'to', { axis: 0 }),
    node('Reshape', ['r', 'to'], 'y'),
  ]),
  'sizes beside it that are products': spec([
    ...count(),
    node('Gather', ['s', 'one'], 'c', { axis: 0 }),
    node('Mul', ['c', 'two'], 'c2'),
    node('Cast', ['c2'], 'c3', { to: 7 }),
    node('Concat', ['n1', 'c3', 'minus'], 'to', { axis: 0 }),
    node('Reshape', ['x', 'to'], 'y'),
  ]),
  'Squeeze, Cast, Identity, and Shape with an end': spec(
    [
      node('Shape', ['x'], 's', { start: 0, end: 1 }),
      node('Squeeze', ['s', 'first'], 'n'),
      node('Cast', ['n'], 'n32', { to: 6 }),
      node('Cast', ['n32'], 'n64', { to: 7 }),
      node('Identity', ['n64'], 'i'),
      node('Reshape', ['i', 'minus'], 'n1'),
      node('Concat', ['n1', 'six', 'two'], 'to', { axis: 0 }),
      node('Reshape', ['x', 'to'], 'y'),
    ],
    { opset: 15 },
  ),
  'Expand of what all images share': spec(
    [
      ...count(),
      node('Concat', ['n1', 'three', 'two'], 'to', { axis: 0 }),
      node('Expand', ['w', 'to'], 'v'),
      node('Concat', ['x', 'v'], 'y', { axis: 2 }),
    ],
    { initializers: { ...CONSTANTS, w: { floats: [1, 2], dims: [1, 1, 2] } } },
  ),
  ConstantOfShape: spec([
    ...count(),
    node('Concat', ['n1', 'three', 'two'], 'to', { axis: 0 }),
    node('ConstantOfShape', ['to'], 'v'),
    node('Concat', ['x', 'v'], 'y', { axis: 2 }),
  ]),
  'Resize to sizes': spec([
    ...count(),
    node('Concat', ['n1', 'three', 'six'], 'to', { axis: 0 }),
    node('Resize', ['x', '', '', 'to'], 'y', { mode: 'nearest' }),
  ]),
};

test.each(Object.keys(GOOD))('%s', (name) => check(GOOD[name] as ModelSpec));

test('a saved model keeps the chain', async () => {
  const [given] = Object.values(GOOD) as [ModelSpec];
  using model = await Model.load(onnxModel(given));
  using again = await Model.load(model.toBytes());
  expect(again.nodes.map(({ op }) => op)).toEqual(given.nodes.map(({ op }) => op));
  const { y } = await again.run({ x: tensor(new Float32Array(60), { shape: [5, 3, 4] }) });
  expect(y?.shape).toEqual([5, 12]);
});

const BAD: readonly (readonly [string, ModelSpec, string])[] = [
  [
    'what computes with the number',
    spec([
      ...count(),
      node('Mul', ['n1', 'three'], 'n3'),
      node('Concat', ['n3', 'minus'], 'to', { axis: 0 }),
      node('Reshape', ['x', 'to'], 'y'),
    ]),
    'node "n3" (Mul): it computes with the number of images',
  ],
  [
    'what adds the number to the images',
    spec([...count(), node('Cast', ['n1'], 'f', { to: 1 }), node('Add', ['x', 'f'], 'y')]),
    'node "f" (Cast): it computes with the number of images',
  ],
  [
    'how many values there are',
    spec([
      node('Size', ['x'], 's'),
      node('Reshape', ['s', 'minus'], 's1'),
      node('Reshape', ['x', 's1'], 'y'),
    ]),
    'node "s" (Size): nothing is known of how Size treats single images',
  ],
  [
    'images along another axis',
    spec([
      ...count(),
      node('Concat', ['first', 'n1', 'minus'], 'to', { axis: 0 }),
      node('Reshape', ['x', 'to'], 'y'),
    ]),
    'node "y" (Reshape): its sizes [0, N, -1] have the images along another axis',
  ],
  [
    'weights that would have to be as many',
    spec(
      [
        ...count(),
        node('Concat', ['n1', 'minus'], 'to', { axis: 0 }),
        node('Reshape', ['w', 'to'], 'v'),
        node('Reshape', ['x', 'to'], 'u'),
        node('Add', ['u', 'v'], 'y'),
      ],
      { initializers: { ...CONSTANTS, w: { floats: Array(12).fill(1), dims: [12] } } },
    ),
    'node "v" (Reshape): input 0 does not depend on the images, and its shape does',
  ],
  [
    'Expand along the images of what has several entries there',
    spec(
      [
        ...count(),
        node('Concat', ['n1', 'three', 'two'], 'to', { axis: 0 }),
        node('Expand', ['w', 'to'], 'v'),
        node('Concat', ['v', 'x'], 'y', { axis: 2 }),
      ],
      {
        inputs: { x: [2, 3, 4] },
        initializers: { ...CONSTANTS, w: { floats: [1, 2], dims: [2, 1, 1] } },
      },
    ),
    'node "v" (Expand): its input has entries along axis 0',
  ],
  [
    'a list in reverse',
    spec(
      [
        node('Shape', ['x'], 's'),
        node('Slice', ['s', 'two', 'minus6', 'first', 'minus'], 'to'),
        node('Reshape', ['x', 'to'], 'y'),
      ],
      { initializers: { ...CONSTANTS, minus6: { ints: [-6] } } },
    ),
    'node "to" (Slice): it computes with the number of images',
  ],
];

test.each(BAD)('refuses %s', async (_name, given, why) => {
  using model = await Model.load(onnxModel(given));
  expect(model.batch).toEqual({ free: false, why });
});
