import {
  type Attribute,
  freshName,
  type Graph,
  type Node,
  type NodeCompute,
  type ValueInfo,
} from '../graph/ir';
import { modelError, within } from '../graph/model-error';
import type { OpSet } from '../graph/op-set';
import { decideBranches } from '../graph/passes/branches';
import { type ClosedGraph, type ClosedNode, closeGraph } from './close';
import type { OnnxGraph, OnnxModel, OnnxNode } from './decode';
import { COMPUTE_KEY } from './encode';

/**
 * The graph of a decoded model, checked: every operator, attribute and operator set is known, every name is defined once
 * and before it is used. Nodes may come in any order in the file. What graphs within nodes read of the graph around them
 * becomes inputs of these nodes (`Node.captures`).
 *
 * @throws ModelError
 */
export function importModel(model: OnnxModel, opSet: OpSet): Graph {
  opSet.checkOpsets(model.opsets);
  // Old files list their initializers as inputs too.
  const inputs = model.inputs.filter(({ name }) => !isInitializer(model, name));
  checkInputs(inputs);
  if (model.outputs.length === 0) throw modelError('the model has no outputs');
  return decideBranches(importGraph({ ...closeGraph(model), inputs }, model, opSet, true));
}

const isInitializer = ({ initializers, texts }: OnnxGraph, name: string): boolean =>
  initializers.has(name) || texts.has(name);

function importGraph(
  graph: ClosedGraph,
  model: OnnxModel,
  opSet: OpSet,
  isOutermost: boolean,
): Graph {
  const nodes = sortNodes(nameNodes(graph.nodes), definedNames(graph));
  checkOutputs(graph);
  return {
    name: graph.name,
    opsets: model.opsets,
    inputs: graph.inputs,
    outputs: graph.outputs,
    nodes: nodes.map((node) => checkNode(node, model, opSet, isOutermost)),
    initializers: graph.initializers,
    ...(graph.texts.size > 0 && { texts: graph.texts }),
  };
}

function checkNode(node: ClosedNode, model: OnnxModel, opSet: OpSet, isOutermost: boolean): Node {
  const { graphs, ...rest } = node;
  const attributes = new Map<string, Attribute>();
  for (const [name, attribute] of node.attributes) {
    if (attribute.type !== 'unread' && attribute.type !== 'graph') attributes.set(name, attribute);
  }
  const compute = isOutermost ? model.metadata.get(`${COMPUTE_KEY}${node.name}`) : undefined;
  const sums = isCompute(compute) ? { compute } : {};
  // Before the attributes, so that an operator nobody knows is reported as that.
  opSet.find({ ...rest, attributes }, model.opsets);
  for (const [name, attribute] of node.attributes) {
    if (attribute.type === 'unread') {
      throw modelError(
        `attribute "${name}" is a ${attribute.value}, which is not supported`,
        place(node),
      );
    }
  }
  for (const [name, graph] of graphs) {
    const value = within(node, name, () => importGraph(graph, model, opSet, false));
    attributes.set(name, { type: 'graph', value });
  }
  const checked: Node = { ...rest, attributes, ...sums };
  opSet.check(checked, model.opsets);
  return checked;
}

// Other programs may write anything there; what is not understood is left alone.
const isCompute = (text: string | undefined): text is NodeCompute =>
  text === 'float32' || text === 'float16' || text === 'tf32' || text === 'int32';

function checkInputs(inputs: readonly ValueInfo[]): void {
  for (const { name, dtype, shape, sequence, optional } of inputs) {
    if (!dtype) throw modelError(`input "${name}" has no element type that is supported`);
    if (!shape && !sequence && !optional) {
      throw modelError(`input "${name}" has no shape`, {
        suggestion: 'Give it at least a rank: sizes may be symbolic',
      });
    }
  }
}

function checkOutputs(graph: ClosedGraph): void {
  const made = new Set(graph.nodes.flatMap((node) => node.outputs));
  const seen = new Set<string>();
  for (const { name } of graph.outputs) {
    if (seen.has(name)) throw modelError(`output "${name}" is listed twice`);
    seen.add(name);
    const given = isInitializer(graph, name) || graph.inputs.some((input) => input.name === name);
    if (!made.has(name) && !given) throw modelError(`output "${name}" is made by no node`);
  }
}

function definedNames({ inputs, initializers, texts }: OnnxGraph): Set<string> {
  const names = new Set([...initializers.keys(), ...texts.keys()]);
  for (const { name } of inputs) {
    if (names.has(name)) throw modelError(`input "${name}" is listed twice`);
    names.add(name);
  }
  return names;
}

/** Gives every node a name of its own, so that errors and reports can say which one they mean. */
function nameNodes(nodes: readonly ClosedNode[]): ClosedNode[] {
  const taken = new Set<string>();
  // Names of the file first: they are kept where they are unique.
  const kept = nodes.map(({ name }) => name !== '' && !taken.has(name) && taken.add(name));
  return nodes.map((node, i) =>
    kept[i] ? node : { ...node, name: freshName(node.name || `${node.op}_${i}`, taken) },
  );
}

/** The nodes in an order in which every value is made before it is read; the file's own where it is one. */
function sortNodes(nodes: readonly ClosedNode[], given: ReadonlySet<string>): ClosedNode[] {
  const makers = new Map<string, ClosedNode>();
  for (const node of nodes) {
    for (const name of node.outputs) {
      if (name === '') continue;
      const other = makers.get(name);
      if (other || given.has(name)) {
        const by = other ? `node "${other.name}"` : 'the model as an input or initializer';
        throw modelError(`output "${name}" is already defined by ${by}`, place(node));
      }
      makers.set(name, node);
    }
  }
  const sorted: ClosedNode[] = [];
  const state = new Map<ClosedNode, 'entered' | 'done'>();
  for (const root of nodes) {
    // Depth first with a stack of our own: graphs may be deeper than the call stack.
    const stack = [root];
    for (let node = stack.at(-1); node; node = stack.at(-1)) {
      if (state.get(node) === 'done') {
        stack.pop();
        continue;
      }
      const entered = state.get(node) === 'entered';
      state.set(node, 'entered');
      const waiting = entered ? [] : makersOf(node, makers, given, state);
      if (waiting.length > 0) {
        stack.push(...waiting);
        continue;
      }
      state.set(node, 'done');
      sorted.push(node);
      stack.pop();
    }
  }
  return sorted;
}

function makersOf(
  node: ClosedNode,
  makers: ReadonlyMap<string, ClosedNode>,
  given: ReadonlySet<string>,
  state: ReadonlyMap<ClosedNode, 'entered' | 'done'>,
): ClosedNode[] {
  const waiting: ClosedNode[] = [];
  for (const [i, name] of node.inputs.entries()) {
    if (name === '' || given.has(name)) continue;
    const maker = makers.get(name);
    if (!maker) {
      throw modelError(
        `input ${i} ("${name}") is made by no node and is no input of the model`,
        place(node),
      );
    }
    if (state.get(maker) === 'entered') {
      throw modelError(`input ${i} ("${name}") depends on the node's own output`, place(node));
    }
    if (!state.has(maker)) waiting.unshift(maker);
  }
  return waiting;
}

const place = ({ name, op }: OnnxNode) => ({ node: name, op });
