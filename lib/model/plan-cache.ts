/** The plans of a model for the shapes that its runs have had. */

import { Executor } from '../graph/executor';
import type { ConstantTensors } from '../graph/fixed';
import type { Constant, Graph } from '../graph/ir';
import { partsOf } from '../graph/ir';
import { dropUnused } from '../graph/passes/fold';
import { type LateInputs, makePlan } from '../graph/plan';
import type { PlannedMemory } from '../graph/plans/memory';
import { type RefinedPlan, refinePlan } from '../graph/plans/refine';
import { checkSupported } from '../graph/supported';
import type { TensorEngine } from '../graph/tensor-engine';
import { ONNX_OPS } from '../onnx/op-table';
import type { Tensor } from '../tensor';
import { type PlanInputs, planKey, readLate, readLateSync } from './plans';
import { type GraphState, PlanRunner } from './runner';
import type { RunPolicy } from './source';

/** Plans for this many different input shapes are kept. */
const MAX_PLANS = 8;

/** How a model runs for inputs of some shapes. */
export interface PlanReport {
  /** The shapes of the inputs, by name. */
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  /** Calls of Halftone's ops in each run. */
  readonly calls: number;
  /** Nodes that run as one, their names joined by ' + '. */
  readonly fused: readonly string[];
  /** The order of images: channels first or last, and why. */
  readonly layout: 'nchw' | 'nhwc';
  readonly layoutReason: string;
  /** What values take when the nodes are run one by one. */
  readonly memory: PlannedMemory;
  /** Where captured runs stand. */
  readonly graph: GraphState;
}

interface CachedPlan {
  readonly runner: PlanRunner;
  readonly refined: RefinedPlan;
}

/** Values that are read before the rest can be planned: inputs, or values that nodes make (`isData`). */
interface Group {
  readonly names: ReadonlySet<string>;
  readonly isData: boolean;
}

type Found = CachedPlan | { readonly missing: Group };

export class PlanCache {
  /** By input shapes; the least recently used one first. */
  readonly #plans = new Map<string, CachedPlan>();
  /**
   * Values that say how to compute: a plan is made for each. Found when the first plan is made; a later group may follow
   * from the values of earlier ones.
   */
  readonly #late: Group[] = [];

  constructor(
    readonly graph: Graph,
    readonly engine: TensorEngine,
    readonly policy: RunPolicy,
    readonly constants: ConstantTensors<Tensor>,
  ) {}

  /** The plan for inputs of these shapes, and of these values where shapes follow from them. */
  async get(inputs: PlanInputs, signal?: AbortSignal): Promise<PlanRunner> {
    const { tensors } = inputs;
    const values = new Map<string, Constant>();
    for (let next = 0; ; next++) {
      const runner = this.#settle(next, inputs, values);
      if (runner) return runner;
      const group = this.#late[next] as Group;
      const stage = this.#stage(group, inputs, values);
      const made =
        stage && (await this.#running(stage, (runner) => runner.run(tensors, { signal })));
      try {
        for (const name of group.names) {
          const tensor = (tensors.get(name) ?? made?.get(name)) as Tensor;
          values.set(name, await readLate(name, tensor, group.isData));
        }
      } finally {
        for (const tensor of made?.values() ?? []) tensor.dispose();
      }
    }
  }

  getSync(inputs: PlanInputs): PlanRunner {
    const { tensors } = inputs;
    const values = new Map<string, Constant>();
    for (let next = 0; ; next++) {
      const runner = this.#settle(next, inputs, values);
      if (runner) return runner;
      const group = this.#late[next] as Group;
      const made = this.#stage(group, inputs, values)?.runSync(tensors, {});
      try {
        for (const name of group.names) {
          const tensor = (tensors.get(name) ?? made?.get(name)) as Tensor;
          values.set(name, readLateSync(name, tensor, group.isData));
        }
      } finally {
        for (const tensor of made?.values() ?? []) tensor.dispose();
      }
    }
  }

  /** The plan, when the values of `next` groups are enough for it; else there is one more group. */
  #settle(
    next: number,
    inputs: PlanInputs,
    values: ReadonlyMap<string, Constant>,
  ): PlanRunner | undefined {
    if (next < this.#late.length) return undefined;
    const found = this.#find(inputs, values);
    if ('runner' in found) return found.runner;
    this.#late.push(found.missing);
    return undefined;
  }

  async #running<R>(runner: PlanRunner, run: (runner: PlanRunner) => Promise<R>): Promise<R> {
    runner.running += 1;
    try {
      return await run(runner);
    } finally {
      runner.running -= 1;
    }
  }

