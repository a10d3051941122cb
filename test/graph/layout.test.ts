/** Channels last: where transposes remain, and that the results are the same. On the CPU and, when asked for, on others. */

import type { DType } from '../../lib/dtype';
import { TensorEngine } from '../../lib/graph/tensor-engine';
import { makePlan, type Plan } from '../../lib/graph/plan';
import { fuseSteps } from '../../lib/graph/plans/fuse';
import { nhwc } from '../../lib/graph/plans/layout';
import { refinePlan } from '../../lib/graph/plans/refine';
import { Model } from '../../lib/index';
import { ONNX_OPS } from '../../lib/onnx/op-table';
import { graphOf } from '../support/graphs';
import { DEVICES } from '../support/op-info';
import { type ModelSpec, type NodeSpec, onnxModel } from '../support/onnx-builder';
import { Rng } from '../support/rng';
import { sumBound } from '../support/tolerance';

const engine = new TensorEngine('cpu');
const rng = new Rng();
const count = (dims: readonly number[]) => dims.reduce((n, d) => n * d, 1);
/** Small whole numbers: all sums are exact, so that any order of them gives the same bits. */
const whole = (dims: readonly number[]) => ({
  floats: Array.from({ length: count(dims) }, () => rng.int(-3, 3)),
  dims: [...dims],
});

function planOf(spec: ModelSpec): Plan {
  const graph = graphOf(spec);
  const inputs = new Map(
    graph.inputs.map(({ name, dtype, shape }) => [
      name,
      { dtype: (dtype ?? 'float32') as DType, shape: (shape ?? []).map(Number) },
    ]),
  );
  return fuseSteps(makePlan(graph, ONNX_OPS, inputs, engine), { additions: true });
}

const opsOf = (plan: Plan) => plan.steps.filter(({ once }) => !once).map(({ op }) => op);

const node = (
  op: string,
  inputs: string[],
  output: string,
  attributes: Required<NodeSpec>['attributes'] = {},
): NodeSpec => ({ op, name: output, inputs, outputs: [output], attributes });

const X = [2, 4, 6, 5] as const;
const base = {
  opset: 13,
  inputs: { x: [...X] },
  initializers: {
    w: whole([4, 4, 3, 3]),
    v: whole([4, 4, 1, 1]),
    b: whole([4]),
    c: whole([1, 4, 1, 1]),
    d: whole([4, 1, 1]),
    e: whole([6, 5]),
    one: { floats: [2], dims: [] },
    split: { ints: [2, 2, 2, 6, 5] },
    join: { ints: [2, 4, 6, 5] },
    flat: { ints: [0, -1] },
    pads: { ints: [0, 0, 1, 0, 0, 0, 1, 2] },
    starts: { ints: [1, 0] },
    ends: { ints: [3, 4] },
    axes: { ints: [1, 2] },
  },
} satisfies Partial<ModelSpec>;
const conv = (input: string, output: string) =>
  node('Conv', [input, 'w', 'b'], output, { pads: [1, 1, 1, 1] });

interface Case {
  readonly nodes: readonly NodeSpec[];
  readonly y: readonly number[];
  /** The calls with channels last. */
  readonly calls: readonly string[];
}

