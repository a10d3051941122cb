/** How a model's graph is run: its stages one after the other, and graphs within nodes as programs of their own. */

import type { ExecuteOptions } from '../graph/executor';
import { ConstantTensors } from '../graph/fixed';
import { type Wait, type Work, wait, workLater, workNow } from '../graph/flow';
import type { HostValue } from '../graph/host';
import {
  type Constant,
  type ElementType,
  type Graph,
  graphsOf,
  namedWithin,
  type Node,
  ownInputs,
  type ValueInfo,
} from '../graph/ir';
import { modelError } from '../graph/model-error';
import { type Desc, nodeFailed } from '../graph/op-set';
import { liftConstants, optimize } from '../graph/passes/fold';
import { elementName, type PlanInput } from '../graph/plan';
import {
  madeBy,
  type MoveStage,
  type NodeStage,
  type PlanStage,
  readBy,
  type Stage,
  splitStages,
} from '../graph/stages';
import type { TensorEngine } from '../graph/tensor-engine';
import { valueTypes } from '../graph/value-types';
import { describe, isStrings, release, type RunValue, share } from '../graph/values';
import { elementTypeOf } from '../onnx/decode-tensor';
import { ONNX_OPS } from '../onnx/op-table';
import { Tensor } from '../tensor';
import { RunningFlow, RunningHost } from './calls';
import { PlanCache, type PlanReport } from './plan-cache';
import { type PlanInputs, readLate, readLateSync } from './plans';
import type { RunPolicy } from './source';

export type RunValues = ReadonlyMap<string, RunValue>;

/** What all programs of a model share. */
class Shared {
  /** Constants of the model and of what passes have made of them. */
  readonly #members = new Set<Constant>();
  readonly constants: ConstantTensors<Tensor>;

  constructor(
    readonly engine: TensorEngine,
    readonly policy: RunPolicy,
  ) {
    this.constants = new ConstantTensors<Tensor>(engine, this.#members);
  }

  add({ initializers }: Graph): void {
    for (const constant of initializers.values()) this.#members.add(constant);
  }
}

/** The stages that some outputs need. */
interface Needed {
  readonly stage: Stage;
  /** Of a plan: the outputs that are wanted; undefined: all. */
  readonly outputs: readonly string[] | undefined;
  /** Names of values that nobody reads after it. */
  readonly last: readonly string[];
}

export class Program {
  readonly graph: Graph;
  readonly #shared: Shared;
  readonly #stages: readonly Stage[];
  readonly #plans = new Map<Stage, PlanCache>();
  /** Of the graphs within nodes. */
  readonly #inner = new Map<Graph, Program>();
  readonly #needed = new Map<string, readonly Needed[]>();

  /** @throws ModelError naming a node that reads or makes strings and is not known to. */
  constructor(graph: Graph, engine: TensorEngine, policy: RunPolicy);
  constructor(graph: Graph, engine: TensorEngine, policy: RunPolicy, shared: Shared);
  constructor(graph: Graph, engine: TensorEngine, policy: RunPolicy, shared?: Shared) {
    this.#shared = shared ?? new Shared(engine, policy);
    const stages = splitStages(graph, ONNX_OPS, elementTypeOf);
    const isPlan = stages.length === 1 && stages[0]?.kind === 'plan' && stages[0].graph === graph;
    // Constants that are nodes would lie in one stage, and be read in others.
    this.graph = isPlan ? graph : liftConstants(graph);
    this.#stages = isPlan ? stages : splitStages(this.graph, ONNX_OPS, elementTypeOf);
    this.#shared.add(this.graph);
    const types = isPlan ? undefined : valueTypes(this.graph, elementTypeOf);
    for (const stage of this.#stages) {
      if (stage.kind !== 'node') {
        const { constants } = this.#shared;
        this.#plans.set(stage, new PlanCache(stage.graph, engine, policy, constants));
      } else {
        this.#addInner(stage.node, types ?? new Map());
      }
    }
  }

