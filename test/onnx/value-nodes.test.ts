/** Attributes, types and values that ONNX's own cases do not ask for. */

import { finfo } from '../../lib';
import { expectClose, floats, type Graph, run } from '../support/one-node';
import { Rng } from '../support/rng';
import { functionBound } from '../support/tolerance';

const LARGEST = finfo('float32').max;

describe('Clip', () => {
  const x: [number[], Float32Array] = [[4], floats(-Infinity, 2, Infinity, NaN)];

  test('bounds that are left out are the lowest and the largest number', async () => {
    for (const opset of [10, 13]) {
      const [y] = await run({ op: 'Clip', opset, inputs: { x } });
      expect(y?.data).toEqual([-LARGEST, 2, LARGEST, NaN]);
    }
    const [low] = await run({ op: 'Clip', inputs: { x }, initializers: { min: scalarOf(1) } });
    expect(low?.data).toEqual([1, 2, LARGEST, NaN]);
    const [fed] = await run({ op: 'Clip', inputs: { x, min: [[], floats(1)] } });
    expect(fed?.data).toEqual([1, 2, LARGEST, NaN]);
    const names = ['x', '', 'max'];
    const [high] = await run({ op: 'Clip', inputs: { x, max: [[], floats(1)] }, names });
    expect(high?.data).toEqual([-LARGEST, 1, 1, NaN]);
  });

  test('a bound of NaN gives NaN', async () => {
    const [y] = await run({ op: 'Clip', inputs: { x }, initializers: { min: scalarOf(NaN) } });
    expect(y?.data).toEqual([NaN, NaN, NaN, NaN]);
  });
});

const scalarOf = (value: number) => ({ floats: [value], dims: [] });

test('Shrink of integers: the bias need not be whole, the result is cut', async () => {
  const attributes = { bias: { float: 0.75 }, lambd: { float: 0.5 } };
  const [y] = await run({
    op: 'Shrink',
    inputs: { x: [[5], Int32Array.of(-70, -1, 0, 1, 70)] },
    attributes,
  });
  expect(y?.data).toEqual([-69, 0, 0, 0, 69]);
});

test('defaults of attributes are float32 numbers, also for float64', async () => {
  const cases: [op: string, x: number, y: number][] = [
    ['LeakyRelu', -1, -Math.fround(0.01)],
    ['HardSigmoid', 1, Math.fround(0.2) + 0.5],
  ];
  for (const [op, x, expected] of cases) {
    const [y] = await run({ op, inputs: { x: [[1], Float64Array.of(x)] } });
    expect(y?.data).toEqual([expected]);
  }
});

test('LayerNormalization of float64: the statistics are float32, as stash_type says', async () => {
  const inputs: Graph['inputs'] = { x: [[1, 2], Float64Array.of(1, 1 + 2 ** -40)] };
  const scale = { dims: [1], data_type: 11, double_data: [1] };
  const outputs = ['y', 'mean', 'inverse'];
  const [, mean] = await run({
    op: 'LayerNormalization',
    inputs,
    initializers: { scale },
    outputs,
  });
  expect(mean).toEqual({ shape: [1, 1], data: [1] });
});

describe('Pad cuts with negative margins first, in every mode', () => {
  test.each([
    ['constant', [0, 2, 3]],
    ['edge', [2, 2, 3]],
    ['reflect', [3, 2, 3]],
    ['wrap', [3, 2, 3]],
  ])('%s', async (mode, data) => {
    const [y] = await run({
      op: 'Pad',
      inputs: { x: [[1, 4], floats(2, 3, 4, 5)] },
      initializers: { pads: { ints: [0, 1, 0, -2] } },
      attributes: { mode },
    });
    expect(y).toEqual({ shape: [1, 3], data });
  });
});

test.each([
  ['Upsample', 9, ['x', 'scales']],
  ['Resize', 10, ['x', 'scales']],
  ['Resize', 13, ['x', '', 'scales']],
])('%s-%d: a size is the product in float32, rounded down', async (op, opset, names) => {
  // As float64, 5 times the float32 next to 2.6 is less than 13.
  const [y] = await run({
    op,
    opset,
    names,
    inputs: { x: [[5], floats(1, 2, 3, 4, 5)] },
    initializers: { scales: { floats: [2.6] } },
    attributes: { mode: 'nearest' },
  });
  expect(y?.shape).toEqual([13]);
});

