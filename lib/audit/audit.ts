/** What the precision of a model does to each of its nodes, beside a reference. */

import type { Provenance } from '../../binding';
import { DTYPES, type DType, type TypedArrayOf } from '../dtype';
import { Executor } from '../graph/executor';
import { ConstantTensors } from '../graph/fixed';
import { type Constant, type Graph, type Node, partsOf } from '../graph/ir';
import type { Desc, OpSet, Value } from '../graph/op-set';
import { makePlan } from '../graph/plan';
import { makesSequence } from '../graph/value-types';
import type { TensorEngine } from '../graph/tensor-engine';
import type { Tensor } from '../tensor';
import {
  type ErrorStatistics,
  ErrorSum,
  median,
  type RangeStatistics,
  RangeSum,
} from './statistics';
import { type TensorCoreFit, tensorCoreFit } from './tensor-cores';

/** One Halftone op that a node led to, as it was computed. */
export interface NodeCallAudit {
  readonly call: string;
  readonly provenance: Provenance;
}

/** What was found out about one node. Figures are over all inputs together. */
export interface NodeAudit {
  /** The node's name; of several that run as one: joined by ' + '. */
  readonly node: string;
  readonly op: string;
  readonly output: string;
  /** Of the output. */
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** How it was computed: one entry per op. The first that sums products is the one that counts. */
  readonly calls: readonly NodeCallAudit[];
  /** Of the output's values in the reference; null where the reference has no such value. */
  readonly range: RangeStatistics | null;
  /** Error of the output in the model, with all that came before. */
  readonly propagated: ErrorStatistics | null;
  /** Error of this node alone: given the reference's values, rounded to the types that it reads. */
  readonly local: ErrorStatistics | null;
  /** What is wrong with the node in its precision, in words; empty when nothing is. */
  readonly flags: readonly string[];
  /** null: the node sums no products. */
  readonly tensorCores: TensorCoreFit | null;
  /** Bytes that it reads and writes, weights included. */
  readonly bytes: number;
  /** Median over the inputs, waiting for each op. */
  readonly milliseconds: number;
}

/** What an audit found out about a model, in the order in which its nodes run. */
export interface AuditReport {
  readonly model: string;
  readonly device: string;
  readonly inputs: number;
  readonly nodes: readonly NodeAudit[];
  /** Error of the model's outputs. */
  readonly outputs: readonly { readonly name: string; readonly error: ErrorStatistics }[];
  readonly bytes: number;
  readonly milliseconds: number;
}

/** How far an audit has come. */
export interface AuditProgress {
  /** Inputs that are done, and all of them. */
  readonly done: number;
  readonly total: number;
}

export interface AuditOptions {
  /** Stops between nodes. */
  readonly signal?: AbortSignal | undefined;
  /** Called after each input. */
  readonly onProgress?: ((progress: AuditProgress) => void) | undefined;
}

/** A model that can be looked into. */
export interface Subject {
  readonly graph: Graph;
  readonly engine: TensorEngine;
}

interface HostValue {
  readonly desc: Desc;
  readonly data: TypedArrayOf;
}

const isFloat = (dtype: DType) => /^b?float/.test(dtype);

/** A graph in which every float value that a node makes is an output. */
function withAllOutputs(graph: Graph): Graph {
  const listed = new Set<string>();
  const outputs = [...graph.outputs];
  for (const { name } of outputs) listed.add(name);
  for (const node of graph.nodes) {
    if (makesSequence(node)) continue;
    for (const name of node.outputs) {
      if (name === '' || listed.has(name)) continue;
      listed.add(name);
      outputs.push({ name, dtype: null, shape: null });
    }
  }
  return { ...graph, outputs };
}

async function toHost(tensor: Tensor): Promise<HostValue> {
  const data = (await tensor.data()) as TypedArrayOf;
  return { desc: { dtype: tensor.dtype, shape: tensor.shape }, data };
}

interface Look {
  readonly values: ReadonlyMap<string, HostValue>;
  readonly calls: ReadonlyMap<string, NodeCallAudit[]>;
  readonly milliseconds: ReadonlyMap<string, number>;
  readonly planned: ReadonlyMap<string, Value>;
}

/** Runs a graph and reads all that it makes. */
async function look(
  { graph, engine }: Subject,
  opSet: OpSet,
  inputs: ReadonlyMap<string, Tensor>,
  signal: AbortSignal | undefined,
): Promise<Look> {
  const full = withAllOutputs(graph);
  const plan = makePlan(full, opSet, inputs, engine);
  const constants = new ConstantTensors<Tensor>(engine, new Set(full.initializers.values()));
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
    return { values, calls, milliseconds, planned: plan.values };
  } finally {
    executor.dispose();
    constants.dispose();
  }
}

/** The reference's name of a value: conversions put the precision behind names that they had to change. */
function referenceName(name: string, values: ReadonlyMap<string, unknown>): string | undefined {
  if (values.has(name)) return name;
  const base = name.replace(/_(float16|bfloat16|float32)(_\d+)?$/, '');
  return values.has(base) ? base : undefined;
}

