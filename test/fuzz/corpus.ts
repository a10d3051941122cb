/** Small models that load, from which the damaged ones are made. Each shows a part of the format or a family of operators. */

import { nested, whileLoop } from '../support/flow-models';
import { type ModelSpec, type NodeSpec, onnxModel, type TensorSpec } from '../support/onnx-builder';

const ramp = (n: number) => Array.from({ length: n }, (_, i) => (i - n / 2) / 4);
const floats = (...dims: number[]): TensorSpec => ({
  floats: ramp(dims.reduce((n, d) => n * d, 1)),
  dims,
});
const ints = (...values: number[]): TensorSpec => ({ ints: values });

/** A model with one node of each of these operators, one after the other. */
function chain(
  shape: readonly (number | string)[],
  opset: number,
  nodes: readonly (Omit<NodeSpec, 'inputs' | 'outputs'> & { readonly more?: readonly string[] })[],
  initializers: Readonly<Record<string, TensorSpec>> = {},
): ModelSpec {
  return {
    opset,
    inputs: { x: shape },
    outputs: { [`v${nodes.length}`]: { dtype: 'float32' } },
    initializers,
    nodes: nodes.map(({ more = [], ...node }, i) => ({
      ...node,
      name: `n${i}`,
      inputs: [i === 0 ? 'x' : `v${i}`, ...more],
      outputs: [`v${i + 1}`],
    })),
  };
}

const tensorProto = (fields: object): TensorSpec => ({ dims: [4], ...fields }) as TensorSpec;

