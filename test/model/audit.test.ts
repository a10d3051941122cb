import {
  type AuditReport,
  type LoadOptions,
  Model,
  ParamError,
  memory,
  sync,
} from '../../lib/index';
import { describeWithData } from '../support/data';
import { type ModelSpec, onnxModel } from '../support/onnx-builder';
import { forgetFailures } from '../support/forget-failures';

forgetFailures();

/** y = softmax(x * w) and a sum that overflows float16. */
const spec: ModelSpec = {
  opset: 13,
  inputs: { x: ['N', 8] },
  outputs: { y: ['N', 3], z: ['N', 8] },
  initializers: {
    w: { floats: Array.from({ length: 24 }, (_, i) => Math.sin(i)), dims: [8, 3] },
    big: { floats: [70000], dims: [] },
  },
  nodes: [
    { op: 'MatMul', name: 'product', inputs: ['x', 'w'], outputs: ['p'] },
    { op: 'Softmax', name: 'softmax', inputs: ['p'], outputs: ['y'], attributes: { axis: 1 } },
    { op: 'Mul', name: 'huge', inputs: ['x', 'big'], outputs: ['h'] },
    { op: 'Div', name: 'back', inputs: ['h', 'big'], outputs: ['z'] },
  ],
};
const bytes = onnxModel(spec);
const data = [1, 2, 3].map((k) => ({
  x: Float32Array.from({ length: 16 }, (_, i) => 1 + Math.cos(i * k) / 2),
}));
const node = (report: AuditReport, name: string) => {
  const found = report.nodes.find((n) => n.node === name);
  if (!found) throw new Error(`no node ${name} in ${report.nodes.map((n) => n.node)}`);
  return found;
};

describe('audit', () => {
  test('tells the arithmetic, the range and both errors of each node', async () => {
    using model = await Model.load(bytes);
    using half = await model.convert({
      precision: 'float16',
      compute: 'float16',
      outOfRange: 'clamp',
    });
    const progress: number[] = [];
    const report = await half.audit({
      reference: model,
      data,
      onProgress: ({ done }) => progress.push(done),
    });
    expect(progress).toEqual([1, 2, 3]);
    expect(report).toMatchObject({ model: 'graph', device: 'cpu', inputs: 3 });
    const product = node(report, 'product');
    expect(product.calls[0]?.provenance).toMatchObject({
      storage: 'float16',
      accumulate: 'float16',
    });
    expect(product.dtype).toBe('float16');
    expect(product.range?.count).toBe(3 * 6);
    // Inputs and weights, rounded to 11 bits each, and eight sums: some 50 to 75 dB.
    expect(product.local?.sqnr).toBeGreaterThan(45);
    expect(product.local?.sqnr).toBeLessThan(80);
    expect(product.propagated?.cosine).toBeGreaterThan(0.9999);
    expect(product.tensorCores).toEqual({
      fits: false,
      multiple: 8,
      wrong: ['rows 2', 'columns 3'],
    });
    // x [2, 8], w [8, 3] and y [2, 3] of 2 bytes.
    expect(product.bytes).toBe(2 * (16 + 24 + 6));
    expect(product.flags).toEqual([]);

    const huge = node(report, 'huge');
    expect(huge.range?.overflow).toBeGreaterThan(0);
    expect(huge.range?.share).toBeGreaterThan(1);
    expect(huge.flags[0]).toContain('values are beyond 65504');
    expect(report.outputs.map(({ name }) => name)).toEqual(['y', 'z']);
  });

  test('a model beside itself has no error', async () => {
    using model = await Model.load(bytes);
    const report = await model.audit({ reference: model, data });
    for (const { propagated, local, flags } of report.nodes) {
      expect(propagated).toEqual({ sqnr: Infinity, cosine: 1, relative: 0, largest: 0, lost: 0 });
      expect(local).toEqual(propagated);
      expect(flags).toEqual([]);
    }
  });

  test('wrong options are refused, and nothing is left behind', async () => {
    using model = await Model.load(bytes);
    const refused = (options: object) => expect(model.audit(options as never)).rejects;
    await refused({ reference: null, data }).toThrow(ParamError);
    await refused({ reference: model, data: [] }).toThrow('data must hold one input or more');
    await refused({ reference: model, data: [{ q: data[0]?.x }] }).toThrow('inputs must be "x"');
    using other = await Model.load(
      onnxModel({
        ...spec,
        inputs: { v: ['N', 8] },
        outputs: { r: ['N', 8] },
        nodes: [{ op: 'Relu', name: 'relu', inputs: ['v'], outputs: ['r'] }],
      }),
    );
    await refused({ reference: other, data }).toThrow('must have the same inputs, got x and v');
    await sync();
    const before = memory().reduce((n, { tensors }) => n + tensors, 0);
    await model.audit({ reference: model, data });
    await sync();
    expect(memory().reduce((n, { tensors }) => n + tensors, 0)).toBeLessThanOrEqual(before);
  });
});

