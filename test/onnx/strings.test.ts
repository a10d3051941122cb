/** Strings in models: what ONNX's cases do not ask for. */

import {
  DtypeError,
  Model,
  type ModelOutputs,
  ModelError,
  ShapeError,
  type Strings,
  Tensor,
  tensor,
} from '../../lib/index';
import { type ModelSpec, type NodeSpec, onnxModel, type ValueSpec } from '../support/onnx-builder';
import { OnnxRuntime } from '../support/ort';

const text = (...shape: (number | string)[]): ValueSpec => ({ dtype: 'string', shape });

/** A model of one node "n" with the outputs y, z ... */
function modelOf(
  node: Omit<NodeSpec, 'name' | 'outputs'> & { readonly outputs?: readonly string[] },
  inputs: ModelSpec['inputs'],
  outputs: ModelSpec['outputs'],
  more: Partial<ModelSpec> = {},
): Uint8Array {
  const nodes = [{ ...node, name: 'n', outputs: Object.keys(outputs) }];
  return onnxModel({ opset: 21, inputs: inputs ?? {}, outputs, nodes, ...more });
}

async function read(value: ModelOutputs[string]) {
  if (!(value instanceof Tensor)) return value;
  const { dtype, shape } = value;
  return { dtype, shape, data: Array.from(await value.data(), Number) };
}

async function run(bytes: Uint8Array, feeds: Parameters<Model['run']>[0]) {
  using model = await Model.load(bytes);
  const outputs = await model.run<ModelOutputs>(feeds);
  const sync = model.runSync<ModelOutputs>(feeds);
  const made = await Promise.all(Object.values(outputs).map(read));
  expect(await Promise.all(Object.values(sync).map(read))).toEqual(made);
  return made;
}

const normalizer = modelOf(
  {
    op: 'StringNormalizer',
    inputs: ['x'],
    attributes: { case_change_action: 'UPPER', stopwords: { strings: ['is'] } },
  },
  { x: text('n') },
  { y: text('m') },
);

test('strings come as an array or with their shape, and go out with it', async () => {
  const y = [{ strings: ['THIS', 'GOOD'], shape: [2] }];
  expect(await run(normalizer, { x: ['this', 'is', 'good'] })).toEqual(y);
  expect(await run(normalizer, { x: { strings: ['this', 'IS', 'good'], shape: [3] } })).toEqual(y);
  expect(await run(normalizer, { x: [] })).toEqual([{ strings: [''], shape: [1] }]);
  using model = await Model.load(normalizer);
  expect(model.inputs).toEqual([{ name: 'x', dtype: 'string', shape: ['n'] }]);
  expect(model.batch).toEqual({ free: true });
});

test('what is given is copied', async () => {
  const identity = modelOf({ op: 'Identity', inputs: ['x'] }, { x: text(1) }, { y: text(1) });
  using model = await Model.load(identity);
  const given = { strings: ['a'], shape: [1] };
  const { y } = await model.run<{ y: Strings }>({ x: given });
  given.strings[0] = 'b';
  expect(y).toEqual({ strings: ['a'], shape: [1] });
});

test.each<[unknown, typeof DtypeError | typeof ShapeError, string]>([
  [
    [1, 2],
    DtypeError,
    'input "x" must be an array of strings, or { strings, shape }, got [ 1, 2 ]',
  ],
  [new Float32Array(2), DtypeError, 'must be an array of strings'],
  [{ strings: ['a'], shape: [2] }, ShapeError, 'input "x": the shape [2] does not fit 1 strings'],
  [{ strings: ['a'], shape: [1, 1] }, ShapeError, 'must have the shape [n], got [1, 1]'],
  [null, DtypeError, 'must be an array of strings'],
])('%p is refused', async (x, type, message) => {
  using model = await Model.load(normalizer);
  const running = model.run({ x: x as string[] });
  await expect(running).rejects.toThrow(message);
  await expect(running).rejects.toBeInstanceOf(type);
});

test('a tensor is refused', async () => {
  using model = await Model.load(normalizer);
  using x = tensor([1]);
  await expect(model.run({ x })).rejects.toThrow('input "x" must be string, got float32');
});

