/**
 * Mistakes that users make, each with the error that they get: its code, the operator, the rule and the values. Nothing
 * may crash, run or leak.
 */

import * as halftone from '../../lib';
import type { DType, ErrorCode } from '../../lib';
import { liveTensors, settledTensors } from '../support/gc';

type Call = (...args: unknown[]) => unknown;
const api = halftone as unknown as Readonly<Record<string, Call>>;

/** A tensor of ones. */
const t = (shape: number[], dtype: DType = 'float32') => halftone.ones(shape, { dtype });
const gone = () => {
  const x = t([2]);
  x.dispose();
  return x;
};

/** An array that holds itself. */
const cyclic = () => {
  const array: unknown[] = [];
  array.push(array);
  return array;
};

/** name, arguments, code, what the message must contain. */
type Mistake = readonly [name: string, args: () => unknown[], code: ErrorCode, ...parts: string[]];

const image = () => t([1, 3, 8, 8]);
const filter = () => t([4, 3, 3, 3]);

const MISTAKES: readonly Mistake[] = [
  ['explain', () => [undefined], 'ERR_PARAM', 'explain: a Tensor was expected', 'got undefined'],
  // Options that are no object
  ['arange', () => [0, 10, 2], 'ERR_PARAM', 'arange: options must be an object, got 2'],
  [
    'tensor',
    () => [[1], 'float16'],
    'ERR_PARAM',
    "tensor: options must be an object, got 'float16'",
  ],
  ['tensor', () => [[1], null], 'ERR_PARAM', 'tensor: options must be an object, got null'],
  ['zeros', () => [[1], 'int8'], 'ERR_PARAM', 'options must be an object'],
  ['zerosLike', () => [t([1]), 'int8'], 'ERR_PARAM', 'zerosLike: options must be an object'],
  ['onesLike', () => [t([1]), 3], 'ERR_PARAM', 'onesLike: options must be an object'],
  ['random', () => [[1], 7], 'ERR_PARAM', 'random: options must be an object, got 7'],
  ['conv2d', () => [image(), filter(), 2], 'ERR_PARAM', 'conv2d: options must be an object, got 2'],
  ['matmul', () => [t([1, 1]), t([1, 1]), true], 'ERR_PARAM', 'matmul: options must be an object'],
  ['hgemm', () => [t([1, 1], 'float16'), t([1, 1], 'float16'), 2], 'ERR_PARAM', 'hgemm: options'],
  ['gemmEx', () => [t([1, 1]), t([1, 1]), 2], 'ERR_PARAM', 'gemmEx: options must be an object'],
  ['cast', () => [t([1]), 'int8', true], 'ERR_PARAM', 'cast: options must be an object, got true'],
  ['minMax', () => [t([1]), 0], 'ERR_PARAM', 'minMax: options must be an object, got 0'],
  ['absHistogram', () => [t([1]), 1, 9], 'ERR_PARAM', 'absHistogram: options must be an object'],
  ['quantizeV2', () => [t([1]), 0, 1, 'int8'], 'ERR_PARAM', 'quantizeV2: options must be'],
  ['chooseQParams', () => [0, 1, 'int8'], 'ERR_PARAM', 'chooseQParams: options must be an object'],
  // Options that there are not
  ['tensor', () => [[1], { dtpe: 'int8' }], 'ERR_PARAM', 'unknown option "dtpe"', '"dtype"?'],
  ['minMax', () => [t([1]), { axs: 0 }], 'ERR_PARAM', 'minMax: unknown option', 'mean "axis"?'],
  ['absHistogram', () => [t([1]), 1, { bin: 9 }], 'ERR_PARAM', 'unknown option', 'mean "bins"?'],
  ['chooseQParams', () => [0, 1, { x: 1 }], 'ERR_PARAM', 'unknown option "x", known are: dtype'],
  // tensor()
  ['tensor', () => [undefined], 'ERR_PARAM', 'tensor: data must be', 'got undefined'],
  ['tensor', () => [null], 'ERR_PARAM', 'tensor: data must be', 'got null'],
  ['tensor', () => ['abc'], 'ERR_PARAM', 'tensor: data must be', 'got string'],
  ['tensor', () => [{}], 'ERR_PARAM', 'tensor: data must be', 'got object'],
  ['tensor', () => [() => 1], 'ERR_PARAM', 'tensor: data must be', 'got function'],
  ['tensor', () => [[1, 'x']], 'ERR_PARAM', 'data[1] must be a number', 'got string'],
  ['tensor', () => [[1, null]], 'ERR_PARAM', 'data[1]', 'null'],
  ['tensor', () => [[[1, 2], [3]]], 'ERR_SHAPE', 'data[1] must be an array of 2', 'an array of 1'],
  ['tensor', () => [[[1, 2], 3]], 'ERR_SHAPE', 'data[1] must be an array of 2', 'got 3'],
  ['tensor', () => [[1, [2]]], 'ERR_SHAPE', 'data[1] must be a number', 'an array of 1'],
  ['tensor', () => [[1, 2], { shape: [3] }], 'ERR_SHAPE', '[3]', '2 values'],
  [
    'tensor',
    () => [[1, 2], { shape: [-1, -2] }],
    'ERR_SHAPE',
    'shape[0] must be an integer >= 0',
    '-1',
  ],
  ['tensor', () => [[1, 2], { shape: 2 }], 'ERR_SHAPE', 'shape must be an array', 'got 2'],
  ['tensor', () => [[1], { shape: [1n] }], 'ERR_SHAPE', 'shape must be an array', '[ 1n ]'],
  // biome-ignore lint/suspicious/noSparseArray: this is what is tested
  ['tensor', () => [[1], { shape: [, 1] }], 'ERR_SHAPE', 'shape must be an array', 'empty item'],
  ['tensor', () => [cyclic()], 'ERR_SHAPE', 'nested to at most 8 levels'],
  ['tensor', () => [new Float32Array(4), { shape: [2, 2.5] }], 'ERR_SHAPE', 'shape[1]', '2.5'],
  ['tensor', () => [new Float32Array(4), { shape: [5] }], 'ERR_SHAPE', 'needs 20 bytes', 'got 16'],
  [
    'tensor',
    () => [new Float32Array(1), { shape: [1, 1, 1, 1, 1, 1, 1, 1, 1] }],
    'ERR_SHAPE',
    'at most 8 axes',
    'got 9',
  ],
  ['tensor', () => [[1], { dtype: 'float17' }], 'ERR_DTYPE', 'dtype must be one of', 'float17'],
  ['tensor', () => [[1], { dtype: 3 }], 'ERR_DTYPE', 'dtype must be one of', 'got 3'],
  ['tensor', () => [[300], { dtype: 'uint8' }], 'ERR_PARAM', 'whole number in [0, 255]', 'got 300'],
  ['tensor', () => [[1.5], { dtype: 'int32' }], 'ERR_PARAM', 'whole number', 'got 1.5'],
  ['tensor', () => [[2 ** 70], { dtype: 'int64' }], 'ERR_PARAM', 'whole number', 'int64'],
  ['tensor', () => [[1], { device: 'tpu' }], 'ERR_BACKEND_UNAVAILABLE', 'tpu'],
  ['tensor', () => [[1], { device: 'cpu:x' }], 'ERR_PARAM', 'cpu:x'],
  ['tensor', () => [new ArrayBuffer(8)], 'ERR_PARAM', 'dtype must be given'],
  [
    'tensor',
    () => [new ArrayBuffer(6), { dtype: 'float32' }],
    'ERR_SHAPE',
    'multiple of 4',
    'got 6',
  ],
  ['tensor', () => [[8], { dtype: 'int4' }], 'ERR_PARAM', 'whole number', '[-8, 7]', 'int4'],
  // creation
  ['zeros', () => [[2, -3]], 'ERR_PARAM', 'shape', '-3'],
  ['zeros', () => [[1e15, 1e15]], 'ERR_SHAPE', 'full', 'does not fit'],
  ['zeros', () => [[1e14]], 'ERR_OUT_OF_MEMORY', 'bytes', 'memory'],
  ['zeros', () => ['x'], 'ERR_PARAM', 'shape'],
  ['full', () => [[2], 'x'], 'ERR_PARAM', 'value must be a number', '"x"'],
  ['arange', () => [0, 10, { step: 0 }], 'ERR_PARAM', 'step'],
  ['random', () => [[2], { dtype: 'int8' }], 'ERR_PARAM', 'random', 'int8'],
  // any operator
  ['relu', () => [], 'ERR_PARAM', 'relu', 'x'],
  ['relu', () => [[1, 2]], 'ERR_PARAM', 'relu: x must be a Tensor', '[ 1, 2 ]'],
  ['relu', () => [new Float32Array(2)], 'ERR_PARAM', 'relu: x must be a Tensor', 'Float32Array'],
  ['relu', () => [gone()], 'ERR_DISPOSED', 'relu', '[2]', 'disposed'],
  ['add', () => [t([2]), gone()], 'ERR_DISPOSED', 'add', 'disposed'],
  ['exp', () => [t([2], 'int32')], 'ERR_DTYPE', 'exp: x must be', 'int32'],
  ['sqrt', () => [t([2], 'bool')], 'ERR_DTYPE', 'sqrt', 'bool'],
  ['neg', () => [t([2], 'uint8')], 'ERR_DTYPE', 'neg', 'uint8'],
  ['add', () => [t([2, 3]), t([2, 4])], 'ERR_SHAPE', 'add', '[2, 3]', '[2, 4]'],
  ['mul', () => [t([3]), t([2, 1, 4])], 'ERR_SHAPE', 'mul', '[3]', '[2, 1, 4]'],
  ['less', () => [t([2]), t([3])], 'ERR_SHAPE', 'less', '[2]', '[3]'],
  ['where', () => [t([2]), t([2]), t([2])], 'ERR_DTYPE', 'where: condition', 'bool', 'float32'],
  ['where', () => [t([2], 'bool'), t([3]), t([2])], 'ERR_SHAPE', 'where', '[3]'],
  ['clip', () => [t([2]), { minimum: 2 }], 'ERR_PARAM', 'unknown option "minimum"', 'min'],
  ['gelu', () => [t([2]), { approximate: 'erf' }], 'ERR_PARAM', "'none' | 'tanh'", '"erf"'],
  ['haxpy', () => [2, t([2]), t([2])], 'ERR_DTYPE', 'haxpy', 'float16', 'float32'],
  ['haxpy', () => [2, t([2], 'float16'), t([3], 'float16')], 'ERR_SHAPE', 'haxpy', '[2]', '[3]'],
  ['cast', () => [t([2]), 'float8'], 'ERR_PARAM', 'cast: to must be a dtype', '"float8"'],
  ['transpose', () => [t([2, 3]), { perm: [0, 0] }], 'ERR_PARAM', 'transpose', 'perm'],
  ['transpose', () => [t([2, 3]), { perm: [0] }], 'ERR_PARAM', 'transpose', 'perm'],
  ['reduceSum', () => [t([2, 3]), { axes: [2] }], 'ERR_PARAM', 'reduceSum', 'axes', '2'],
  ['reduceSum', () => [t([2, 3]), { axes: [0, 0] }], 'ERR_PARAM', 'reduceSum', 'axes'],
  [
    'reduceSum',
    () => [t([2, 3]), { axis: 0 }],
    'ERR_PARAM',
    'unknown option "axis", did you mean "axes"?',
  ],
  [
    'reduceMax',
    () => [t([2]), { keepDims: 1 }],
    'ERR_PARAM',
    'keepDims must be true or false',
    'got 1',
  ],
  ['softmax', () => [t([2]), { axis: 1 }], 'ERR_PARAM', 'softmax', 'axis', '1'],
  ['softmax', () => [t([2], 'int8')], 'ERR_DTYPE', 'softmax', 'int8'],
  // conv2d
  [
    'conv2d',
    () => [image(), t([4, 2, 3, 3])],
    'ERR_SHAPE',
    'conv2d',
    '[1, 3, 8, 8]',
    '[4, 2, 3, 3]',
  ],
  ['conv2d', () => [t([3, 8, 8]), filter()], 'ERR_SHAPE', 'conv2d: x must', '[3, 8, 8]'],
  ['conv2d', () => [image(), t([4, 3, 3])], 'ERR_SHAPE', 'conv2d: w must', '[4, 3, 3]'],
  ['conv2d', () => [image(), t([4, 3, 9, 9])], 'ERR_SHAPE', 'conv2d', '9', '8'],
  [
    'conv2d',
    () => [image(), t([4, 3, 3, 3], 'float16')],
    'ERR_DTYPE',
    'conv2d',
    'float32',
    'float16',
  ],
  [
    'conv2d',
    () => [t([1, 3, 8, 8], 'int32'), t([4, 3, 3, 3], 'int32')],
    'ERR_DTYPE',
    'conv2d',
    'int32',
  ],
  [
    'conv2d',
    () => [image(), filter(), { strides: 2 }],
    'ERR_PARAM',
    'conv2d: unknown option "strides", did you mean "stride"?',
  ],
  [
    'conv2d',
    () => [image(), filter(), { stride: 0 }],
    'ERR_PARAM',
    'conv2d: stride must be',
    '>= 1',
    'got 0',
  ],
  [
    'conv2d',
    () => [image(), filter(), { stride: [1, 2, 3] }],
    'ERR_PARAM',
    'stride must be',
    '2 integers',
    'got 3',
  ],
  ['conv2d', () => [image(), filter(), { stride: '2' }], 'ERR_PARAM', 'stride must be', '"2"'],
  ['conv2d', () => [image(), filter(), { padding: 'SAME' }], 'ERR_PARAM', "'same'", '"SAME"'],
  [
    'conv2d',
    () => [image(), filter(), { padding: [1, 2, 3] }],
    'ERR_PARAM',
    'padding must be',
    '3 values',
  ],
  ['conv2d', () => [image(), filter(), { padding: -1 }], 'ERR_PARAM', 'padding', '-1'],
  ['conv2d', () => [image(), filter(), { dilation: 1.5 }], 'ERR_PARAM', 'dilation', '1.5'],
  ['conv2d', () => [image(), filter(), { groups: 2 }], 'ERR_SHAPE', 'conv2d', 'groups'],
  [
    'conv2d',
    () => [image(), filter(), { layout: 'NCWH' }],
    'ERR_PARAM',
    "layout must be 'NCHW' | 'NHWC'",
    '"NCWH"',
  ],
  ['conv2d', () => [image(), filter(), { layout: null }], 'ERR_PARAM', 'layout', 'null'],
  [
    'conv2d',
    () => [image(), filter(), { compute: 'fp16' }],
    'ERR_PARAM',
    'compute must be',
    '"fp16"',
  ],
  [
    'conv2d',
    () => [image(), filter(), { compute: 'float16' }],
    'ERR_UNSUPPORTED',
    'conv2d',
    'float16',
    'float32',
  ],
  [
    'conv2d',
    () => [t([1, 3, 8, 8], 'bfloat16'), t([4, 3, 3, 3], 'bfloat16'), { compute: 'float16' }],
    'ERR_UNSUPPORTED',
    'conv2d',
    'bfloat16',
  ],
  ['conv2d', () => [image(), filter(), { bias: t([3]) }], 'ERR_SHAPE', 'bias', '[3]', '4'],
  [
    'conv2d',
    () => [image(), filter(), { activation: 'gelu' }],
    'ERR_PARAM',
    "'none' | 'relu'",
    '"gelu"',
  ],
  ['conv2d', () => [image(), filter(), { padding: 2 ** 40 }], 'ERR_PARAM', 'padding'],
  [
    'conv2dBackwardInput',
    () => [t([1, 4, 6, 6]), filter(), {}],
    'ERR_PARAM',
    'inputSize must be given',
  ],
  [
    'conv2dBackwardInput',
    () => [t([1, 4, 6, 6]), filter(), { inputSize: [9, 9] }],
    'ERR_SHAPE',
    'conv2dBackwardInput',
    '9',
  ],
  [
    'conv2dBackwardFilter',
    () => [image(), t([1, 4, 6, 6]), { filterSize: 4 }],
    'ERR_SHAPE',
    'conv2dBackwardFilter',
    '4',
  ],
  ['maxPool2d', () => [image(), { kernel: 0 }], 'ERR_PARAM', 'kernel', '0'],
  ['maxPool2d', () => [image(), {}], 'ERR_PARAM', 'kernel must be given'],
  ['maxPool2d', () => [t([8, 8]), { kernel: 2 }], 'ERR_SHAPE', 'maxPool2d', '[8, 8]'],
  // matrix products
  ['matmul', () => [t([2, 3]), t([4, 5])], 'ERR_SHAPE', 'matmul', '[2, 3]', '[4, 5]'],
  ['matmul', () => [t([]), t([2])], 'ERR_SHAPE', 'matmul', '[]'],
  ['matmul', () => [t([2, 2]), t([2, 2], 'float16')], 'ERR_DTYPE', 'matmul', 'float32', 'float16'],
  ['matmul', () => [t([2, 2, 2]), t([3, 2, 2])], 'ERR_SHAPE', 'matmul', '[2, 2, 2]', '[3, 2, 2]'],
  [
    'matmul',
    () => [t([2, 2]), t([2, 2]), { compute: 'int32' }],
    'ERR_UNSUPPORTED',
    'matmul',
    'int32',
  ],
  [
    'matmul',
    () => [t([2, 2]), t([2, 2]), { transa: true }],
    'ERR_PARAM',
    'unknown option "transa", did you mean "transA"?',
  ],
  ['hgemm', () => [t([2, 2]), t([2, 2])], 'ERR_DTYPE', 'hgemm', 'float16', 'float32'],
  [
    'hgemm',
    () => [t([2, 2], 'float16'), t([3, 2], 'float16')],
    'ERR_SHAPE',
    'hgemm',
    '[2, 2]',
    '[3, 2]',
  ],
  [
    'hgemm',
    () => [t([2, 2], 'float16'), t([2, 2], 'float16'), { beta: 0.5 }],
    'ERR_PARAM',
    'hgemm',
    'beta',
    'c',
  ],
  [
    'gemmEx',
    () => [t([2, 2], 'int8'), t([2, 2], 'int8'), { outputDType: 'float16' }],
    'ERR_UNSUPPORTED',
    'gemmEx',
    'int8',
    'float16',
  ],
  [
    'gemmEx',
    () => [t([2, 2], 'bfloat16'), t([2, 2], 'bfloat16'), { compute: 'float16' }],
    'ERR_UNSUPPORTED',
    'gemmEx',
    'bfloat16',
  ],
  [
    'gemmEx',
    () => [t([2, 2]), t([2, 2]), { alpha: '1' }],
    'ERR_PARAM',
    'alpha must be a number',
    '"1"',
  ],
  ['gemmInt8', () => [t([2, 2]), t([2, 2])], 'ERR_DTYPE', 'gemmInt8', 'float32'],
  [
    'gemmInt8',
    () => [t([2, 2], 'int8'), t([2, 2], 'int8'), { kernel: 'imma' }],
    'ERR_UNSUPPORTED',
    'imma',
    'dp4a',
  ],
  [
    'gemmInt8',
    () => [t([2, 2], 'int8'), t([2, 2], 'int8'), { aZeroPoint: 200 }],
    'ERR_PARAM',
    'aZeroPoint',
    '200',
  ],
  ['dot4', () => [t([3], 'int8'), t([3], 'int8')], 'ERR_SHAPE', 'dot4', '4', '[3]'],
  // quantization
  ['quantize', () => [t([2]), { scale: 0 }], 'ERR_PARAM', 'scale'],
  ['quantize', () => [t([2], 'int8'), { scale: 1 }], 'ERR_DTYPE', 'quantize', 'int8'],
  ['quantize', () => [t([2]), { scale: 1, dtype: 'float16' }], 'ERR_DTYPE', 'quantize', 'float16'],
  ['quantize', () => [t([2, 3]), { scale: [1, 1], axis: 1 }], 'ERR_SHAPE', 'quantize', '3'],
  [
    'quantize',
    () => [t([2]), { scale: 1, rounding: 'up' }],
    'ERR_PARAM',
    'rounding must be',
    '"up"',
  ],
  ['dequantize', () => [t([2], 'int8')], 'ERR_PARAM', 'dequantize', 'scale'],
  ['requantize', () => [t([2]), { scale: 1 }], 'ERR_DTYPE', 'requantize', 'int32', 'float32'],
  // devices and modules
  [
    'loadBackend',
    () => ['/nonexistent.so'],
    'ERR_BACKEND_UNAVAILABLE',
    '/nonexistent.so',
    'No such file',
  ],
];

