import {
  type Constant,
  freshName,
  type Graph,
  integersOf,
  type Node,
  type ValueInfo,
  valueNames,
} from '../ir';
import { attributeOf, BATCH, type BatchQuery, type OpSet, type Size } from '../op-set';
import type { Plan } from '../plan';

export type BatchResult =
  | {
      readonly graph: Graph;
      readonly changed: readonly string[];
      /** Values that hold one entry per image along axis 0. */
      readonly batched: ReadonlySet<string>;
    }
  /** Why the number of images cannot change. */
  | { readonly why: string };

/**
 * Lets a graph that was made for a fixed number of images (axis 0 of every input) take any number of them.
 *
 * Nothing is assumed: each node must be known to treat the images one by one (`OpDefinition.batch`), given that its
 * inputs hold one entry per image along axis 0. Shapes of Reshape that spell out the number of images are replaced;
 * `changed` names those nodes. Shapes that follow from a Shape (parts of it, joined with numbers) are followed value by value
 * (`OpDefinition.sizes`): they are computed anew for each number of images. When it cannot be shown for a node, the result says which one and why.
 *
 * `plan` is the graph's plan for the shapes that its inputs declare.
 */
export function freeBatch(graph: Graph, opSet: OpSet, plan: Plan): BatchResult {
  const first = new Set<unknown>(graph.inputs.map(({ shape }) => shape?.[0]));
  const [batch] = first;
  if (first.size === 0) return { why: 'the model has no inputs' };
  if (first.size !== 1 || typeof batch !== 'number') {
    return { why: 'the inputs do not share a fixed first size' };
  }
  const batched = new Set(graph.inputs.map(({ name }) => name));
  const sizes = new Map<string, readonly Size[]>();
  const names = valueNames(graph);
  const initializers = new Map(graph.initializers);
  const changed: string[] = [];
  const nodes: Node[] = [];
  for (const node of graph.nodes) {
    if (!node.inputs.some((name) => batched.has(name) || sizes.has(name))) {
      nodes.push(node);
      continue;
    }
    const definition = opSet.find(node, graph.opsets);
    const query = makeQuery(node, graph, plan, { batched, sizes }, batch);
    const [output = ''] = node.outputs;
    const moved = query.outputShapes[0]?.length === 1 || query.outputShapes[0]?.length === 0;
    const found = moved ? definition.sizes?.(query) : undefined;
    if (found) {
      if (found.includes(BATCH)) sizes.set(output, found);
      nodes.push(node);
      continue;
    }
    const counted = node.inputs.findIndex((name, i) => sizes.has(name) && i !== definition.sizesAt);
    if (counted >= 0) {
      return { why: `node "${node.name}" (${node.op}): it computes with the number of images` };
    }
    const answer = definition.batch?.(query) ?? {
      ok: false,
      why: `nothing is known of how ${node.op} treats single images`,
    };
    if (!answer.ok) return { why: `node "${node.name}" (${node.op}): ${answer.why}` };
    for (const name of node.outputs) if (name !== '') batched.add(name);
    nodes.push(answer.replace ? replaceInput(node, answer.replace, initializers, names) : node);
    if (answer.replace) changed.push(node.name);
  }
  for (const { name } of graph.outputs) {
    const shape = plan.outputs.get(name)?.desc.shape ?? [];
    if (batched.has(name) && shape[0] !== batch) {
      return {
        why: `output "${name}" [${shape.join(', ')}] does not hold the images along axis 0`,
      };
    }
  }
  const free = (value: ValueInfo): ValueInfo =>
    batched.has(value.name) && value.shape
      ? { ...value, shape: [BATCH, ...value.shape.slice(1)] }
      : value;
  const [inputs, outputs] = [graph.inputs.map(free), graph.outputs.map(free)];
  return { graph: { ...graph, inputs, outputs, nodes, initializers }, changed, batched };
}

/** What is known of the values so far. */
interface Followed {
  readonly batched: ReadonlySet<string>;
  /** Lists that have the number of images among their values. */
  readonly sizes: ReadonlyMap<string, readonly Size[]>;
}

/** More than any shape has, and than what is gathered from one. */
const MAX_SIZES = 64;

function makeQuery(
  node: Node,
  graph: Graph,
  plan: Plan,
  { batched, sizes }: Followed,
  batch: number,
): BatchQuery {
  const inputs = node.inputs.map((name) => plan.values.get(name));
  const known = inputs.map((value, i) => {
    const name = node.inputs[i] as string;
    if (!value || batched.has(name) || sizes.has(name)) return undefined;
    return value.constant ?? plan.known.get(value);
  });
  return {
    node,
    batch,
    sizes: node.inputs.map((name, i) => sizes.get(name) ?? numbersOf(known[i])),
    opset: graph.opsets.get(node.domain) ?? 0,
    batched: node.inputs.map((name) => batched.has(name)),
    shapes: inputs.map((value) => value?.desc.shape),
    known,
    outputShapes: node.outputs.map((name) => plan.values.get(name)?.desc.shape ?? []),
    int: (name) => {
      const value = attributeOf(node, name, 'int');
      return value === undefined ? undefined : Number(value);
    },
    ints: (name) => attributeOf(node, name, 'ints')?.map(Number),
  };
}

/** The values of a short list of integers. */
function numbersOf(constant: Constant | undefined): readonly number[] | undefined {
  if (!constant || constant.shape.length > 1 || constant.data.length > MAX_SIZES) return undefined;
  return /^int(32|64)$/.test(constant.dtype) ? integersOf(constant) : undefined;
}

function replaceInput(
  node: Node,
  { input, by }: { readonly input: number; readonly by: Constant },
  initializers: Map<string, Constant>,
  names: Set<string>,
): Node {
  const name = freshName(`${node.inputs[input]}_any_batch`, names);
  initializers.set(name, by);
  return { ...node, inputs: node.inputs.with(input, name) };
}

/**
 * Whether a freed graph does what the rules of its operators promise: `wide`, its plan for `count` images, has the shapes
 * of `plan` with another size along axis 0 of all that holds images. Says which value has not.
 */
export function checkFreed(
  batched: ReadonlySet<string>,
  plan: Plan,
  wide: Plan,
  count: number,
): string | undefined {
  for (const [name, { desc }] of plan.values) {
    const found = wide.values.get(name)?.desc.shape ?? [];
    const expected = batched.has(name) ? [count, ...desc.shape.slice(1)] : desc.shape;
    if (found.join() !== expected.join()) {
      return `value "${name}" has the shape [${found.join(', ')}] for ${count} images`;
    }
  }
  return undefined;
}