describe('Resize: the length of the result is a whole number', () => {
  const resize = (
    attributes: Graph['attributes'],
    scale: number,
    x: number[],
    roi: number[] = [],
  ) =>
    run({
      op: 'Resize',
      inputs: { x: [[x.length], Float32Array.from(x)] },
      initializers: { roi: { floats: roi }, scales: { floats: [scale] } },
      attributes: { mode: 'cubic', ...attributes },
    });

  test('pytorch_half_pixel: one element is that at 0', async () => {
    const attributes = { coordinate_transformation_mode: 'pytorch_half_pixel' };
    // 1 and 1.25 are 1.
    for (const scale of [0.25, 0.3125])
      expect((await resize(attributes, scale, [2, 8, 3, 1]))[0]?.data).toEqual([2]);
  });

  test('tf_crop_and_resize: the last element is at the end of the region', async () => {
    const attributes = { coordinate_transformation_mode: 'tf_crop_and_resize', mode: 'linear' };
    // 2.75 is 2.
    const [y] = await resize(attributes, 0.6875, [2, 8, 3, 1], [0, 1]);
    expect(y?.data).toEqual([2, 1]);
  });
});

test('MaxUnpool: positions are those in output_shape', async () => {
  // MaxPool of [1, 1, 5] in windows of 2 leaves the last element out.
  const [y] = await run({
    op: 'MaxUnpool',
    inputs: {
      x: [[2, 1, 2], floats(4, 7, 9, 5)],
      at: [[2, 1, 2], BigInt64Array.of(1n, 2n, 5n, 8n)],
    },
    initializers: { shape: { ints: [2, 1, 5] } },
    attributes: { kernel_shape: [2], strides: [2] },
  });
  expect(y).toEqual({ shape: [2, 1, 5], data: [0, 4, 7, 0, 0, 9, 0, 0, 5, 0] });
});

test('Hardmax of rows without elements', async () => {
  for (const opset of [12, 13]) {
    const [y] = await run({ op: 'Hardmax', opset, inputs: { x: [[2, 0], floats()] } });
    expect(y).toEqual({ shape: [2, 0], data: [] });
  }
});

describe('Reshape of nothing', () => {
  const graph = (shape: number[], target: number[], allowzero = 0): Graph => ({
    op: 'Reshape',
    inputs: { x: [shape, floats()] },
    initializers: { target: { ints: target } },
    attributes: { allowzero },
  });

  test('sizes that are copied cancel', async () => {
    expect((await run(graph([0, 3, 4], [0, -1])))[0]?.shape).toEqual([0, 12]);
    expect((await run(graph([2, 0, 4], [-1, 0])))[0]?.shape).toEqual([8, 0]);
    expect((await run(graph([0, 3], [-1, 3])))[0]?.shape).toEqual([0, 3]);
  });

  test('-1 does not follow from a size of 0', async () => {
    await expect(run(graph([0, 3], [0, -1], 1))).rejects.toThrow(
      /node "n" \(Reshape, opset 28\): shape \[0, -1\] leaves -1 open beside a size of 0/,
    );
  });
});

describe('Gemm', () => {
  const a: [number[], Float32Array] = [[1, 2], floats(1, 2)];
  const b: [number[], Float32Array] = [[2, 1], floats(3, 4)];

  test('beta without C', async () => {
    const attributes = { alpha: { float: 2 }, beta: { float: 0.5 } };
    expect((await run({ op: 'Gemm', inputs: { a, b }, attributes }))[0]?.data).toEqual([22]);
  });

  test('of float64 and of integers', async () => {
    const attributes = { alpha: { float: 2 }, beta: { float: 3 }, transB: 1 };
    for (const list of [Float64Array, Int32Array, BigInt64Array] as const) {
      const values = (...x: number[]) =>
        list === BigInt64Array
          ? BigInt64Array.from(x, BigInt)
          : (list as typeof Int32Array).from(x);
      const inputs = {
        a: [[2, 2], values(1, 2, 3, 4)],
        b: [[1, 2], values(5, 6)],
        c: [[2, 1], values(-1, 7)],
      } as Graph['inputs'];
      const [y] = await run({ op: 'Gemm', inputs, attributes });
      expect(y).toEqual({ shape: [2, 1], data: [31, 99] });
    }
  });

  test('integers need whole factors', async () => {
    const x: [number[], Int32Array] = [[1, 1], Int32Array.of(1)];
    const attributes = { alpha: { float: 0.5 } };
    await expect(run({ op: 'Gemm', inputs: { a: x, b: x }, attributes })).rejects.toThrow(
      /\(Gemm, opset 28\): alpha and beta of int32 must be whole numbers, got 0.5 and 1/,
    );
  });

  test('C must broadcast to the product', async () => {
    const inputs: Graph['inputs'] = {
      a: [[1, 1], Float64Array.of(1)],
      b: [[1, 1], Float64Array.of(1)],
      c: [[2, 1], Float64Array.of(1, 2)],
    };
    await expect(run({ op: 'Gemm', inputs })).rejects.toThrow(
      /input 2 \[2, 1\] must broadcast to the product \[1, 1\]/,
    );
  });
});