/** The outputs of a node that is given the reference's values in the types that it reads. */
async function runAlone(
  node: Node,
  graph: Graph,
  planned: ReadonlyMap<string, Value>,
  reference: ReadonlyMap<string, HostValue>,
  opSet: OpSet,
  engine: TensorEngine,
  upload: (value: HostValue, dtype: DType) => Tensor,
): Promise<Map<string, HostValue> | undefined> {
  const inputs = new Map<string, Tensor>();
  const initializers = new Map<string, Constant>();
  try {
    for (const name of new Set(node.inputs)) {
      if (name === '') continue;
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
    const single: Graph = {
      name: node.name,
      opsets: graph.opsets,
      inputs: [...inputs].map(([name, { dtype, shape }]) => ({ name, dtype, shape })),
      outputs: node.outputs.filter(Boolean).map((name) => ({ name, dtype: null, shape: null })),
      nodes: [node],
      initializers,
    };
    const { values } = await look({ graph: single, engine }, opSet, inputs, undefined);
    return new Map(values);
  } finally {
    for (const tensor of inputs.values()) tensor.dispose();
  }
}

/** Below this a node alone loses more than a hundredth of the signal's power: no rounding of results does that. */
const LEAST_SQNR = 20;

function flagsOf(
  dtype: DType,
  range: RangeStatistics | null,
  local: ErrorStatistics | null,
): string[] {
  const flags: string[] = [];
  if (range && range.count > 0 && range.notFinite === range.count) {
    flags.push('no value of the reference is finite here: nothing was compared');
  }
  if (range && range.overflow > 0 && dtype === 'float16') {
    flags.push(
      `${range.overflow} of ${range.count} values are beyond 65504, the largest ${range.largest}`,
    );
  }
  if (local && local.lost > 0)
    flags.push(`${local.lost} values become infinite or NaN in this node`);
  if (local && local.sqnr < LEAST_SQNR && local.sqnr !== Number.NEGATIVE_INFINITY) {
    flags.push(`the node alone leaves ${local.sqnr.toFixed(1)} dB`);
  }
  return flags;
}

interface Sums {
  readonly node: Node;
  readonly output: string;
  readonly range: RangeSum;
  readonly propagated: ErrorSum;
  readonly local: ErrorSum;
  known: boolean;
  alone: boolean;
  readonly times: number[];
}

/**
 * Runs both models on the same inputs and compares every value that has a name in both. All intermediate values of one
 * input are in memory at once.
 */
export async function auditGraphs(
  subject: Subject,
  reference: Subject,
  opSet: OpSet,
  bind: (index: number) => {
    readonly subject: ReadonlyMap<string, Tensor>;
    readonly reference: ReadonlyMap<string, Tensor>;
    readonly release: () => void;
  },
  total: number,
  upload: (value: HostValue, dtype: DType) => Tensor,
  { signal, onProgress }: AuditOptions,
): Promise<AuditReport> {
  const { graph, engine } = subject;
  const sums = graph.nodes.map(
    (node): Sums => ({
      node,
      output: node.outputs.find(Boolean) ?? '',
      range: new RangeSum(),
      propagated: new ErrorSum(),
      local: new ErrorSum(),
      known: false,
      alone: false,
      times: [],
    }),
  );
  const outputs = new Map(graph.outputs.map(({ name }) => [name, new ErrorSum()]));
  let last: Look | undefined;
  for (let i = 0; i < total; i++) {
    signal?.throwIfAborted();
    const inputs = bind(i);
    try {
      const expected = new Map((await look(reference, opSet, inputs.reference, signal)).values);
      // Inputs are values too: a node alone reads them.
      for (const [name, tensor] of inputs.reference) expected.set(name, await toHost(tensor));
      const got = await look(subject, opSet, inputs.subject, signal);
      last = got;
      for (const sum of sums) {
        signal?.throwIfAborted();
        const key = partsOf(sum.node).join(' + ');
        sum.times.push(got.milliseconds.get(key) ?? 0);
        const name = referenceName(sum.output, expected);
        const value = got.values.get(sum.output);
        if (name === undefined || !value || !isFloat(value.desc.dtype)) continue;
        const { data } = expected.get(name) as HostValue;
        sum.known = true;
        sum.range.add(data);
        sum.propagated.add(data, value.data);
        const alone = await runAlone(sum.node, graph, got.planned, expected, opSet, engine, upload);
        const result = alone?.get(sum.output);
        if (!result) continue;
        sum.alone = true;
        sum.local.add(data, result.data);
      }
      for (const [name, sum] of outputs) {
        const value = got.values.get(name);
        const wanted = expected.get(name);
        if (value && wanted) sum.add(wanted.data, value.data);
      }
    } finally {
      inputs.release();
    }
    onProgress?.({ done: i + 1, total });
  }
  const planned = last?.planned ?? new Map<string, Value>();
  const bytesOf = (name: string) => {
    const desc = planned.get(name)?.desc;
    return desc ? desc.shape.reduce((n, d) => n * d, 1) * DTYPES[desc.dtype].size : 0;
  };
  const nodes = sums.map((sum): NodeAudit => {
    const { node, output } = sum;
    const range = sum.known ? sum.range.result : null;
    const local = sum.alone ? sum.local.result : null;
    const desc = planned.get(output)?.desc;
    const inputs = node.inputs.map((name) => planned.get(name));
    return {
      node: partsOf(node).join(' + '),
      op: node.op,
      output,
      dtype: desc?.dtype ?? 'float32',
      shape: desc?.shape ?? [],
      calls: last?.calls.get(partsOf(node).join(' + ')) ?? [],
      range,
      propagated: sum.known ? sum.propagated.result : null,
      local,
      flags: flagsOf(desc?.dtype ?? 'float32', range, local),
      tensorCores: tensorCoreFit(node, inputs, planned.get(output)) ?? null,
      bytes: [...new Set([...node.inputs, ...node.outputs])].reduce(
        (n, name) => n + bytesOf(name),
        0,
      ),
      milliseconds: median(sum.times),
    };
  });
  return {
    model: graph.name,
    device: engine.device,
    inputs: total,
    nodes,
    outputs: [...outputs].map(([name, sum]) => ({ name, error: sum.result })),
    bytes: nodes.reduce((n, { bytes }) => n + bytes, 0),
    milliseconds: nodes.reduce((n, { milliseconds }) => n + milliseconds, 0),
  };
}
