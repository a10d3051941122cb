import type { DType, TypedArrayOf } from '../dtype';
import { innerName } from './model-error';

/**
 * The graph of a model as plain, immutable data. Operators, attributes and their meaning are those of ONNX in the
 * version that `opsets` names, so a graph can be written back as it was read; `compute` is Halftone's addition.
 *
 * Nothing here runs anything: passes are functions Graph -> Graph, lib/graph/plan.ts turns a graph and concrete
 * shapes into calls of Halftone's ops, and lib/graph/executor.ts makes those calls.
 */
export interface Graph {
  readonly name: string;
  /** Version of each operator set by domain; '' is ONNX's own. */
  readonly opsets: ReadonlyMap<string, number>;
  /** What the caller gives. A value that has an initializer is not listed, whatever the file says. */
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  /** In an order in which every value is made before it is used. */
  readonly nodes: readonly Node[];
  readonly initializers: ReadonlyMap<string, Constant>;
  /** Initializers that are strings: they stay on the host, in no precision. */
  readonly texts?: ReadonlyMap<string, Strings>;
}

/** A size; a name for one that is known when the model runs ("N"); or null when nothing is known. */
export type Dim = number | string | null;

/** What the elements of a value are: a dtype of tensors, or strings, which only the host knows. */
export type ElementType = DType | 'string';

/** What kind of value something is. */
export interface ValueType {
  /** null: the file does not say. */
  readonly dtype: ElementType | null;
  /** null: not even the rank is known. */
  readonly shape: readonly Dim[] | null;
  /** It is a list of such tensors; each may have a shape of its own. */
  readonly sequence?: true;
  /** It may be left out: null stands for it then. */
  readonly optional?: true;
}

/** An input or output of a graph. */
export interface ValueInfo extends ValueType {
  readonly name: string;
}

/** A tensor of strings, row-major. */
export interface Strings {
  readonly strings: readonly string[];
  readonly shape: readonly number[];
}

/** A tensor whose values are part of the graph. Dense, row-major. Never changed after it was made. */
export interface Constant {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** As in memory: the bits of 16-bit floats. */
  readonly data: TypedArrayOf;
}

/** An integer attribute: a number where that is exact, else a bigint. */
export type Integer = number | bigint;

/** The value of a node's attribute, with ONNX's name for its type. */
export type Attribute =
  | { readonly type: 'float'; readonly value: number }
  | { readonly type: 'int'; readonly value: Integer }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'tensor'; readonly value: Constant }
  | { readonly type: 'floats'; readonly value: readonly number[] }
  | { readonly type: 'ints'; readonly value: readonly Integer[] }
  | { readonly type: 'strings'; readonly value: readonly string[] }
  /** A tensor of strings. */
  | { readonly type: 'texts'; readonly value: Strings }
  | { readonly type: 'graph'; readonly value: Graph }
  | { readonly type: 'type_proto'; readonly value: ValueType };

/** The type in which a node sums products: see `compute` of `conv2d` and `matmul`. */
export type NodeCompute = 'float32' | 'float16' | 'tf32' | 'int32';

/** One operator at work. */
export interface Node {
  /** Unique in the graph and never empty: a node without a name is called after its operator ("Conv_3"). */
  readonly name: string;
  readonly op: string;
  /** '' is ONNX's own. */
  readonly domain: string;
  /** Names of values; '' where an optional input is left out. */
  readonly inputs: readonly string[];
  /** Names of values; '' where an optional output is not wanted. */
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, Attribute>;
  /**
   * The names by which graphs of the node, or attributes that name values, know its last inputs: values of the graph around
   * it. So a graph within a node is closed: it reads its own inputs and nothing else.
   */
  readonly captures?: readonly string[];
  /** Absent: the op's own default. Only nodes that sum products read it. */
  readonly compute?: NodeCompute;
  /** What a fused node applies to its result before it is stored. Only in graphs that are run, never in files. */
  readonly activation?: 'relu';
  /** Names of the nodes of the file that this one stands for; absent: itself alone. */
  readonly parts?: readonly string[];
}

/** The names of the nodes of the file that a node stands for. */
export const partsOf = ({ name, parts }: Node): readonly string[] => parts ?? [name];

/** The inputs that a node's operator defines: without those that its graphs capture. */
export const ownInputs = ({ inputs, captures = [] }: Node): readonly string[] =>
  inputs.slice(0, inputs.length - captures.length);

/** The graphs of a node by the names of their attributes. */
export function graphsOf({ attributes }: Node): Map<string, Graph> {
  const graphs = new Map<string, Graph>();
  for (const [name, { type, value }] of attributes) if (type === 'graph') graphs.set(name, value);
  return graphs;
}

/** A graph of a node with its nodes called as errors and reports call them. */
export const namedWithin = (graph: Graph, { name }: Node): Graph => ({
  ...graph,
  nodes: graph.nodes.map((node) => ({ ...node, name: innerName(name, node.name) })),
});

export const elementCount = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1);

/** A scalar's or list's values as numbers. Exact for every dtype but int64 above 2^53, and 16-bit floats are refused. */
export function integersOf(constant: Constant): number[] {
  if (constant.dtype === 'float16' || constant.dtype === 'bfloat16')
    throw new TypeError(`integersOf: ${constant.dtype} values are held as bits`);
  return Array.from<number | bigint, number>(constant.data, Number);
}

/** A name that `taken` does not have yet: `wanted`, or `wanted_1`, `wanted_2` ... The name is added to `taken`. */
export function freshName(wanted: string, taken: Set<string>): string {
  let name = wanted;
  for (let i = 1; taken.has(name); i++) name = `${wanted}_${i}`;
  taken.add(name);
  return name;
}

/** Every name that a value of the graph has. */
export function valueNames(graph: Graph): Set<string> {
  const names = new Set([...graph.initializers.keys(), ...(graph.texts?.keys() ?? [])]);
  for (const value of graph.inputs) names.add(value.name);
  for (const node of graph.nodes) for (const output of node.outputs) names.add(output);
  names.delete('');
  return names;
}