  /** What makes those of a group that are no inputs; undefined when all are. */
  #stage(
    { names }: Group,
    { descs, tensors }: PlanInputs,
    values: ReadonlyMap<string, Constant>,
  ): PlanRunner | undefined {
    const made = [...names].filter((name) => !tensors.has(name));
    if (made.length === 0) return undefined;
    const key = `${made.join()} ${planKey(this.graph.inputs, descs, values)}`;
    let cached = this.#plans.get(key);
    if (!cached) {
      const outputs = made.map((name) => ({ name, dtype: null, shape: null }));
      const graph = dropUnused({ ...this.graph, outputs });
      cached = this.#make(graph, descs, { values, missing: new Set() });
    }
    this.#keep(key, cached);
    return cached.runner;
  }

  #keep(key: string, cached: CachedPlan): void {
    this.#plans.delete(key);
    this.#plans.set(key, cached);
  }

  /** The plan, or the names of values that it needs as well. */
  #find({ descs }: PlanInputs, values: ReadonlyMap<string, Constant>): Found {
    const key = planKey(this.graph.inputs, descs, values);
    const [missing, data] = [new Set<string>(), new Set<string>()];
    try {
      const cached =
        this.#plans.get(key) ?? this.#make(this.graph, descs, { values, missing, data });
      this.#keep(key, cached);
      return cached;
    } catch (error) {
      if (missing.size > 0) return { missing: { names: missing, isData: false } };
      if (data.size > 0) return { missing: { names: data, isData: true } };
      throw error;
    }
  }

  #make(graph: Graph, descs: PlanInputs['descs'], late: LateInputs): CachedPlan {
    const { engine, policy } = this;
    const plan = makePlan(graph, ONNX_OPS, descs, engine, late);
    const refined: RefinedPlan = policy.optimize
      ? refinePlan(plan, engine, {
          additions: policy.fuseAdditions,
          layout: policy.layout,
          device: engine.device,
        })
      : { plan, layout: 'nchw', why: 'the model was loaded with optimize: false' };
    checkSupported(refined.plan, graph, engine);
    const executor = new Executor<Tensor>(refined.plan, engine, this.constants);
    return { runner: new PlanRunner(executor, engine.device, policy.graphs), refined };
  }

  /** The one that was used last comes first. */
  get reports(): readonly PlanReport[] {
    return [...this.#plans.values()]
      .reverse()
      .map(({ runner, refined: { plan, layout, why } }) => ({
        inputs: Object.fromEntries([...plan.inputs].map(([name, { desc }]) => [name, desc.shape])),
        calls: plan.steps.filter(({ once }) => !once).length,
        fused: [...new Set(plan.steps.map(({ node }) => node))]
          .filter((node) => partsOf(node).length > 1)
          .map((node) => partsOf(node).join(' + ')),
        layout,
        layoutReason: why,
        memory: runner.memory,
        graph: runner.graph,
      }));
  }

  /** Lets go of the plans that have not been used for longest, where there are too many. */
  trim(): void {
    for (const [key, { runner }] of this.#plans) {
      if (this.#plans.size <= MAX_PLANS) break;
      if (runner.running > 0) continue;
      runner.dispose();
      this.#plans.delete(key);
    }
  }

  dispose(): void {
    for (const { runner } of this.#plans.values()) runner.dispose();
    this.#plans.clear();
  }
}
