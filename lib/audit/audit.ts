/** What the precision of a model does to each of its nodes, beside a reference. */

import { DTYPES, type DType } from '../dtype';
import type { OpSet, Value } from '../graph/op-set';
import type { RunValue } from '../graph/values';
import { Tensor } from '../tensor';
import {
  type ReadValue,
  type Look,
  type LookedAt,
  look,
  type NodeCallAudit,
  nameOf,
  readBy,
  referenceName,
  runAlone,
  type Subject,
  readValue,
} from './look';
import {
  type ErrorStatistics,
  ErrorSum,
  median,
  type RangeStatistics,
  RangeSum,
} from './statistics';
import { type TensorCoreFit, tensorCoreFit } from './tensor-cores';

/** What was found out about one node. Figures are over all inputs together. */
export interface NodeAudit {
  /** The node's name; of several that a run joins: all of them, with ' + ' between. */
  readonly node: string;
  /** Of the first of several. */
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

const isFloat = (dtype: DType) => /^b?float/.test(dtype);

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
  readonly at: LookedAt;
  readonly output: string;
  readonly range: RangeSum;
  readonly propagated: ErrorSum;
  readonly local: ErrorSum;
  known: boolean;
  alone: boolean;
  readonly times: number[];
}

const sumsOf = (at: LookedAt): Sums => ({
  at,
  output: at.node.outputs.find(Boolean) ?? '',
  range: new RangeSum(),
  propagated: new ErrorSum(),
  local: new ErrorSum(),
  known: false,
  alone: false,
  times: [],
});

/**
 * Runs both models on the same inputs and compares every value that has a name in both. Nodes that a run joins are looked at
 * together: between them there is no rounding, and no value. All values of one input are in memory at once.
 */
export async function auditGraphs(
  subject: Subject,
  reference: Subject,
  opSet: OpSet,
  bind: (index: number) => {
    readonly subject: ReadonlyMap<string, RunValue>;
    readonly reference: ReadonlyMap<string, RunValue>;
    readonly release: () => void;
  },
  total: number,
  upload: (value: ReadValue, dtype: DType) => Tensor,
  { signal, onProgress }: AuditOptions,
): Promise<AuditReport> {
  const { graph, engine } = subject;
  const all = new Map<string, Sums>();
  const outputs = new Map(graph.outputs.map(({ name }) => [name, new ErrorSum()]));
  let last: Look | undefined;
  for (let i = 0; i < total; i++) {
    signal?.throwIfAborted();
    const inputs = bind(i);
    try {
      const expected = new Map((await look(reference, opSet, inputs.reference, signal)).values);
      // Inputs are values too: a node alone reads them.
      for (const [name, value] of inputs.reference) {
        if (value instanceof Tensor) expected.set(name, await readValue(value));
      }
      const got = await look(subject, opSet, inputs.subject, signal);
      last = got;
      for (const at of got.nodes) {
        signal?.throwIfAborted();
        const key = nameOf(at.node);
        const sum = all.get(key) ?? sumsOf(at);
        all.set(key, sum);
        sum.times.push(got.milliseconds.get(key) ?? 0);
        const name = referenceName(sum.output, expected);
        const value = got.values.get(sum.output);
        if (name === undefined || !value || !isFloat(value.desc.dtype)) continue;
        const { data } = expected.get(name) as ReadValue;
        sum.known = true;
        sum.range.add(data);
        sum.propagated.add(data, value.data);
        const alone = await runAlone(at, subject, got.planned, expected, opSet, upload);
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
  const nodes = [...all.values()].map((sum) => nodeAudit(sum, last));
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

/** What was found out about one node, with the shapes of the last input. */
function nodeAudit(sum: Sums, last: Look | undefined): NodeAudit {
  const { at, output } = sum;
  const { node, members } = at;
  const planned = last?.planned ?? new Map<string, Value>();
  const bytesOf = (name: string) => {
    const desc = planned.get(name)?.desc;
    return desc ? desc.shape.reduce((n, d) => n * d, 1) * DTYPES[desc.dtype].size : 0;
  };
  const range = sum.known ? sum.range.result : null;
  const local = sum.alone ? sum.local.result : null;
  const desc = planned.get(output)?.desc;
  const inputs = node.inputs.map((name) => planned.get(name)?.desc);
  return {
    node: nameOf(node),
    op: node.op,
    output,
    dtype: desc?.dtype ?? 'float32',
    shape: desc?.shape ?? [],
    calls: last?.calls.get(nameOf(node)) ?? [],
    range,
    propagated: sum.known ? sum.propagated.result : null,
    local,
    flags: flagsOf(desc?.dtype ?? 'float32', range, local),
    tensorCores: tensorCoreFit(node, inputs, desc) ?? null,
    bytes: [...readBy(members), ...node.outputs].reduce((n, name) => n + bytesOf(name), 0),
    milliseconds: median(sum.times),
  };
}
