import {
  type Attribute,
  type Constant,
  freshName,
  type Graph,
  type Node,
  type NodeCompute,
  type ValueInfo,
} from '../graph/ir';
import { modelError } from '../graph/model-error';
import type { OpSet } from '../graph/op-set';
import type { OnnxModel, OnnxNode } from './decode';
import { COMPUTE_KEY } from './encode';

/**
 * The graph of a decoded model, checked: every operator, attribute and operator set is known, every name is defined once
 * and before it is used. Nodes may come in any order in the file.
 *
 * @throws ModelError
 */
export function importModel(model: OnnxModel, opSet: OpSet): Graph {
  opSet.checkOpsets(model.opsets);
  // Old files list their initializers as inputs too.
  const inputs = model.inputs.filter(({ name }) => !model.initializers.has(name));
  const nodes = sortNodes(nameNodes(model.nodes), definedNames(inputs, model.initializers));
  checkInputs(inputs);
  checkOutputs(model, nodes);
  return {
    name: model.name,
    opsets: model.opsets,
    inputs,
    outputs: model.outputs,
    nodes: nodes.map((node) => checkNode(node, model, opSet)),
    initializers: model.initializers,
  };
}

function checkNode(node: OnnxNode, model: OnnxModel, opSet: OpSet): Node {
  const attributes = new Map<string, Attribute>();
  for (const [name, attribute] of node.attributes) {
    if (attribute.type !== 'unread') attributes.set(name, attribute);
  }
  const compute = model.metadata.get(`${COMPUTE_KEY}${node.name}`);
  const sums = isCompute(compute) ? { compute } : {};
  const checked: Node = { ...node, attributes, ...sums };
  // Before the attributes, so that an operator nobody knows is reported as that.
  opSet.find(checked, model.opsets);
  for (const [name, attribute] of node.attributes) {
    if (attribute.type === 'unread') {
      throw modelError(
        `attribute "${name}" is a ${attribute.value}, which is not supported`,
        place(node),
      );
    }
  }
  opSet.check(checked, model.opsets);
  return checked;
}

// Other programs may write anything there; what is not understood is left alone.
const isCompute = (text: string | undefined): text is NodeCompute =>
  text === 'float32' || text === 'float16' || text === 'tf32' || text === 'int32';

function checkInputs(inputs: readonly ValueInfo[]): void {
  for (const { name, dtype, shape } of inputs) {
    if (!dtype) throw modelError(`input "${name}" has no element type that is supported`);
    if (!shape) {
      throw modelError(`input "${name}" has no shape`, {
        suggestion: 'Give it at least a rank: sizes may be symbolic',
      });
    }
  }
}

function checkOutputs(model: OnnxModel, nodes: readonly OnnxNode[]): void {
  const made = new Set(nodes.flatMap((node) => node.outputs));
  if (model.outputs.length === 0) throw modelError('the model has no outputs');
  const seen = new Set<string>();
  for (const { name } of model.outputs) {
    if (seen.has(name)) throw modelError(`output "${name}" is listed twice`);
    seen.add(name);
    const given = model.initializers.has(name) || model.inputs.some((input) => input.name === name);
    if (!made.has(name) && !given) throw modelError(`output "${name}" is made by no node`);
  }
}

function definedNames(
  inputs: readonly ValueInfo[],
  initializers: ReadonlyMap<string, Constant>,
): Set<string> {
  const names = new Set(initializers.keys());
  for (const { name } of inputs) {
    if (names.has(name)) throw modelError(`input "${name}" is listed twice`);
    names.add(name);
  }
  return names;
}

/** Gives every node a name of its own, so that errors and reports can say which one they mean. */
function nameNodes(nodes: readonly OnnxNode[]): OnnxNode[] {
  const taken = new Set<string>();
  // Names of the file first: they are kept where they are unique.
  const kept = nodes.map(({ name }) => name !== '' && !taken.has(name) && taken.add(name));
  return nodes.map((node, i) =>
    kept[i] ? node : { ...node, name: freshName(node.name || `${node.op}_${i}`, taken) },
  );
}

/** The nodes in an order in which every value is made before it is read; the file's own where it is one. */
function sortNodes(nodes: readonly OnnxNode[], given: ReadonlySet<string>): OnnxNode[] {
  const makers = new Map<string, OnnxNode>();
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
  const sorted: OnnxNode[] = [];
  const state = new Map<OnnxNode, 'entered' | 'done'>();
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
  node: OnnxNode,
  makers: ReadonlyMap<string, OnnxNode>,
  given: ReadonlySet<string>,
  state: ReadonlyMap<OnnxNode, 'entered' | 'done'>,
): OnnxNode[] {
  const waiting: OnnxNode[] = [];
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
