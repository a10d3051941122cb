/** Conversions where ONNX, or exactness, asks for float32 whatever the precision: what is converted loads, saves and computes. */

import { type ConvertOptions, Model, type Tensor, tensor } from '../../lib/index';
import { decodeModel } from '../../lib/onnx/decode';
import { type ModelSpec, onnxModel } from '../support/onnx-builder';
import { unitRoundoff } from '../support/tolerance';

const ALL_LOW: readonly ConvertOptions[] = [
  { precision: 'float16' },
  { precision: 'float16', keepIo: false },
  { precision: 'mixed', profile: 'onnx-converter' },
  { precision: 'bfloat16' },
];

async function valuesOf(model: Model, x: readonly number[], shape: readonly number[]) {
  const dtype = model.inputs[0]?.dtype as 'float32' | 'float16' | 'bfloat16';
  const given = tensor(Float32Array.from(x), { shape, dtype });
  const made = await model.run<Record<string, Tensor>>({ x: given });
  const values: Record<string, { dtype: string; data: number[] }> = {};
  for (const [name, value] of Object.entries(made)) {
    values[name] = { dtype: value.dtype, data: Array.from((await value.data()) as Float32Array) };
    value.dispose();
  }
  given.dispose();
  return values;
}

/** Each conversion declares what it makes, is close to the model, and is the same when it was saved. */
async function convertsWell(
  spec: ModelSpec,
  x: readonly number[],
  shape: readonly number[],
  roundings: number,
  optionsOfAll = ALL_LOW,
): Promise<void> {
  using model = await Model.load(onnxModel(spec));
  const expected = await valuesOf(model, x, shape);
  for (const options of optionsOfAll) {
    using converted = await model.convert(options);
    const values = await valuesOf(converted, x, shape);
    const unit = unitRoundoff(options.precision === 'bfloat16' ? 'bfloat16' : 'float16');
    for (const { name, dtype } of converted.outputs) {
      expect({ name, dtype: values[name]?.dtype }).toEqual({ name, dtype });
      const wanted = expected[name]?.data ?? [];
      const most = Math.max(1, ...wanted.map(Math.abs));
      for (const [i, value] of (values[name]?.data ?? []).entries()) {
        const off = Math.abs(value - (wanted[i] as number));
        expect({ options, name, i, close: off <= roundings * unit * most }).toMatchObject({
          close: true,
        });
      }
    }
    using again = await Model.load(converted.toBytes());
    expect(await valuesOf(again, x, shape)).toEqual(values);
  }
}

const ROW = [1, -2, 0.5, 3];

test('LayerNormalization gives mean and deviation in float32', () =>
  convertsWell(
    {
      opset: 17,
      inputs: { x: [1, 4] },
      outputs: { y: [1, 4], mean: [1, 1] },
      initializers: { scale: { floats: [1, 2, 3, 0.5] } },
      nodes: [
        {
          op: 'LayerNormalization',
          name: 'norm',
          inputs: ['x', 'scale'],
          outputs: ['n', 'mean', 'deviation'],
        },
        { op: 'Mul', name: 'mul', inputs: ['n', 'deviation'], outputs: ['m'] },
        { op: 'Add', name: 'add', inputs: ['m', 'mean'], outputs: ['y'] },
      ],
    },
    ROW,
    [1, 4],
    16,
  ));

test('BatchNormalization in training gives running statistics of the type of those given', () =>
  convertsWell(
    {
      opset: 15,
      inputs: { x: [2, 2] },
      outputs: { y: [2, 2], running: [2] },
      initializers: { one: { floats: [1, 1] }, zero: { floats: [0, 0] } },
      nodes: [
        {
          op: 'BatchNormalization',
          name: 'norm',
          inputs: ['x', 'one', 'zero', 'zero', 'one'],
          outputs: ['n', 'running', 'variance'],
          attributes: { training_mode: 1 },
        },
        { op: 'Mul', name: 'mul', inputs: ['n', 'variance'], outputs: ['y'] },
      ],
    },
    ROW,
    [2, 2],
    16,
  ));

test('nodes whose type an attribute says, or none', () =>
  convertsWell(
    {
      opset: 17,
      inputs: { x: [4, 4] },
      outputs: { y: [4, 4] },
      initializers: { four: { dims: [], data_type: 7, int64_data: [4] } },
      nodes: [
        { op: 'HannWindow', name: 'window', inputs: ['four'], outputs: ['w'] },
        { op: 'Mul', name: 'mul', inputs: ['x', 'w'], outputs: ['a'] },
        {
          op: 'EyeLike',
          name: 'eye',
          inputs: ['a'],
          outputs: ['e'],
          attributes: { dtype: 1 },
        },
        { op: 'Add', name: 'add', inputs: ['a', 'e'], outputs: ['b'] },
        { op: 'Shape', name: 'shape', inputs: ['b'], outputs: ['s'] },
        { op: 'ConstantOfShape', name: 'zeros', inputs: ['s'], outputs: ['z'] },
        { op: 'Add', name: 'sum', inputs: ['b', 'z'], outputs: ['y'] },
      ],
    },
    [...ROW, ...ROW, ...ROW, ...ROW],
    [4, 4],
    8,
  ));

