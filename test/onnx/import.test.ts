import { ModelError } from '../../lib/errors';
import type { Graph } from '../../lib/graph/ir';
import { decodeModel } from '../../lib/onnx/decode';
import { importModel } from '../../lib/onnx/import';
import { ONNX_OPS } from '../../lib/onnx/op-table';
import { type ModelSpec, type NodeSpec, onnxModel } from '../support/onnx-builder';

const importSpec = (spec: ModelSpec): Graph => importModel(decodeModel(onnxModel(spec)), ONNX_OPS);

const relu = (from: string, to: string, name = ''): NodeSpec => ({
  op: 'Relu',
  name,
  inputs: [from],
  outputs: [to],
});
const base: ModelSpec = {
  inputs: { x: [1, 2] },
  outputs: { y: [1, 2] },
  nodes: [relu('x', 'y')],
};
const withNode = (node: NodeSpec, spec: Partial<ModelSpec> = {}) => ({
  ...base,
  ...spec,
  nodes: [node],
});

describe('importModel', () => {
  test('leaves initializers out of the inputs', () => {
    const graph = importSpec({
      ...base,
      inputs: { x: [1, 2], w: [2] },
      initializers: { w: { floats: [1, 2] } },
      nodes: [{ op: 'Add', inputs: ['x', 'w'], outputs: ['y'] }],
    });
    expect(graph.inputs.map(({ name }) => name)).toEqual(['x']);
    expect([...graph.initializers.keys()]).toEqual(['w']);
  });

  test('names nodes that have no name, and those that share one', () => {
    const nodes = [
      relu('x', 'a'),
      relu('a', 'b', 'n'),
      relu('b', 'c', 'n'),
      relu('c', 'y', 'Relu_0'),
    ];
    const names = importSpec({ ...base, nodes }).nodes.map(({ name }) => name);
    expect(names).toEqual(['Relu_0_1', 'n', 'n_1', 'Relu_0']);
  });

  test('sorts nodes; those in order stay', () => {
    const shuffled = [
      relu('c', 'y', '4'),
      relu('a', 'b', '2'),
      relu('x', 'a', '1'),
      relu('b', 'c', '3'),
    ];
    expect(
      importSpec({ ...base, nodes: shuffled })
        .nodes.map(({ name }) => name)
        .join(''),
    ).toBe('1234');
    const parallel = [
      relu('x', 'a', '1'),
      relu('x', 'b', '2'),
      relu('a', 'y', '3'),
      relu('b', 'd', '4'),
    ];
    expect(
      importSpec({ ...base, nodes: parallel })
        .nodes.map(({ name }) => name)
        .join(''),
    ).toBe('1234');
  });

  test('takes a chain of 50,000 nodes in reverse order', () => {
    const count = 50_000;
    const nodes = Array.from({ length: count }, (_, i) =>
      relu(i === 0 ? 'x' : `v${i - 1}`, i === count - 1 ? 'y' : `v${i}`, `${i}`),
    );
    const { nodes: sorted } = importSpec({ ...base, nodes: nodes.reverse() });
    expect(sorted.map(({ name }) => Number(name))).toEqual(
      Array.from({ length: count }, (_, i) => i),
    );
  });
});

