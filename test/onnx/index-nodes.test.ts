/** Operators that choose, order and carry a state: what ONNX's own cases do not ask for. */

import { Model, ModelError, sync } from '../../lib';
import { expectClose, floats, type Graph, modelOf, one, run } from '../support/one-node';
import { Rng } from '../support/rng';
import { sumBound } from '../support/tolerance';

describe('results whose shape follows from values', () => {
  test('NonZero: -0 is zero, NaN is not', async () => {
    const x = floats(0, -0, NaN, 1e-30, 0, -2);
    const [y] = await run({ op: 'NonZero', inputs: { x: [[2, 3], x] } });
    expect(y).toEqual({ shape: [2, 3], data: [0, 1, 1, 2, 0, 2] });
    const [none] = await run({ op: 'NonZero', inputs: { x: [[2], floats(0, 0)] } });
    expect(none).toEqual({ shape: [1, 0], data: [] });
  });

  test('Unique: NaN is one number, the greatest; the first of equal ones counts', async () => {
    const x: [number[], Float32Array] = [[6], floats(2, NaN, -1, 2, NaN, 7)];
    const outputs = ['y', 'indices', 'inverse', 'counts'];
    expect((await run({ op: 'Unique', inputs: { x }, outputs })).map(({ data }) => data)).toEqual([
      [-1, 2, 7, NaN],
      [2, 0, 5, 1],
      [1, 3, 0, 1, 3, 2],
      [1, 2, 1, 2],
    ]);
    const attributes = { sorted: 0 };
    expect(
      (await run({ op: 'Unique', inputs: { x }, outputs, attributes })).map(({ data }) => data),
    ).toEqual([
      [2, NaN, -1, 7],
      [0, 1, 2, 5],
      [0, 1, 2, 0, 1, 3],
      [2, 2, 1, 1],
    ]);
  });

  test('Compress: a condition may end before the axis does', async () => {
    const condition = { dims: [2], data_type: 9, int32_data: [0, 1] };
    const graph = { op: 'Compress', initializers: { condition } };
    const x: [number[], Float32Array] = [[2, 3], floats(1, 2, 3, 4, 5, 6)];
    const [y] = await run({ ...graph, inputs: { x }, attributes: { axis: 1 } });
    expect(y).toEqual({ shape: [2, 1], data: [2, 5] });
    expect(await run({ ...graph, inputs: { x } })).toEqual([{ shape: [1], data: [2] }]);
  });
});

