/** The search for the nodes that must stay float32. */

import { ParamError } from '../errors';
import type { ModelInput } from '../graph/inputs';
import type { Graph } from '../graph/ir';
import type { Precision } from '../graph/passes/cast-constant';
import { release } from '../graph/values';
import type { OptionKinds } from '../options';
import { Tensor } from '../tensor';
import {
  type Conversion,
  type Converted,
  prepareConversion,
  type PrecisionOptions,
  type PrecisionSearch,
} from './convert';

/** Options of `Model.convert`. */
export interface ConvertOptions extends PrecisionOptions {
  /**
   * Storage of weights and intermediates. 'mixed': float16 where lists of operators allow it (automatic mixed precision).
   * 'auto': float16 everywhere but in the few nodes that measured errors say must stay float32; needs `data`.
   */
  readonly precision: Precision | 'mixed' | 'auto';
  /** Of 'auto': inputs to measure with, each as `run` takes them. */
  readonly data?: Iterable<Readonly<Record<string, ModelInput>>> | undefined;
  /**
   * Of 'auto': the largest error allowed. Default 0.01 of the default measure, which is the norm of the difference of
   * an output to that of this model, relative to the latter's norm.
   */
  readonly tolerance?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Of 'auto': called after each model that was tried. */
  readonly onProgress?: ((progress: SearchProgress) => void) | undefined;
}

/** The options of `Model.convert`. */
export const CONVERT_OPTIONS: OptionKinds<ConvertOptions> = {
  precision: 'any',
  low: 'any',
  profile: 'any',
  lists: 'any',
  keep: 'array',
  outOfRange: 'any',
  compute: 'any',
  keepIo: 'boolean',
  opset: 'any',
  data: 'iterable',
  tolerance: 'any',
  signal: 'signal',
  onProgress: 'function',
};

/** What of a model the search needs. */
export interface Runnable {
  readonly device: string;
  run(
    inputs: Readonly<Record<string, ModelInput>>,
    options: { readonly signal?: AbortSignal | undefined },
  ): Promise<Record<string, Tensor>>;
  dispose(): void;
}

type Outputs = Map<string, ArrayLike<number | bigint>>;

/** The values of all outputs for each of the inputs. */
async function outputsOf(
  model: Runnable,
  data: readonly Readonly<Record<string, ModelInput>>[],
  signal: AbortSignal | undefined,
): Promise<Outputs[]> {
  const all: Outputs[] = [];
  for (const inputs of data) {
    const outputs = await model.run(inputs, { signal });
    const values: Outputs = new Map();
    for (const [name, value] of Object.entries(outputs)) {
      // Of strings and sequences there is no distance.
      if (value instanceof Tensor) {
        values.set(name, (await value.data()) as ArrayLike<number | bigint>);
      }
      release(value);
    }
    all.push(values);
  }
  return all;
}

function hasFinite(values: ArrayLike<number | bigint>): boolean {
  for (let i = 0; i < values.length; i++) if (Number.isFinite(Number(values[i]))) return true;
  return false;
}

/** The graph with as few nodes in float32 as the tolerance allows. `make` builds a model of a converted graph. */
export async function convertAuto(
  graph: Graph,
  model: Runnable,
  options: ConvertOptions,
  make: (graph: Graph, conversion: Conversion) => Runnable,
): Promise<Converted> {
  const { signal, tolerance = 0.01 } = options;
  if (typeof tolerance !== 'number' || !(tolerance > 0)) {
    throw new ParamError(`convert: tolerance must be a number above 0, got ${String(tolerance)}`);
  }
  const data = [...(options.data ?? [])];
  if (data.length === 0) {
    throw new ParamError("convert: precision 'auto' needs data: inputs to measure the error with");
  }
  const convert = await prepareConversion(graph, 'auto', options, model.device);
  const reference = await outputsOf(model, data, signal);
  if (!reference.some((outputs) => [...outputs.values()].some(hasFinite))) {
    throw new ParamError(
      "convert: precision 'auto' has nothing to measure: the model's outputs for data hold no finite number",
    );
  }
  const { conversion } = convert(new Set());
  const low = conversion.nodes.filter(({ precision }) => precision !== 'float32');
  const { kept, found } = await searchPrecision({
    candidates: low.map(({ name }) => name),
    tolerance,
    onProgress: options.onProgress,
    measure: async (names) => {
      signal?.throwIfAborted();
      const converted = convert(names);
      const tried = make(converted.graph, converted.conversion);
      try {
        const outputs = await outputsOf(tried, data, signal);
        const errors = reference.map((expected, i) =>
          relativeError(expected, outputs[i] as Outputs),
        );
        return Math.max(...errors);
      } finally {
        tried.dispose();
      }
    },
  });
  const result = convert(kept);
  const nodes = result.conversion.nodes.map((node) =>
    kept.has(node.name) ? { ...node, why: 'the error is too large without it' } : node,
  );
  return { graph: result.graph, conversion: { ...result.conversion, nodes, search: found } };
}