/** One model for each way in which values with their channels last are used. */
const CASES: Readonly<Record<string, Case>> = {
  'a chain of convolutions': {
    nodes: [conv('x', 'a'), node('Relu', ['a'], 'b2'), conv('b2', 'y')],
    y: X,
    calls: ['transpose', 'conv2d', 'conv2d', 'transpose'],
  },
  'a residual': {
    nodes: [conv('x', 'a'), conv('a', 'b2'), node('Add', ['b2', 'a'], 'y')],
    y: X,
    calls: ['transpose', 'conv2d', 'conv2d', 'transpose'],
  },
  'one value per channel, per place, and for all': {
    nodes: [
      conv('x', 'a'),
      node('Mul', ['a', 'c'], 'm'),
      node('Sub', ['d', 'm'], 'n'),
      node('Mul', ['n', 'e'], 'o'),
      node('Mul', ['o', 'one'], 'y'),
    ],
    y: X,
    calls: ['transpose', 'conv2d', 'mul', 'sub', 'mul', 'mul', 'transpose'],
  },
  'two inputs, the other one not yet moved': {
    nodes: [conv('x', 'a'), node('Mul', ['a', 'x'], 'm'), conv('m', 'y')],
    y: X,
    calls: ['transpose', 'conv2d', 'mul', 'conv2d', 'transpose'],
  },
  'a pool, a concatenation, a slice, padding': {
    nodes: [
      conv('x', 'a'),
      node('MaxPool', ['a'], 'p', { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }),
      node('Concat', ['p', 'a'], 'j', { axis: 1 }),
      node('Slice', ['j', 'starts', 'ends', 'axes'], 's'),
      node('Pad', ['s', 'pads'], 'y'),
    ],
    y: [2, 2, 6, 7],
    calls: ['transpose', 'conv2d', 'maxPool2d', 'concat', 'slice', 'pad', 'transpose'],
  },
  'a mean of each image, whose axes may be exchanged for nothing': {
    nodes: [conv('x', 'a'), node('GlobalMaxPool', ['a'], 'g'), node('Flatten', ['g'], 'y')],
    y: [2, 4],
    calls: ['transpose', 'conv2d', 'reduceMax', 'reshape'],
  },
  'a reduction that leaves out height and width': {
    nodes: [conv('x', 'a'), node('ReduceMax', ['a'], 'y', { axes: [2, 3], keepdims: 0 })],
    y: [2, 4],
    calls: ['transpose', 'conv2d', 'reduceMax'],
  },
  'channels that are shuffled': {
    nodes: [
      conv('x', 'a'),
      node('Reshape', ['a', 'split'], 'r'),
      node('Transpose', ['r'], 't', { perm: [0, 2, 1, 3, 4] }),
      node('Reshape', ['t', 'join'], 'j'),
      conv('j', 'y'),
    ],
    y: X,
    calls: ['transpose', 'conv2d', 'reshape', 'transpose', 'reshape', 'conv2d', 'transpose'],
  },
  'transposes of the model, which vanish': {
    nodes: [
      node('Transpose', ['x'], 'l', { perm: [0, 2, 3, 1] }),
      node('Transpose', ['l'], 'f', { perm: [0, 3, 1, 2] }),
      conv('f', 'a'),
      node('Transpose', ['a'], 'y', { perm: [0, 2, 3, 1] }),
    ],
    y: [2, 6, 5, 4],
    calls: ['transpose', 'conv2d', 'reshape'],
  },
  'another transpose': {
    nodes: [conv('x', 'a'), node('Transpose', ['a'], 'y', { perm: [3, 1, 0, 2] })],
    y: [5, 4, 2, 6],
    calls: ['transpose', 'conv2d', 'transpose'],
  },
  'a call that needs the order of ONNX': {
    nodes: [conv('x', 'a'), node('Reshape', ['a', 'flat'], 'y')],
    y: [2, 120],
    calls: ['transpose', 'conv2d', 'transpose', 'reshape'],
  },
  'a value that goes both ways': {
    nodes: [
      conv('x', 'a'),
      node('Softmax', ['a'], 's', { axis: 3 }),
      node('ReduceMax', ['s'], 'm', { axes: [1, 2, 3], keepdims: 0 }),
      node('Reshape', ['a', 'flat'], 'r'),
      conv('a', 'z'),
      node('ReduceMax', ['z'], 'n', { axes: [1, 2, 3], keepdims: 0 }),
      node('Add', ['m', 'n'], 'y'),
    ],
    y: [2],
    calls: [
      'transpose',
      'conv2d',
      'transpose',
      'softmax',
      'reduceMax',
      'conv2d',
      'reduceMax',
      'add',
    ],
  },
};

const specOf = ({ nodes, y }: Case): ModelSpec => ({ ...base, nodes, outputs: { y: [...y] } });

