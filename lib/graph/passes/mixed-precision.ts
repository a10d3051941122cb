import type { DType } from '../../dtype';
import {
  type Attribute,
  type Constant,
  type ElementType,
  freshName,
  type Graph,
  type Node,
  valueNames,
} from '../ir';
import { attributeOf } from '../op-set';
import { valueTypes } from '../value-types';
import { castConstant, type Precision } from './cast-constant';
import { liftConstants } from './fold';
import { makesFloat, staysFloat } from './float-places';
import { type Paint, paint } from './paint';
import type { ListOf, PaintMethod } from './precision-lists';

export type LowPrecision = Exclude<Precision, 'float32'>;

export interface MixedPrecisionOptions {
  readonly to: LowPrecision;
  readonly method: PaintMethod;
  readonly listOf: ListOf;
  /** Nodes that must stay float32. */
  readonly keep: (node: Node) => boolean;
  /** Initializers that do not fit the low precision and are to stay as they are. */
  readonly tooLarge: ReadonlySet<string>;
  /** Why a node has no form in the low precision; undefined where it has one. */
  readonly refuses?: ((node: Node) => string | undefined) | undefined;
  /** Keeps the dtypes of the model's inputs and outputs. */
  readonly keepIo: boolean;
  readonly dataType: { code(dtype: DType): number; dtype(code: number): DType | undefined };
  readonly cast?: ((constant: Constant, to: Precision) => Constant) | undefined;
}

/** What a rewrite did. */
export interface MixedPrecision {
  readonly graph: Graph;
  /** One per node of the graph that was given. */
  readonly paints: readonly Paint[];
  /** Casts that were inserted: one for each value that is read in both precisions. */
  readonly casts: number;
}

/**
 * Rewrites a float32 graph so that some nodes work in float16 or bfloat16, with a Cast where the precision changes.
 * A value that several nodes read in the other precision is cast once. Weights are converted, not cast, and are held
 * twice when nodes of both precisions read them.
 */
export function mixedPrecision(given: Graph, options: MixedPrecisionOptions): MixedPrecision {
  const { to, dataType, keepIo, cast = castConstant } = options;
  const graph = liftConstants(given);
  const types = valueTypes(graph, dataType.dtype);
  const paints = paint(graph, {
    method: options.method,
    listOf: options.listOf,
    types,
    keep: options.keep,
    tooLarge: options.tooLarge,
    refuses: options.refuses,
  });
  const low = new Set(paints.filter((p) => p.low).map((p) => p.node));
  const isFloat = (name: string) => types.get(name) === 'float32';

  /** Values that are made in the low precision. */
  const lowValues = new Set<string>();
  for (const node of low) {
    for (const [i, name] of node.outputs.entries()) {
      if (isFloat(name) && !makesFloat(node, i)) lowValues.add(name);
    }
  }
  const lowered = loweredCasts(graph, types, low, dataType.dtype);
  for (const node of lowered) lowValues.add(node.outputs[0] as string);

  const initializers = new Map(graph.initializers);
  for (const name of readOnlyLow(graph, low)) {
    const constant = initializers.get(name);
    if (constant?.dtype !== 'float32') continue;
    initializers.set(name, cast(constant, to));
    lowValues.add(name);
  }

  const writer = new Writer({ ...graph, initializers }, options, lowValues);
  if (!keepIo) writer.lowerInputs(low, isFloat);
  for (const node of graph.nodes) {
    writer.add(node, low.has(node), lowered.has(node), isFloat, cast);
  }
  return { graph: writer.finish(isFloat), paints, casts: writer.casts };
}

/** Values that are read, and by low nodes in the low precision only. */
function readOnlyLow(graph: Graph, low: ReadonlySet<Node>): Set<string> {
  const names = new Set<string>();
  const others = new Set(graph.outputs.map(({ name }) => name));
  for (const node of graph.nodes) {
    for (const [i, name] of node.inputs.entries()) {
      (low.has(node) && !staysFloat(node, i) ? names : others).add(name);
    }
  }
  for (const name of others) names.delete(name);
  return names;
}

/** Casts of integers and bools to float32 that only low nodes read: they can cast to the low precision at once. */
function loweredCasts(
  graph: Graph,
  types: ReadonlyMap<string, ElementType>,
  low: ReadonlySet<Node>,
  dtypeOf: (code: number) => DType | undefined,
): Set<Node> {
  const read = readOnlyLow(graph, low);
  return new Set(
    graph.nodes.filter((node) => {
      const [name = ''] = node.outputs;
      if (node.op !== 'Cast' || !read.has(name)) return false;
      const from = types.get(node.inputs[0] ?? '') ?? 'float32';
      return (
        !from.startsWith('float') &&
        dtypeOf(Number(attributeOf(node, 'to', 'int') ?? 0)) === 'float32'
      );
    }),
  );
}