const abc = { abc: { strings: ['a', 'b', 'c', 'd'], dims: [2, 2] } };
const moves: [string, Omit<NodeSpec, 'name' | 'outputs'>, ModelSpec['initializers'], Strings][] = [
  [
    'Reshape',
    { op: 'Reshape', inputs: ['abc', 's'] },
    { s: { ints: [4] } },
    { strings: ['a', 'b', 'c', 'd'], shape: [4] },
  ],
  [
    'Transpose',
    { op: 'Transpose', inputs: ['abc'] },
    {},
    { strings: ['a', 'c', 'b', 'd'], shape: [2, 2] },
  ],
  [
    'Gather',
    { op: 'Gather', inputs: ['abc', 's'], attributes: { axis: 1 } },
    { s: { ints: [-1] } },
    { strings: ['b', 'd'], shape: [2, 1] },
  ],
  [
    'Concat',
    { op: 'Concat', inputs: ['abc', 'e', 'abc'], attributes: { axis: 0 } },
    { e: { strings: ['e', 'f'], dims: [1, 2] } },
    { strings: ['a', 'b', 'c', 'd', 'e', 'f', 'a', 'b', 'c', 'd'], shape: [5, 2] },
  ],
  [
    'Slice',
    { op: 'Slice', inputs: ['abc', 's', 't'] },
    { s: { ints: [1] }, t: { ints: [2] } },
    { strings: ['c', 'd'], shape: [1, 2] },
  ],
  [
    'Slice of nothing',
    { op: 'Slice', inputs: ['abc', 's', 's'] },
    { s: { ints: [1] } },
    { strings: [], shape: [0, 2] },
  ],
  [
    'Where',
    { op: 'Where', inputs: ['c', 'abc', 'e'] },
    {
      c: { data_type: 9, dims: [2], raw_data: Buffer.from([1, 0]) },
      e: { strings: ['e'], dims: [] },
    },
    { strings: ['a', 'e', 'c', 'e'], shape: [2, 2] },
  ],
  [
    'Expand',
    { op: 'Expand', inputs: ['e', 's'] },
    { s: { ints: [2] }, e: { strings: ['e'] } },
    { strings: ['e', 'e'], shape: [2] },
  ],
];

test.each(moves)('%s moves strings', async (_name, node, initializers, y) => {
  const bytes = modelOf(
    node,
    {},
    { y: { dtype: 'string' } },
    { initializers: { ...abc, ...initializers } },
  );
  expect(await run(bytes, {})).toEqual([y]);
});

test('Shape, Size and Equal of strings are tensors', async () => {
  const bytes = onnxModel({
    opset: 19,
    inputs: { x: text('n') },
    outputs: { s: { dtype: 'int64' }, e: { dtype: 'bool' }, y: { dtype: 'int64' } },
    initializers: { b: { strings: ['b'] }, one: { ints: [1] } },
    nodes: [
      { op: 'Shape', inputs: ['x'], outputs: ['s'] },
      { op: 'Equal', inputs: ['x', 'b'], outputs: ['e'] },
      // A plan goes on with what the host made.
      { op: 'Add', inputs: ['s', 'one'], outputs: ['y'] },
    ],
  });
  expect(await run(bytes, { x: ['a', 'b', 'b'] })).toEqual([
    { dtype: 'int64', shape: [1], data: [3] },
    { dtype: 'bool', shape: [3], data: [0, 1, 1] },
    { dtype: 'int64', shape: [1], data: [4] },
  ]);
  expect(await run(bytes, { x: [] })).toEqual([
    { dtype: 'int64', shape: [1], data: [0] },
    { dtype: 'bool', shape: [0], data: [] },
    { dtype: 'int64', shape: [1], data: [1] },
  ]);
});

test('strings of Constant nodes', async () => {
  const bytes = onnxModel({
    opset: 21,
    outputs: { y: { dtype: 'string' }, a: { dtype: 'string' } },
    nodes: [
      { op: 'Constant', inputs: [], outputs: ['a'], attributes: { value_string: 'a' } },
      {
        op: 'Constant',
        inputs: [],
        outputs: ['b'],
        attributes: { value_strings: { strings: ['b', 'c'] } },
      },
      {
        op: 'Constant',
        inputs: [],
        outputs: ['t'],
        attributes: { value: { tensor: { strings: ['!'] } } },
      },
      { op: 'StringConcat', inputs: ['a', 'b'], outputs: ['ab'] },
      { op: 'StringConcat', inputs: ['ab', 't'], outputs: ['y'] },
    ],
  });
  expect(await run(bytes, {})).toEqual([
    { strings: ['ab!', 'ac!'], shape: [2] },
    { strings: ['a'], shape: [] },
  ]);
});

