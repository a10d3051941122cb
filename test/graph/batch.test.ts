import type { DType } from '../../lib/dtype';
import { checkFreed, freeBatch } from '../../lib/graph/passes/batch';
import { integersOf } from '../../lib/graph/ir';
import { makePlan } from '../../lib/graph/plan';
import type { Desc } from '../../lib/graph/op-set';
import { TensorEngine } from '../../lib/graph/tensor-engine';
import { ONNX_OPS } from '../../lib/onnx/op-table';
import { graphOf } from '../support/graphs';
import type { ModelSpec, NodeSpec } from '../support/onnx-builder';

const engine = new TensorEngine('cpu');

function free(spec: ModelSpec) {
  const graph = graphOf(spec);
  const inputs = new Map(
    graph.inputs.map(({ name, dtype, shape }): [string, Desc] => [
      name,
      { dtype: (dtype ?? 'float32') as DType, shape: (shape ?? []).map(Number) },
    ]),
  );
  return freeBatch(graph, ONNX_OPS, makePlan(graph, ONNX_OPS, inputs, engine));
}

const node = (op: string, inputs: string[], attributes: NodeSpec['attributes'] = {}): NodeSpec => ({
  op,
  name: 'n',
  inputs,
  outputs: ['y'],
  attributes,
});

const floats = (...dims: number[]) => ({
  floats: Array(dims.reduce((n, d) => n * d, 1)).fill(1),
  dims,
});

/** One node between x and y, made for `batch` images. */
function why(
  one: NodeSpec,
  x: number[],
  initializers: ModelSpec['initializers'] = {},
  batch = 1,
  opset = 14,
): string | undefined {
  const result = free({
    opset,
    inputs: { x: [batch, ...x] },
    outputs: { y: [] },
    initializers,
    nodes: [one],
  });
  return 'why' in result ? result.why.replace(/^node "n" \(\w+\): /, '') : undefined;
}