test('indices that are given with the run may be negative, and out of range', async () => {
  const x: [number[], Float32Array] = [[3], floats(1, 2, 3)];
  const graph = (...at: number[]): Graph => ({
    op: 'Gather',
    inputs: { x, at: [[at.length], BigInt64Array.from(at, BigInt)] },
  });
  expect(await run(graph(-1, 0))).toEqual([{ shape: [2], data: [3, 1] }]);
  await expect(run(graph(0, 3))).rejects.toThrow(/node "n" \(Gather.*got 3 at flat position 1/);
  // The device remembers its first failure until it is asked: here, not in a test that follows.
  await expect(sync('cpu')).rejects.toThrow();
});

test('ReverseSequence with the axes either way', async () => {
  const x: [number[], Float32Array] = [[2, 3], floats(1, 2, 3, 4, 5, 6)];
  const graph = { op: 'ReverseSequence', inputs: { x } };
  const [rows] = await run({
    ...graph,
    initializers: { lengths: { ints: [2, 3] } },
    attributes: { batch_axis: 0, time_axis: 1 },
  });
  expect(rows?.data).toEqual([2, 1, 3, 6, 5, 4]);
  const [columns] = await run({ ...graph, initializers: { lengths: { ints: [1, 2, 2] } } });
  expect(columns?.data).toEqual([1, 5, 6, 4, 2, 3]);
});

test.each(['linear', 'gated', 'delta', 'gated_delta'])('LinearAttention: %s', async (rule) => {
  const rng = new Rng();
  const [steps, heads, groups, d, width] = [3, 4, 2, 2, 3];
  const draw = (n: number) => Float32Array.from(rng.values('float32', n));
  const inputs: Record<string, [number[], Float32Array]> = {
    q: [[1, steps, heads * d], draw(steps * heads * d)],
    k: [[1, steps, groups * d], draw(steps * groups * d)],
    v: [[1, steps, groups * width], draw(steps * groups * width)],
  };
  const [decays, corrects] = [rule.startsWith('gated'), rule.endsWith('delta')];
  if (decays) inputs['g'] = [[1, steps, groups], draw(steps * groups).map((v) => -Math.abs(v))];
  if (corrects) inputs['b'] = [[1, steps, 1], draw(steps).map(Math.abs)];
  const names = ['q', 'k', 'v', '', decays ? 'g' : '', corrects ? 'b' : ''];
  const [y, state] = await run({
    op: 'LinearAttention',
    inputs,
    names: names.slice(0, names.findLastIndex((name) => name !== '') + 1),
    outputs: ['y', 'state'],
    attributes: { q_num_heads: heads, kv_num_heads: groups, update_rule: rule },
  });
  const at = (name: string, t: number, i: number) => {
    const [shape, data] = inputs[name] as [number[], Float32Array];
    return data[t * (shape[2] as number) + i] as number;
  };
  const s = Array.from({ length: groups }, () => new Float64Array(d * width));
  const expected: number[] = [];
  for (let t = 0; t < steps; t++) {
    for (const [g, one] of s.entries()) {
      const key = (i: number) => at('k', t, g * d + i);
      if (decays) for (const [i, v] of one.entries()) one[i] = v * Math.exp(at('g', t, g));
      const write = Array.from({ length: width }, (_, c) => {
        const v = at('v', t, g * width + c);
        if (!corrects) return v;
        const recalled = Array.from({ length: d }, (_, i) => key(i) * (one[i * width + c] ?? 0));
        return at('b', t, 0) * (v - recalled.reduce((a, b) => a + b, 0));
      });
      for (const [i, v] of one.entries())
        one[i] = v + key(Math.floor(i / width)) * (write[i % width] ?? 0);
    }
    for (let h = 0; h < heads; h++) {
      const own = s[Math.floor(h / (heads / groups))] as Float64Array;
      for (let c = 0; c < width; c++) {
        const terms = Array.from(
          { length: d },
          (_, i) => at('q', t, h * d + i) * (own[i * width + c] ?? 0),
        );
        expected.push(terms.reduce((a, b) => a + b, 0) / Math.sqrt(d));
      }
    }
  }
  // Each step is a few sums of d and less terms on top of the one before.
  const magnitude = Math.max(
    ...expected.map(Math.abs),
    ...s.flatMap((one) => [...one].map(Math.abs)),
  );
  const bound = (v: number) => sumBound(v, magnitude * 8, steps * 4 * d, 'float32');
  expectClose(
    y?.data ?? [],
    expected.map((v) => ({ y: v, bound: bound(v) })),
  );
  const last = s.flatMap((one) => [...one]);
  expectClose(
    state?.data ?? [],
    last.map((v) => ({ y: v, bound: bound(v) })),
  );
});

test('CausalConvWithState with a filter of one value keeps nothing', async () => {
  const [y, state] = await run({
    op: 'CausalConvWithState',
    inputs: { x: [[1, 2, 3], floats(1, 2, 3, 4, 5, 6)], w: [[2, 1, 1], floats(2, 3)] },
    outputs: ['y', 'state'],
  });
  expect(y).toEqual({ shape: [1, 2, 3], data: [2, 4, 6, 12, 15, 18] });
  expect(state).toEqual({ shape: [1, 2, 0], data: [] });
});

describe('refusals when a model is loaded', () => {
  const x: [number[], Float32Array] = [[2, 3], new Float32Array(6)];
  const CASES: readonly [name: string, graph: Graph, message: string | RegExp][] = [
    [
      'a known index that is out of range',
      { op: 'Gather', inputs: { x }, initializers: { at: { ints: [2] } } },
      'index 2 is outside of 2',
    ],
    [
      'a k above the size',
      { op: 'TopK', inputs: { x }, initializers: { k: { ints: [4] } } },
      'topK: k must be at most the size of axis 1, got k 4',
    ],
    [
      'a depth that no memory holds',
      {
        op: 'OneHot',
        inputs: { x },
        initializers: {
          depth: { dims: [], data_type: 11, double_data: [2 ** 62] },
          values: { floats: [0, 1] },
        },
      },
      /oneHot: /,
    ],
    [
      'transforms that are too long',
      {
        op: 'DFT',
        inputs: { x: [[2, 1], floats(1, 2)] },
        initializers: { n: one(1e9), axis: one(0) },
      },
      'a transform must have 1 to 4096 points, got 1000000000',
    ],
    [
      'one side of complex numbers',
      {
        op: 'DFT',
        inputs: { x: [[2, 2], new Float32Array(4)] },
        initializers: { n: one(2), axis: one(0) },
        attributes: { onesided: 1 },
      },
      'one side of a spectrum is that of real numbers only',
    ],
    [
      'a C of Gemm-6 that is not broadcast',
      {
        op: 'Gemm',
        opset: 6,
        inputs: { x, w: [[3, 2], new Float32Array(6)] },
        initializers: { c: { floats: [1, 2] } },
      },
      'input 2 [2] must have the shape of the product [2, 2], or be broadcast to it',
    ],
    [
      'Scatter where it is gone',
      {
        op: 'Scatter',
        opset: 11,
        inputs: { x, updates: [[1, 3], floats(1, 2, 3)] },
        initializers: { at: { ints: [0, 0, 0], dims: [1, 3] } },
        names: ['x', 'at', 'updates'],
      },
      'Scatter ended with operator set 10',
    ],
    [
      'a reduction that the operator set does not have',
      {
        op: 'ScatterND',
        opset: 16,
        inputs: { x, updates: [[1, 3], floats(1, 2, 3)] },
        initializers: { at: { ints: [0], dims: [1, 1] } },
        names: ['x', 'at', 'updates'],
        attributes: { reduction: 'max' },
      },
      'reduction must be none, add, mul, got "max"',
    ],
    [
      'a shift without a direction',
      { op: 'BitShift', inputs: { a: [[1], Int32Array.of(1)], b: [[1], Int32Array.of(1)] } },
      'direction must be LEFT or RIGHT, got ""',
    ],
    [
      'remainders of floats that are no fmod',
      { op: 'Mod', inputs: { a: x, b: x } },
      'float32 needs fmod 1',
    ],
    [
      'an update rule without its inputs',
      {
        op: 'LinearAttention',
        inputs: {
          q: [[1, 1, 2], floats(1, 2)],
          k: [[1, 1, 2], floats(1, 2)],
          v: [[1, 1, 2], floats(1, 2)],
        },
        attributes: { q_num_heads: 1, kv_num_heads: 1 },
      },
      'the inputs decay and beta do not fit the update_rule gated_delta',
    ],
    [
      'attention of matrices',
      {
        op: 'FlexAttention',
        domain: 'ai.onnx.preview',
        inputs: { q: x, k: x, v: x },
      },
      'input 0 must have 4 axes, got [2, 3]',
    ],
    [
      'bands beyond the spectrum',
      {
        op: 'MelWeightMatrix',
        inputs: {},
        initializers: {
          bands: one(2),
          length: one(8),
          rate: one(100),
          low: { floats: [0], dims: [] },
          high: { floats: [1000], dims: [] },
        },
      },
      'the edges must lie in the spectrum of 5 bins',
    ],
  ];

  test.each(CASES)('%s', async (_name, graph, message) => {
    const load = async () => {
      using model = await Model.load(modelOf(graph), { freeBatch: false });
      return model;
    };
    await expect(load()).rejects.toThrow(ModelError);
    await expect(load()).rejects.toThrow(message);
  });
});