/** Puts the new graph together, node by node. */
class Writer {
  readonly #nodes: Node[] = [];
  readonly #initializers: Map<string, Constant>;
  readonly #taken: Set<string>;
  readonly #nodeNames: Set<string>;
  /** The name of a value in the other precision than the one in which it was made. */
  readonly #twins = new Map<string, string>();
  /** Names under which low values are made that are outputs of the graph, which stay float32. */
  readonly #renamed = new Map<string, string>();
  readonly #lowInputs = new Set<string>();
  casts = 0;

  constructor(
    readonly graph: Graph,
    readonly options: MixedPrecisionOptions,
    readonly lowValues: Set<string>,
  ) {
    this.#initializers = new Map(graph.initializers);
    this.#taken = valueNames(graph);
    this.#nodeNames = new Set(graph.nodes.map(({ name }) => name));
    if (!options.keepIo) return;
    for (const { name } of graph.outputs) {
      if (lowValues.has(name)) this.#renamed.set(name, this.#fresh(`${name}_${options.to}`));
    }
  }

  #fresh(wanted: string): string {
    return freshName(wanted, this.#taken);
  }

  /** Inputs of the graph that only low nodes read become low themselves. */
  lowerInputs(low: ReadonlySet<Node>, isFloat: (name: string) => boolean): void {
    const read = readOnlyLow(this.graph, low);
    for (const { name } of this.graph.inputs) {
      if (!isFloat(name) || !read.has(name)) continue;
      this.lowValues.add(name);
      this.#lowInputs.add(name);
    }
  }

  #castNode(about: string, from: string, to: string, dtype: DType): Node {
    this.casts += 1;
    return {
      name: freshName(`${about}_cast`, this.#nodeNames),
      op: 'Cast',
      domain: '',
      inputs: [from],
      outputs: [to],
      attributes: new Map([['to', { type: 'int', value: this.options.dataType.code(dtype) }]]),
    };
  }

  /** The name under which a value is known where it was made. */
  #own(name: string): string {
    return this.#renamed.get(name) ?? name;
  }

  /** The name of a float value in the precision wanted; casts or converts it when it is first asked for. */
  #as(
    name: string,
    wantLow: boolean,
    cast: (constant: Constant, to: Precision) => Constant,
  ): string {
    if (this.lowValues.has(name) === wantLow) return this.#own(name);
    const known = this.#twins.get(name);
    if (known !== undefined) return known;
    const dtype = wantLow ? this.options.to : 'float32';
    // The float32 form of an output of the graph is that output.
    const renamed = this.#renamed.has(name);
    const twin = renamed ? name : this.#fresh(`${name}_${dtype}`);
    this.#twins.set(name, twin);
    const constant = this.graph.initializers.get(name);
    if (constant) this.#initializers.set(twin, cast(constant, dtype));
    else this.#nodes.push(this.#castNode(twin, this.#own(name), twin, dtype));
    return twin;
  }

  add(
    node: Node,
    low: boolean,
    lowered: boolean,
    isFloat: (name: string) => boolean,
    cast: (constant: Constant, to: Precision) => Constant,
  ): void {
    const inputs = node.inputs.map((name, i) =>
      isFloat(name) ? this.#as(name, low && !staysFloat(node, i), cast) : name,
    );
    const outputs = node.outputs.map((name) => this.#own(name));
    const attributes = lowered
      ? new Map<string, Attribute>([
          ...node.attributes,
          ['to', { type: 'int', value: this.options.dataType.code(this.options.to) }],
        ])
      : node.attributes;
    this.#nodes.push({ ...node, inputs, outputs, attributes });
  }

  finish(isFloat: (name: string) => boolean): Graph {
    const { graph, options } = this;
    for (const { name } of graph.outputs) {
      if (this.#renamed.has(name) && !this.#twins.has(name)) {
        this.#nodes.push(this.#castNode(name, this.#own(name), name, 'float32'));
      }
    }
    const read = new Set(this.#nodes.flatMap(({ inputs }) => inputs));
    for (const { name } of graph.outputs) read.add(name);
    const initializers = new Map([...this.#initializers].filter(([name]) => read.has(name)));
    const inputs = graph.inputs.map((input) =>
      this.#lowInputs.has(input.name) ? { ...input, dtype: options.to } : input,
    );
    const outputs = graph.outputs.map((output) =>
      !options.keepIo && isFloat(output.name) && this.lowValues.has(output.name)
        ? { ...output, dtype: options.to }
        : output,
    );
    return { ...graph, inputs, outputs, nodes: this.#nodes, initializers };
  }
}