describe('profile', () => {
  test('has a time and the kernels of each node that runs', async () => {
    using model = await Model.load(bytes);
    const report = await model.profile(data[0] ?? {}, { runs: 3 });
    expect(report.nodes.map((n) => n.node)).toEqual(['product', 'softmax', 'huge', 'back']);
    expect(report.nodes.every(({ milliseconds }) => milliseconds > 0)).toBe(true);
    expect(report.nodes[0]?.kernels[0]).toContain('matmul');
    const shares = report.nodes.reduce((sum, { share }) => sum + share, 0);
    expect(Math.abs(shares - 1)).toBeLessThan(1e-9);
    await expect(model.profile(data[0] ?? {}, { runs: 0 })).rejects.toThrow(
      'runs must be a whole number',
    );
  });
});

describeWithData('needs_constraints.onnx', 'models/needs_constraints.onnx', (file) => {
  test('is flagged exactly at the additions that leave the range', async () => {
    using model = await Model.load(file);
    using half = await model.convert({ precision: 'float16' });
    const x = Float32Array.from({ length: 256 * 256 }, (_, i) => 1 + ((i * 37) % 256) / 256);
    const report = await half.audit({ reference: model, data: [{ x }] });
    const flagged = report.nodes.filter(({ flags }) => flags.length > 0);
    expect(flagged.map(({ op }) => op)).toEqual(['Add', 'Sub']);
    expect(report.outputs[0]?.error.relative).toBe(1);
  });
});

describe('nodes that a run joins', () => {
  const chain: ModelSpec = {
    opset: 13,
    inputs: { x: [1, 2, 1, 1], z: [1, 1, 1, 1] },
    outputs: { y: [1, 1, 1, 1] },
    initializers: { w: { floats: [1, 1], dims: [1, 2, 1, 1] } },
    nodes: [
      { op: 'Conv', name: 'conv', inputs: ['x', 'w'], outputs: ['a'] },
      { op: 'Add', name: 'add', inputs: ['a', 'z'], outputs: ['b'] },
      { op: 'Relu', name: 'relu', inputs: ['b'], outputs: ['y'] },
    ],
  };
  // 2048 + 1 is half-way between float16's numbers, of which 2048 is even; 2048 + 1 + 1 is one of them.
  const inputs = { x: [2048, 1], z: [1] };

  const audit = async (options: LoadOptions) => {
    using model = await Model.load(onnxModel(chain), options);
    using half = await model.convert({ precision: 'float16' });
    const { y } = await half.run(inputs);
    const { nodes, outputs } = await half.audit({ reference: model, data: [inputs] });
    const difference = 2050 - ((await y?.data())?.[0] ?? Number.NaN);
    expect(outputs[0]?.error.largest).toBe(difference); // what a run gives
    return nodes.filter(({ op }) => op !== 'Cast');
  };

  test('are one entry, with one rounding', async () => {
    const nodes = await audit({});
    expect(nodes.map(({ node }) => node)).toEqual(['conv + add + relu']);
    expect(nodes[0]).toMatchObject({ op: 'Conv', output: 'y_float16', flags: [] });
    expect(nodes[0]?.local?.largest).toBe(0);
    expect(nodes[0]?.calls.map(({ call }) => call)).toEqual(['conv2d']);
    // x [2], w [2], z [1] and y [1] of 2 bytes; what lies between is nowhere.
    expect(nodes[0]?.bytes).toBe(2 * 6);
  });

  test('are as many as without', async () => {
    const nodes = await audit({ fuseAdditions: false });
    expect(nodes.map(({ node }) => node)).toEqual(['conv', 'add', 'relu']);
    expect(nodes.map(({ local }) => local?.largest)).toEqual([1, 2, 0]);
    const single = await audit({ optimize: false });
    expect(single.map(({ node }) => node)).toEqual(['conv', 'add', 'relu']);
  });
});