test('BitCast reads the bits of float32', () =>
  convertsWell(
    {
      opset: 26,
      inputs: { x: [4] },
      outputs: { y: [4] },
      nodes: [
        {
          op: 'BitCast',
          name: 'bits',
          inputs: ['x'],
          outputs: ['i'],
          attributes: { to: 6 },
        },
        {
          op: 'BitCast',
          name: 'floats',
          inputs: ['i'],
          outputs: ['f'],
          attributes: { to: 1 },
        },
        { op: 'Neg', name: 'neg', inputs: ['f'], outputs: ['y'] },
      ],
    },
    ROW,
    [4],
    1,
  ));

test('graphs within nodes need not declare the types of what they make', () => {
  const branch = (op: string) => ({
    graph: {
      nodes: [{ op, inputs: ['x', 'two'], outputs: [op] }],
      outputs: { [op]: { elemType: 0 } },
    },
  });
  return convertsWell(
    {
      opset: 16,
      inputs: { x: [4] },
      outputs: { y: [4] },
      initializers: { two: { floats: [2], dims: [] }, zero: { floats: [0], dims: [] } },
      nodes: [
        {
          op: 'ReduceSum',
          name: 'sum',
          inputs: ['x'],
          outputs: ['s'],
          attributes: { keepdims: 0 },
        },
        { op: 'Greater', name: 'greater', inputs: ['s', 'zero'], outputs: ['c'] },
        {
          op: 'If',
          name: 'if',
          inputs: ['c'],
          outputs: ['v'],
          attributes: { then_branch: branch('Mul'), else_branch: branch('Add') },
        },
        { op: 'Neg', name: 'neg', inputs: ['x'], outputs: ['n'] },
        { op: 'Add', name: 'add', inputs: ['n', 'v'], outputs: ['y'] },
      ],
    },
    ROW,
    [4],
    8,
  );
});

test('arithmetic with sizes stays exact: half of 2051 is 1025 in float16, too', async () => {
  const bytes = onnxModel({
    opset: 13,
    inputs: { x: [1, 2051] },
    outputs: { y: [1, 'half'] },
    initializers: {
      half: { floats: [0.5], dims: [] },
      one: { ints: [1] },
      zero: { ints: [0] },
    },
    nodes: [
      { op: 'Relu', name: 'relu', inputs: ['x'], outputs: ['r'] },
      { op: 'Shape', name: 'shape', inputs: ['r'], outputs: ['s'] },
      { op: 'Gather', name: 'gather', inputs: ['s', 'one'], outputs: ['n'] },
      { op: 'Cast', name: 'float', inputs: ['n'], outputs: ['f'], attributes: { to: 1 } },
      { op: 'Mul', name: 'mul', inputs: ['f', 'half'], outputs: ['h'] },
      { op: 'Floor', name: 'floor', inputs: ['h'], outputs: ['l'] },
      { op: 'Cast', name: 'int', inputs: ['l'], outputs: ['e'], attributes: { to: 7 } },
      { op: 'Slice', name: 'slice', inputs: ['r', 'zero', 'e', 'one'], outputs: ['y'] },
    ],
  });
  using model = await Model.load(bytes);
  for (const options of ALL_LOW) {
    using converted = await model.convert(options);
    const { y } = await valuesOf(converted, new Array(2051).fill(1), [1, 2051]);
    expect(y?.data).toHaveLength(1025);
    const nodes = converted.conversion?.nodes ?? [];
    expect(nodes.find(({ name }) => name === 'mul')).toMatchObject({
      precision: 'float32',
      why: 'it computes sizes',
    });
    expect(nodes.find(({ name }) => name === 'relu')?.precision).not.toBe('float32');
  }
});

test('computed scales of Resize are float32, which is all that ONNX takes', async () => {
  const spec: ModelSpec = {
    opset: 13,
    inputs: { x: [1, 1, 3, 1] },
    outputs: { y: [1, 1, 7, 1] },
    initializers: { three: { floats: [3], dims: [] }, sizes: { ints: [3, 3, 7, 3] } },
    nodes: [
      { op: 'Cast', name: 'float', inputs: ['sizes'], outputs: ['f'], attributes: { to: 1 } },
      { op: 'Div', name: 'div', inputs: ['f', 'three'], outputs: ['scales'] },
      { op: 'Relu', name: 'relu', inputs: ['x'], outputs: ['r'] },
      { op: 'Resize', name: 'resize', inputs: ['r', '', 'scales'], outputs: ['y'] },
    ],
  };
  // Seven thirds are 2.332 in float16: six rows would come of three.
  await convertsWell(spec, [1, 2, 3], [1, 1, 3, 1], 1);
});

