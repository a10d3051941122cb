// Calls of ONNX operators for docs/operators.md (scripts/operators-page.mjs), where inputs of [4, 4] and the like are none.
//
// inputs: { type, shape }, { type, shape, values } for a constant, or null where one is left out; type 'T' is the element type that
// is asked for. attributes: by name; 'T' is the number of that type. opset: where the newest has the operator no longer.
// captures: names in attributes, and which values these are (lib/graph/ir.ts).
// before, after: other nodes, [operator, inputs, outputs, attributes]; the operator's own inputs are i0, i1 ..., its result o0.

const T = (...shape) => ({ type: 'T', shape });
const of = (type, ...shape) => ({ type, shape });
const ints = (...values) => ({ type: 'int64', shape: [values.length], values });
const scalar = (type, value) => ({ type, shape: [], values: [value] });

const IMAGE = T(1, 4, 6, 6);
const blocks = { inputs: [IMAGE], attributes: { blocksize: 2 } };
const pool = { inputs: [IMAGE], attributes: { kernel_shape: [2, 2] } };
const loss = { inputs: [T(3, 4), of('int64', 3)] };
const recurrent = (gates) => ({
  inputs: [T(3, 2, 4), T(1, 5 * gates, 4), T(1, 5 * gates, 5)],
  attributes: { hidden_size: 5 },
});
const window = { inputs: [{ type: 'T', shape: [], values: [8] }] };
const scale = of('float32');
const quantizedSum = {
  inputs: [T(4), scale, T(), T(4), scale, T(), scale, T()],
};
const sequence = (inputs, more = {}) => ({
  inputs: [null, ...inputs],
  values: { a: T(4, 4), b: T(4, 4) },
  before: [['SequenceConstruct', ['a', 'b'], ['i0']]],
  ...more,
});
const optimizer = (tensors) => ({
  inputs: [T(), of('int64'), ...Array.from({ length: tensors }, () => T(4))],
});
const at0 = [['SequenceAt', ['o0', 'zero'], ['y']]];
const zero = scalar('int64', 0);

