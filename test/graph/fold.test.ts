import type { Graph } from '../../lib/graph/ir';
import {
  dropIdentities,
  dropUnused,
  foldBatchNorm,
  fuseActivations,
  liftConstants,
  optimize,
} from '../../lib/graph/passes/fold';
import { Model, type NodeReport, tensor } from '../../lib/index';
import { describeWithData } from '../support/data';
import { graphOf } from '../support/graphs';
import type { ModelSpec, NodeSpec } from '../support/onnx-builder';
import { onnxModel } from '../support/onnx-builder';
import { Rng } from '../support/rng';

const outline = (graph: Graph) =>
  graph.nodes.map(({ name, op, inputs, outputs, activation }) => {
    return `${name}: ${op}(${inputs}) -> ${outputs}${activation ? ` ${activation}` : ''}`;
  });

/** conv -> bn -> relu -> identity -> dropout -> second conv, and branches that nobody reads. */
const spec: ModelSpec = {
  opset: 13,
  inputs: { x: ['N', 2, 4, 4] },
  outputs: { y: ['N', 1, 4, 4] },
  initializers: {
    w: { floats: [1, -2, 0.5, 3], dims: [2, 2, 1, 1] },
    b: { floats: [0.25, -0.5] },
    scale: { floats: [1.5, -0.75] },
    shift: { floats: [0.1, 0.2] },
    mean: { floats: [0.3, -0.4] },
    variance: { floats: [0.5, 2] },
    v: { floats: [1, 1], dims: [1, 2, 1, 1] },
  },
  nodes: [
    { op: 'Conv', name: 'conv', inputs: ['x', 'w', 'b'], outputs: ['a'] },
    {
      op: 'BatchNormalization',
      name: 'bn',
      inputs: ['a', 'scale', 'shift', 'mean', 'variance'],
      outputs: ['c'],
    },
    { op: 'Relu', name: 'relu', inputs: ['c'], outputs: ['d'] },
    { op: 'Identity', name: 'same', inputs: ['d'], outputs: ['e'] },
    { op: 'Dropout', name: 'drop', inputs: ['e'], outputs: ['f'] },
    {
      op: 'Constant',
      name: 'one',
      inputs: [],
      outputs: ['k'],
      attributes: { value_float: { float: 1 } },
    },
    { op: 'Add', name: 'add', inputs: ['f', 'k'], outputs: ['g'] },
    { op: 'Conv', name: 'last', inputs: ['g', 'v'], outputs: ['y'] },
    { op: 'Exp', name: 'unread', inputs: ['x'], outputs: ['z'] },
    { op: 'Exp', name: 'unread too', inputs: ['a'], outputs: ['za'] },
  ],
};

test('all passes together', () => {
  const graph = optimize(graphOf(spec));
  expect(outline(graph)).toEqual([
    'conv: Conv(x,w_folded,b_folded) -> d relu',
    'add: Add(d,k) -> g',
    'last: Conv(g,v) -> y',
  ]);
  expect(graph.nodes[0]?.parts).toEqual(['conv', 'bn', 'relu']);
  expect([...graph.initializers.keys()].sort()).toEqual(['b_folded', 'k', 'v', 'w_folded']);
  // f = scale / sqrt(variance + 1e-5), in float64, rounded once.
  const f = [1.5 / Math.sqrt(0.5 + 1e-5), -0.75 / Math.sqrt(2 + 1e-5)] as const;
  // The attribute is a float32.
  const close = (values: ArrayLike<number | bigint> | undefined, expected: readonly number[]) =>
    Array.from(values as Float32Array).forEach((v, i) => {
      expect(Math.abs(v - (expected[i] as number))).toBeLessThan(1e-6);
    });
  close(graph.initializers.get('w_folded')?.data, [f[0], -2 * f[0], 0.5 * f[1], 3 * f[1]]);
  close(graph.initializers.get('b_folded')?.data, [
    (0.25 - 0.3) * f[0] + 0.1,
    (-0.5 + 0.4) * f[1] + 0.2,
  ]);
});