  /** Programs of a node's graphs, in which captured constants are constants. */
  #addInner(node: Node, types: ReadonlyMap<string, ElementType>): void {
    const { engine, policy } = this.#shared;
    const outer = node.inputs.slice(ownInputs(node).length);
    for (const graph of graphsOf(node).values()) {
      const initializers = new Map(graph.initializers);
      const texts = new Map(graph.texts);
      for (const [i, inside] of (node.captures ?? []).entries()) {
        const constant = this.graph.initializers.get(outer[i] as string);
        const strings = this.graph.texts?.get(outer[i] as string);
        if (constant) initializers.set(inside, constant);
        if (strings) texts.set(inside, strings);
      }
      const inputs = graph.inputs
        .filter((info) => !initializers.has(info.name) && !texts.has(info.name))
        .map((info): ValueInfo => {
          const captured = outer[node.captures?.indexOf(info.name) ?? -1] ?? '';
          return { ...info, dtype: info.dtype ?? types.get(captured) ?? null };
        });
      const closed = namedWithin({ ...graph, inputs, initializers, texts }, node);
      const made = policy.optimize ? optimize(closed) : closed;
      this.#inner.set(graph, new Program(made, engine, policy, this.#shared));
    }
  }

  /** Makes outputs: all of the graph, or those of `options`. The caller owns them. */
  run(inputs: RunValues, options: ExecuteOptions): Promise<Map<string, RunValue>> {
    return workLater(this.work(inputs, options));
  }

  /** The same on this thread, which waits. */
  runSync(inputs: RunValues, options: ExecuteOptions): Map<string, RunValue> {
    return workNow(this.work(inputs, options));
  }

  /** The same as part of other work. */
  *work(inputs: RunValues, options: ExecuteOptions): Work<Map<string, RunValue>> {
    const wanted = options.outputs ?? this.graph.outputs.map(({ name }) => name);
    const made = new Map<string, RunValue>();
    const results = new Map<string, RunValue>();
    const find = (name: string): RunValue | undefined =>
      made.has(name) ? made.get(name) : this.#given(name, inputs);
    try {
      for (const { stage, outputs, last } of this.#need(options.outputs)) {
        options.signal?.throwIfAborted();
        const values = yield* this.#runStage(stage, find, { ...options, outputs });
        for (const [name, value] of values) made.set(name, value);
        for (const name of last) {
          release(made.get(name) ?? null);
          made.delete(name);
        }
      }
      for (const name of wanted) {
        const own = made.get(name);
        if (own === undefined && results.has(name)) continue;
        // What the caller gets is always its own: not an input or a constant.
        results.set(name, own === undefined ? share(this.#find(name, inputs)) : own);
        made.delete(name);
      }
      return results;
    } catch (thrown) {
      for (const value of results.values()) release(value);
      throw thrown;
    } finally {
      for (const value of made.values()) release(value);
    }
  }

  /** A value that no stage makes. */
  #given(name: string, inputs: RunValues): RunValue | undefined {
    const constant = this.graph.initializers.get(name);
    if (constant) return this.#shared.constants.get(constant);
    return this.graph.texts?.get(name) ?? inputs.get(name);
  }

  #find(name: string, inputs: RunValues): RunValue {
    const value = this.#given(name, inputs);
    if (value === undefined) throw new TypeError(`output "${name}" was not made`);
    return value;
  }

