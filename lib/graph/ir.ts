import type { DType, TypedArrayOf } from '../dtype';

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
}

/** A size; a name for one that is known when the model runs ("N"); or null when nothing is known. */
export type Dim = number | string | null;

/** An input or output of a graph. */
export interface ValueInfo {
  readonly name: string;
  /** null: the file does not say. */
  readonly dtype: DType | null;
  /** null: not even the rank is known. */
  readonly shape: readonly Dim[] | null;
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
  | { readonly type: 'strings'; readonly value: readonly string[] };

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
  /** Absent: the op's own default. Only nodes that sum products read it. */
  readonly compute?: NodeCompute;
  /** What a fused node applies to its result before it is stored. Only in graphs that are run, never in files. */
  readonly activation?: 'relu';
  /** Names of the nodes of the file that this one stands for; absent: itself alone. */
  readonly parts?: readonly string[];
}

/** The names of the nodes of the file that a node stands for. */
export const partsOf = ({ name, parts }: Node): readonly string[] => parts ?? [name];

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
  const names = new Set(graph.initializers.keys());
  for (const value of graph.inputs) names.add(value.name);
  for (const node of graph.nodes) for (const output of node.outputs) names.add(output);
  names.delete('');
  return names;
}
