/** Conversion to mixed precision and by measured error, what it reports, and the files that come of it. */

import { mkdtemp, mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { evaluate, readDataSet } from '../../lib/cli/evaluate';
import { Model, ModelError, ParamError } from '../../lib/index';
import { decodeModel } from '../../lib/onnx/decode';
import { DATA, describeWithData } from '../support/data';
import { type ModelSpec, onnxModel } from '../support/onnx-builder';

/** Two products around an exponential, and a branch that overflows float16: 300 * 300 * x. */
const spec: ModelSpec = {
  opset: 13,
  inputs: { x: ['N', 2] },
  outputs: { y: ['N', 2], big: ['N', 2] },
  initializers: {
    w: { floats: [0.5, -0.25, 0.125, 1], dims: [2, 2] },
    c: { floats: [90000, 1], dims: [2] },
    small: { floats: [1 / 90000], dims: [] },
  },
  nodes: [
    { op: 'MatMul', name: 'first', inputs: ['x', 'w'], outputs: ['a'] },
    { op: 'Exp', name: 'exp', inputs: ['a'], outputs: ['b'] },
    { op: 'MatMul', name: 'second', inputs: ['b', 'w'], outputs: ['y'] },
    { op: 'Mul', name: 'grow', inputs: ['x', 'c'], outputs: ['g'] },
    { op: 'Mul', name: 'shrink', inputs: ['g', 'small'], outputs: ['big'] },
  ],
};
const bytes = onnxModel(spec);
const X = Float32Array.of(1, 2, -1, 0.5);

async function outputs(model: Model): Promise<Record<string, number[]>> {
  const made = await model.run({ x: X });
  const entries = Object.entries(made).map(
    async ([name, tensor]) => [name, Array.from((await tensor.data()) as Float32Array)] as const,
  );
  return Object.fromEntries(await Promise.all(entries));
}

const precisions = (model: Model) =>
  Object.fromEntries((model.conversion?.nodes ?? []).map((n) => [n.name, n.precision]));

describe('mixed precision', () => {
  test('says what became of each node, and computes close to float32', async () => {
    using model = await Model.load(bytes);
    using mixed = await model.convert({ precision: 'mixed' });
    expect(mixed.conversion).toMatchObject({
      precision: 'mixed',
      low: 'float16',
      casts: 4,
      outOfRange: [{ name: 'c', values: 1, largest: 90000 }],
      nodes: [
        { name: 'first', op: 'MatMul', precision: 'float16', why: 'allow list' },
        { name: 'exp', precision: 'float32', why: 'deny list' },
        { name: 'second', precision: 'float16', why: 'allow list' },
        { name: 'grow', precision: 'float32', why: 'infer list, but not between low nodes' },
        { name: 'shrink', precision: 'float32' },
      ],
    });
    const [wide, half] = [await outputs(model), await outputs(mixed)];
    expect(half['big']).toEqual(wide['big']);
    for (const [i, value] of (half['y'] ?? []).entries()) {
      const exact = wide['y']?.[i] as number;
      expect(value).not.toBe(exact);
      // Three roundings of 2^-11 each on values whose parts are up to 4 times as large.
      expect(Math.abs(value - exact)).toBeLessThan(3 * 4 * 2 ** -11 * Math.max(1, Math.abs(exact)));
    }
  });

  test('bfloat16, other lists, kept nodes and sums of their own', async () => {
    using model = await Model.load(bytes);
    using mixed = await model.convert({
      precision: 'mixed',
      low: 'bfloat16',
      lists: { allow: { add: ['Mul'] } },
      keep: ['sec*'],
    });
    expect(precisions(mixed)).toEqual({
      first: 'bfloat16',
      exp: 'float32',
      second: 'float32',
      grow: 'bfloat16',
      shrink: 'bfloat16',
    });
    using summed = await model.convert({
      precision: 'mixed',
      compute: { '*': 'float32', first: 'float16' },
    });
    expect(summed.nodes.filter(({ op }) => op === 'MatMul').map(({ compute }) => compute)).toEqual([
      'float16',
      'float32',
    ]);
    using all = await model.convert({ precision: 'mixed', compute: 'float16', keep: [/^first$/] });
    expect(all.nodes.filter(({ op }) => op === 'MatMul').map(({ compute }) => compute)).toEqual([
      undefined,
      'float16',
    ]);
  });

  test('constants out of range: reported, clamped, kept or refused', async () => {
    using model = await Model.load(bytes);
    using reported = await model.convert({ precision: 'float16' });
    expect(reported.conversion?.loss.overflowed).toBe(1);
    expect((await outputs(reported))['big']?.[0]).toBe(Infinity);
    using clamped = await model.convert({ precision: 'float16', outOfRange: 'clamp' });
    expect(clamped.conversion?.loss.overflowed).toBe(0);
    using kept = await model.convert({ precision: 'float16', outOfRange: 'keep' });
    expect(precisions(kept)).toMatchObject({
      first: 'float16',
      grow: 'float32',
      shrink: 'float16',
    });
    await expect(model.convert({ precision: 'float16', outOfRange: 'error' })).rejects.toThrow(
      new ModelError(
        "initializer \"c\" holds 1 values beyond the range of float16, the largest 90000. Convert with outOfRange: 'keep', 'clamp' or 'report'",
      ),
    );
  });

  test('wrong options are refused by name', async () => {
    using model = await Model.load(bytes);
    const refuses = (options: object, message: string) =>
      expect(model.convert(options as never)).rejects.toThrow(message);
    await refuses(
      { precision: 'half' },
      'convert: precision must be float32, float16, bfloat16, mixed, auto, got half',
    );
    await refuses({ precision: 'mixed', profile: 'tf' }, 'profile must be tf-grappler, tf-docs');
    await refuses(
      { precision: 'float16', profile: 'tf-docs' },
      "profile and lists are for precision 'mixed'",
    );
    await refuses(
      { precision: 'float16', low: 'bfloat16' },
      "low is for precision 'mixed' and 'auto'",
    );
    await refuses(
      { precision: 'mixed', keep: ['nothing'] },
      'keep names "nothing", which is no node of the model',
    );
    await refuses({ precision: 'mixed', outOfRange: 'wrap' }, 'outOfRange must be report, clamp');
    await refuses({ precision: 'mixed', compute: 'int8' }, 'compute must be float32');
    await refuses({ precision: 'mixed', data: [] }, "data and tolerance are for precision 'auto'");
    await refuses({ precision: 'auto' }, "precision 'auto' needs data");
    const lost = Float32Array.from(X, () => Number.NaN);
    await refuses({ precision: 'auto', data: [{ x: lost }] }, 'hold no finite number');
    await refuses(
      { precision: 'auto', data: [{ x: X }], tolerance: 0 },
      'tolerance must be a number above 0',
    );
  });

  test('by environment as the model loads; asking in code as well is an error', async () => {
    process.env['HALFTONE_AUTO_MIXED_PRECISION'] = '1';
    try {
      using mixed = await Model.load(bytes);
      expect(mixed.conversion?.precision).toBe('mixed');
      expect(precisions(mixed)).toMatchObject({ first: 'float16', exp: 'float32' });
      await expect(mixed.convert({ precision: 'float16' })).rejects.toThrow(ParamError);
    } finally {
      delete process.env['HALFTONE_AUTO_MIXED_PRECISION'];
    }
  });
});

describe("precision 'auto'", () => {
  test('keeps the nodes that overflow, and nothing else', async () => {
    using model = await Model.load(bytes);
    const seen: number[] = [];
    using auto = await model.convert({
      precision: 'auto',
      data: [{ x: X }],
      onProgress: ({ tried }) => seen.push(tried),
    });
    expect(precisions(auto)).toEqual({
      first: 'float16',
      exp: 'float16',
      second: 'float16',
      grow: 'float32',
      shrink: 'float32',
    });
    const search = auto.conversion?.search;
    expect(search?.errorAllLow).toBe(Infinity);
    expect(search?.error).toBeLessThanOrEqual(0.01);
    expect(seen).toEqual(Array.from({ length: search?.tried ?? 0 }, (_, i) => i + 1));
    expect(auto.conversion?.nodes[3]?.why).toBe('the error is too large without it');
  });

  test('stops when it is told to', async () => {
    using model = await Model.load(bytes);
    const stop = new AbortController();
    const search = model.convert({
      precision: 'auto',
      data: [{ x: X }],
      signal: stop.signal,
      onProgress: () => stop.abort(),
    });
    await expect(search).rejects.toThrow('aborted');
  });
});

describe('saving', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'halftone-save-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  test('a model that was saved is the same model', async () => {
    using model = await Model.load(bytes);
    using mixed = await model.convert({ precision: 'mixed', compute: { first: 'float16' } });
    const file = path.join(folder, 'mixed.onnx');
    await mixed.save(file);
    expect(await readdir(folder)).toEqual(['mixed.onnx']);
    using again = await Model.load(file);
    expect(again.inputs).toEqual(mixed.inputs);
    expect(again.outputs).toEqual(mixed.outputs);
    expect(again.nodes).toEqual(mixed.nodes);
    expect(await outputs(again)).toEqual(await outputs(mixed));
    expect(again.toBytes()).toEqual(mixed.toBytes());
  });

  test('statistics of BatchNormalization before operator set 15 are written with casts around them', async () => {
    const batchNorm = onnxModel({
      opset: 9,
      inputs: { x: ['N', 2] },
      outputs: { y: ['N', 2] },
      initializers: { s: { floats: [1.0003, 2] }, m: { floats: [0.1, 0.2] } },
      nodes: [
        { op: 'BatchNormalization', name: 'bn', inputs: ['x', 's', 'm', 'm', 's'], outputs: ['y'] },
      ],
    });
    using model = await Model.load(batchNorm);
    using half = await model.convert({ precision: 'float16' });
    const written = decodeModel(half.toBytes());
    expect(written.nodes.map(({ op }) => op)).toEqual([
      'Cast',
      'Cast',
      'BatchNormalization',
      'Cast',
      'Cast',
    ]);
    expect([...written.initializers.values()].map(({ dtype }) => dtype)).toEqual([
      'float32',
      'float32',
    ]);
    using again = await Model.load(half.toBytes());
    expect(await outputs(again)).toEqual(await outputs(half));
  });

  test('the operator set is raised to one that has the type, and further if asked', async () => {
    using model = await Model.load(onnxModel({ ...spec, opset: 12 }));
    const opsetOf = (m: Model) => decodeModel(m.toBytes()).opsets.get('');
    using half = await model.convert({ precision: 'float16' });
    expect(opsetOf(half)).toBe(12);
    using brain = await model.convert({ precision: 'bfloat16' });
    expect(opsetOf(brain)).toBe(13);
    using newest = await model.convert({ precision: 'float32', opset: 28 });
    expect(opsetOf(newest)).toBe(28);
    expect(await outputs(newest)).toEqual(await outputs(model));
    for (const opset of [6, 29, 13.5]) {
      await expect(model.convert({ precision: 'float16', opset })).rejects.toThrow(
        `convert: opset must be an integer from 7 to 28, got ${opset}`,
      );
    }
  });

  test('a convolution is bfloat16 under operator set 22, under which ONNX has it', async () => {
    const conv = onnxModel({
      opset: 9,
      inputs: { x: ['N', 1, 2, 2] },
      outputs: { y: ['N', 1, 2, 2] },
      initializers: { w: { floats: [2], dims: [1, 1, 1, 1] } },
      nodes: [
        { op: 'Conv', name: 'conv', inputs: ['x', 'w'], outputs: ['c'] },
        { op: 'Softmax', name: 'soft', inputs: ['c'], outputs: ['y'] },
      ],
    });
    using model = await Model.load(conv);
    using brain = await model.convert({ precision: 'bfloat16' });
    const graph = decodeModel(brain.toBytes());
    expect(graph.opsets.get('')).toBe(22);
    expect(graph.nodes.map(({ name }) => name)).toContain('soft');
    using again = await Model.load(brain.toBytes());
    expect(await outputs(again)).toEqual(await outputs(brain));
  });

  test('operators that ONNX defines for float32 alone stay float32', async () => {
    const quantized = onnxModel({
      opset: 13,
      inputs: { x: ['N', 2] },
      outputs: { y: ['N', 2] },
      initializers: {
        scale: { floats: [1 / 16], dims: [] },
        zero: { data_type: 3, dims: [], int32_data: [0] },
        w: { floats: [0.5, -0.25, 0.125, 1], dims: [2, 2] },
      },
      nodes: [
        { op: 'QuantizeLinear', name: 'q', inputs: ['x', 'scale', 'zero'], outputs: ['code'] },
        { op: 'DequantizeLinear', name: 'd', inputs: ['code', 'scale', 'zero'], outputs: ['back'] },
        { op: 'MatMul', name: 'product', inputs: ['back', 'w'], outputs: ['p'] },
        { op: 'Celu', name: 'celu', inputs: ['p'], outputs: ['y'] },
      ],
    });
    using model = await Model.load(quantized);
    using half = await model.convert({ precision: 'float16' });
    expect(half.conversion?.nodes).toMatchObject([
      { name: 'q', precision: 'float32', why: 'its float type is fixed' },
      { name: 'd', precision: 'float32' },
      { name: 'product', precision: 'float16' },
      {
        name: 'celu',
        precision: 'float32',
        why: 'ONNX has no float16 Celu before operator set 28',
      },
    ]);
    // The codes and the weights are exact in float16, and so is every sum.
    expect(await outputs(half)).toEqual(await outputs(model));
    using newest = await model.convert({ precision: 'float16', opset: 28 });
    expect(precisions(newest)).toMatchObject({ product: 'float16', celu: 'float16' });
  });
});