describe('freeBatch frees', () => {
  const GOOD: readonly [string, NodeSpec, number[], ModelSpec['initializers']][] = [
    ['Conv', node('Conv', ['x', 'w']), [3, 4, 4], { w: floats(2, 3, 3, 3) }],
    ['MaxPool', node('MaxPool', ['x'], { kernel_shape: [2, 2] }), [3, 4, 4], {}],
    ['Relu', node('Relu', ['x']), [5], {}],
    ['Add of x and itself', node('Add', ['x', 'x']), [5], {}],
    ['Add of a bias', node('Add', ['x', 'w']), [3, 4, 4], { w: floats(3, 1, 1) }],
    ['Add of one row', node('Add', ['w', 'x']), [5], { w: floats(1, 5) }],
    ['MatMul with a matrix', node('MatMul', ['x', 'w']), [5], { w: floats(5, 2) }],
    ['MatMul of matrices', node('MatMul', ['x', 'w']), [4, 5], { w: floats(5, 2) }],
    ['MatMul with matrices on the right', node('MatMul', ['w', 'x']), [4, 5], { w: floats(3, 4) }],
    ['Gemm', node('Gemm', ['x', 'w', 'c']), [5], { w: floats(5, 2), c: floats(2) }],
    [
      'Gemm with a row',
      node('Gemm', ['x', 'w', 'c'], { transB: 1 }),
      [5],
      { w: floats(2, 5), c: floats(1, 2) },
    ],
    ['Flatten', node('Flatten', ['x']), [3, 4], {}],
    ['Reshape that copies', node('Reshape', ['x', 's']), [3, 4], { s: { ints: [0, -1] } }],
    [
      'Reshape with the rest in front',
      node('Reshape', ['x', 's']),
      [3, 4],
      { s: { ints: [-1, 2, 6] } },
    ],
    ['Squeeze', node('Squeeze', ['x', 'a']), [1, 3], { a: { ints: [1] } }],
    ['Unsqueeze', node('Unsqueeze', ['x', 'a']), [3], { a: { ints: [1, -1] } }],
    ['Transpose of channels', node('Transpose', ['x'], { perm: [0, 2, 1] }), [3, 4], {}],
    ['ReduceMean of pixels', node('ReduceMean', ['x'], { axes: [-1, 1] }), [3, 4], {}],
    ['ReduceSum of pixels', node('ReduceSum', ['x', 'a']), [3, 4], { a: { ints: [1] } }],
    ['GlobalAveragePool', node('GlobalAveragePool', ['x']), [3, 4, 4], {}],
    ['Softmax', node('Softmax', ['x']), [5], {}],
  ];

  test.each(GOOD)('%s', (_name, one, x, initializers) => {
    expect(why(one, x, initializers)).toBeUndefined();
  });

  const NEWER: readonly [string, NodeSpec, number[], ModelSpec['initializers']][] = [
    ['CastLike', node('CastLike', ['x', 'w']), [5], { w: floats(1) }],
    [
      'Slice of pixels',
      node('Slice', ['x', 's', 'e', 'a', 't']),
      [6, 6],
      { s: { ints: [1, -1] }, e: { ints: [4, -9] }, a: { ints: [1, 2] }, t: { ints: [1, -2] } },
    ],
    [
      'Slice of all images',
      node('Slice', ['x', 's', 'e']),
      [6],
      { s: { ints: [0, 1] }, e: { ints: [2 ** 31 - 1, 3] } },
    ],
    ['Gather of columns', node('Gather', ['x', 'i'], { axis: 1 }), [5], { i: { ints: [0, 3] } }],
    ['Pad of pixels', node('Pad', ['x', 'p']), [2, 2], { p: { ints: [0, 1, 0, 0, 0, 2] } }],
    ['Tile of pixels', node('Tile', ['x', 'r']), [2], { r: { ints: [1, 3] } }],
    ['Expand of pixels', node('Expand', ['x', 's']), [1, 2], { s: { ints: [4, 2] } }],
    ['Expand that spells out the images', node('Expand', ['x', 's']), [1], { s: { ints: [1, 4] } }],
    ['Trilu', node('Trilu', ['x']), [3, 3], {}],
    ['LayerNormalization', node('LayerNormalization', ['x', 'w']), [5], { w: floats(5) }],
    ['LpNormalization', node('LpNormalization', ['x'], { axis: 1 }), [5], {}],
    ['RMSNormalization', node('RMSNormalization', ['x', 'w']), [5], { w: floats(5) }],
  ];

  test.each(NEWER)('%s', (_name, one, x, initializers) => {
    expect(why(one, x, initializers, 1, 23)).toBeUndefined();
  });

  test('products and sums of codes', () => {
    const code = (values: number[], dims: number[]) => ({ data_type: 2, int32_data: values, dims });
    const initializers = {
      w: code([1, 2, 3, 4, 5, 6, 7, 8], [4, 2]),
      z: code([3], []),
      s: { floats: [0.5], dims: [] },
      many: { floats: [0.5, 1], dims: [2] },
    };
    const result = (one: NodeSpec, dtype: 'uint8' | 'int32' = 'uint8') =>
      free({
        opsets: { '': 21, 'com.microsoft': 1 },
        inputs: { x: { dtype: 'uint8', shape: [1, 4] } },
        outputs: { y: { dtype, shape: [] } },
        initializers,
        nodes: [one],
      });
    const product = (scale: string) => ['x', 's', 'z', 'w', scale, 'z', 's', 'z'];
    expect(result(node('MatMulInteger', ['x', 'w', 'z']), 'int32')).toHaveProperty('graph');
    expect(result(node('QLinearMatMul', product('s')))).toHaveProperty('graph');
    const add = node('QLinearAdd', ['x', 's', 'z', 'x', 's', 'z', 's', 'z']);
    expect(result({ ...add, domain: 'com.microsoft' })).toHaveProperty('graph');
    expect(result(node('QLinearMatMul', product('many')))).toEqual({
      why: 'node "n" (QLinearMatMul): input 4 depends on the images or has several values',
    });
  });

  test.each<[string, NodeSpec, number[], ModelSpec['initializers']]>([
    [
      'Slice of some images',
      node('Slice', ['x', 's', 'e']),
      [6],
      { s: { ints: [0] }, e: { ints: [1] } },
    ],
    [
      'Slice in reverse',
      node('Slice', ['x', 's', 'e', 'a', 't']),
      [6],
      { s: { ints: [-1] }, e: { ints: [-9] }, a: { ints: [0] }, t: { ints: [-1] } },
    ],
    ['Pad of images', node('Pad', ['x', 'p']), [2], { p: { ints: [0, 0, 1, 0] } }],
    ['Tile of images', node('Tile', ['x', 'r']), [2], { r: { ints: [2, 1] } }],
    ['Expand of images', node('Expand', ['x', 's']), [2], { s: { ints: [5, 2] } }],
    ['Expand in front', node('Expand', ['x', 's']), [2], { s: { ints: [1, 1, 2] } }],
    ['Trilu of images', node('Trilu', ['x']), [3], {}],
    [
      'LayerNormalization over images',
      node('LayerNormalization', ['x', 'w'], { axis: 0 }),
      [5],
      { w: floats(5) },
    ],
    ['LpNormalization over images', node('LpNormalization', ['x'], { axis: -2 }), [5], {}],
  ])('not %s', (_name, one, x, initializers) => {
    expect(why(one, x, initializers, 1, 23)).toBe('it works along the axis of the images');
  });

  test('shapes that spell out the number of images; weights that have the same shape stay', () => {
    const result = free({
      inputs: { x: [1, 2, 6] },
      outputs: { y: [1, 12] },
      initializers: { s: { ints: [1, 12] }, w: floats(12) },
      nodes: [
        { op: 'Reshape', name: 'a', inputs: ['w', 's'], outputs: ['v'] },
        { op: 'Reshape', name: 'b', inputs: ['x', 's'], outputs: ['u'] },
        { op: 'Add', name: 'c', inputs: ['u', 'v'], outputs: ['y'] },
      ],
    });
    if ('why' in result) throw new Error(result.why);
    const { graph, changed } = result;
    expect(changed).toEqual(['b']);
    expect(graph.inputs[0]?.shape).toEqual(['N', 2, 6]);
    expect(graph.outputs[0]?.shape).toEqual(['N', 12]);
    expect(graph.nodes.map(({ inputs }) => inputs)).toEqual([
      ['w', 's'],
      ['x', 's_any_batch'],
      ['u', 'v'],
    ]);
    const shapes = ['s', 's_any_batch'].map((name) => graph.initializers.get(name));
    expect(shapes.map((shape) => shape && integersOf(shape))).toEqual([
      [1, 12],
      [0, 12],
    ]);
  });

  test('models that were saved for several images', () => {
    expect(why(node('Reshape', ['x', 's']), [3, 4], { s: { ints: [8, 12] } }, 8)).toBeUndefined();
    expect(why(node('Relu', ['x']), [4], {}, 8)).toBeUndefined();
  });
});

