import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  DisposedError,
  DtypeError,
  memory,
  Model,
  ModelError,
  type NodeReport,
  ParamError,
  scope,
  ShapeError,
  sync,
  type Tensor,
  tensor,
} from '../../lib/index';
import { type ModelSpec, onnxModel } from '../support/onnx-builder';
import { forgetFailures } from '../support/forget-failures';

forgetFailures();

/** y = relu(x * w + b) and s = x + x, for rows x of 3 numbers. */
const spec: ModelSpec = {
  inputs: { x: ['N', 3] },
  outputs: { y: ['N', 2], s: ['N', 3] },
  initializers: {
    w: { floats: [1, 2, 3, 4, 5, 6], dims: [3, 2] },
    b: { floats: [-20, 0.5], dims: [2] },
  },
  nodes: [
    { op: 'MatMul', name: 'product', inputs: ['x', 'w'], outputs: ['p'] },
    { op: 'Add', name: 'bias', inputs: ['p', 'b'], outputs: ['a'] },
    { op: 'Relu', name: 'relu', inputs: ['a'], outputs: ['y'] },
    { op: 'Add', name: 'double', inputs: ['x', 'x'], outputs: ['s'] },
  ],
};
const bytes = onnxModel(spec);
const values = async (t: Tensor | undefined) => Array.from((await t?.data()) as Float32Array);
/** Tensors that are alive. Others than those of a test may have become garbage meanwhile: compare with at most. */
async function live(): Promise<number> {
  await sync('cpu');
  return memory().reduce((n, { tensors }) => n + tensors, 0);
}