describe.each(Object.entries(CASES))('%s', (_, one) => {
  const spec = specOf(one);

  test('transposes are at the edges', () => {
    const moved = nhwc(planOf(spec), engine);
    expect(opsOf(moved.plan)).toEqual(one.calls);
    for (const { op, params } of moved.plan.steps) {
      if (op === 'conv2d') expect(params).toMatchObject({ layout: 'NHWC', filterLayout: 'OHWI' });
    }
  });

  test.each(DEVICES)('the same bits on %s', async (device) => {
    const x = Float32Array.from(whole(X).floats);
    const results: number[][] = [];
    for (const layout of ['nchw', 'nhwc'] as const) {
      using model = await Model.load(onnxModel(spec), { device, layout });
      const { y } = await model.run({ x });
      expect(model.plans[0]?.layout).toBe(layout);
      expect(y?.shape).toEqual(one.y);
      results.push(Array.from((await y?.data()) as Float32Array));
    }
    expect(results[1]).toEqual(results[0]);
  });
});

test('quantized convolutions keep the axis of their scales', async () => {
  const codes = (dims: readonly number[]) => ({
    data_type: 3,
    int32_data: Array.from({ length: count(dims) }, () => rng.int(-9, 9)),
    dims: [...dims],
  });
  const spec: ModelSpec = {
    opset: 13,
    inputs: { x: { dtype: 'int8', shape: [1, 3, 4, 4] } },
    outputs: { y: { dtype: 'int8', shape: [1, 2, 4, 4] } },
    initializers: {
      w: codes([2, 3, 1, 1]),
      s: { floats: [0.5], dims: [] },
      t: { floats: [0.25, 0.125] },
      u: { floats: [0.75], dims: [] },
      z: { data_type: 3, int32_data: [3], dims: [] },
      n: { data_type: 3, int32_data: [0, 0], dims: [2] },
    },
    nodes: [node('QLinearConv', ['x', 's', 'z', 'w', 't', 'n', 'u', 'z'], 'y')],
  };
  const x = Int8Array.from({ length: 48 }, () => rng.int(-128, 127));
  const results: number[][] = [];
  for (const layout of ['nchw', 'nhwc'] as const) {
    using model = await Model.load(onnxModel(spec), { layout });
    const { y } = await model.run({ x });
    results.push(Array.from((await y?.data()) as Int8Array));
  }
  expect(results[1]).toEqual(results[0]);
});

test('floats are the same up to the order of sums', async () => {
  const terms = 4 * 9;
  const w = rng.values('float32', 4 * terms);
  const spec: ModelSpec = {
    ...specOf(CASES['a residual'] as Case),
    initializers: { ...base.initializers, w: { floats: Array.from(w), dims: [4, 4, 3, 3] } },
    nodes: [conv('x', 'y')],
  };
  const x = Float32Array.from(rng.values('float32', count(X)));
  const results: Float32Array[] = [];
  for (const layout of ['nchw', 'nhwc'] as const) {
    using model = await Model.load(onnxModel(spec), { layout });
    const { y } = await model.run({ x });
    results.push((await y?.data()) as Float32Array);
  }
  const [a, b] = results as [Float32Array, Float32Array];
  const largest = Math.max(...Array.from(w, Math.abs)) * Math.max(...Array.from(x, Math.abs));
  const bound = 2 * sumBound(Math.max(...a.map(Math.abs)), terms, terms * largest + 3, 'float32');
  const errors = a.map((value, i) => Math.abs(value - (b[i] as number)));
  expect(Math.max(...errors)).toBeLessThanOrEqual(bound);
});