test('the optimized model computes the same, and reports the nodes that it ran as one', async () => {
  const bytes = onnxModel(spec);
  using plain = await Model.load(bytes, { optimize: false });
  using fast = await Model.load(bytes);
  expect(fast.nodes).toEqual(plain.nodes);
  using x = tensor(new Rng().values('float32', 3 * 32), { shape: [3, 2, 4, 4], dtype: 'float32' });
  const run = async (model: Model) => {
    const reports: NodeReport[] = [];
    const { y } = await model.run({ x }, { onNode: (report) => reports.push(report) });
    return { y: (await y?.data()) as Float32Array, reports };
  };
  const [a, b] = [await run(plain), await run(fast)];
  expect(b.reports.map(({ node }) => node)).toEqual(['conv + bn + relu', 'add', 'last']);
  expect(a.reports.length).toBeGreaterThan(5);
  const largest = Math.max(...a.y.map(Math.abs));
  // Four products and sums more or less of values up to the largest.
  b.y.forEach((value, i) => {
    expect(Math.abs(value - (a.y[i] as number))).toBeLessThan(
      8 * 2 ** -24 * 8 * Math.max(1, largest),
    );
  });
});

describe('what stays as it is', () => {
  const chain = (nodes: readonly NodeSpec[], outputs: ModelSpec['outputs']) =>
    graphOf({ ...spec, nodes, outputs });
  const conv: NodeSpec = { op: 'Conv', name: 'conv', inputs: ['x', 'w', 'b'], outputs: ['a'] };
  const bn = (input: string): NodeSpec => ({
    op: 'BatchNormalization',
    name: 'bn',
    inputs: [input, 'scale', 'shift', 'mean', 'variance'],
    outputs: ['c'],
  });
  const images = ['N', 2, 4, 4] as const;

  test('a convolution that others read too, or that is an output', () => {
    const read = chain(
      [conv, bn('a'), { op: 'Add', name: 'add', inputs: ['a', 'c'], outputs: ['d'] }],
      {
        d: images,
      },
    );
    expect(foldBatchNorm(read)).toBe(read);
    const given = chain([conv, bn('a')], { a: images, c: images });
    expect(foldBatchNorm(given)).toBe(given);
    const relu = chain([conv, { op: 'Relu', name: 'relu', inputs: ['a'], outputs: ['r'] }], {
      a: images,
      r: images,
    });
    expect(fuseActivations(relu)).toBe(relu);
  });

  test('BatchNormalization behind anything else, and filters that are no constants', () => {
    const behind = chain([{ op: 'Relu', name: 'relu', inputs: ['x'], outputs: ['a'] }, bn('a')], {
      c: images,
    });
    expect(foldBatchNorm(behind)).toBe(behind);
    const dynamic = graphOf({
      ...spec,
      inputs: { ...spec.inputs, w2: [2, 2, 1, 1] },
      nodes: [{ ...conv, inputs: ['x', 'w2', 'b'] }, bn('a')],
      outputs: { c: images },
    });
    expect(foldBatchNorm(dynamic)).toBe(dynamic);
  });

  test('outputs keep their names', () => {
    const graph = chain([conv, { op: 'Identity', name: 'same', inputs: ['a'], outputs: ['i'] }], {
      i: images,
    });
    expect(outline(dropIdentities(graph))).toEqual(outline(graph));
    const constant = chain(
      [
        {
          op: 'Constant',
          name: 'c',
          inputs: [],
          outputs: ['k'],
          attributes: { value_float: { float: 2 } },
        },
      ],
      { k: [] },
    );
    expect(liftConstants(constant)).toBe(constant);
    expect(dropUnused(constant).initializers.size).toBe(0);
  });
});

describeWithData('light_resnet50', 'onnx/light/light_resnet50.onnx', (file) => {
  test('53 normalizations are folded, and what is left runs', async () => {
    using model = await Model.load(file);
    const ran: string[] = [];
    using x = tensor(new Float32Array(3 * 224 * 224), { shape: [1, 3, 224, 224] });
    const outputs = await model.run(
      { 'gpu_0/data_0': x },
      { onNode: ({ op, node }) => ran.push(`${op} ${node.split(' + ').length}`) },
    );
    expect(ran.filter((line) => line.startsWith('BatchNormalization'))).toEqual([]);
    expect(ran.filter((line) => line === 'Conv 3')).toHaveLength(33);
    // The last of each block adds what comes beside: in the first of a stage, one of the two that end there.
    expect(ran.filter((line) => line === 'Conv 2')).toHaveLength(4);
    expect(ran.filter((line) => line === 'Conv 4')).toHaveLength(16);
    for (const tensor of Object.values(outputs)) tensor.dispose();
  });
});
