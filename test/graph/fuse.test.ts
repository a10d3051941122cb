import type { DType } from '../../lib/dtype';
import { Model, type NodeReport, tensor } from '../../lib/index';
import { fuseSteps } from '../../lib/graph/plans/fuse';
import { makePlan, type Plan } from '../../lib/graph/plan';
import { TensorEngine } from '../../lib/graph/tensor-engine';
import { ONNX_OPS } from '../../lib/onnx/op-table';
import { graphOf } from '../support/graphs';
import { type ModelSpec, type NodeSpec, onnxModel } from '../support/onnx-builder';
import { Rng } from '../support/rng';

const engine = new TensorEngine('cpu');

function planOf(spec: ModelSpec): Plan {
  const graph = graphOf(spec);
  const inputs = new Map(
    graph.inputs.map(({ name, dtype, shape }) => [
      name,
      { dtype: (dtype ?? 'float32') as DType, shape: (shape ?? []).map(Number) },
    ]),
  );
  return makePlan(graph, ONNX_OPS, inputs, engine);
}

/** The calls of a plan with their extra inputs and activations, and the nodes that each stands for. */
const outline = (plan: Plan) =>
  plan.steps
    .filter(({ once }) => !once)
    .map(({ op, inputs, params, node }) => {
      const given = inputs.map((value) => (value ? 1 : 0)).join('');
      const { activation = 'none' } = params;
      return `${op} ${given} ${String(activation)} ${(node.parts ?? [node.name]).join('+')}`;
    });

const fused = (spec: ModelSpec, additions = true) =>
  outline(fuseSteps(planOf(spec), { additions }));

const rng = new Rng();
const floats = (dims: readonly number[]) => ({
  floats: Array.from(
    rng.values(
      'float32',
      dims.reduce((n, d) => n * d, 1),
    ),
  ),
  dims: [...dims],
});

const add = (inputs: string[], output: string, op = 'Add'): NodeSpec => ({
  op,
  name: op.toLowerCase(),
  inputs,
  outputs: [output],
});
const relu = (input: string, output: string): NodeSpec => ({
  op: 'Relu',
  name: 'relu',
  inputs: [input],
  outputs: [output],
});
const conv = (name: string, input: string, output: string, bias = true): NodeSpec => ({
  op: 'Conv',
  name,
  inputs: [input, 'w', ...(bias ? ['b'] : [])],
  outputs: [output],
});

const images: ModelSpec = {
  opset: 20,
  inputs: { x: [2, 3, 5, 5] },
  outputs: { y: [2, 3, 5, 5] },
  initializers: { w: floats([3, 3, 1, 1]), b: floats([3]), v: floats([3, 1, 1]) },
  nodes: [conv('conv', 'x', 'a'), add(['a', 'x'], 'c'), relu('c', 'y')],
};
/** The same over one axis. */
const line: ModelSpec = {
  ...images,
  inputs: { x: [2, 3, 5] },
  outputs: { y: [2, 3, 5] },
  initializers: { w: floats([3, 3, 1]), b: floats([3]), v: floats([3, 1]) },
};
const rows: ModelSpec = {
  opset: 20,
  inputs: { x: [2, 5, 4] },
  outputs: { y: [2, 5, 6] },
  initializers: { w: floats([4, 6]), b: floats([6]), c: floats([2, 5, 6]) },
  nodes: [
    { op: 'MatMul', name: 'product', inputs: ['x', 'w'], outputs: ['a'] },
    add(['b', 'a'], 'd'),
    relu('d', 'y'),
  ],
};