describe('Model.load', () => {
  test('describes the model', async () => {
    using model = await Model.load(bytes);
    expect(model.device).toBe('cpu');
    expect(model.name).toBe('graph');
    expect(model.inputs).toEqual([{ name: 'x', dtype: 'float32', shape: ['N', 3] }]);
    expect(model.outputs.map(({ name }) => name)).toEqual(['y', 's']);
    expect(model.nodes.map(({ name, op }) => `${name} ${op}`)).toEqual([
      'product MatMul',
      'bias Add',
      'relu Relu',
      'double Add',
    ]);
    expect(model.opsets).toEqual(new Map([['', 13]]));
    expect(model.weightBytes).toBe(32);
    expect(model.batch).toEqual({ free: true });
    expect(model.castLoss).toBeUndefined();
  });

  test('reads files by path and URL, says how far it is, and can be given up', async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'halftone-'));
    try {
      const file = path.join(folder, 'm.onnx');
      await writeFile(file, bytes);
      const phases: string[] = [];
      using model = await Model.load(file, {
        onProgress: ({ phase, done, total }) => phases.push(`${phase} ${done}/${total}`),
      });
      const all = `${bytes.length}/${bytes.length}`;
      expect(phases).toEqual([`read ${all}`, `decode ${all}`, `check ${all}`]);
      using other = await Model.load(pathToFileURL(file));
      expect(other.nodes).toEqual(model.nodes);
      const reason = new Error('enough');
      await expect(Model.load(file, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
      await expect(Model.load(path.join(folder, 'none'))).rejects.toThrow(/ENOENT/);
      await expect(Model.load(folder)).rejects.toThrow(`${folder} is a directory, not a model`);
      const sparse = path.join(folder, 'sparse.onnx');
      await writeFile(sparse, '');
      await truncate(sparse, 2 ** 31 + 1);
      await expect(Model.load(sparse)).rejects.toMatchObject({
        code: 'ERR_MODEL',
        message: `${sparse} has 2147483649 bytes; a model has at most 2147483648`,
      });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('completes what the file leaves open of its outputs', async () => {
    const open = {
      ...spec,
      inputs: { x: [4, 3] },
      outputs: { y: { elemType: 0 }, s: { elemType: 0 } },
    };
    using model = await Model.load(onnxModel(open));
    expect(model.outputs).toEqual([
      { name: 'y', dtype: 'float32', shape: ['N', 2] },
      { name: 's', dtype: 'float32', shape: ['N', 3] },
    ]);
    using symbolic = await Model.load(onnxModel({ ...open, inputs: { x: ['N', 3] } }));
    expect(symbolic.outputs[0]).toEqual({ name: 'y', dtype: 'float32', shape: null });
  });

  test('bytes may change after loading', async () => {
    const copy = Uint8Array.from(bytes);
    using model = await Model.load(copy);
    copy.fill(0);
    const { y } = await model.run({ x: [1, 0, 0] });
    expect(await values(y)).toEqual([0, 2.5]);
  });

  test('refuses what is no model, and no source', async () => {
    await expect(Model.load(new Uint8Array(10))).rejects.toThrow(ModelError);
    await expect(Model.load(7 as unknown as string)).rejects.toThrow(ParamError);
    await expect(Model.load(bytes, { device: 'cpu:7' })).rejects.toThrow(/cpu:7/);
  });

  test("finds a node's mistake before the model runs", async () => {
    const wrong = onnxModel({
      ...spec,
      initializers: { ...spec.initializers, w: { floats: [1, 2, 3, 4], dims: [2, 2] } },
    });
    const error = await Model.load(wrong).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ModelError);
    expect(error).toMatchObject({
      node: 'product',
      op: 'MatMul',
      opset: 13,
      cause: expect.any(ShapeError),
    });
  });
});

describe('model.run', () => {
  let model: Model;
  beforeAll(async () => {
    model = await Model.load(bytes);
  });
  afterAll(() => model.dispose());

  test('takes tensors, typed arrays and numbers, for any number of rows', async () => {
    using x = tensor([1, 2, 3, 0, 0, 1], { shape: [2, 3] });
    for (const given of [x, Float32Array.of(1, 2, 3, 0, 0, 1), [1, 2, 3, 0, 0, 1]]) {
      const { y, s } = await model.run({ x: given });
      expect(y?.shape).toEqual([2, 2]);
      expect(await values(y)).toEqual([2, 28.5, 0, 6.5]);
      expect(await values(s)).toEqual([2, 4, 6, 0, 0, 2]);
    }
    expect(x.disposed).toBe(false);
    const { y: none } = await model.run({ x: [] });
    expect(none?.shape).toEqual([0, 2]);
  });

  test('computes only the wanted outputs and says how', async () => {
    const reports: NodeReport[] = [];
    const outputs = await model.run(
      { x: [1, 2, 3] },
      { outputs: ['s'], onNode: (r) => reports.push(r) },
    );
    expect(Object.keys(outputs)).toEqual(['s']);
    expect(reports).toEqual([
      {
        node: 'double',
        op: 'Add',
        call: 'add',
        provenance: expect.objectContaining({ storage: 'float32' }),
      },
    ]);
  });

  test('leaves nothing behind but its results', async () => {
    await model.run({ x: [1, 2, 3] });
    const before = await live();
    for (let rows = 1; rows <= 20; rows++) {
      const outputs = await model.run({ x: new Float32Array(3 * rows) });
      for (const t of Object.values(outputs)) t.dispose();
    }
    expect(await live()).toBeLessThanOrEqual(before);
  });

  test("its weights outlive the caller's scope, its results do not", async () => {
    using fresh = await Model.load(bytes);
    const escaped = await scope(async () => {
      const { y } = await fresh.run({ x: [1, 2, 3] });
      return { box: () => y };
    });
    expect(escaped.box()?.disposed).toBe(true);
    expect(await values((await fresh.run({ x: [1, 2, 3] }))['y'])).toEqual([2, 28.5]);
  });

  test('several runs at once do not mix', async () => {
    const results = await Promise.all(
      Array.from({ length: 30 }, async (_, i) =>
        values((await model.run({ x: Array(3 * ((i % 12) + 1)).fill(i) }))['s']),
      ),
    );
    results.forEach((s, i) => {
      expect(s).toEqual(Array(3 * ((i % 12) + 1)).fill(2 * i));
    });
  });

  const BAD: readonly [string, () => unknown, new (message: string) => Error, string | RegExp][] = [
    [
      'no object',
      () => undefined,
      ParamError,
      'run: inputs must be an object with "x", got undefined',
    ],
    [
      'a tensor instead of an object',
      () => tensor([1]),
      ParamError,
      /must be an object with "x", got Tensor { float32 \[1\] on cpu }/,
    ],
    ['a missing input', () => ({}), ParamError, 'run: inputs must be "x", got none'],
    [
      'an unknown input',
      () => ({ x: [1, 2, 3], z: [1] }),
      ParamError,
      'run: inputs must be "x", got "x", "z"',
    ],
    [
      'another dtype',
      () => ({ x: tensor([1, 2, 3], { shape: [1, 3], dtype: 'float16' }) }),
      DtypeError,
      'run: input "x" must be float32, got float16',
    ],
    [
      'another rank',
      () => ({ x: tensor([1, 2, 3]) }),
      ShapeError,
      'run: input "x" must have the shape [N, 3], got [3]',
    ],
    [
      'another size',
      () => ({ x: tensor([[1, 2]]) }),
      ShapeError,
      'run: input "x" must have the shape [N, 3], got [1, 2]',
    ],
    [
      'a typed array of another type',
      () => ({ x: Float64Array.of(1, 2, 3) }),
      DtypeError,
      'run: input "x" must be a Tensor, a Float32Array or an array of numbers for float32, got a Float64Array',
    ],
    ['text', () => ({ x: 'abc' }), DtypeError, /got 'abc'/],
    [
      'too few values',
      () => ({ x: [1, 2, 3, 4] }),
      ShapeError,
      'run: input "x" must have the shape [N, 3], got 4 values',
    ],
  ];

  test.each(BAD)('refuses %s', async (_name, make, type, message) => {
    const before = await live();
    await scope(async () => {
      const error = await model.run(make() as never).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(type);
      expect((error as Error).message).toMatch(message);
    });
    expect(await live()).toBeLessThanOrEqual(before);
  });

  test('refuses unknown outputs', async () => {
    await expect(model.run({ x: [1, 2, 3] }, { outputs: ['z'] })).rejects.toThrow(
      'run: outputs must be among y, s, got "z"',
    );
  });

  test('can be given up', async () => {
    const reason = new Error('enough');
    await expect(model.run({ x: [1, 2, 3] }, { signal: AbortSignal.abort(reason) })).rejects.toBe(
      reason,
    );
    const controller = new AbortController();
    const before = await live();
    const onNode = () => controller.abort(reason);
    await expect(model.run({ x: [1, 2, 3] }, { signal: controller.signal, onNode })).rejects.toBe(
      reason,
    );
    expect(await live()).toBeLessThanOrEqual(before);
  });

  test('sizes of one name are one size', async () => {
    using two = await Model.load(
      onnxModel({
        inputs: { a: ['N'], b: ['N'] },
        outputs: { y: ['N'] },
        nodes: [{ op: 'Add', inputs: ['a', 'b'], outputs: ['y'] }],
      }),
    );
    await expect(two.run({ a: [1, 2], b: [1] })).rejects.toThrow(
      'run: size N must be the same everywhere, got 2 in "a" and 1 in "b"',
    );
  });

  test('a number of images that cannot change says why', async () => {
    const fixed = {
      ...spec,
      inputs: { x: [2, 3] },
      outputs: { y: [3, 2] },
      initializers: { t: { ints: [3, 2] } },
      nodes: [{ op: 'Reshape', name: 'turn', inputs: ['x', 't'], outputs: ['y'] }],
    };
    using model = await Model.load(onnxModel(fixed));
    const why = 'node "turn" (Reshape): the images are no longer axis 0 of [3, 2]';
    expect(model.batch).toEqual({ free: false, why });
    await expect(model.run({ x: tensor([[1, 2, 3]]) })).rejects.toThrow(
      `run: input "x" must have the shape [2, 3], got [1, 3] (the number of images is fixed: ${why})`,
    );
    using kept = await Model.load(onnxModel({ ...spec, inputs: { x: [1, 3] } }), {
      freeBatch: false,
    });
    expect(kept.batch).toEqual({ free: false, why: 'it was loaded with freeBatch: false' });
    expect(kept.inputs[0]?.shape).toEqual([1, 3]);
  });
});

describe('model.convert', () => {
  test('computes in the precision that was asked for', async () => {
    using model = await Model.load(bytes);
    using half = await model.convert({ precision: 'float16', compute: 'float16' });
    const reports: NodeReport[] = [];
    const { y } = await half.run(
      { x: [0.1, 0.2, 0.3] },
      { onNode: (r) => reports.push(r), outputs: ['y'] },
    );
    expect(y?.dtype).toBe('float32');
    expect(
      reports.map(
        ({ node, provenance }) => `${node} ${provenance.storage} ${provenance.accumulate}`,
      ),
    ).toEqual([
      'x_cast float32 none',
      'product + bias + relu float16 float16',
      'y_cast float16 none',
    ]);
    expect(half.castLoss).toMatchObject({ constants: 2, values: 8, overflowed: 0 });
    expect(half.weightBytes).toBe(16);
    expect(model.nodes.length).toBe(4);
  });

  test('large weights are converted in native code, to the same bits', async () => {
    const count = 5000;
    const floats = Array.from({ length: count }, (_, i) => Math.sin(i) * 10 ** ((i % 13) - 8));
    const large = onnxModel({
      outputs: { w: [count] },
      initializers: { w: { floats } },
      nodes: [],
    });
    using model = await Model.load(large);
    for (const precision of ['float16', 'bfloat16'] as const) {
      using converted = await model.convert({ precision, keepIo: false });
      using expected = tensor(floats, { dtype: precision });
      const { w } = await converted.run({});
      expect(w?.dtype).toBe(precision);
      expect(await w?.asUint16()).toEqual(await expected.asUint16());
      expect(converted.castLoss?.values).toBe(count);
    }
  });

  test('what the ops do not offer is refused, naming the node', async () => {
    using model = await Model.load(bytes);
    const error = await model
      .convert({ precision: 'bfloat16', compute: 'float16' })
      .catch((e: unknown) => e);
    expect(error).toBeInstanceOf(ModelError);
    expect(error).toMatchObject({ node: 'product', op: 'MatMul' });
    await expect(model.convert({ precision: 'float8' as 'float16' })).rejects.toThrow(ParamError);
    await expect(
      model.convert({ precision: 'float16', compute: 'float8' as 'float16' }),
    ).rejects.toThrow(/compute/);
  });

  test('a disposed model is done with, its converted one is not', async () => {
    const model = await Model.load(bytes);
    using half = await model.convert({ precision: 'float16' });
    const running = model.run({ x: [1, 2, 3] });
    model.dispose();
    model.dispose();
    expect(await values((await running)['y'])).toEqual([2, 28.5]);
    await expect(model.run({ x: [1, 2, 3] })).rejects.toThrow(DisposedError);
    await expect(model.convert({ precision: 'float16' })).rejects.toThrow(DisposedError);
    expect(await values((await half.run({ x: [1, 2, 3] }))['y'])).toEqual([2, 28.5]);
  });
});

describe('runSync', () => {
  test('gives what run gives, with the same reports, and names the node that fails', async () => {
    using model = await Model.load(bytes);
    const inputs = { x: Float32Array.of(1, 2, 3, 4, 5, 6) };
    const seen: string[][] = [[], []];
    const note =
      (k: number) =>
      ({ node, call }: NodeReport) =>
        seen[k]?.push(`${node} ${call}`);
    const awaited = await model.run(inputs, { onNode: note(0) });
    const now = model.runSync(inputs, { onNode: note(1), outputs: ['y', 's'] });
    expect(seen[1]).toEqual(seen[0]);
    expect(now['y']?.dataSync()).toEqual(await awaited['y']?.data());
    expect(Object.keys(model.runSync(inputs, { outputs: ['s'] }))).toEqual(['s']);
    expect(() => model.runSync({ x: Float32Array.of(1) })).toThrow(ShapeError);
    expect(() => model.runSync(inputs, { signal: AbortSignal.abort() })).toThrow('aborted');
    expect(() => model.runSync(inputs, { outputs: ['q'] })).toThrow('outputs must be among y, s');
  });

  test('leaves nothing behind', async () => {
    using model = await Model.load(bytes);
    const run = () => {
      for (const t of Object.values(model.runSync({ x: [1, 2, 3] }))) t.dispose();
    };
    run();
    const before = await live();
    run();
    expect(await live()).toBeLessThanOrEqual(before);
  });
});

test('an output whose declared shape has another rank has the shape that is computed', async () => {
  const nodes = [{ op: 'Relu', inputs: ['x'], outputs: ['y'] }];
  using fixed = await Model.load(onnxModel({ inputs: { x: [2, 3] }, outputs: { y: [] }, nodes }), {
    freeBatch: false,
  });
  expect(fixed.outputs).toEqual([{ name: 'y', dtype: 'float32', shape: [2, 3] }]);
  using open = await Model.load(onnxModel({ inputs: { x: [null, 3] }, outputs: { y: [] }, nodes }));
  expect(open.outputs).toEqual([{ name: 'y', dtype: 'float32', shape: null }]);
});