describe('refusals', () => {
  const conv: NodeSpec = { op: 'Conv', name: 'c', inputs: ['x', 'x'], outputs: ['y'] };
  const BAD: readonly [string, ModelSpec, string | RegExp][] = [
    [
      'an unknown operator',
      withNode({ op: 'Frobnicate', name: 'f', inputs: ['x'], outputs: ['y'] }),
      /^node "f" \(Frobnicate, opset 13\): operator Frobnicate is not supported\. docs\/operators\.md lists all that are$/,
    ],
    [
      'an operator of another domain',
      withNode(
        { op: 'Relu', name: 'f', domain: 'com.microsoft', inputs: ['x'], outputs: ['y'] },
        { opsets: { '': 13, 'com.microsoft': 1 } },
      ),
      /^node "f" \(Relu, opset 1\): operator Relu of the domain "com\.microsoft" is not supported/,
    ],
    [
      'an operator whose set is not imported',
      withNode(relu('x', 'y', 'r'), { opsets: { 'ai.onnx.ml': 1 } }),
      'node "r" (Relu): the model imports no operator set of the domain ""',
    ],
    [
      'an operator set from the future',
      { ...base, opset: 99 },
      /operator set 99 of ONNX is newer than \d+\. Convert the model .*onnx\.version_converter/,
    ],
    [
      'an operator set from the past',
      withNode({ op: 'Erf', name: 'a', inputs: ['x'], outputs: ['y'] }, { opset: 6 }),
      'node "a" (Erf, opset 6): Erf is supported from operator set 9 on',
    ],
    [
      'an unknown attribute',
      withNode({ ...conv, attributes: { dilation: [1, 1] } }),
      'node "c" (Conv, opset 13): attribute "dilation" is not supported. Supported: auto_pad, dilations, kernel_shape, pads, strides, group',
    ],
    [
      "an attribute called as one of Object's",
      withNode({ ...conv, attributes: { constructor: 1 } }),
      /attribute "constructor" is not supported/,
    ],
    [
      'an attribute of another type',
      withNode({ ...conv, attributes: { group: [1] } }),
      'node "c" (Conv, opset 13): attribute "group" must be int, got ints',
    ],
    [
      'a graph as an attribute',
      withNode({ ...conv, attributes: { group: { type: 10 } } }),
      'node "c" (Conv): attribute "group" is a graphs, which is not supported',
    ],
    [
      'too many inputs',
      withNode({ op: 'Relu', name: 'r', inputs: ['x', 'x'], outputs: ['y'] }),
      'node "r" (Relu, opset 13): Relu takes 1 inputs, got 2',
    ],
    [
      'too few inputs',
      withNode({ ...conv, inputs: ['x'] }),
      'node "c" (Conv, opset 13): Conv takes 2 to 3 inputs, got 1',
    ],
    [
      'an input left out that is needed',
      withNode({ ...conv, inputs: ['', 'x'] }),
      'node "c" (Conv, opset 13): input 0 is left out',
    ],
    [
      'an output that is not made',
      withNode({ op: 'LpPool', name: 'm', inputs: ['x'], outputs: ['y', 'indices'] }),
      'node "m" (LpPool, opset 13): output 1 ("indices") is not supported: LpPool makes 1',
    ],
    [
      'a value that nobody makes',
      withNode(relu('z', 'y', 'r')),
      /^node "r" \(Relu\): input 0 \("z"\) is made by no node/,
    ],
    [
      'a cycle',
      { ...base, nodes: [relu('b', 'a', 'p'), relu('a', 'b', 'q'), relu('x', 'y')] },
      /depends on the node's own output/,
    ],
    [
      'a node that reads itself',
      { ...base, nodes: [relu('y', 'y', 'p')] },
      /^node "p" \(Relu\): input 0 \("y"\) depends on/,
    ],
    [
      'a value made twice',
      { ...base, nodes: [relu('x', 'y', 'p'), relu('x', 'y', 'q')] },
      'node "q" (Relu): output "y" is already defined by node "p"',
    ],
    [
      'an output with the name of an input',
      { ...base, nodes: [relu('x', 'x', 'p')] },
      /output "x" is already defined by the model as an input or initializer/,
    ],
    ['an output that nobody makes', { ...base, nodes: [] }, 'output "y" is made by no node'],
    ['no outputs', { ...base, outputs: {} }, 'the model has no outputs'],
    ['an input without a shape', { ...base, inputs: { x: {} } }, /input "x" has no shape/],
    [
      'an input of complex numbers',
      { ...base, inputs: { x: { elemType: 14, shape: [1] } } },
      /input "x" has no element type/,
    ],
    [
      'an input twice',
      {
        ...base,
        graph: {
          input: [1, 2].map(() => ({
            name: 'x',
            type: { tensor_type: { elem_type: 1, shape: {} } },
          })),
        },
      },
      'input "x" is listed twice',
    ],
  ];

  test.each(BAD)('%s', (_name, spec, message) => {
    expect(() => importSpec(spec)).toThrow(ModelError);
    expect(() => importSpec(spec)).toThrow(message);
  });

  test('the error holds the node, its operator and its operator set', () => {
    let caught: unknown;
    try {
      importSpec(withNode({ op: 'Nope', name: 'n', inputs: [], outputs: ['y'] }));
    } catch (error) {
      caught = error;
    }
    expect(caught).toMatchObject({ code: 'ERR_MODEL', node: 'n', op: 'Nope', opset: 13 });
  });
});
