/**
 * A graph in parts that run one after the other: plans of Halftone's ops, and between them single nodes that the host
 * computes or that run graphs of their own. What lies between two parts is known when the second one begins, with its
 * shapes: so a plan is made for shapes that computed conditions and strings have led to. A graph without such nodes is one
 * plan, as a whole.
 */

import type { ElementType, Graph, Node, ValueInfo } from './ir';
import { modelError } from './model-error';
import type { OpDefinition, OpSet } from './op-set';
import { dropUnused } from './passes/fold';
import { type DTypeOfCode, valueTypes } from './value-types';

/** Nodes that become one plan. */
export interface PlanStage {
  readonly kind: 'plan';
  readonly graph: Graph;
}

/** A node that the host computes, or that runs graphs of its own. */
export interface NodeStage {
  readonly kind: 'node';
  readonly node: Node;
  readonly definition: OpDefinition;
}

/** A node that only moves strings: a plan of it that moves their indices. */
export interface MoveStage {
  readonly kind: 'move';
  readonly node: Node;
  readonly graph: Graph;
  /** The outputs that are strings. */
  readonly texts: ReadonlySet<string>;
}

/** A part of a graph. */
export type Stage = PlanStage | NodeStage | MoveStage;

/** Names of the values that a stage reads, and of those that it makes. */
export const readBy = (stage: Stage): readonly string[] =>
  stage.kind === 'node' ? stage.node.inputs : stage.graph.inputs.map(({ name }) => name);
export const madeBy = (stage: Stage): readonly string[] =>
  stage.kind === 'node' ? stage.node.outputs : stage.graph.outputs.map(({ name }) => name);

/**
 * How a node is computed outside of plans; undefined for one that is part of a plan.
 *
 * @throws ModelError where it reads or makes strings and is not known to.
 */
function outside(
  node: Node,
  graph: Graph,
  opSet: OpSet,
  types: ReadonlyMap<string, ElementType>,
): OpDefinition | undefined {
  const definition = opSet.find(node, graph.opsets);
  if (!definition.lower) return definition;
  const isText = [...node.inputs, ...node.outputs].some((name) => types.get(name) === 'string');
  if (!isText) return undefined;
  if (definition.host || definition.moves) return definition;
  throw modelError(`${node.op} of strings is not supported`, {
    node: node.name,
    op: node.op,
    opset: graph.opsets.get(node.domain),
  });
}

/** Splits a graph. Nodes of plans go into as few of them as can be. @throws ModelError naming a node. */
export function splitStages(graph: Graph, opSet: OpSet, dtypeOf: DTypeOfCode): readonly Stage[] {
  const types = valueTypes(graph, dtypeOf);
  const found = graph.nodes.map((node) => outside(node, graph, opSet, types));
  if (found.every((definition) => !definition) && isPlannable(graph)) {
    return [{ kind: 'plan', graph }];
  }
  // By level: even ones are plans, odd ones single nodes, in which one may follow another.
  const levels = new Map<string, number>();
  const parts: Node[][] = [];
  for (const [i, node] of graph.nodes.entries()) {
    const before = Math.max(0, ...node.inputs.map((name) => levels.get(name) ?? 0));
    const level = before + (before % 2 === (found[i] ? 1 : 0) ? 0 : 1);
    for (const name of node.outputs) levels.set(name, level);
    parts[level] ??= [];
    (parts[level] as Node[]).push(node);
  }
  const definitions = new Map(graph.nodes.map((node, i) => [node, found[i]]));
  const stages: Stage[] = [];
  for (const nodes of parts) {
    if (!nodes) continue;
    for (const node of nodes) {
      const definition = definitions.get(node);
      if (!definition) continue;
      const texts = new Set(node.outputs.filter((name) => types.get(name) === 'string'));
      stages.push(
        definition.host || definition.flow
          ? { kind: 'node', node, definition }
          : { kind: 'move', node, graph: untyped(cut(graph, [node], types)), texts },
      );
    }
    if (!definitions.get(nodes[0] as Node))
      stages.push({ kind: 'plan', graph: cut(graph, nodes, types) });
  }
  return stages;
}

/** Indices take the place of strings, whatever is declared. */
const untyped = (graph: Graph): Graph => ({
  ...graph,
  outputs: graph.outputs.map((info) => ({ ...info, dtype: null })),
});

/** Whether all that comes in and goes out of a graph is tensors and sequences of tensors, which plans know. */
const isPlannable = ({ inputs, outputs, texts }: Graph): boolean =>
  !texts?.size &&
  [...inputs, ...outputs].every((info) => info.dtype !== 'string' && !info.optional);

/** Some nodes of a graph as a graph: its inputs are what they read of the others, its outputs what these read. */
function cut(graph: Graph, nodes: readonly Node[], types: ReadonlyMap<string, ElementType>): Graph {
  const made = new Set(nodes.flatMap((node) => node.outputs));
  const read = new Set(nodes.flatMap((node) => node.inputs));
  const own = new Set(nodes);
  const wanted = new Set(graph.outputs.map(({ name }) => name));
  for (const node of graph.nodes)
    if (!own.has(node)) for (const name of node.inputs) wanted.add(name);
  const declared = new Map([...graph.inputs, ...graph.outputs].map((info) => [info.name, info]));
  const infoOf = (name: string): ValueInfo =>
    declared.get(name) ?? { name, dtype: types.get(name) ?? null, shape: null };
  const inputs = [...read].filter(
    (name) => name !== '' && !made.has(name) && !graph.initializers.has(name),
  );
  const outputs = [...made].filter((name) => name !== '' && wanted.has(name));
  const { texts: _, ...rest } = graph;
  return dropUnused({
    ...rest,
    inputs: inputs.map(infoOf),
    outputs: outputs.map((name) => declared.get(name) ?? { name, dtype: null, shape: null }),
    nodes,
  });
}