describe('products of integers are exact, modulo 2^bits', () => {
  const rng = new Rng();
  const any64 = () =>
    (BigInt(rng.int(-(2 ** 31), 2 ** 31 - 1)) << 32n) + BigInt(rng.int(0, 2 ** 32 - 1));
  const [a, b] = [6, 12].map((n) => BigInt64Array.from({ length: n }, any64)) as [
    BigInt64Array,
    BigInt64Array,
  ];
  /** [2, 3] by [3, 4]. */
  const expected = Array.from({ length: 8 }, (_, at) => {
    const [i, j] = [at >> 2, at & 3];
    const terms = [0, 1, 2].map((k) => (a[3 * i + k] as bigint) * (b[4 * k + j] as bigint));
    return terms.reduce((x, y) => x + y);
  });

  test.each(['MatMul', 'Einsum'])('%s', async (op) => {
    const attributes = op === 'Einsum' ? { equation: 'ij,jk->ik' } : {};
    for (const bits of [64, 32]) {
      const cut = (x: BigInt64Array) =>
        bits === 64 ? x : Int32Array.from(x, (v) => Number(BigInt.asIntN(32, v)));
      const inputs: Graph['inputs'] = { a: [[2, 3], cut(a)], b: [[3, 4], cut(b)] };
      const [y] = await run({ op, inputs, attributes });
      expect(y).toEqual({
        shape: [2, 4],
        data: expected.map((v) => Number(BigInt.asIntN(bits, v))),
      });
    }
  });

  test('Einsum keeps the type of bytes', async () => {
    const x: [number[], Uint8Array] = [[2], Uint8Array.of(200, 3)];
    const [y] = await run({
      op: 'Einsum',
      inputs: { x },
      names: ['x', 'x'],
      attributes: { equation: 'i,i->' },
    });
    expect(y).toEqual({ shape: [], data: [(200 * 200 + 9) % 256] });
  });
});

describe('activations of recurrent operators', () => {
  const x = 0.5;
  const w = (...weights: number[]) => ({ floats: weights, dims: [1, weights.length, 1] });
  const close = (actual: number | undefined, y: number) =>
    expectClose([actual as number], [{ y, bound: functionBound(y, 'float32', 8) }]);

  test('Softplus', async () => {
    const [, h] = await run({
      op: 'RNN',
      inputs: { x: [[1, 1, 1], floats(x)] },
      initializers: { w: w(2), r: w(0) },
      attributes: { hidden_size: 1, activations: { strings: ['Softplus'] } },
      outputs: ['y', 'h'],
    });
    close(h?.data[0], Math.log1p(Math.exp(2 * x)));
  });

  test('the functions that take an alpha or beta consume the values in their order', async () => {
    const [, h, c] = await run({
      op: 'LSTM',
      inputs: { x: [[1, 1, 1], floats(x)] },
      initializers: { w: w(1, 1, 1, 1), r: w(0, 0, 0, 0) },
      attributes: {
        hidden_size: 1,
        activations: { strings: ['Sigmoid', 'Affine', 'LeakyRelu'] },
        activation_alpha: { floats: [-2, 0.25] },
        activation_beta: { floats: [0.5] },
      },
      outputs: ['y', 'h', 'c'],
    });
    const sigmoid = 1 / (1 + Math.exp(-x));
    const state = sigmoid * (-2 * x + 0.5);
    close(c?.data[0], state);
    close(h?.data[0], sigmoid * 0.25 * state);
  });

  test('with one function, a value for each direction is in its place', async () => {
    const [, h] = await run({
      op: 'RNN',
      inputs: { x: [[1, 1, 1], floats(-x)] },
      initializers: {
        w: { floats: [1, 1], dims: [2, 1, 1] },
        r: { floats: [0, 0], dims: [2, 1, 1] },
      },
      attributes: {
        hidden_size: 1,
        direction: 'bidirectional',
        activations: { strings: ['Relu', 'LeakyRelu'] },
        activation_alpha: { floats: [0, 0.25] },
      },
      outputs: ['y', 'h'],
    });
    expect(h?.data).toEqual([0, -x / 4]);
  });
});