beforeAll(settledTensors);

it('covers at least 80 mistakes', () => {
  expect(MISTAKES.length).toBeGreaterThanOrEqual(80);
});

it.each(MISTAKES.map((m, i) => [`${i + 1}: ${m[0]} ${m.slice(2).join(' | ')}`, m] as const))(
  '%s',
  async (_, [name, args, code, ...parts]) => {
    const before = liveTensors();
    const given = args();
    await halftone.sync('cpu').catch(() => undefined);
    const inputs = liveTensors();
    let thrown: unknown;
    try {
      api[name]?.(...given);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(halftone.HalftoneError);
    const { code: gotCode, message } = thrown as halftone.HalftoneError;
    expect({ code: gotCode, message }).toEqual({ code, message: expect.any(String) });
    for (const part of parts) expect(message).toContain(part);
    expect(message).not.toContain('[object');
    // What the call made on its way is gone; its inputs are still usable.
    await halftone.sync('cpu').catch(() => undefined);
    expect(liveTensors()).toBeLessThanOrEqual(inputs);
    for (const input of given) {
      const tensors = input instanceof halftone.Tensor ? [input] : Object.values(input ?? {});
      for (const one of tensors) if (one instanceof halftone.Tensor) one.dispose();
    }
    // Less when something of an earlier test was collected meanwhile.
    expect(liveTensors()).toBeLessThanOrEqual(before);
  },
);

it('leaves everything usable', async () => {
  expect(await halftone.add(t([2]), t([2])).toArray()).toEqual([2, 2]);
});