test('the classes of OneHot are not rounded', async () => {
  const bytes = onnxModel({
    opset: 11,
    inputs: { x: [1] },
    outputs: { y: [1, 4000] },
    initializers: { depth: { floats: [4000], dims: [] }, values: { floats: [0, 1] } },
    nodes: [{ op: 'OneHot', name: 'one', inputs: ['x', 'depth', 'values'], outputs: ['y'] }],
  });
  using model = await Model.load(bytes);
  for (const options of [ALL_LOW[0], ALL_LOW[2], ALL_LOW[3]]) {
    using converted = await model.convert(options as ConvertOptions);
    const { y } = await valuesOf(converted, [2051], [1]);
    expect(y?.data.indexOf(1)).toBe(2051);
  }
});

test('a constant that stays float32 may be an output of the model', () =>
  convertsWell(
    {
      opset: 15,
      inputs: { x: [1, 2] },
      outputs: { y: [1, 2], mean: [2] },
      initializers: { one: { floats: [1, 1] }, mean: { floats: [0.1, 0.2] } },
      nodes: [
        {
          op: 'BatchNormalization',
          name: 'norm',
          inputs: ['x', 'one', 'one', 'mean', 'one'],
          outputs: ['y'],
        },
      ],
    },
    [1, 2],
    [1, 2],
    4,
  ));

test("with 'auto', too, normalization becomes part of the convolution before weights are rounded", async () => {
  const bytes = onnxModel({
    opset: 9,
    inputs: { x: ['N', 1, 2, 2] },
    outputs: { y: ['N', 1, 2, 2] },
    initializers: { w: { floats: [2], dims: [1, 1, 1, 1] }, s: { floats: [0.3] } },
    nodes: [
      { op: 'Conv', name: 'conv', inputs: ['x', 'w'], outputs: ['c'] },
      { op: 'BatchNormalization', name: 'bn', inputs: ['c', 's', 's', 's', 's'], outputs: ['y'] },
    ],
  });
  using model = await Model.load(bytes);
  using auto = await model.convert({ precision: 'auto', data: [{ x: Float32Array.from(ROW) }] });
  using half = await model.convert({ precision: 'float16' });
  expect(auto.nodes.map(({ op }) => op)).toEqual(half.nodes.map(({ op }) => op));
  expect(auto.nodes.map(({ op }) => op)).not.toContain('BatchNormalization');
});

describe('files', () => {
  test('attributes that are 0 are written', async () => {
    using model = await Model.load(
      onnxModel({
        opset: 13,
        inputs: { x: ['N', 2] },
        outputs: { y: [2] },
        nodes: [
          {
            op: 'Constant',
            name: 'zero',
            inputs: [],
            outputs: ['k'],
            attributes: { value_int: 0 },
          },
          {
            op: 'Gather',
            name: 'take',
            inputs: ['x', 'k'],
            outputs: ['y'],
            attributes: { axis: 0 },
          },
        ],
      }),
      { optimize: false },
    );
    // ONNX's checker refuses a Constant whose value_int is left out. Field 3 (i) is 0, then field 20 (type) is 2.
    const written = Buffer.from(model.toBytes()).toString('hex').split('1800a00102');
    expect(written).toHaveLength(3);
    using again = await Model.load(model.toBytes(), { optimize: false });
    expect(again.nodes).toEqual(model.nodes);
  });

  test('names that casts around old statistics would take may be taken', async () => {
    const bytes = onnxModel({
      opset: 9,
      inputs: { x: ['N', 2] },
      outputs: { y_wide: ['N', 2] },
      initializers: { s: { floats: [1.0003, 2] } },
      nodes: [
        { op: 'Relu', name: 'bn_widen', inputs: ['x'], outputs: ['y_wide_x'] },
        {
          op: 'BatchNormalization',
          name: 'bn',
          inputs: ['y_wide_x', 's', 's', 's', 's'],
          outputs: ['y'],
        },
        { op: 'Neg', name: 'bn_narrow', inputs: ['y'], outputs: ['y_wide'] },
      ],
    });
    using model = await Model.load(bytes);
    using half = await model.convert({ precision: 'float16' });
    const { nodes } = decodeModel(half.toBytes());
    const made = nodes.flatMap(({ outputs }) => outputs);
    expect(new Set(made).size).toBe(made.length);
    using again = await Model.load(half.toBytes());
    const before = await valuesOf(half, ROW, [2, 2]);
    expect(await valuesOf(again, ROW, [2, 2])).toEqual(before);
  });
});