describe('freeBatch refuses, with the reason', () => {
  const BAD: readonly [string, NodeSpec, number[], ModelSpec['initializers'], number, string][] = [
    [
      'Reshape that mixes images',
      node('Reshape', ['x', 's']),
      [3, 4],
      { s: { ints: [3, 4] } },
      1,
      'the images are no longer axis 0 of [3, 4]',
    ],
    [
      'Reshape that fixes the number',
      node('Reshape', ['x', 's'], { allowzero: 1 }),
      [3, 4],
      { s: { ints: [1, -1] } },
      1,
      'its shape [1, -1] fixes the number of images',
    ],
    [
      'Flatten of all',
      node('Flatten', ['x'], { axis: 0 }),
      [4],
      {},
      2,
      'it works along the axis of the images',
    ],
    [
      'Flatten of all of one image',
      node('Flatten', ['x'], { axis: 0 }),
      [4],
      {},
      1,
      'it works along the axis of the images',
    ],
    ...(
      [
        ['Squeeze of the images', node('Squeeze', ['x', 'a']), [1, 3], { a: { ints: [0] } }],
        ['Squeeze of all', node('Squeeze', ['x']), [1, 3], {}],
        ['Unsqueeze in front', node('Unsqueeze', ['x', 'a']), [3], { a: { ints: [-3] } }],
        ['Transpose', node('Transpose', ['x']), [1], {}],
        ['ReduceMax of all', node('ReduceMax', ['x']), [3], {}],
        ['ReduceMax over images', node('ReduceMax', ['x'], { axes: [-2] }), [3], {}],
        ['ReduceSum over images', node('ReduceSum', ['x', 'a']), [3], { a: { ints: [0] } }],
        ['Softmax over images', node('Softmax', ['x'], { axis: 0 }), [3], {}],
      ] as const
    ).map(([name, one, x, initializers]): (typeof BAD)[number] => [
      name,
      one,
      [...x],
      initializers,
      1,
      'it works along the axis of the images',
    ]),
    [
      'a bias for each image',
      node('Add', ['x', 'w']),
      [4],
      { w: floats(8, 4) },
      8,
      'input 1 has 8 entries along the axis of the images',
    ],
    [
      'broadcasting in front of the images',
      node('Add', ['x', 'w']),
      [4],
      { w: floats(3, 1, 4) },
      1,
      'broadcasting moves the images of input 0 to another axis',
    ],
    [
      'rows of the right operand',
      node('MatMul', ['w', 'x']),
      [4],
      { w: floats(2, 1) },
      1,
      'it mixes the images of [2, 1] and [1, 4]',
    ],
    [
      'Gemm of columns',
      node('Gemm', ['x', 'w'], { transA: 1 }),
      [4],
      { w: floats(1, 2) },
      1,
      'it works along the axis of the images',
    ],
    [
      'Gemm with a row for each image',
      node('Gemm', ['x', 'w', 'c']),
      [4],
      { w: floats(4, 2), c: floats(8, 2) },
      8,
      'input 2 has 8 rows along the axis of the images',
    ],
    [
      'a filter out of the images',
      node('Conv', ['w', 'x']),
      [3, 1, 1],
      { w: floats(1, 3, 4, 4) },
      1,
      'input 1 depends on the images',
    ],
  ];

  test.each(BAD)('%s', (_name, one, x, initializers, batch, expected) => {
    expect(why(one, x, initializers, batch)).toBe(expected);
  });

  test('inputs of different first sizes', () => {
    const result = free({
      inputs: { x: [1, 2], s: [2, 2] },
      outputs: { y: [2, 2] },
      nodes: [{ op: 'Add', inputs: ['x', 's'], outputs: ['y'] }],
    });
    expect(result).toEqual({ why: 'the inputs do not share a fixed first size' });
  });
});

describe('checkFreed', () => {
  test('sees a rule that promises too much', () => {
    const graph = graphOf({
      inputs: { x: [1, 4] },
      outputs: { y: [1, 4] },
      nodes: [
        { op: 'Transpose', name: 't', inputs: ['x'], outputs: ['u'] },
        { op: 'Transpose', name: 'v', inputs: ['u'], outputs: ['y'] },
      ],
    });
    const planFor = (rows: number) =>
      makePlan(graph, ONNX_OPS, new Map([['x', { dtype: 'float32', shape: [rows, 4] }]]), engine);
    const all = new Set(['x', 'u', 'y']);
    expect(checkFreed(all, planFor(1), planFor(13), 13)).toBe(
      'value "u" has the shape [4, 13] for 13 images',
    );
    expect(checkFreed(new Set(['x', 'y']), planFor(1), planFor(1), 1)).toBeUndefined();
  });
});
