/** Nodes whose inputs and attributes do not fit each other: refused when the model is loaded, by the node's name and the rule. */

import { Model, ModelError } from '../../lib';
import { floats, type Graph, modelOf } from '../support/one-node';

describe('mistaken nodes are refused when they are loaded', () => {
  const x: [number[], Float32Array] = [[1, 2, 1], floats(1, 2)];
  const weights = { w: { floats: [1], dims: [1, 1, 1] }, r: { floats: [1], dims: [1, 1, 1] } };
  const rnn: Graph = { op: 'RNN', inputs: { x }, initializers: weights };
  const names = ['x', 'w', 'r', '', '', 'h'];
  const cache: [number[], Float32Array] = [[1, 1, 2, 2], floats(1, 2, 3, 4)];
  const three: [number[], Float32Array] = [[3], floats(1, 2, 3)];
  const bytes = Uint8Array.of(1, 2);
  const odd = { rotary_embedding_dim: 3 };
  const cases: [Graph, RegExp][] = [
    [
      { ...rnn, inputs: { x: [[1, 2, 1, 1], x[1]] } },
      /"n" \(RNN, opset 28\): X must have 3 axes, got \[1, 2, 1, 1\]/,
    ],
    [
      { ...rnn, initializers: { ...weights, r: { floats: [1], dims: [1, 1] } } },
      /R must have the shape \[1, 1, 1\], got \[1, 1\]/,
    ],
    [
      { ...rnn, inputs: { x, h: [[2, 2, 1], floats(1, 2, 3, 4)] }, names },
      /initial_h must have the shape \[1, 2, 1\], got \[2, 2, 1\]/,
    ],
    [
      { op: 'TensorScatter', inputs: { cache, update: [[1, 1, 1, 1], floats(1)] } },
      /update \[1, 1, 1, 1\] does not fit the cache \[1, 1, 2, 2\]/,
    ],
    [
      {
        op: 'TensorScatter',
        inputs: { cache, update: cache, at: [[2], BigInt64Array.of(0n, 0n)] },
      },
      /write_indices must have the shape \[1\], got \[2\]/,
    ],
    [
      { op: 'Reshape', inputs: { x }, initializers: { target: { ints: [2, 1], dims: [2, 1] } } },
      /input 1 must be a vector, got \[2, 1\]/,
    ],
    [
      {
        op: 'Slice',
        inputs: { x },
        initializers: { starts: { ints: [0], dims: [1, 1] }, ends: { ints: [1] } },
      },
      /input 1 must be a vector, got \[1, 1\]/,
    ],
    [
      { ...rnn, inputs: { x: [[1, 2, 1], Float64Array.of(1, 2)] } },
      /the inputs must have one type, got float64, float32/,
    ],
    [
      { op: 'Clip', inputs: { x, low: [[], Float64Array.of(1)] } },
      /the inputs must have one type, got float32, float64/,
    ],
    [
      {
        op: 'GroupNormalization',
        inputs: { x, a: three, b: three },
        attributes: { num_groups: 1 },
      },
      /values per channel must be \[2\] for x \[1, 2, 1\], got \[3\]/,
    ],
    [
      { op: 'LayerNormalization', inputs: { x, scale: [[3, 1, 1], floats(1, 2, 3)] } },
      /scale and bias must broadcast to x \[1, 2, 1\], together they give \[3, 2, 1\]/,
    ],
    [
      {
        op: 'ConvTranspose',
        inputs: { x },
        initializers: { w: { floats: [1, 1], dims: [2, 1, 1] } },
        attributes: { kernel_shape: [2] },
      },
      /kernel_shape \[2\] differs from the filter's \[1\]/,
    ],
    [
      {
        op: 'ConvTranspose',
        inputs: { x, w: [[2, 1, 1], floats(1, 1)], bias: [[1, 1], floats(1)] },
      },
      /the bias must be \[1\], got \[1, 1\]/,
    ],
    [
      {
        op: 'ConvInteger',
        inputs: { x: [[1, 1, 2], bytes], w: [[1, 1, 1, 1], Uint8Array.of(1)] },
      },
      /x \[1, 1, 2\] and the filter \[1, 1, 1, 1\] must have the same rank/,
    ],
    [
      {
        op: 'RotaryEmbedding',
        inputs: { x: cache, cos: [[2, 1], floats(1, 1)], sin: [[2, 1], floats(0, 0)] },
      },
      /input 1 must have the shape \[1, 2, 1\], got \[2, 1\]/,
    ],
    [
      { op: 'RotaryEmbedding', inputs: { x: cache, cos: cache, sin: cache }, attributes: odd },
      /rotary_embedding_dim must be even and at most 2, got 3/,
    ],
    [
      { op: 'RotaryEmbedding', inputs: { x: [[1], floats(1)], cos: cache, sin: cache } },
      /input 0 must have 3 or 4 axes, got \[1\]/,
    ],
    [
      { ...rnn, inputs: { x, n: [[2], floats(1, 1)] }, names: ['x', 'w', 'r', '', 'n'] },
      /sequence_lens must be int32, got float32/,
    ],
    [
      {
        op: 'ConvInteger',
        inputs: { x: [[1, 1, 2], bytes], w: [[1, 1, 1], Uint8Array.of(1)] },
        attributes: { pads: [-1, 0] },
      },
      /pads must be 0 or more, got \[-1, 0\]/,
    ],
    [
      {
        op: 'ConvInteger',
        inputs: { x: [[1, 1, 2], bytes], w: [[1, 1, 1], Uint8Array.of(1)] },
        initializers: { zero: { dims: [], data_type: 3, int32_data: [1] } },
      },
      /the inputs must have one type, got uint8, int8/,
    ],
    [
      {
        op: 'ConvTranspose',
        inputs: { x, w: [[2, 1, 1], floats(1, 1)] },
        attributes: { auto_pad: 'SAME' },
      },
      /auto_pad must be NOTSET, SAME_UPPER, SAME_LOWER, VALID, got "SAME"/,
    ],
    [
      {
        op: 'Pad',
        inputs: { x, value: [[], Int32Array.of(1)] },
        initializers: { pads: { ints: [0, 0, 0, 0, 0, 0] } },
        names: ['x', 'pads', 'value'],
      },
      /the inputs must have one type, got float32, int32/,
    ],
    [
      { op: 'Split', opset: 13, inputs: { x: three }, outputs: ['a', 'b'] },
      /axis 0 of 3 must be 2 equal parts/,
    ],
    [
      {
        op: 'MaxUnpool',
        inputs: { x, at: [[1, 2, 1], BigInt64Array.of(0n, 1n)] },
        attributes: { kernel_shape: [0] },
      },
      /kernel_shape must have one size for each axis behind the channels, got \[0\]/,
    ],
  ];
  test.each(cases)('%j', async (graph, message) => {
    const loading = Model.load(modelOf(graph), { freeBatch: false });
    await expect(loading).rejects.toThrow(ModelError);
    await expect(loading).rejects.toThrow(message);
  });
});
