/** Mistakes with models and other functions that give promises, each with the error that it gets. */

import { capture, type ErrorCode, HalftoneError, Model, ones, quantizeTensor } from '../../lib';
import { onnxModel } from '../support/onnx-builder';

const bytes = onnxModel({
  inputs: { x: [1, 2] },
  outputs: { y: [1, 2] },
  nodes: [{ op: 'Relu', name: 'r', inputs: ['x'], outputs: ['y'] }],
});
let model: Model;
beforeAll(async () => {
  model = await Model.load(bytes);
});
afterAll(() => model.dispose());

const gone = () => {
  const x = ones([1, 2]);
  x.dispose();
  return x;
};
const x = [1, 2];
const any = (value: unknown) => value as never;

type Mistake = readonly [call: () => Promise<unknown>, code: ErrorCode, message: string];

const MISTAKES: Readonly<Record<string, Mistake>> = {
  'load: a mistyped option': [
    () => Model.load(bytes, any({ devise: 'cpu' })),
    'ERR_PARAM',
    'Model.load: unknown option "devise", did you mean "device"?',
  ],
  'load: options that are none': [
    () => Model.load(bytes, any(null)),
    'ERR_PARAM',
    'Model.load: options must be an object, got null',
  ],
  'load: a flag in words': [
    () => Model.load(bytes, any({ freeBatch: 'no' })),
    'ERR_PARAM',
    "Model.load: freeBatch must be true or false, got 'no'",
  ],
  'run: no inputs': [
    () => model.run(any(null)),
    'ERR_PARAM',
    'run: inputs must be an object with "x", got null',
  ],
  'run: null as an input': [
    () => model.run({ x: any(null) }),
    'ERR_DTYPE',
    'run: input "x" must be a Tensor, a Float32Array or an array of numbers for float32, got null',
  ],
  'run: text in an input': [
    () => model.run({ x: any(['a', 'b']) }),
    'ERR_PARAM',
    'run: input "x": tensor: data[0] must be a number, bigint or boolean, got string',
  ],
  'run: ragged rows': [
    () => model.run({ x: [[1, 2], [3]] }),
    'ERR_SHAPE',
    'run: input "x": tensor: data[1] must be an array of 2, got an array of 1',
  ],
  'run: rows of another length': [
    () => model.run({ x: [[1, 2, 3]] }),
    'ERR_SHAPE',
    'run: input "x" must have the shape [N, 2], got [1, 3]',
  ],
  'run: a disposed tensor': [
    () => model.run({ x: gone() }),
    'ERR_DISPOSED',
    'run: input "x" was disposed',
  ],
  'run: a mistyped option': [
    () => model.run({ x }, any({ output: ['y'] })),
    'ERR_PARAM',
    'run: unknown option "output", did you mean "outputs"?',
  ],
  'run: an output by itself': [
    () => model.run({ x }, { outputs: any('y') }),
    'ERR_PARAM',
    "run: outputs must be an array, got 'y'",
  ],
  'run: a signal that is none': [
    () => model.run({ x }, { signal: any(3) }),
    'ERR_PARAM',
    'run: signal must be an AbortSignal, got 3',
  ],
  'run: null as a function': [
    () => model.run({ x }, { onNode: any(null) }),
    'ERR_PARAM',
    'run: onNode must be a function, got null',
  ],
  'convert: no options': [
    () => model.convert(any(undefined)),
    'ERR_PARAM',
    'convert: options must be an object, got undefined',
  ],
  'convert: a mistyped option': [
    () => model.convert(any({ precision: 'float16', outOfrange: 'clamp' })),
    'ERR_PARAM',
    'convert: unknown option "outOfrange", did you mean "outOfRange"?',
  ],
  'convert: a name by itself': [
    () => model.convert({ precision: 'float16', keep: any('r') }),
    'ERR_PARAM',
    "convert: keep must be an array, got 'r'",
  ],
  'convert: a mistyped list': [
    () => model.convert({ precision: 'mixed', lists: any({ alow: { add: ['Exp'] } }) }),
    'ERR_PARAM',
    'convert: lists: unknown option "alow", did you mean "allow"?',
  ],
  'convert: a mistyped edit': [
    () => model.convert({ precision: 'mixed', lists: { allow: any({ ad: ['Exp'] }) } }),
    'ERR_PARAM',
    'convert: lists.allow: unknown option "ad", did you mean "add"?',
  ],
  'convert: a mistyped operator': [
    () => model.convert({ precision: 'mixed', lists: { allow: { add: ['LogSoftMx'] } } }),
    'ERR_PARAM',
    'convert: lists.allow.add names \'LogSoftMx\', which is no operator, did you mean "LogSoftmax"?',
  ],
  'convert: one feed instead of several': [
    () => model.convert({ precision: 'auto', data: any({ x }) }),
    'ERR_PARAM',
    'convert: data must be an array or something else to iterate over, got { x: [Array] }',
  ],
  'audit: no options': [
    () => model.audit(any(undefined)),
    'ERR_PARAM',
    'audit: options must be an object, got undefined',
  ],
  'audit: no data': [
    () => model.audit(any({ reference: model })),
    'ERR_PARAM',
    'audit: data must hold inputs, got undefined',
  ],
  'audit: no model': [
    () => model.audit({ reference: any('net.onnx'), data: [] }),
    'ERR_PARAM',
    "audit: reference must be a Model, got 'net.onnx'",
  ],
  'audit: a disposed tensor': [
    () => model.audit({ reference: model, data: [{ x: gone() }] }),
    'ERR_DISPOSED',
    'run: input "x" was disposed',
  ],
  'profile: a mistyped option': [
    () => model.profile({ x }, any({ run: 3 })),
    'ERR_PARAM',
    'profile: unknown option "run", did you mean "runs"?',
  ],
  'capture: a mistyped option': [
    () => capture(() => ones([1]), [], any({ devise: 'cpu' })),
    'ERR_PARAM',
    'capture: unknown option "devise", did you mean "device"?',
  ],
  'quantizeTensor: a mistyped option': [
    () => quantizeTensor(ones([1]), any({ Axis: 0 })),
    'ERR_PARAM',
    'quantizeTensor: unknown option "Axis", did you mean "axis"?',
  ],
  'save: no file': [
    () => model.save(any(undefined)),
    'ERR_PARAM',
    'save: file must be a path or a file: URL, got undefined',
  ],
};

test.each(Object.keys(MISTAKES))('%s', async (name) => {
  const [call, code, message] = MISTAKES[name] as Mistake;
  const error = await call().catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(HalftoneError);
  expect(error).toMatchObject({ code, message });
});

test('nested arrays have the shape that they show', async () => {
  const { y } = await model.run({
    x: [
      [-1, 2],
      [3, -4],
    ],
  });
  expect(y?.shape).toEqual([2, 2]);
  expect(await y?.data()).toEqual(Float32Array.of(0, 2, 3, 0));
  y?.dispose();
});

test('a disposed model says what was asked of it', async () => {
  const other = await Model.load(bytes);
  other.dispose();
  await expect(other.save('unused.onnx')).rejects.toThrow('save: the model "graph" was disposed');
});