  /** The stages for these outputs, the last reader of each value among them. */
  #need(outputs: readonly string[] | undefined): readonly Needed[] {
    const key = JSON.stringify(outputs);
    const known = this.#needed.get(key);
    if (known) return known;
    const all = outputs === undefined;
    const read = new Set(outputs ?? this.graph.outputs.map(({ name }) => name));
    const needed: Needed[] = [];
    for (const stage of this.#stages.toReversed()) {
      const made = madeBy(stage);
      const wanted = made.filter((name) => read.has(name));
      if (!all && wanted.length === 0) continue;
      const last = new Set([...readBy(stage), ...made].filter((name) => !read.has(name)));
      for (const name of readBy(stage)) read.add(name);
      const whole = wanted.length === made.length;
      needed.push({ stage, outputs: whole ? undefined : wanted, last: [...last] });
    }
    this.#needed.set(key, needed.reverse());
    return needed;
  }

  #runStage(
    stage: Stage,
    find: (name: string) => RunValue | undefined,
    options: ExecuteOptions,
  ): Work<RunValues> {
    if (stage.kind === 'plan') return this.#runPlan(stage, find, options);
    return stage.kind === 'move'
      ? this.#runMove(stage, find, options)
      : this.#runNode(stage, find, options);
  }

  /** Moves the indices of strings, and then strings to where their indices are. */
  *#runMove(
    stage: MoveStage,
    find: (name: string) => RunValue | undefined,
    options: ExecuteOptions,
  ): Work<RunValues> {
    const strings: string[] = [];
    const indices = new Map<string, RunValue>();
    for (const { name } of stage.graph.inputs) {
      const value = find(name);
      if (!isStrings(value)) continue;
      const first = strings.length;
      strings.push(...value.strings);
      const data = BigInt64Array.from(value.strings, (_, i) => BigInt(first + i));
      indices.set(name, this.#shared.engine.create({ dtype: 'int64', shape: value.shape, data }));
    }
    const made = new Map<string, RunValue>();
    try {
      const moved = yield* this.#runPlan(stage, (name) => indices.get(name) ?? find(name), options);
      for (const [name, value] of moved) made.set(name, value);
      for (const name of stage.texts) {
        const places = made.get(name);
        if (places === undefined) continue;
        const { data, shape } = (yield* readHost(name, places)) as Constant;
        release(places);
        made.set(name, {
          shape,
          strings: Array.from<number | bigint, string>(data, (i) => strings[Number(i)] as string),
        });
      }
      return made;
    } catch (thrown) {
      for (const value of made.values()) release(value);
      throw thrown;
    } finally {
      for (const value of indices.values()) release(value);
    }
  }

  *#runPlan(
    stage: PlanStage | MoveStage,
    find: (name: string) => RunValue | undefined,
    options: ExecuteOptions,
  ): Work<RunValues> {
    const cache = this.#plans.get(stage) as PlanCache;
    const bound = bindPlan(stage.graph, find);
    const wanted = options.outputs ?? madeBy(stage);
    const runner = yield* wait({
      later: () => cache.get(bound, options.signal),
      now: () => cache.getSync(bound),
    });
    const { sequences } = runner.executor.plan;
    const outputs = options.outputs?.flatMap((name) => sequences.get(name) ?? [name]);
    runner.running += 1;
    try {
      const made = yield* wait({
        later: () => runner.run(bound.tensors, { ...options, outputs }),
        now: () => runner.runSync(bound.tensors, { ...options, outputs }),
      });
      return new Map(
        wanted.map((name): [string, RunValue] => {
          const elements = sequences.get(name);
          const value = elements
            ? elements.map((element) => made.get(element) as Tensor)
            : (made.get(name) as Tensor);
          return [name, value];
        }),
      );
    } finally {
      runner.running -= 1;
    }
  }

  *#runNode(
    { node, definition }: NodeStage,
    find: (name: string) => RunValue | undefined,
    options: ExecuteOptions,
  ): Work<RunValues> {
    const opset = this.graph.opsets.get(node.domain) ?? 0;
    const { engine } = this.#shared;
    const inputs = node.inputs.map((name) => (name === '' ? undefined : find(name)));
    const own = ownInputs(node).length;
    try {
      let results: readonly RunValue[];
      if (definition.flow) {
        const run = (name: string, given: readonly RunValue[]) =>
          this.#runInner(node, name, [...given, ...inputs.slice(own)], options);
        const call = new RunningFlow(
          node,
          opset,
          inputs.slice(0, own),
          engine,
          run,
          options.signal,
        );
        results = yield* definition.flow(call);
      } else {
        results = yield* this.#runHost(node, opset, definition.host, inputs);
      }
      const made = new Map<string, RunValue>();
      for (const [i, name] of node.outputs.entries()) {
        const value = results[i];
        if (name === '') release(value ?? null);
        else if (value !== undefined) made.set(name, value);
      }
      return made;
    } catch (cause) {
      if (options.signal?.aborted) throw cause;
      throw nodeFailed(node, opset, cause);
    }
  }

  *#runHost(
    node: Node,
    opset: number,
    host: NodeStage['definition']['host'],
    inputs: readonly (RunValue | undefined)[],
  ): Work<readonly RunValue[]> {
    const values: (HostValue | undefined)[] = [];
    for (const [i, value] of inputs.entries()) {
      values.push(
        value === undefined ? undefined : yield* readHost(node.inputs[i] as string, value),
      );
    }
    const made = host?.(new RunningHost(node, opset, values));
    return ([made].flat() as readonly HostValue[]).map((value) =>
      isStrings(value) ? value : this.#shared.engine.create(value),
    );
  }

  /** Runs a graph of a node. `given`: all of its inputs, those that it captures last. */
  *#runInner(
    node: Node,
    name: string,
    given: readonly (RunValue | undefined)[],
    options: ExecuteOptions,
  ): Work<readonly RunValue[]> {
    const graph = graphsOf(node).get(name) as Graph;
    const program = this.#inner.get(graph) as Program;
    const inputs = new Map<string, RunValue>();
    for (const [i, info] of graph.inputs.entries()) {
      const value = given[i];
      if (value !== undefined) inputs.set(info.name, value);
    }
    const { onNode } = options;
    const made = yield* program.work(inputs, {
      signal: options.signal,
      profile: options.profile,
      onNode: onNode && ((report) => onNode({ ...report, within: node.name })),
    });
    return graph.outputs.map((output) => made.get(output.name) as RunValue);
  }

  /** Of all plans, those of this graph first. */
  get reports(): readonly PlanReport[] {
    const own = [...this.#plans.values()].flatMap(({ reports }) => reports);
    return [...own, ...[...this.#inner.values()].flatMap(({ reports }) => reports)];
  }

  trim(): void {
    for (const cache of this.#plans.values()) cache.trim();
    for (const program of this.#inner.values()) program.trim();
  }

  dispose(): void {
    for (const cache of this.#plans.values()) cache.dispose();
    for (const program of this.#inner.values()) program.dispose();
    this.#shared.constants.dispose();
  }
}

/** The inputs of a plan. @throws ModelError for a value that no plan reads. */
function bindPlan(graph: Graph, find: (name: string) => RunValue | undefined): PlanInputs {
  const descs = new Map<string, PlanInput>();
  const tensors = new Map<string, Tensor>();
  for (const { name } of graph.inputs) {
    const value = find(name);
    const elements = Array.isArray(value) ? (value as readonly RunValue[]) : undefined;
    const leaf = (key: string, part: RunValue | undefined): Desc => {
      if (!(part instanceof Tensor)) {
        throw modelError(`"${name}" must be tensors, it holds ${describe(part)}`);
      }
      tensors.set(key, part);
      return { dtype: part.dtype, shape: part.shape };
    };
    descs.set(
      name,
      elements ? elements.map((part, i) => leaf(elementName(name, i), part)) : leaf(name, value),
    );
  }
  return { descs, tensors };
}

/** A value as the host knows it. */
function* readHost(name: string, value: RunValue): Work<HostValue> {
  if (isStrings(value)) return value;
  if (!(value instanceof Tensor)) {
    throw modelError(`"${name}" must be a tensor or strings, it is ${describe(value)}`);
  }
  const reading: Wait<HostValue> = {
    later: () => readLate(name, value, true),
    now: () => readLateSync(name, value, true),
  };
  return yield* wait(reading);
}