export const PROBES = {
  AffineGrid: { inputs: [T(1, 2, 3), ints(1, 1, 3, 3)] },
  AveragePool: pool,
  BitCast: { inputs: [T(4)], attributes: { to: 'T' } },
  BitShift: { inputs: [T(4), T(4)], attributes: { direction: 'LEFT' } },
  BlackmanWindow: window,
  Cast: { inputs: [T(4)], attributes: { to: 'T' } },
  CausalConvWithState: { inputs: [T(1, 4, 6), T(4, 1, 3)] },
  Col2Im: { inputs: [T(1, 4, 3), ints(4), ints(2)] },
  Compress: { inputs: [T(2), { type: 'bool', shape: [2], values: [1, 0] }] },
  Concat: { inputs: [T(4), T(4)], attributes: { axis: 0 } },
  ConcatFromSequence: sequence([], { attributes: { axis: 0 } }),
  Constant: { inputs: [], attributes: { value: 'T' } },
  ConstantOfShape: { inputs: [ints(2, 2)], attributes: { value: 'T' } },
  DFT: { inputs: [T(1, 8, 1)] },
  DeformConv: { inputs: [IMAGE, T(4, 4, 1, 1), T(1, 2, 6, 6)] },
  DepthToSpace: blocks,
  DequantizeLinear: { inputs: [T(4), scale, T()] },
  Einsum: { inputs: [T(4, 4), T(4, 4)], attributes: { equation: 'ij,jk->ik' } },
  GRU: recurrent(3),
  GatherElements: { inputs: [T(4), of('int64', 2)] },
  GridSample: { inputs: [IMAGE, T(1, 3, 3, 2)] },
  GroupNormalization: { inputs: [IMAGE, T(4), T(4)], attributes: { num_groups: 2 } },
  HammingWindow: window,
  HannWindow: window,
  LRN: { inputs: [IMAGE], attributes: { size: 3 } },
  LSTM: recurrent(4),
  LinearAttention: {
    inputs: [T(1, 3, 8), T(1, 3, 8), T(1, 3, 8)],
    attributes: { q_num_heads: 2, kv_num_heads: 2, update_rule: 'linear' },
  },
  LpPool: pool,
  MaxPool: pool,
  MaxUnpool: {
    inputs: [T(1, 1, 2, 2), of('int64', 1, 1, 2, 2)],
    attributes: { kernel_shape: [2, 2] },
  },
  MelWeightMatrix: {
    inputs: [
      { type: 'T', shape: [], values: [4] },
      { type: 'T', shape: [], values: [16] },
      { type: 'T', shape: [], values: [8000] },
      scalar('float32', 0),
      scalar('float32', 4000),
    ],
  },
  NegativeLogLikelihoodLoss: loss,
  NonMaxSuppression: {
    inputs: [
      { type: 'T', shape: [1, 1, 4], values: [0, 0, 1, 1] },
      { type: 'T', shape: [1, 1, 1], values: [1] },
    ],
  },
  NonZero: { inputs: [{ type: 'T', shape: [2], values: [1, 0] }] },
  OneHot: { inputs: [of('int64', 4), scalar('int64', 3), T(2)] },
  Pad: { inputs: [T(4), ints(1, 1)] },
  QLinearConv: {
    inputs: [
      ...[IMAGE, scale, { type: 'T', shape: [], values: [1] }],
      ...[T(4, 4, 3, 3), scale, { type: 'T', shape: [], values: [0] }],
      ...[scale, { type: 'T', shape: [], values: [1] }],
    ],
  },
  QLinearMatMul: { inputs: [T(4, 4), scale, T(), T(4, 4), scale, T(), scale, T()] },
  RNN: recurrent(1),
  Range: { inputs: [0, 4, 1].map((value) => ({ type: 'T', shape: [], values: [value] })) },
  Reshape: { inputs: [T(4, 4), ints(2, 8)] },
  Resize: {
    inputs: [IMAGE, null, { type: 'float32', shape: [4], values: [1, 1, 2, 2] }],
  },
  ReverseSequence: { inputs: [T(4, 4), of('int64', 4)] },
  RoiAlign: { inputs: [IMAGE, T(1, 4), of('int64', 1)] },
  RotaryEmbedding: { inputs: [T(1, 2, 3, 4), T(1, 3, 2), T(1, 3, 2)] },
  STFT: { inputs: [T(1, 16, 1), scalar('int64', 4), null, scalar('int64', 8)] },
  Scatter: { inputs: [T(4), of('int64', 2), T(2)], opset: 10 },
  ScatterElements: { inputs: [T(4), of('int64', 2), T(2)] },
  ScatterND: { inputs: [T(4), of('int64', 2, 1), T(2)] },
  SequenceAt: sequence([zero]),
  SequenceConstruct: { inputs: [T(4)], values: { zero }, after: at0 },
  SequenceEmpty: {
    inputs: [],
    attributes: { dtype: 'T' },
    values: { a: T(4), zero },
    after: [
      ['SequenceInsert', ['o0', 'a'], ['s']],
      ['SequenceAt', ['s', 'zero'], ['y']],
    ],
  },
  SequenceErase: sequence([zero], { after: at0, values: { a: T(4), b: T(4), zero } }),
  SequenceInsert: sequence([T(4)], { after: at0, values: { a: T(4), b: T(4), zero } }),
  SequenceLength: sequence([]),
  SoftmaxCrossEntropyLoss: loss,
  SpaceToDepth: blocks,
  SplitToSequence: { inputs: [T(4)], values: { zero }, after: at0 },
  Unique: { inputs: [{ type: 'T', shape: [2], values: [1, 0] }] },
  Upsample: {
    inputs: [IMAGE, { type: 'float32', shape: [4], values: [1, 1, 2, 2] }],
    opset: 9,
  },
  Where: { inputs: [of('bool', 4), T(4), T(4)] },
  'com.microsoft.QLinearAdd': quantizedSum,
  'com.microsoft.QLinearMul': quantizedSum,
  'ai.onnx.preview.training.Adagrad': optimizer(3),
  'ai.onnx.preview.training.Adam': optimizer(4),
  'ai.onnx.preview.training.Gradient': {
    inputs: [T(4)],
    before: [['Add', ['i0', 'i0'], ['sum']]],
    attributes: { xs: ['x'], y: 'y' },
    captures: { x: 'i0', y: 'sum' },
  },
  'ai.onnx.preview.training.Momentum': {
    ...optimizer(3),
    attributes: { alpha: 0.9, beta: 1, mode: 'standard', norm_coefficient: 0 },
  },
};
