/** Where ONNX or exactness asks for float32, whatever the precision of what is around it. */

import { type ElementType, type Graph, graphsOf, type Node } from '../ir';

type Places = Readonly<Record<string, readonly number[]>>;

/**
 * Inputs that stay float32 in a node of the low precision. BatchNormalization has types of their own for its statistics, and
 * Resize takes no other scales; the classes of OneHot count, and float16 counts to 2048 only.
 */
const FLOAT_INPUTS: Places = {
  BatchNormalization: [1, 2, 3, 4],
  OneHot: [0, 1],
  Resize: [1, 2],
  Upsample: [1],
};

/** Outputs that are float32 all the same: those of the type of the statistics, or of `stash_type`. */
const FLOAT_OUTPUTS: Places = {
  BatchNormalization: [1, 2],
  LayerNormalization: [1, 2],
};

const listed = (places: Places, { domain, op }: Node, index: number): boolean =>
  domain === '' && (places[op]?.includes(index) ?? false);

export const staysFloat = (node: Node, input: number): boolean => listed(FLOAT_INPUTS, node, input);

export const makesFloat = (node: Node, output: number): boolean =>
  listed(FLOAT_OUTPUTS, node, output);

/**
 * Nodes that compute with sizes: from shapes and constants alone, and for nobody but inputs that stay float32 and nodes that
 * make no floats of it (Cast to integers, comparisons). In 16 bits half of 2050 is no whole number any more.
 */
export function sizeNodes(graph: Graph, types: ReadonlyMap<string, ElementType>): Set<Node> {
  const known = new Set([...graph.initializers.keys(), '']);
  const candidates: Node[] = [];
  for (const node of graph.nodes) {
    if (graphsOf(node).size > 0) continue;
    const isShape = node.domain === '' && (node.op === 'Shape' || node.op === 'Size');
    if (!isShape && !(node.inputs.length > 0 && node.inputs.every((name) => known.has(name)))) {
      continue;
    }
    for (const name of node.outputs) known.add(name);
    candidates.push(node);
  }
  const isFloat = (name: string) => /^b?float/.test(types.get(name) ?? '');
  /** What anybody reads, and what somebody else reads. */
  const read = new Set<string>();
  const others = new Set(graph.outputs.map(({ name }) => name));
  const sizes = new Set<Node>();
  const own = new Set(candidates);
  for (const node of graph.nodes.toReversed()) {
    const floats = node.outputs.filter(isFloat);
    for (const name of node.inputs) read.add(name);
    const isOurs = own.has(node) && floats.some((name) => read.has(name));
    if (isOurs && !floats.some((name) => others.has(name))) {
      sizes.add(node);
    } else if (floats.length > 0 || graphsOf(node).size > 0) {
      for (const [i, name] of node.inputs.entries()) if (!staysFloat(node, i)) others.add(name);
    }
  }
  return sizes;
}

/** Whether some float32 values of a graph stay so in every conversion, beside constants. */
export function hasFloatPlaces(graph: Graph, types: ReadonlyMap<string, ElementType>): boolean {
  const stays = (node: Node) =>
    node.inputs.some((name, i) => name !== '' && staysFloat(node, i) && !isConstant(name)) ||
    node.outputs.some((name, i) => name !== '' && makesFloat(node, i));
  const isConstant = (name: string) => graph.initializers.has(name);
  const isFloat = (name: string) => types.get(name) === 'float32';
  return (
    graph.nodes.some((node) => stays(node)) ||
    [...sizeNodes(graph, types)].some(({ outputs }) => outputs.some(isFloat))
  );
}