test('strings are split at whitespace, and at a delimiter', async () => {
  const split = (attributes: NodeSpec['attributes']) =>
    modelOf(
      { op: 'StringSplit', inputs: ['x'], ...(attributes ? { attributes } : {}) },
      { x: text('n') },
      { y: { dtype: 'string' }, z: { dtype: 'int64' } },
    );
  expect(await run(split({}), { x: [' a  b\tc ', '', '\u3000d'] })).toEqual([
    { strings: ['a', 'b', 'c', '', '', '', 'd', '', ''], shape: [3, 3] },
    { dtype: 'int64', shape: [3], data: [3, 0, 1] },
  ]);
  expect(await run(split({ maxsplit: 1 }), { x: [' a  b c '] })).toEqual([
    { strings: ['a', 'b c '], shape: [1, 2] },
    { dtype: 'int64', shape: [1], data: [2] },
  ]);
  expect(await run(split({ delimiter: ', ', maxsplit: 1 }), { x: ['a, b, c', ''] })).toEqual([
    { strings: ['a', 'b, c', '', ''], shape: [2, 2] },
    { dtype: 'int64', shape: [2], data: [2, 1] },
  ]);
  expect(await run(split({}), { x: [] })).toEqual([
    { strings: [], shape: [0, 0] },
    { dtype: 'int64', shape: [0], data: [] },
  ]);
});

test('labels: to numbers, to strings, of NaN, and what is not known', async () => {
  const encoder = (attributes: NodeSpec['attributes'], x: ValueSpec, y: ValueSpec) =>
    onnxModel({
      opsets: { '': 21, 'ai.onnx.ml': 4 },
      inputs: { x },
      outputs: { y },
      nodes: [
        {
          op: 'LabelEncoder',
          domain: 'ai.onnx.ml',
          name: 'n',
          inputs: ['x'],
          outputs: ['y'],
          ...(attributes ? { attributes } : {}),
        },
      ],
    });
  const toStrings = encoder(
    {
      keys_int64s: [7, 8, 7],
      values_strings: { strings: ['cat', 'dog', 'cow'] },
      default_string: '?',
    },
    { dtype: 'int64', shape: ['n'] },
    { dtype: 'string' },
  );
  expect(await run(toStrings, { x: BigInt64Array.of(8n, 7n, 9n) })).toEqual([
    { strings: ['dog', 'cat', '?'], shape: [3] },
  ]);
  const ofFloats = encoder(
    { keys_floats: { floats: [Number.NaN, 0] }, values_int64s: [1, 2] },
    ['n'],
    { dtype: 'int64' },
  );
  expect(await run(ofFloats, { x: Float32Array.of(Number.NaN, -0, 5) })).toEqual([
    { dtype: 'int64', shape: [3], data: [1, 2, -1] },
  ]);
  const uneven = encoder({ keys_floats: { floats: [1] }, values_int64s: [1, 2] }, ['n'], {
    dtype: 'int64',
  });
  using model = await Model.load(uneven);
  await expect(model.run({ x: [1] })).rejects.toThrow(
    'node "n" (LabelEncoder, opset 4): there are 1 keys and 2 values',
  );
});

test('casts from and to strings, where they are exact', async () => {
  const cast = (to: number, x: ValueSpec, y: ValueSpec) =>
    modelOf({ op: 'Cast', inputs: ['x'], attributes: { to } }, { x }, { y });
  const toInt = cast(7, text('n'), { dtype: 'int64' });
  expect(await run(toInt, { x: ['-12', '+3'] })).toEqual([
    { dtype: 'int64', shape: [2], data: [-12, 3] },
  ]);
  const toDouble = cast(11, text('n'), { dtype: 'float64' });
  expect(await run(toDouble, { x: ['1e-5', 'NaN', '-INF', '.5'] })).toEqual([
    { dtype: 'float64', shape: [4], data: [1e-5, Number.NaN, Number.NEGATIVE_INFINITY, 0.5] },
  ]);
  const toText = cast(8, { dtype: 'int32', shape: ['n'] }, { dtype: 'string' });
  expect(await run(toText, { x: Int32Array.of(-1, 20) })).toEqual([
    { strings: ['-1', '20'], shape: [2] },
  ]);
  using model = await Model.load(toInt);
  for (const [x, message] of [
    ['1.5', '"1.5" is no int64'],
    ['9223372036854775808', '"9223372036854775808" is no int64'],
    ['', '"" is no int64'],
  ] as const) {
    await expect(model.run({ x: [x] })).rejects.toThrow(`node "n" (Cast, opset 21): ${message}`);
  }
});

