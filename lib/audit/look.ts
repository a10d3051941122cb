/** Graphs run so that all that they make can be looked at. */

import type { Provenance } from '../../binding';
import type { DType, TypedArrayOf } from '../dtype';
import { Executor } from '../graph/executor';
import { ConstantTensors } from '../graph/fixed';
import { type Constant, type Graph, type Node, partsOf } from '../graph/ir';
import type { Desc, OpSet, Value } from '../graph/op-set';
import { makePlan, type Plan } from '../graph/plan';
import type { TensorEngine } from '../graph/tensor-engine';
import type { Tensor } from '../tensor';

/** A model that can be looked into. */
export interface Subject {
  readonly graph: Graph;
  readonly engine: TensorEngine;
  /** What a run does to its plan: nodes whose calls it joins make one value between them. */
  readonly join: (plan: Plan) => Plan;
}

/** One Halftone op that a node led to, as it was computed. */
export interface NodeCallAudit {
  readonly call: string;
  readonly provenance: Provenance;
}

/** A tensor's values outside of the device. */
export interface HostValue {
  readonly desc: Desc;
  readonly data: TypedArrayOf;
}

/** The values of a tensor. */
export async function toHost(tensor: Tensor): Promise<HostValue> {
  const data = (await tensor.data()) as TypedArrayOf;
  return { desc: { dtype: tensor.dtype, shape: tensor.shape }, data };
}

/** What a run has made, by the names of values and of nodes. */
export interface Look {
  readonly values: ReadonlyMap<string, HostValue>;
  readonly calls: ReadonlyMap<string, NodeCallAudit[]>;
  readonly milliseconds: ReadonlyMap<string, number>;
  readonly planned: ReadonlyMap<string, Value>;
  /** In the order in which they run, one for the nodes that are joined. */
  readonly nodes: readonly LookedAt[];
}

/** A node as it runs: itself, or what several nodes were joined to. */
export interface LookedAt {
  readonly node: Node;
  /** Nodes of the graph; more than one when they are joined. */
  readonly members: readonly Node[];
}

/** The names of a node's parts as reports write them. */
export const nameOf = (node: Node): string => partsOf(node).join(' + ');

/** Nodes as the steps of a plan have them. */
function nodesOf(graph: Graph, { steps }: Plan): LookedAt[] {
  const own = new Set(graph.nodes);
  const joined = new Map<string, Node>();
  for (const { node } of steps) {
    if (!own.has(node)) for (const part of partsOf(node)) joined.set(part, node);
  }
  return graph.nodes.flatMap((node): LookedAt[] => {
    const whole = joined.get(partsOf(node)[0] as string);
    if (!whole) return [{ node, members: [node] }];
    if (whole.outputs[0] !== node.outputs[0]) return [];
    const members = graph.nodes.filter((one) => joined.get(partsOf(one)[0] as string) === whole);
    return [{ node: whole, members }];
  });
}

/** A plan whose outputs are all values that nodes of the graph make in it. */
function withAllOutputs(graph: Graph, plan: Plan): Plan {
  const made = new Set(plan.steps.flatMap(({ outputs }) => outputs));
  const given = new Set(plan.inputs.values());
  const outputs = new Map(plan.outputs);
  for (const name of graph.nodes.flatMap((node) => node.outputs)) {
    const value = plan.values.get(name);
    if (!value || value.elements) continue;
    if (value.constant || given.has(value) || made.has(value)) outputs.set(name, value);
  }
  return { ...plan, outputs };
}

/** Runs a graph and reads all that it makes. */
export async function look(
  { graph, engine, join }: Subject,
  opSet: OpSet,
  inputs: ReadonlyMap<string, Tensor>,
  signal: AbortSignal | undefined,
): Promise<Look> {
  const plan = withAllOutputs(graph, join(makePlan(graph, opSet, inputs, engine)));
  const constants = new ConstantTensors<Tensor>(engine, new Set(graph.initializers.values()));
  const executor = new Executor<Tensor>(plan, engine, constants);
  const calls = new Map<string, NodeCallAudit[]>();
  const milliseconds = new Map<string, number>();
  try {
    const made = await executor.run(inputs, {
      signal,
      profile: true,
      onNode: ({ node, call, provenance, milliseconds: took = 0 }) => {
        const list = calls.get(node) ?? [];
        list.push({ call, provenance });
        calls.set(node, list);
        milliseconds.set(node, (milliseconds.get(node) ?? 0) + took);
      },
    });
    const values = new Map<string, HostValue>();
    try {
      for (const [name, tensor] of made) values.set(name, await toHost(tensor));
    } finally {
      for (const tensor of made.values()) tensor.dispose();
    }
    return { values, calls, milliseconds, planned: plan.values, nodes: nodesOf(graph, plan) };
  } finally {
    executor.dispose();
    constants.dispose();
  }
}

/** The reference's name of a value: conversions put the precision behind names that they had to change. */
export function referenceName(
  name: string,
  values: ReadonlyMap<string, unknown>,
): string | undefined {
  if (values.has(name)) return name;
  const base = name.replace(/_(float16|bfloat16|float32)(_\d+)?$/, '');
  return values.has(base) ? base : undefined;
}

/** Names of what nodes read and do not make themselves. */
export function readBy(members: readonly Node[]): string[] {
  const made = new Set(members.flatMap(({ outputs }) => outputs));
  const read = new Set(members.flatMap(({ inputs }) => inputs));
  return [...read].filter((name) => name !== '' && !made.has(name));
}

/** The outputs of a node that is given the reference's values in the types that it reads. */
export async function runAlone(
  { node, members }: LookedAt,
  { graph, engine, join }: Subject,
  planned: ReadonlyMap<string, Value>,
  reference: ReadonlyMap<string, HostValue>,
  opSet: OpSet,
  upload: (value: HostValue, dtype: DType) => Tensor,
): Promise<ReadonlyMap<string, HostValue> | undefined> {
  const inputs = new Map<string, Tensor>();
  const initializers = new Map<string, Constant>();
  try {
    for (const name of readBy(members)) {
      const constant = graph.initializers.get(name) ?? planned.get(name)?.constant;
      if (constant) {
        initializers.set(name, constant);
        continue;
      }
      const known = referenceName(name, reference);
      const desc = planned.get(name)?.desc;
      if (known === undefined || !desc) return undefined;
      inputs.set(name, upload(reference.get(known) as HostValue, desc.dtype));
    }
    const alone: Graph = {
      name: node.name,
      opsets: graph.opsets,
      inputs: [...inputs].map(([name, { dtype, shape }]) => ({ name, dtype, shape })),
      outputs: node.outputs.filter(Boolean).map((name) => ({ name, dtype: null, shape: null })),
      nodes: members,
      initializers,
    };
    return (await look({ graph: alone, engine, join }, opSet, inputs, undefined)).values;
  } finally {
    for (const tensor of inputs.values()) tensor.dispose();
  }
}