const SPECS: readonly ModelSpec[] = [
  chain(
    ['N', 3, 8, 8],
    13,
    [
      {
        op: 'Conv',
        more: ['w', 'b'],
        attributes: { strides: [2, 2], pads: [1, 1, 1, 1], dilations: [1, 1], group: 1 },
      },
      {
        op: 'BatchNormalization',
        more: ['b', 'b', 'b', 'p'],
        attributes: { epsilon: { float: 1e-5 } },
      },
      { op: 'Relu' },
      { op: 'MaxPool', attributes: { kernel_shape: [2, 2], strides: [2, 2] } },
      { op: 'Flatten', attributes: { axis: 1 } },
      { op: 'Gemm', more: ['g', 'b'], attributes: { transB: 1, alpha: { float: 0.5 } } },
      { op: 'Softmax', attributes: { axis: -1 } },
    ],
    { w: floats(4, 3, 3, 3), b: floats(4), p: { floats: [1, 2, 3, 4] }, g: floats(4, 16) },
  ),
  chain(
    [2, 3, 4],
    13,
    [
      { op: 'Reshape', more: ['s'], attributes: { allowzero: 0 } },
      { op: 'Transpose', attributes: { perm: [1, 0] } },
      { op: 'Slice', more: ['from', 'to', 'axes', 'steps'] },
      { op: 'Pad', more: ['pads', 'zero'], attributes: { mode: 'constant' } },
      { op: 'Unsqueeze', more: ['axes'] },
      { op: 'Expand', more: ['wide'] },
      { op: 'Tile', more: ['twice'] },
      { op: 'Squeeze' },
      { op: 'ReduceSum', more: ['axes'], attributes: { keepdims: 0 } },
    ],
    {
      s: ints(4, -1),
      from: ints(0),
      to: ints(4),
      axes: ints(0),
      steps: ints(2),
      pads: ints(1, 0, 1, 0),
      zero: { floats: [0], dims: [] },
      wide: ints(3, 1, 1),
      twice: ints(1, 2, 1),
    },
  ),
  {
    opset: 13,
    inputs: { a: ['N', 2], b: ['N', 2] },
    outputs: { y: ['N', null], z: { dtype: 'int64' } },
    initializers: {
      i: ints(1, 0),
      k: tensorProto({ data_type: 10, raw_data: Uint8Array.of(0, 60, 0, 64, 0, 66, 0, 0) }),
    },
    nodes: [
      { op: 'Concat', inputs: ['a', 'b'], outputs: ['c'], attributes: { axis: 1 } },
      { op: 'Gather', inputs: ['c', 'i'], outputs: ['g'], attributes: { axis: 1 } },
      { op: 'Split', inputs: ['c'], outputs: ['p', 'q'], attributes: { axis: 1 } },
      { op: 'Where', inputs: ['t', 'p', 'q'], outputs: ['w'] },
      { op: 'Greater', inputs: ['p', 'q'], outputs: ['t'] },
      { op: 'Add', inputs: ['w', 'g'], outputs: ['y'] },
      { op: 'Shape', inputs: ['y'], outputs: ['z'] },
    ],
  },
  {
    opset: 13,
    outputs: { y: { dtype: 'float32' }, r: { dtype: 'int64' } },
    initializers: {
      s: ints(2, 2),
      from: { ints: [0], dims: [] },
      to: { ints: [9], dims: [] },
      by: { ints: [2], dims: [] },
    },
    nodes: [
      {
        op: 'ConstantOfShape',
        inputs: ['s'],
        outputs: ['c'],
        attributes: { value: { tensor: { floats: [3] } } },
      },
      {
        op: 'Constant',
        inputs: [],
        outputs: ['k'],
        attributes: { value: { tensor: floats(2, 2) } },
      },
      { op: 'Range', inputs: ['from', 'to', 'by'], outputs: ['r'] },
      { op: 'Einsum', inputs: ['c', 'k'], outputs: ['y'], attributes: { equation: 'ij,jk->ik' } },
    ],
  },
  {
    opset: 21,
    inputs: { x: ['N', 4] },
    outputs: { y: ['N', 4] },
    initializers: {
      s: { floats: [0.5], dims: [] },
      z: { dims: [], data_type: 3, int32_data: [3] },
      w: tensorProto({ dims: [4, 4], data_type: 3, raw_data: new Uint8Array(16).fill(5) }),
    },
    nodes: [
      { op: 'QuantizeLinear', inputs: ['x', 's', 'z'], outputs: ['q'] },
      { op: 'DequantizeLinear', inputs: ['q', 's', 'z'], outputs: ['d'] },
      { op: 'DequantizeLinear', inputs: ['w', 's'], outputs: ['dw'] },
      { op: 'MatMul', inputs: ['d', 'dw'], outputs: ['m'] },
      { op: 'Cast', inputs: ['m'], outputs: ['h'], attributes: { to: 10 } },
      { op: 'Cast', inputs: ['h'], outputs: ['y'], attributes: { to: 1 } },
    ],
  },
  {
    opset: 14,
    inputs: { x: [3, 2, 4] },
    outputs: { y: { dtype: 'float32' } },
    initializers: { w: floats(1, 9, 4), r: floats(1, 9, 3), b: floats(1, 18) },
    nodes: [
      {
        op: 'GRU',
        inputs: ['x', 'w', 'r', 'b'],
        outputs: ['y', 'last'],
        attributes: { hidden_size: 3, direction: 'forward', linear_before_reset: 1 },
      },
    ],
  },
  chain(
    [1, 8, 4, 4],
    21,
    [
      { op: 'GroupNormalization', more: ['c', 'c'], attributes: { num_groups: 2 } },
      { op: 'DepthToSpace', attributes: { blocksize: 2, mode: 'DCR' } },
      { op: 'ConvTranspose', more: ['w'], attributes: { strides: [2, 2], output_padding: [1, 1] } },
      { op: 'AveragePool', attributes: { kernel_shape: [2, 2], auto_pad: 'SAME_UPPER' } },
      { op: 'GlobalAveragePool' },
      { op: 'Clip' },
      { op: 'LeakyRelu', attributes: { alpha: { float: 0.1 } } },
    ],
    { c: floats(8), w: floats(2, 1, 2, 2) },
  ),
  {
    opset: 13,
    inputs: { x: [4] },
    outputs: { y: [4] },
    initializers: {
      w: tensorProto({
        data_type: 1,
        data_location: 1,
        external_data: [
          { key: 'location', value: 'w.bin' },
          { key: 'offset', value: '0' },
          { key: 'length', value: '16' },
        ],
      }),
    },
    nodes: [{ op: 'Add', inputs: ['x', 'w'], outputs: ['y'] }],
    model: { metadata_props: [{ key: 'halftone.compute.n', value: 'float32' }] },
  },
  {
    opsets: { '': 13, 'com.microsoft': 1 },
    inputs: { a: { dtype: 'uint8', shape: [4] }, f: { dtype: 'bool', shape: [2] } },
    outputs: { c: { dtype: 'uint8', shape: [4] }, g: { dtype: 'bool', shape: [2] } },
    initializers: {
      s: { floats: [0.5], dims: [] },
      z: { dims: [], data_type: 2, int32_data: [3] },
      t: { dims: [2], data_type: 9, int32_data: [0, 1] },
    },
    nodes: [
      {
        op: 'QLinearAdd',
        domain: 'com.microsoft',
        inputs: ['a', 's', 'z', 'a', 's', 'z', 's', 'z'],
        outputs: ['c'],
      },
      { op: 'And', inputs: ['f', 't'], outputs: ['g'] },
    ],
  },
  {
    opset: 21,
    inputs: { x: { dtype: 'string', shape: ['N'] }, s: { shape: [2], sequence: true } },
    outputs: { y: { dtype: 'string' }, m: { dtype: 'bool' }, t: { shape: [2], sequence: true } },
    initializers: { w: { strings: ['a', 'b'] }, i: ints(1, 0) },
    nodes: [
      {
        op: 'StringNormalizer',
        inputs: ['x'],
        outputs: ['n'],
        attributes: { case_change_action: 'UPPER', stopwords: { strings: ['is'] } },
      },
      { op: 'Gather', inputs: ['w', 'i'], outputs: ['g'] },
      { op: 'StringConcat', inputs: ['n', 'g'], outputs: ['y'] },
      {
        op: 'RegexFullMatch',
        inputs: ['y'],
        outputs: ['m'],
        attributes: { pattern: '[a-c]{1,3}' },
      },
      {
        op: 'SequenceMap',
        inputs: ['s'],
        outputs: ['t'],
        attributes: {
          body: {
            graph: {
              inputs: { e: [2] },
              outputs: { f: [2] },
              nodes: [{ op: 'Neg', inputs: ['e'], outputs: ['f'] }],
            },
          },
        },
      },
    ],
  },
  {
    opsets: { '': 13, 'ai.onnx.preview.training': 1 },
    inputs: { x: [2] },
    outputs: { d: [2], b: [2] },
    initializers: { c: { data_type: 9, dims: [], raw_data: Uint8Array.of(1) } },
    nodes: [
      { op: 'Mul', inputs: ['x', 'x'], outputs: ['y'] },
      {
        op: 'Gradient',
        domain: 'ai.onnx.preview.training',
        inputs: ['x'],
        outputs: ['d'],
        attributes: { xs: { strings: ['x'] }, y: 'y' },
      },
      {
        op: 'If',
        inputs: ['c'],
        outputs: ['b'],
        attributes: {
          then_branch: {
            graph: { outputs: { p: [2] }, nodes: [{ op: 'Neg', inputs: ['y'], outputs: ['p'] }] },
          },
          else_branch: {
            graph: { outputs: { q: [2] }, nodes: [{ op: 'Abs', inputs: ['y'], outputs: ['q'] }] },
          },
        },
      },
    ],
  },
];

/** The bytes of each. */
export const CORPUS: readonly Uint8Array[] = [...SPECS.map(onnxModel), whileLoop, nested];