test('operators that are not known for strings are refused when the model is loaded', async () => {
  const add = modelOf({ op: 'Relu', inputs: ['x'] }, { x: text(1) }, { y: text(1) });
  await expect(Model.load(add)).rejects.toThrow(
    'node "n" (Relu, opset 21): Relu of strings is not supported',
  );
  const inner = modelOf(
    {
      op: 'If',
      inputs: ['c'],
      attributes: {
        then_branch: {
          graph: {
            outputs: { t: text(1) },
            nodes: [{ op: 'Relu', name: 'r', inputs: ['x'], outputs: ['t'] }],
          },
        },
        else_branch: {
          graph: {
            outputs: { e: text(1) },
            nodes: [{ op: 'Identity', inputs: ['x'], outputs: ['e'] }],
          },
        },
      },
    },
    { c: { dtype: 'bool', shape: [] }, x: text(1) },
    { y: text(1) },
  );
  const loading = Model.load(inner);
  await expect(loading).rejects.toBeInstanceOf(ModelError);
  await expect(loading).rejects.toThrow(
    'node "n/r" (Relu, opset 21): Relu of strings is not supported',
  );
});

test('conversions leave strings alone, and files keep them', async () => {
  const bytes = onnxModel({
    opset: 21,
    inputs: { x: [1, 2], t: text(1) },
    outputs: { y: [1, 2], u: text(1) },
    initializers: { w: { floats: [1, 0, 0, 1], dims: [2, 2] }, s: { strings: ['ä'] } },
    nodes: [
      { op: 'MatMul', inputs: ['x', 'w'], outputs: ['y'] },
      { op: 'StringConcat', inputs: ['t', 's'], outputs: ['u'] },
    ],
  });
  using model = await Model.load(bytes);
  for (const precision of ['float16', 'mixed'] as const) {
    using half = await model.convert({ precision });
    const again = half.toBytes();
    expect(await run(again, { x: [1, 2], t: ['b'] })).toEqual([
      { dtype: 'float32', shape: [1, 2], data: [1, 2] },
      { strings: ['bä'], shape: [1] },
    ]);
    const report = await half.audit({ reference: model, data: [{ x: [1, 2], t: ['b'] }] });
    expect(report.nodes.map(({ op }) => op)).toContain('StringConcat');
  }
});

describe('ONNX Runtime agrees', () => {
  let runtime: OnnxRuntime;
  beforeAll(() => {
    runtime = new OnnxRuntime();
  });
  afterAll(() => runtime.close());

  const words = ['This is', 'a Tuesday', 'is', 'x@yahoo.com', ''];
  const cases: [
    string,
    Omit<NodeSpec, 'name' | 'outputs'>,
    readonly string[],
    ModelSpec['outputs'],
  ][] = [
    [
      'StringNormalizer',
      {
        op: 'StringNormalizer',
        inputs: ['x'],
        attributes: {
          case_change_action: 'LOWER',
          locale: 'C',
          is_case_sensitive: 0,
          stopwords: { strings: ['IS'] },
        },
      },
      words,
      { y: { dtype: 'string' } },
    ],
    [
      'StringSplit',
      { op: 'StringSplit', inputs: ['x'] },
      words,
      { y: { dtype: 'string' }, z: { dtype: 'int64' } },
    ],
    [
      'RegexFullMatch',
      {
        op: 'RegexFullMatch',
        inputs: ['x'],
        attributes: { pattern: '\\w+@(yahoo|gmail)\\.com|[^a]{2}' },
      },
      words,
      { y: { dtype: 'bool' } },
    ],
    [
      'TfIdfVectorizer',
      {
        op: 'TfIdfVectorizer',
        inputs: ['x'],
        attributes: {
          mode: 'TFIDF',
          min_gram_length: 1,
          max_gram_length: 2,
          max_skip_count: 1,
          ngram_counts: [0, 2],
          ngram_indexes: [0, 1, 2, 3],
          pool_strings: { strings: ['is', 'a', 'is', 'a', 'a', 'is'] },
          weights: { floats: [2, 3, 0.5, 1] },
        },
      },
      ['is', 'a', 'is', 'is', 'a'],
      { y: {} },
    ],
  ];
  test.each(cases)('on %s', async (_name, node, x, outputs) => {
    const bytes = modelOf(node, { x: text('n') }, outputs, { opset: 20 });
    const theirs = await runtime.run(bytes, { x: { dtype: 'string', shape: [x.length], data: x } });
    const ours = await run(bytes, { x });
    for (const [i, name] of Object.keys(outputs).entries()) {
      const { shape, data } = theirs.get(name) ?? {};
      const own = ours[i] as Strings & { data: number[] };
      expect(own.shape).toEqual(shape);
      const values = Array.from(data as ArrayLike<number | string>);
      expect(own.strings ?? own.data).toEqual(own.strings ? values : values.map(Number));
    }
  });
});
