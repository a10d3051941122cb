/** A graph computes the same under a newer operator set, and what cannot be raised is refused by name. */

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Model, ModelError, type Tensor, tensor } from '../../lib/index';
import { encodeModel } from '../../lib/onnx/encode';
import { importModel } from '../../lib/onnx/import';
import { decodeModel } from '../../lib/onnx/decode';
import { ONNX_OPS } from '../../lib/onnx/op-table';
import { raiseOpset } from '../../lib/onnx/raise-opset';
import { describeWithData } from '../support/data';
import { type ModelSpec, type NodeSpec, onnxModel } from '../support/onnx-builder';

const raised = (bytes: Uint8Array, to: number): Uint8Array =>
  encodeModel(raiseOpset(importModel(decodeModel(bytes), ONNX_OPS), to));

/** Every byte, in a form that is compared fast. */
const bits = ({ buffer, byteOffset, byteLength }: ArrayBufferView): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString('base64');

async function outputs(bytes: Uint8Array, feeds: Record<string, Tensor>) {
  using model = await Model.load(bytes, { freeBatch: false });
  const made = await model.run(feeds);
  const entries = Object.entries(made).map(
    async ([name, made]) => [name, made.shape, bits(await made.data())] as const,
  );
  return Promise.all(entries);
}

const X = Float32Array.from({ length: 24 }, (_, i) => Math.sin(i * 1.7) * 3);

/** One node on x [2, 3, 4], or what `shape` says, with the outputs y, y1 ... */
interface Case {
  readonly opset: number;
  readonly node: Omit<NodeSpec, 'inputs' | 'outputs'>;
  readonly shape?: readonly number[];
  readonly more?: ModelSpec['initializers'];
  /** The types of the outputs. */
  readonly outputs?: readonly ('float32' | 'int64' | 'bool')[];
}

function modelOf({ opset, node, shape = [2, 3, 4], more = {}, outputs = ['float32'] }: Case) {
  const names = outputs.map((_, i) => `y${i || ''}`);
  return onnxModel({
    opset,
    inputs: { x: shape },
    outputs: Object.fromEntries(names.map((name, i) => [name, { dtype: outputs[i] as 'float32' }])),
    initializers: more,
    nodes: [{ name: 'it', ...node, inputs: ['x', ...Object.keys(more)], outputs: names }],
  });
}

const IMAGE = [1, 2, 3, 4];
const statistics = Object.fromEntries(
  ['scale', 'bias', 'mean', 'var'].map((name, i) => [name, { floats: [1 + i, 2 - i / 8] }]),
);

const CASES: Record<string, Case> = {
  'BatchNormalization-7': {
    opset: 7,
    node: { op: 'BatchNormalization', attributes: { spatial: 1 } },
    shape: IMAGE,
    more: statistics,
  },
  'Clip-6': {
    opset: 7,
    node: { op: 'Clip', attributes: { min: { float: -1 }, max: { float: 0.5 } } },
  },
  'Clip-6 without a minimum': {
    opset: 10,
    node: { op: 'Clip', attributes: { max: { float: 0.5 } } },
  },
  'Clip-6 without bounds': { opset: 10, node: { op: 'Clip' } },
  'Dropout-7': { opset: 7, node: { op: 'Dropout', attributes: { ratio: { float: 0.5 } } } },
  'Pad-2': {
    opset: 7,
    node: { op: 'Pad', attributes: { pads: [0, 1, 0, 0, 0, 2], value: { float: -2.5 } } },
  },
  'Pad-2 reflected': {
    opset: 7,
    node: { op: 'Pad', attributes: { pads: [0, 1, 0, 0, 0, 2], mode: 'reflect' } },
  },
  'ReduceMean-1': { opset: 7, node: { op: 'ReduceMean', attributes: { axes: [1], keepdims: 0 } } },
  'ReduceMax-13 of all axes': { opset: 13, node: { op: 'ReduceMax' } },
  'ReduceSum-11': { opset: 11, node: { op: 'ReduceSum', attributes: { axes: [-1] } } },
  'Slice-1': {
    opset: 7,
    node: { op: 'Slice', attributes: { starts: [1, -3], ends: [3, 100], axes: [1, 2] } },
  },
  'Slice-1 without axes': {
    opset: 9,
    node: { op: 'Slice', attributes: { starts: [1], ends: [2] } },
  },
  'Softmax-1': { opset: 7, node: { op: 'Softmax' } },
  'Softmax-11 of the last axis': { opset: 11, node: { op: 'Softmax', attributes: { axis: -1 } } },
  'LogSoftmax-1 of everything': { opset: 7, node: { op: 'LogSoftmax', attributes: { axis: 0 } } },
  'Hardmax-11': { opset: 11, node: { op: 'Hardmax' } },
  'Split-2': {
    opset: 7,
    node: { op: 'Split', attributes: { axis: 2, split: [1, 3] } },
    outputs: ['float32', 'float32'],
  },
  'Split-2 in equal parts': {
    opset: 11,
    node: { op: 'Split', attributes: { axis: 2 } },
    outputs: ['float32', 'float32'],
  },
  'Squeeze-1': { opset: 7, node: { op: 'Squeeze', attributes: { axes: [0] } }, shape: [1, 4, 6] },
  'Unsqueeze-1': { opset: 7, node: { op: 'Unsqueeze', attributes: { axes: [0, 3] } } },
};

