/** Graphs run so that all that they make can be looked at. */

import type { Provenance } from '../../binding';
import type { DType, TypedArrayOf } from '../dtype';
import { type ExecuteOptions, Executor, type NodeReport } from '../graph/executor';
import { ConstantTensors } from '../graph/fixed';
import { type Constant, type Graph, type Node, partsOf, type Strings } from '../graph/ir';
import type { Desc, OpSet, Value } from '../graph/op-set';
import { makePlan, type Plan } from '../graph/plan';
import type { TensorEngine } from '../graph/tensor-engine';
import { release, type RunValue } from '../graph/values';
import { Tensor } from '../tensor';

/** A graph that is ready to run. */
export interface Opened extends Disposable {
  run(
    inputs: ReadonlyMap<string, RunValue>,
    options: ExecuteOptions,
  ): Promise<ReadonlyMap<string, RunValue>>;
}

/** A model that can be looked into. */
export interface Subject {
  readonly graph: Graph;
  readonly engine: TensorEngine;
  /** What a run does to its plan: nodes whose calls it joins make one value between them. */
  readonly join: (plan: Plan) => Plan;
  /** Of a model that is more than one plan of tensors: how a graph of its nodes is run. Its nodes are looked at one by one. */
  readonly open?: ((graph: Graph) => Opened) | undefined;
}

/** One Halftone op that a node led to, as it was computed. */
export interface NodeCallAudit {
  readonly call: string;
  readonly provenance: Provenance;
}

/** A tensor that was read: 16-bit floats are widened here, other than in a Constant. */
export interface ReadValue {
  readonly desc: Desc;
  readonly data: TypedArrayOf;
}

/** The values of a tensor. */
export async function readValue(tensor: Tensor): Promise<ReadValue> {
  const data = (await tensor.data()) as TypedArrayOf;
  return { desc: { dtype: tensor.dtype, shape: tensor.shape }, data };
}

/** What a run has made, by the names of values and of nodes. */
export interface Look {
  readonly values: ReadonlyMap<string, ReadValue>;
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

/** The calls that a run reports, and how long they took, by node. What graphs within nodes do counts as done by these nodes. */
function recorder() {
  const calls = new Map<string, NodeCallAudit[]>();
  const milliseconds = new Map<string, number>();
  const onNode = ({
    node,
    within = node,
    call,
    provenance,
    milliseconds: took = 0,
  }: NodeReport) => {
    const list = calls.get(within) ?? [];
    list.push({ call, provenance });
    calls.set(within, list);
    milliseconds.set(within, (milliseconds.get(within) ?? 0) + took);
  };
  return { calls, milliseconds, onNode };
}

/** The same for a graph that is more than one plan. */
async function lookOpened(
  graph: Graph,
  open: (graph: Graph) => Opened,
  inputs: ReadonlyMap<string, RunValue>,
  signal: AbortSignal | undefined,
): Promise<Look> {
  const names = new Set(graph.nodes.flatMap((node) => node.outputs).filter(Boolean));
  for (const { name } of graph.outputs) names.delete(name);
  const others = [...names].map((name) => ({ name, dtype: null, shape: null }));
  using program = open({ ...graph, outputs: [...graph.outputs, ...others] });
  const { calls, milliseconds, onNode } = recorder();
  const made = await program.run(inputs, { signal, profile: true, onNode });
  const values = new Map<string, ReadValue>();
  try {
    for (const [name, value] of [...inputs, ...made]) {
      if (value instanceof Tensor) values.set(name, await readValue(value));
    }
  } finally {
    release([...made.values()]);
  }
  const planned = new Map<string, Value>([...values].map(([name, { desc }]) => [name, { desc }]));
  for (const [name, constant] of graph.initializers)
    planned.set(name, { desc: constant, constant });
  const nodes = graph.nodes.map((node) => ({ node, members: [node] }));
  return { values, calls, milliseconds, planned, nodes };
}

/** Runs a graph and reads all that it makes. */
export async function look(
  { graph, engine, join, open }: Subject,
  opSet: OpSet,
  values: ReadonlyMap<string, RunValue>,
  signal: AbortSignal | undefined,
): Promise<Look> {
  if (open) return lookOpened(graph, open, values, signal);
  const inputs = values as ReadonlyMap<string, Tensor>;
  const plan = withAllOutputs(graph, join(makePlan(graph, opSet, inputs, engine)));
  const constants = new ConstantTensors<Tensor>(engine, new Set(graph.initializers.values()));
  const executor = new Executor<Tensor>(plan, engine, constants);
  const { calls, milliseconds, onNode } = recorder();
  try {
    const made = await executor.run(inputs, { signal, profile: true, onNode });
    const found = new Map<string, ReadValue>();
    try {
      for (const [name, tensor] of made) found.set(name, await readValue(tensor));
    } finally {
      for (const tensor of made.values()) tensor.dispose();
    }
    return {
      values: found,
      calls,
      milliseconds,
      planned: plan.values,
      nodes: nodesOf(graph, plan),
    };
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
  subject: Subject,
  planned: ReadonlyMap<string, Value>,
  reference: ReadonlyMap<string, ReadValue>,
  opSet: OpSet,
  upload: (value: ReadValue, dtype: DType) => Tensor,
): Promise<ReadonlyMap<string, ReadValue> | undefined> {
  const { graph } = subject;
  const inputs = new Map<string, Tensor>();
  const initializers = new Map<string, Constant>();
  const texts = new Map<string, Strings>();
  try {
    for (const name of readBy(members)) {
      const constant = graph.initializers.get(name) ?? planned.get(name)?.constant;
      if (constant) {
        initializers.set(name, constant);
        continue;
      }
      const strings = graph.texts?.get(name);
      if (strings) {
        texts.set(name, strings);
        continue;
      }
      const known = referenceName(name, reference);
      const desc = planned.get(name)?.desc;
      if (known === undefined || !desc) return undefined;
      inputs.set(name, upload(reference.get(known) as ReadValue, desc.dtype));
    }
    const alone: Graph = {
      name: node.name,
      opsets: graph.opsets,
      inputs: [...inputs].map(([name, { dtype, shape }]) => ({ name, dtype, shape })),
      outputs: node.outputs.filter(Boolean).map((name) => ({ name, dtype: null, shape: null })),
      nodes: members,
      initializers,
      ...(texts.size > 0 && { texts }),
    };
    return (await look({ ...subject, graph: alone }, opSet, inputs, undefined)).values;
  } finally {
    for (const tensor of inputs.values()) tensor.dispose();
  }
}
