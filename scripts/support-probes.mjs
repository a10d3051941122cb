// One call of each operator, for the table of docs/support.md. What is not said here: every input that
// must be given is [16, 16], and every dtype is tried for each.

const image = [2, 16, 8, 8];

/**
 * By operator: `shapes` of its inputs, `dtypes` where an input has one only, `params` that the call needs, `column` the input
 * whose dtype is the column.
 * Sizes are multiples of 16, so that the types decide and not the alignment.
 */
export const PROBES = {
  dequantize: { shapes: [[16, 16], []], dtypes: [null, 'float32'] },
  quantize: { shapes: [[16, 16], []], dtypes: [null, 'float32'] },
  absHistogram: { shapes: [[16, 16], []], dtypes: [null, 'float32'] },
  quantizeV2: { shapes: [[16, 16], [], []], dtypes: [null, 'float32', 'float32'] },
  dequantizeV2: { shapes: [[16, 16], [], []], dtypes: [null, 'float32', 'float32'] },
  quantizedRelu: { shapes: [[16, 16], [], []], dtypes: [null, 'float32', 'float32'] },
  requantizeV2: {
    shapes: [[16, 16], [], [], [], []],
    dtypes: [null, 'float32', 'float32', 'float32', 'float32'],
  },
  requantize: { shapes: [[16, 16], []] },
  where: { dtypes: ['bool'], column: 1 },
  weightedSum: { shapes: [[2], [16, 16], [16, 16]], dtypes: ['float32'], column: 1 },
  concat: {
    shapes: [
      [16, 16],
      [16, 16],
    ],
  },
  slice: { params: { starts: [0], ends: [8] } },
  gather: { dtypes: [null, 'int64'] },
  gatherElements: { dtypes: [null, 'int64'] },
  gatherNd: {
    shapes: [
      [16, 16],
      [16, 1],
    ],
    dtypes: [null, 'int64'],
  },
  scatterElements: { dtypes: [null, 'int64'] },
  scatterNd: {
    shapes: [
      [16, 16],
      [16, 1],
      [16, 16],
    ],
    dtypes: [null, 'int64'],
  },
  oneHot: { shapes: [[16], [2]], dtypes: ['int64'], column: 1, params: { depth: 16 } },
  topK: { params: { k: 4 } },
  pad: { params: { before: [1, 1], after: [1, 1] } },
  conv2d: { shapes: [image, [32, 16, 3, 3]], params: { padding: 1 } },
  conv2dInt8: { shapes: [image, [32, 16, 3, 3], []], params: { padding: 1 } },
  conv2dBackwardInput: {
    shapes: [
      [2, 32, 8, 8],
      [32, 16, 3, 3],
    ],
    params: { padding: 1, inputSize: [8, 8] },
  },
  conv2dBackwardFilter: {
    shapes: [image, [2, 32, 8, 8]],
    params: { padding: 1, filterSize: [3, 3] },
  },
  maxPool2d: { shapes: [image], params: { kernel: 2 } },
  averagePool: { shapes: [image], params: { kernel: [2, 2] } },
  lpPool: { shapes: [image], params: { kernel: [2, 2] } },
  maxPoolIndices: { shapes: [image], params: { kernel: [2, 2] } },
  resample: {
    shapes: [
      [16, 16],
      [16, 1],
    ],
    dtypes: [null, 'int32'],
  },
  gridSample: { shapes: [image, [2, 4, 4, 2]] },
  roiAlign: { shapes: [image, [16, 4], [16]] },
  deformPatches: { shapes: [image, [2, 18, 6, 6]], params: { kernel: [3, 3] } },
  col2im: { shapes: [[2, 16, 16]], params: { imageShape: [17], blockShape: [2] } },
  full: { params: { shape: [16], value: 1 } },
  arange: { params: { stop: 16 } },
  random: { params: { shape: [16], seed: 1 } },
  dot4: {
    shapes: [
      [16, 4],
      [16, 4],
    ],
  },
};