describe('convolutions', () => {
  test('add what comes beside, and apply the activation behind', () => {
    expect(fused(images)).toEqual(['conv2d 1111 relu conv+add+relu']);
    expect(
      fused({ ...images, nodes: [conv('conv', 'x', 'a'), add(['x', 'a'], 'y', 'Sum')] }),
    ).toEqual(['conv2d 1111 none conv+sum']);
  });

  test('take one value per channel as their bias, if they have none', () => {
    const without = [conv('conv', 'x', 'a', false), add(['a', 'v'], 'c'), relu('c', 'y')];
    expect(fused({ ...images, nodes: without })).toEqual(['conv2d 111 relu conv+add+relu']);
    expect(fused({ ...images, nodes: [conv('conv', 'x', 'a'), add(['a', 'v'], 'y')] })).toEqual([
      'conv2d 111 none conv',
      'add 11 none add',
    ]);
  });

  test('of two the later one adds the result of the other', () => {
    const two = [conv('left', 'x', 'a'), conv('right', 'x', 'c'), add(['a', 'c'], 'y')];
    expect(fused({ ...images, nodes: two })).toEqual([
      'conv2d 111 none left',
      'conv2d 1111 none right+add',
    ]);
  });

  test('over rows as over images', () => {
    expect(fused(line)).toEqual([
      'reshape 1 none conv',
      'reshape 1 none add',
      'conv2d 1111 relu conv+add+relu',
      'reshape 1 none conv+add+relu',
    ]);
    const vector = [conv('conv', 'x', 'a', false), add(['v', 'a'], 'c'), relu('c', 'y')];
    expect(fused({ ...line, nodes: vector })).toEqual([
      'reshape 1 none conv',
      'conv2d 111 relu conv+add+relu',
      'reshape 1 none conv+add+relu',
    ]);
    // Values per channel beside a bias are no residual, and what is read twice stays.
    const beside = [conv('conv', 'x', 'a'), add(['a', 'v'], 'y')];
    expect(fused({ ...line, nodes: beside }).slice(1)).toEqual([
      'conv2d 111 none conv',
      'reshape 1 none conv',
      'add 11 none add',
    ]);
    const twice = [conv('conv', 'x', 'a'), add(['a', 'x'], 'c'), add(['a', 'c'], 'y')];
    expect(fused({ ...line, nodes: twice }).filter((call) => /^add/.test(call))).toHaveLength(2);
  });

  test.each<[string, Partial<ModelSpec>]>([
    [
      'the sum is read twice',
      { nodes: [conv('conv', 'x', 'a'), add(['a', 'x'], 'c'), add(['a', 'c'], 'y', 'Sub')] },
    ],
    [
      'the sum is an output',
      {
        nodes: [conv('conv', 'x', 'a'), add(['a', 'x'], 'y')],
        outputs: { a: [2, 3, 5, 5], y: [2, 3, 5, 5] },
      },
    ],
    ['it is added to itself', { nodes: [conv('conv', 'x', 'a'), add(['a', 'a'], 'y')] }],
    [
      'an activation lies between',
      { nodes: [conv('conv', 'x', 'a'), relu('a', 'c'), add(['c', 'x'], 'y')] },
    ],
    [
      'the other operand is broadcast',
      {
        nodes: [conv('conv', 'x', 'a'), add(['a', 'z'], 'y')],
        inputs: { x: [2, 3, 5, 5], z: [1, 3, 5, 5] },
      },
    ],
    [
      'the result is broadcast',
      {
        nodes: [conv('conv', 'x', 'a'), add(['a', 'z'], 'y')],
        inputs: { x: [1, 3, 5, 5], z: [2, 3, 5, 5] },
      },
    ],
  ])('add nothing where %s', (_, change) => {
    const calls = fused({ ...images, ...change });
    expect(calls.filter((call) => call.startsWith('conv2d 111'))[0]).toMatch(/^conv2d 111 /);
    expect(calls.some((call) => call.startsWith('conv2d 1111'))).toBe(false);
    expect(calls.some((call) => /^(add|sub) 11 /.test(call))).toBe(true);
  });
});

