/** Raises the operator set of a graph: its nodes are rewritten to what they compute under the newer definitions. */

import {
  type Attribute,
  type Constant,
  type ElementType,
  freshName,
  type Graph,
  graphsOf,
  type Node,
  valueNames,
} from '../graph/ir';
import { modelError, within } from '../graph/model-error';
import { attributeOf } from '../graph/op-set';
import { castConstant, isPrecision } from '../graph/passes/cast-constant';
import { valueTypes } from '../graph/value-types';
import { dtypeOf } from './decode-tensor';

/** What a change may use to rewrite a node. */
class Writer {
  readonly #taken: Set<string>;
  readonly #nodeNames: Set<string>;
  readonly #types: ReadonlyMap<string, ElementType>;
  readonly initializers: Map<string, Constant>;

  constructor(
    graph: Graph,
    readonly place: { from: number; to: number },
  ) {
    this.#taken = valueNames(graph);
    this.#nodeNames = new Set(graph.nodes.map(({ name }) => name));
    this.#types = valueTypes(graph, dtypeOf);
    this.initializers = new Map(graph.initializers);
  }

  /** The name of a new value. */
  value = (about: string): string => freshName(about, this.#taken);
  /** The name of a new node. */
  nodeName = (about: string): string => freshName(about, this.#nodeNames);

  /** The name of a new initializer. */
  constant(about: string, constant: Constant): string {
    const name = this.value(about);
    this.initializers.set(name, constant);
    return name;
  }

  ints(about: string, values: readonly (number | bigint)[]): string {
    const data = BigInt64Array.from(values, BigInt);
    return this.constant(about, { dtype: 'int64', shape: [data.length], data });
  }

  /** One number of the float type that value `like` has. */
  scalar(about: string, value: number, like: string): string {
    const dtype = this.#types.get(like) ?? 'float32';
    if (dtype === 'float64')
      return this.constant(about, { dtype, shape: [], data: Float64Array.of(value) });
    const wide: Constant = { dtype: 'float32', shape: [], data: Float32Array.of(value) };
    return this.constant(about, isPrecision(dtype) ? castConstant(wide, dtype) : wide);
  }

  /** An error that names the node. */
  refuse({ name, op }: Node, why: string): Error {
    const { from, to } = this.place;
    return modelError(`operator set ${from} cannot be raised to ${to}: ${why}`, {
      node: name,
      op,
      opset: from,
    });
  }
}

/** A change of one operator's definition: nodes of older sets than `at` compute something else under it. */
interface Change {
  readonly ops: string;
  readonly at: number;
  /** What the node is from `at` on; several nodes where one does not do. */
  readonly write: (node: Node, writer: Writer) => Node | readonly Node[];
}

/** The node with some attributes gone and others set. */
function withAttributes(
  node: Node,
  gone: readonly string[],
  set: readonly (readonly [string, Attribute])[] = [],
): Node {
  const attributes = new Map(node.attributes);
  for (const name of gone) attributes.delete(name);
  for (const [name, attribute] of set) attributes.set(name, attribute);
  return { ...node, attributes };
}

/** The node with its inputs, of which those at the end are left out that are ''. */
function withInputs(node: Node, inputs: readonly string[]): Node {
  const last = inputs.findLastIndex((name) => name !== '');
  return { ...node, inputs: inputs.slice(0, last + 1) };
}

/** Integer attributes become inputs behind those that the node has, in this order. */
const intsToInputs =
  (...names: readonly string[]) =>
  (node: Node, writer: Writer): Node => {
    const inputs = names.map((name) => {
      const values = attributeOf(node, name, 'ints');
      return values === undefined ? '' : writer.ints(`${node.name}_${name}`, values);
    });
    return withInputs(withAttributes(node, names), [...node.inputs, ...inputs]);
  };

/** Resize before 11 and Upsample took the pixel at floor(i / scale). */
const ASYMMETRIC: readonly (readonly [string, Attribute])[] = [
  ['coordinate_transformation_mode', { type: 'string', value: 'asymmetric' }],
  ['nearest_mode', { type: 'string', value: 'floor' }],
];

const REDUCTIONS =
  'ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSumSquare';

/** Before 13 these worked on rows of a matrix: all axes from `axis` on made one row. */
function softmax(node: Node, writer: Writer): readonly Node[] {
  const [x = ''] = node.inputs;
  const [y = ''] = node.outputs;
  const axis = attributeOf(node, 'axis', 'int') ?? 1;
  const [shape, rows, flat] = ['shape', 'rows', 'flat'].map((part) => writer.value(`${y}_${part}`));
  const helper = (
    op: string,
    inputs: string[],
    outputs: string[],
    attributes = new Map(),
  ): Node => ({
    name: writer.nodeName(`${node.name}_${op.toLowerCase()}`),
    op,
    domain: '',
    inputs,
    outputs,
    attributes,
  });
  return [
    helper('Shape', [x], [shape as string]),
    helper('Flatten', [x], [rows as string], new Map([['axis', { type: 'int', value: axis }]])),
    {
      ...withAttributes(node, [], [['axis', { type: 'int', value: -1 }]]),
      inputs: [rows as string],
      outputs: [flat as string],
    },
    helper('Reshape', [flat as string, shape as string], [y]),
  ];
}

/**
 * All changes between operator sets 7 and 28 that are more than new types, new operators, or new attributes and inputs
 * whose defaults keep the old meaning. In the order of `at`. From docs/Changelog.md of ONNX 1.23.
 */
const CHANGES: readonly Change[] = [
  {
    ops: 'BatchNormalization',
    at: 9,
    write: (node, writer) => {
      if (Number(attributeOf(node, 'spatial', 'int') ?? 1) !== 1)
        throw writer.refuse(node, 'statistics per activation (spatial 0) are gone');
      return withAttributes(node, ['spatial']);
    },
  },
  {
    ops: 'Upsample',
    at: 9,
    write: (node, writer) => {
      const data = Float32Array.from(attributeOf(node, 'scales', 'floats') ?? []);
      const shape = [data.length];
      const scales = writer.constant(`${node.name}_scales`, { dtype: 'float32', shape, data });
      return withInputs(withAttributes(node, ['scales']), [...node.inputs, scales]);
    },
  },
  { ops: 'Upsample', at: 10, write: (node) => ({ ...node, op: 'Resize' }) },
  {
    ops: 'Scan',
    at: 9,
    write: (node, writer) => {
      throw writer.refuse(node, 'it has no batch from then on');
    },
  },
  { ops: 'Slice', at: 10, write: intsToInputs('starts', 'ends', 'axes') },
  {
    ops: 'TopK',
    at: 10,
    write: (node, writer) => {
      const k = writer.ints(`${node.name}_k`, [attributeOf(node, 'k', 'int') ?? 0]);
      return withInputs(withAttributes(node, ['k']), [...node.inputs, k]);
    },
  },
  {
    ops: 'Clip',
    at: 11,
    write: (node, writer) => {
      const [x = ''] = node.inputs;
      const bounds = ['min', 'max'].map((name) => {
        const value = attributeOf(node, name, 'float');
        return value === undefined ? '' : writer.scalar(`${node.name}_${name}`, value, x);
      });
      return withInputs(withAttributes(node, ['min', 'max']), [x, ...bounds]);
    },
  },
  {
    ops: 'Pad',
    at: 11,
    write: (node, writer) => {
      const [x = ''] = node.inputs;
      const value = attributeOf(node, 'value', 'float') ?? 0;
      const filled = value === 0 ? '' : writer.scalar(`${node.name}_value`, value, x);
      const padded = intsToInputs('pads')(node, writer);
      return withInputs(withAttributes(padded, ['value']), [...padded.inputs, filled]);
    },
  },
  {
    ops: 'Resize',
    at: 11,
    write: (node) => {
      const [x = '', scales = ''] = node.inputs;
      return withInputs(withAttributes(node, [], ASYMMETRIC), [x, '', scales]);
    },
  },
  { ops: 'Scatter', at: 11, write: (node) => ({ ...node, op: 'ScatterElements' }) },
  // It has no effect outside of training.
  { ops: 'Dropout', at: 12, write: (node) => withAttributes(node, ['ratio']) },
  { ops: 'Hardmax LogSoftmax Softmax', at: 13, write: softmax },
  { ops: 'ReduceSum Squeeze Unsqueeze', at: 13, write: intsToInputs('axes') },
  { ops: 'Split', at: 13, write: intsToInputs('split') },
  {
    ops: 'Resize',
    at: 13,
    write: (node, writer) => {
      const mode = attributeOf(node, 'coordinate_transformation_mode', 'string');
      if (mode === 'tf_half_pixel_for_nn') throw writer.refuse(node, `the mode ${mode} is gone`);
      return node;
    },
  },
  {
    ops: 'RoiAlign',
    at: 16,
    write: (node) =>
      withAttributes(
        node,
        [],
        [['coordinate_transformation_mode', { type: 'string', value: 'output_half_pixel' }]],
      ),
  },
  { ops: REDUCTIONS, at: 18, write: intsToInputs('axes') },
  {
    ops: 'Split',
    at: 18,
    write: (node) =>
      node.inputs.length > 1
        ? node
        : withAttributes(node, [], [['num_outputs', { type: 'int', value: node.outputs.length }]]),
  },
  {
    ops: 'DFT',
    at: 20,
    write: (node, writer) => {
      const [x = '', length = ''] = node.inputs;
      const data = BigInt64Array.of(BigInt(attributeOf(node, 'axis', 'int') ?? 1));
      const axis = writer.constant(`${node.name}_axis`, { dtype: 'int64', shape: [], data });
      return withInputs(withAttributes(node, ['axis']), [x, length, axis]);
    },
  },
  {
    ops: 'GridSample',
    at: 20,
    write: (node) => {
      const names = { bilinear: 'linear', bicubic: 'cubic' } as const;
      const mode = attributeOf(node, 'mode', 'string') ?? 'bilinear';
      const value = mode in names ? names[mode as keyof typeof names] : mode;
      return withAttributes(node, [], [['mode', { type: 'string', value }]]);
    },
  },
  {
    ops: 'GroupNormalization',
    at: 21,
    write: (node, writer) => {
      throw writer.refuse(node, 'scale and bias are per channel from then on');
    },
  },
];

/** Older definitions have broadcasting rules of their own. */
const OLDEST_RAISED = 7;

/**
 * The graph under operator set `to` of ONNX, or as it is when that is not newer than its own. Values keep their names, and
 * so do nodes; Softmax before 13 and the like need nodes besides.
 *
 * @throws ModelError naming the node that has no newer form.
 */
export function raiseOpset(graph: Graph, to: number): Graph {
  const from = graph.opsets.get('') ?? 0;
  if (from >= to || from === 0) return graph;
  if (from < OLDEST_RAISED) {
    throw modelError(
      `operator set ${from} cannot be raised to ${to}: only ${OLDEST_RAISED} and newer ones can`,
      { suggestion: 'Raise it with onnx.version_converter first' },
    );
  }
  const writer = new Writer(graph, { from, to });
  let nodes = graph.nodes;
  for (const change of CHANGES) {
    if (change.at <= from || change.at > to) continue;
    const ops = change.ops.split(' ');
    nodes = nodes.flatMap((node) =>
      node.domain === '' && ops.includes(node.op) ? change.write(node, writer) : [node],
    );
  }
  const opsets = new Map(graph.opsets).set('', to);
  nodes = nodes.map((node) => raiseGraphs(node, to));
  return { ...graph, opsets, nodes, initializers: writer.initializers };
}

/** The node with the graphs that it has raised. */
function raiseGraphs(node: Node, to: number): Node {
  const graphs = graphsOf(node);
  if (graphs.size === 0) return node;
  const attributes = new Map(node.attributes);
  for (const [name, graph] of graphs) {
    attributes.set(name, { type: 'graph', value: within(node, name, () => raiseOpset(graph, to)) });
  }
  return { ...node, attributes };
}