/** The operator sets where definitions changed, and the newest. */
const TARGETS = [9, 10, 11, 12, 13, 16, 18, 20, 21, 22, 28];

test.each(Object.entries(CASES))('%s computes the same under newer sets', async (_name, one) => {
  const bytes = modelOf(one);
  const feeds = { x: tensor(X, { shape: [...(one.shape ?? [2, 3, 4])] }) };
  const expected = await outputs(bytes, feeds);
  for (const to of TARGETS) {
    const newer = raised(bytes, to);
    expect(decodeModel(newer).opsets.get('')).toBe(Math.max(to, one.opset));
    expect(await outputs(newer, feeds)).toEqual(expected);
  }
});

test('values and nodes keep their names, and new ones take none that is used', () => {
  const bytes = onnxModel({
    opset: 7,
    inputs: { x: [2, 3], it_min: [2, 3] },
    outputs: { y: [2, 3], y_rows: [2, 3] },
    nodes: [
      { op: 'Clip', name: 'it', inputs: ['x'], outputs: ['c'], attributes: { min: { float: 0 } } },
      { op: 'Softmax', name: 'soft', inputs: ['c'], outputs: ['y'] },
      { op: 'Add', name: 'soft_flatten', inputs: ['x', 'it_min'], outputs: ['y_rows'] },
    ],
  });
  const graph = decodeModel(raised(bytes, 13));
  expect(graph.nodes.map(({ name }) => name)).toEqual([
    'it',
    'soft_shape',
    'soft_flatten_1',
    'soft',
    'soft_reshape',
    'soft_flatten',
  ]);
  expect(graph.nodes[0]?.inputs).toEqual(['x', 'it_min_1']);
  expect(graph.nodes[3]?.outputs).toEqual(['y_flat']);
});

test('what has no newer form is refused by name', () => {
  const perActivation = modelOf({
    opset: 7,
    node: { op: 'BatchNormalization', attributes: { spatial: 1 } },
    shape: IMAGE,
    more: statistics,
  });
  const graph = importModel(decodeModel(perActivation), ONNX_OPS);
  const [node] = graph.nodes;
  if (!node) throw new Error('no node');
  const attributes = new Map(node.attributes).set('spatial', { type: 'int', value: 0 });
  const broken = { ...graph, nodes: [{ ...node, attributes }] };
  expect(() => raiseOpset(broken, 9)).toThrow(ModelError);
  expect(() => raiseOpset(broken, 9)).toThrow('statistics per activation (spatial 0) are gone');
  expect(() => raiseOpset({ ...graph, opsets: new Map([['', 6]]) }, 13)).toThrow(
    'operator set 6 cannot be raised to 13',
  );
  expect(raiseOpset(graph, 7)).toBe(graph);
});

describeWithData('the models of the data folder', 'models', (folder) => {
  const files = readdirSync(folder).filter((name) => name.endsWith('.onnx'));

  // Its products only fit for sequences and batches of 100, the size of its weights.
  const openSize = (name: string) => (name === 'attention_head.onnx' ? 100 : 1);

  test.each(files)('%s computes the same under 22', async (name) => {
    const bytes = readFileSync(path.join(folder, name));
    const graph = importModel(decodeModel(bytes), ONNX_OPS);
    const feeds = Object.fromEntries(
      graph.inputs.map(({ name: input, shape }) => {
        const sizes = shape?.map((d) => (typeof d === 'number' ? d : openSize(name))) ?? [];
        const length = sizes.reduce((n, size) => n * size, 1);
        const values = Float32Array.from({ length }, (_, i) => Math.sin(i));
        return [input, tensor(values, { shape: sizes })];
      }),
    );
    expect(await outputs(raised(bytes, 22), feeds)).toEqual(await outputs(bytes, feeds));
  });
});