describe('matrix products', () => {
  test('become fully connected layers', () => {
    expect(fused(rows)).toEqual(['linear 111 relu product+add+relu']);
  });

  test('with the GELU that there is, and no other', () => {
    const gelu = (approximate: string) => {
      const nodes = [
        ...rows.nodes.slice(0, 2),
        {
          op: 'Gelu',
          name: 'gelu',
          inputs: ['d'],
          outputs: ['y'],
          attributes: { approximate },
        },
      ];
      return fused({ ...rows, nodes });
    };
    expect(gelu('tanh')).toEqual(['linear 111 gelu-tanh product+add+gelu']);
    expect(gelu('none')).toEqual(['linear 111 none product+add', 'gelu 1 none gelu']);
  });

  test('with a bias of one row', () => {
    const initializers = { ...rows.initializers, b: floats([1, 1, 6]) };
    expect(fused({ ...rows, initializers })).toEqual(['linear 111 relu product+add+relu']);
  });

  test('not with a whole matrix', () => {
    const nodes = [rows.nodes[0] as NodeSpec, add(['a', 'c'], 'y')];
    expect(fused({ ...rows, nodes })).toEqual(['matmul 11 none product', 'add 11 none add']);
  });

  test('Gemm with an activation, unless it has factors', () => {
    const gemm = (attributes: Required<NodeSpec>['attributes']): ModelSpec => ({
      opset: 20,
      inputs: { x: [5, 4] },
      outputs: { y: [5, 6] },
      initializers: { w: floats([6, 4]), b: floats([6]) },
      nodes: [
        {
          op: 'Gemm',
          name: 'gemm',
          inputs: ['x', 'w', 'b'],
          outputs: ['a'],
          attributes: { transB: 1, ...attributes },
        },
        relu('a', 'y'),
      ],
    });
    expect(fused(gemm({}))).toEqual(['linear 111 relu gemm+relu']);
    expect(fused(gemm({ alpha: { float: 0.5 } }))).toEqual([
      'gemmEx 111 none gemm',
      'relu 1 none relu',
    ]);
  });
});

describe('the rounding between', () => {
  const run = async (model: Model, x: Float32Array, shape: number[]) => {
    const reports: NodeReport[] = [];
    const { y } = await model.run(
      { x: tensor(x, { shape }) },
      { onNode: (report) => reports.push(report) },
    );
    return {
      y: Array.from((await y?.data()) as Float32Array),
      calls: reports.map(({ call }) => call),
    };
  };
  const shapes = { images: [2, 3, 5, 5], line: [2, 3, 5], rows: [2, 5, 4] };

  test.each([
    ['images', images],
    ['line', line],
    ['rows', rows],
  ] as const)('float32 %s: the same bits, fused or not', async (name, spec) => {
    using fast = await Model.load(onnxModel(spec));
    using slow = await Model.load(onnxModel(spec), { optimize: false });
    const shape = shapes[name];
    const elements = shape.reduce((n, d) => n * d, 1);
    const x = Float32Array.from(new Rng().values('float32', elements));
    const [a, b] = [await run(fast, x, shape), await run(slow, x, shape)];
    expect(a.calls).toHaveLength(1);
    expect(b.calls.length).toBe(3);
    expect(a.y).toEqual(b.y);
  });

  test('float16 with float32 sums: left out, or kept with fuseAdditions: false', async () => {
    // From 2048 on float16 holds even numbers only, and of two as near the one that is a multiple of 4.
    const spec: ModelSpec = {
      opset: 20,
      inputs: { x: [1, 2, 1, 1], z: [1, 1, 1, 1] },
      outputs: { y: [1, 1, 1, 1] },
      initializers: { w: { floats: [1, 1], dims: [1, 2, 1, 1] } },
      nodes: [
        { op: 'Conv', name: 'conv', inputs: ['x', 'w'], outputs: ['a'] },
        add(['a', 'z'], 'y'),
      ],
    };
    const result = async (fuseAdditions: boolean) => {
      using model = await Model.load(onnxModel(spec), { fuseAdditions });
      using half = await model.convert({ precision: 'float16' });
      const { y } = await half.run({ x: [2048, 1], z: [1] });
      return Array.from((await y?.data()) as Float32Array);
    };
    expect(await result(true)).toEqual([2050]); // 2049 + 1
    expect(await result(false)).toEqual([2048]); // 2048 + 1 = 2049
  });
});