describe('external data', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'halftone-external-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const entry = (entries: Readonly<Record<string, string>>) =>
    onnxModel({
      ...spec,
      initializers: {
        ...spec.initializers,
        w: {
          dims: [2, 2],
          data_type: 1,
          data_location: 1,
          external_data: Object.entries(entries).map(([key, value]) => ({ key, value })),
        },
      },
    });
  const weights = new Uint8Array(Float32Array.of(9, 9, 0.5, -0.25, 0.125, 1).buffer);
  const range = { location: 'w.bin', offset: '8', length: '16' };
  const load = async (entries: Readonly<Record<string, string>>, where = folder) => {
    const file = path.join(where, 'model.onnx');
    await writeFile(file, entry(entries));
    return await Model.load(file);
  };

  test('is read from the file beside the model, or from bytes', async () => {
    using plain = await Model.load(bytes);
    await writeFile(path.join(folder, 'w.bin'), weights);
    using model = await load(range);
    expect(await outputs(model)).toEqual(await outputs(plain));
    using given = await Model.load(entry(range), { externalData: { 'w.bin': weights } });
    expect(await outputs(given)).toEqual(await outputs(plain));
    using toEnd = await load({ location: 'w.bin', offset: '8' });
    expect(await outputs(toEnd)).toEqual(await outputs(plain));
    // What is saved is one file.
    using saved = await Model.load(model.toBytes());
    expect(await outputs(saved)).toEqual(await outputs(plain));
  });

  test('outside the folder is refused, also by way of a link', async () => {
    const inner = path.join(folder, 'inner');
    await mkdir(inner);
    await writeFile(path.join(folder, 'w.bin'), weights);
    await symlink(path.join(folder, 'w.bin'), path.join(inner, 'link.bin'));
    for (const location of [
      '../w.bin',
      path.join(folder, 'w.bin'),
      'link.bin',
      'a/../../w.bin',
      '.',
      'x\0y',
    ]) {
      await expect(load({ ...range, location }, inner)).rejects.toThrow(
        'outside the folder of the model',
      );
    }
  });

  test('missing, short and senseless references are errors that name them', async () => {
    await expect(load(range)).rejects.toThrow('external data file "w.bin" cannot be read');
    await writeFile(path.join(folder, 'w.bin'), weights.subarray(0, 20));
    await expect(load(range)).rejects.toThrow('"w.bin" has 20 bytes, a tensor needs 16 from 8 on');
    await expect(load({ ...range, length: '8' })).rejects.toThrow(
      'needs 16 bytes, its data have 8',
    );
    await expect(load({ ...range, offset: '-8' })).rejects.toThrow(
      'offset of its data in "w.bin" must be a number',
    );
    await expect(load({ ...range, length: '9'.repeat(30) })).rejects.toThrow('must be a number');
    await expect(load({ offset: '8' })).rejects.toThrow('does not say in which');
    await mkdir(path.join(folder, 'sub'));
    await expect(load({ location: 'sub' })).rejects.toThrow('is no file');
    await expect(Model.load(entry(range))).rejects.toThrow('"w.bin" is not given, got none');
  });
});

