/**
 * Closes nodes: what their graphs read of the graph around them, and what attributes name in it, becomes inputs of theirs.
 */

import type { ValueInfo } from '../graph/ir';
import { modelError } from '../graph/model-error';
import type { OnnxGraph, OnnxNode } from './decode';

/** A node whose graphs read nothing but their inputs. */
export interface ClosedNode extends OnnxNode {
  /** The names by which the node's graphs know its last inputs; absent where it has none. */
  readonly captures?: readonly string[];
  readonly graphs: ReadonlyMap<string, ClosedGraph>;
}

export interface ClosedGraph extends OnnxGraph {
  readonly nodes: readonly ClosedNode[];
}

/** The names that a graph reads and nothing in it defines. */
function freeNames({ inputs, initializers, texts, nodes, outputs }: ClosedGraph): Set<string> {
  const defined = new Set(['', ...initializers.keys(), ...texts.keys()]);
  for (const { name } of inputs) defined.add(name);
  for (const node of nodes) for (const name of node.outputs) defined.add(name);
  const read = [...nodes.flatMap((node) => node.inputs), ...outputs.map(({ name }) => name)];
  return new Set(read.filter((name) => !defined.has(name)));
}

/** Values that attributes of a node name: Gradient says so what it is a gradient of. */
function namedValues({ domain, op, attributes }: OnnxNode): readonly string[] {
  if (domain !== 'ai.onnx.preview.training' || op !== 'Gradient') return [];
  return ['xs', 'zs', 'y'].flatMap((name) => {
    const attribute = attributes.get(name);
    if (attribute?.type === 'strings') return attribute.value;
    return attribute?.type === 'string' ? [attribute.value] : [];
  });
}

function closeNode(node: OnnxNode): ClosedNode {
  const graphs = new Map<string, ClosedGraph>();
  const names = new Set<string>();
  for (const [name, attribute] of node.attributes) {
    if (attribute.type !== 'graph') continue;
    const graph = closeGraph(attribute.value);
    const both = graph.inputs.find((input) => graph.initializers.has(input.name));
    if (both) {
      throw modelError(`input "${both.name}" of its graph "${name}" is an initializer as well`, {
        node: node.name,
        op: node.op,
      });
    }
    for (const free of freeNames(graph)) names.add(free);
    graphs.set(name, graph);
  }
  for (const name of namedValues(node)) names.add(name);
  if (names.size === 0) return { ...node, graphs };
  const captures = [...names];
  const inputs = captures.map((name): ValueInfo => ({ name, dtype: null, shape: null }));
  for (const [name, graph] of graphs) {
    graphs.set(name, { ...graph, inputs: [...graph.inputs, ...inputs] });
  }
  return { ...node, inputs: [...node.inputs, ...captures], captures, graphs };
}

/** The graph with closed nodes; what it reads itself of a graph around it stays free. */
export const closeGraph = (graph: OnnxGraph): ClosedGraph => ({
  ...graph,
  nodes: graph.nodes.map(closeNode),
});