export interface AutoSearch {
  /** Names of all nodes that can be in the low precision, in the order of the graph. */
  readonly candidates: readonly string[];
  readonly tolerance: number;
  /** The error of the model with these nodes in float32 and all others low. Infinity when it gives NaN or fails. */
  readonly measure: (kept: ReadonlySet<string>) => Promise<number>;
  readonly onProgress?: ((progress: SearchProgress) => void) | undefined;
}

/** How far the search has come. */
export interface SearchProgress {
  /** Models tried so far. */
  readonly tried: number;
  /** Nodes that stay float32 as far as is known, and those not yet decided. */
  readonly kept: number;
  readonly undecided: number;
  readonly error: number;
}

/** Above this many kept nodes they are not tried one by one again: that would take as many runs. */
const MAX_SECOND_LOOK = 64;

/**
 * A small set of nodes that keeps the error within the tolerance while all others are low. Bisection: from everything
 * in float32, the largest undecided run of nodes is made low; if that is too much it is halved, and a single node that
 * is too much stays. At the end each kept node is tried once more, since the others have changed meanwhile; so the set
 * is minimal in that no single node can be taken from it. About 2 k log2(n / k) models are tried for k kept of n.
 */
export async function searchPrecision(
  search: AutoSearch,
): Promise<{ kept: Set<string>; found: PrecisionSearch }> {
  const { candidates, tolerance, measure, onProgress } = search;
  let tried = 0;
  const test = async (kept: ReadonlySet<string>, undecided: number) => {
    const error = await measure(kept);
    tried += 1;
    onProgress?.({ tried, kept: kept.size - undecided, undecided, error });
    return error;
  };
  const errorAllLow = await test(new Set(), 0);
  let error = errorAllLow;
  let kept = new Set<string>();
  if (!(error <= tolerance)) {
    kept = new Set(candidates);
    error = 0;
    const segments: (readonly string[])[] = [candidates];
    while (segments.length > 0) {
      segments.sort((a, b) => a.length - b.length);
      const segment = segments.pop() as readonly string[];
      const without = new Set(kept);
      for (const name of segment) without.delete(name);
      const undecided = segments.reduce((n, s) => n + s.length, 0);
      // All of them at once is the model that was tried first.
      const now =
        segment.length === candidates.length ? errorAllLow : await test(without, undecided);
      if (now <= tolerance) {
        kept = without;
        error = now;
      } else if (segment.length > 1) {
        const half = Math.ceil(segment.length / 2);
        segments.push(segment.slice(0, half), segment.slice(half));
      }
    }
    for (const name of kept.size <= MAX_SECOND_LOOK ? [...kept] : []) {
      if (kept.size === 1) break;
      const without = new Set(kept);
      without.delete(name);
      const now = await test(without, 0);
      if (now > tolerance || Number.isNaN(now)) continue;
      kept = without;
      error = now;
    }
  }
  return { kept, found: { tolerance, error, errorAllLow, tried } };
}

/**
 * How far outputs are from those of the reference: the largest ratio, over the outputs, of the norm of the difference to
 * the norm of the reference (both over all values, in float64). Infinity where one is not finite and the other is.
 */
export function relativeError(
  reference: ReadonlyMap<string, ArrayLike<number | bigint>>,
  outputs: ReadonlyMap<string, ArrayLike<number | bigint>>,
): number {
  let worst = 0;
  for (const [name, expected] of reference) {
    const got = outputs.get(name) as ArrayLike<number | bigint>;
    let difference = 0;
    let norm = 0;
    for (let i = 0; i < expected.length; i++) {
      const a = Number(expected[i]);
      const b = Number(got[i]);
      if (Object.is(a, b) || a === b) {
        if (Number.isFinite(a)) norm += a * a;
        continue;
      }
      if (!Number.isFinite(a) || !Number.isFinite(b)) return Number.POSITIVE_INFINITY;
      difference += (a - b) * (a - b);
      norm += a * a;
    }
    if (difference === 0) continue;
    worst = Math.max(worst, norm === 0 ? Number.POSITIVE_INFINITY : Math.sqrt(difference / norm));
  }
  return worst;
}