describe("layout: 'auto'", () => {
  const choose = (spec: ModelSpec, device: string) =>
    refinePlan(planOf(spec), engine, { additions: true, layout: 'auto', device });
  const half = (one: Case): ModelSpec => {
    const asHalf = Object.fromEntries(
      Object.entries(base.initializers).map(([name, tensorSpec]) => [
        name,
        'floats' in tensorSpec
          ? {
              data_type: 10,
              dims: tensorSpec.dims ?? [],
              int32_data: tensorSpec.floats.map(() => 0),
            }
          : tensorSpec,
      ]),
    );
    return {
      ...specOf(one),
      inputs: { x: { dtype: 'float16', shape: [...X] } },
      outputs: { y: { dtype: 'float16', shape: [...one.y] } },
      initializers: asHalf,
    };
  };

  test('is that of ONNX on the CPU, and for float32 without tensor cores', () => {
    const chain = CASES['a chain of convolutions'] as Case;
    expect(choose(half(chain), 'cpu')).toMatchObject({
      layout: 'nchw',
      why: '2 of 2 convolutions are faster so',
    });
    expect(choose(specOf(chain), 'cuda')).toMatchObject({
      layout: 'nchw',
      why: '2 of 2 convolutions are faster so',
    });
  });

  test('is channels last for float16 on a GPU, unless that needs too many transposes', () => {
    const chain = CASES['a chain of convolutions'] as Case;
    expect(choose(half(chain), 'cuda')).toMatchObject({
      layout: 'nhwc',
      why: '2 calls on channels last, 2 transposes',
    });
    const stopped: Case = {
      nodes: [
        conv('x', 'a'),
        node('Softmax', ['a'], 's', { axis: 3 }),
        conv('s', 't'),
        node('Softmax', ['t'], 'u', { axis: 3 }),
        conv('u', 'y'),
      ],
      y: X,
      calls: [],
    };
    expect(choose(half(stopped), 'cuda')).toMatchObject({
      layout: 'nchw',
      why: 'channels last would need 6 transposes more',
    });
  });

  test('there is nothing to choose without a convolution', () => {
    const none: Case = { nodes: [node('Relu', ['x'], 'y')], y: X, calls: [] };
    expect(choose(specOf(none), 'cuda').why).toBe('there is no convolution');
  });

  test('another word is refused', async () => {
    const bytes = onnxModel(specOf(CASES['a residual'] as Case));
    await expect(Model.load(bytes, { layout: 'NHWC' as 'nhwc' })).rejects.toThrow(
      "Model.load: layout must be 'auto' or 'nchw' or 'nhwc', got 'NHWC'",
    );
  });
});

describe('weights [n, k]', () => {
  const K = 5;
  const spec = (rows: number, more: Partial<ModelSpec> = {}): ModelSpec => ({
    opset: 13,
    inputs: { x: [rows, K] },
    outputs: { y: [rows, 3], z: [rows, 3] },
    initializers: { w: whole([3, K]), b: whole([3]) },
    nodes: [
      node('Gemm', ['x', 'w', 'b'], 'p', { transB: 1 }),
      node('Relu', ['p'], 'y'),
      node('Gemm', ['x', 'w'], 'z', { transB: 1, alpha: { float: 2 } }),
    ],
    ...more,
  });
  const refined = (rows: number, device = 'cpu') =>
    refinePlan(planOf(spec(rows)), engine, { additions: true, layout: 'auto', device }).plan;
  const turns = ({ steps }: Plan) => steps.filter(({ op }) => op === 'transpose');

  test('are turned once for all products of few rows, on the CPU', () => {
    const plan = refined(16);
    expect(turns(plan)).toMatchObject([{ once: true }]);
    expect(plan.steps.filter(({ once }) => !once).map(({ op, params }) => [op, params])).toEqual([
      ['linear', expect.objectContaining({ transW: true, activation: 'relu' })],
      ['gemmEx', expect.objectContaining({ transB: false, alpha: 2 })],
    ]);
    for (const plan of [refined(17), refined(4, 'cuda')]) expect(turns(plan)).toEqual([]);
  });

  test.each([1, 16, 17])('give the same results, %d rows', async (rows) => {
    const x = Float32Array.from({ length: rows * K }, (_, i) => (i % 7) - 3);
    const [w, b] = ['w', 'b'].map((name) => spec(1).initializers?.[name] as { floats: number[] });
    using model = await Model.load(onnxModel(spec(rows, { initializers: { w, b } as never })));
    const expected = Array.from({ length: rows }, (_, i) =>
      [0, 1, 2].map((j) => {
        let sum = 0;
        for (let k = 0; k < K; k++) sum += (x[i * K + k] as number) * (w?.floats[j * K + k] ?? 0);
        return sum;
      }),
    );
    for (let i = 0; i < 3; i++) {
      const { y, z } = await model.run({ x });
      expect(await z?.toArray()).toEqual(expected.map((row) => row.map((v) => 2 * v + 0)));
      expect(await y?.toArray()).toEqual(
        expected.map((row) => row.map((v, j) => Math.max(v + (b?.floats[j] ?? 0), 0))),
      );
    }
  });
});