describeWithData('needs_constraints.onnx', 'models/needs_constraints.onnx', (file) => {
  /** Inputs in [1, 2]. */
  const inputs = () => ({
    x: Float32Array.from({ length: 256 * 256 }, (_, i) => 1 + ((i * 37) % 256) / 256),
  });

  test("'auto' keeps the addition and the subtraction that overflow", async () => {
    using model = await Model.load(file);
    using auto = await model.convert({ precision: 'auto', data: [inputs()] });
    const kept = auto.conversion?.nodes.filter(({ precision }) => precision === 'float32');
    expect(kept?.map(({ op }) => op)).toEqual(['Add', 'Sub']);
    expect(auto.conversion?.search?.errorAllLow).toBeGreaterThan(0.9);
  });
});

describeWithData('mnist-8.onnx in mixed precision', 'models/mnist-8.onnx', (file) => {
  const mnist = (name: string) => path.join(DATA, 'mnist', `t10k-${name}-ubyte.gz`);

  test('98.91 % within 0.05 points', async () => {
    using model = await Model.load(file);
    using mixed = await model.convert({ precision: 'mixed' });
    const data = await readDataSet({ images: mnist('images-idx3'), labels: mnist('labels-idx1') });
    const { correct } = await evaluate(mixed, data, { batch: 250 });
    expect(Math.abs((correct ?? 0) - 9891)).toBeLessThanOrEqual(5);
    const low = mixed.conversion?.nodes.filter(({ precision }) => precision === 'float16');
    expect(low?.map(({ op }) => op)).toEqual(expect.arrayContaining(['Conv', 'MatMul', 'MaxPool']));
  });
});
