import type { Provenance } from '../../binding';
import type { Engine } from './engine';
import { type ConstantTensors, FixedResults } from './fixed';
import { partsOf } from './ir';
import { messageOf, modelError } from './model-error';
import { VIEW, type Value } from './op-set';
import type { Plan, Step } from './plan';
import { makeSchedule, type Schedule } from './schedule';

/** How many calls may wait in the device's queue: enough to keep it busy, few enough to stop soon after an abort. */
const MAX_AHEAD = 16;

/** Where nobody asks for reports, one call of this many is waited for: a promise for each costs as much as a small call. */
const UNWATCHED = MAX_AHEAD / 2;

/** One call that a node led to, after it ran. */
export interface NodeReport {
  /** The node's name and operator in the model; a node that stands for several has their names joined by ' + '. */
  readonly node: string;
  readonly op: string;
  /** The node of the model in one of whose graphs this node is ("loop" of "loop/add"); absent: it is in none. */
  readonly within?: string;
  /** The Halftone op that was called. */
  readonly call: string;
  readonly provenance: Provenance;
  /** With `profile`: from the call to the result being there, in milliseconds. */
  readonly milliseconds?: number;
}

export interface ExecuteOptions {
  /** Which outputs to make; all when absent. */
  readonly outputs?: readonly string[] | undefined;
  /** Looked at between calls. */
  readonly signal?: AbortSignal | undefined;
  /** Waits for each call before the next one is made, and reports how long it took. */
  readonly profile?: boolean | undefined;
  /** Called once for each call that ran, in order. */
  readonly onNode?: ((report: NodeReport) => void) | undefined;
}

/** What a run needs of the executor's. */
interface Run<T> {
  readonly schedule: Schedule;
  /** Steps that run once and have to run now. */
  readonly pending: ReadonlySet<Step>;
  readonly find: (value: Value) => T;
  readonly live: Map<Value, T>;
}

/** Runs one plan, any number of times, also several times at once. */
export class Executor<T> {
  /** Results of the steps that run once, kept for later runs. */
  readonly #fixed: FixedResults<T>;
  readonly #schedules = new Map<string, Schedule>();
  /** Those whose steps that run once have run. */
  readonly #ready = new Set<Schedule>();

  constructor(
    readonly plan: Plan,
    readonly engine: Engine<T>,
    constants: ConstantTensors<T>,
  ) {
    this.#fixed = new FixedResults(plan, engine, constants);
  }

  /**
   * Makes the wanted outputs; the caller owns their tensors, whose values are there when this resolves. Each intermediate
   * is disposed of as soon as the last call that reads it is enqueued. Inputs stay the caller's.
   *
   * @throws ModelError naming the node whose call failed; the reason of `signal`. Nothing is left behind.
   */
  async run(inputs: ReadonlyMap<string, T>, options: ExecuteOptions = {}): Promise<Map<string, T>> {
    if (options.onNode || options.profile) return this.#runOnce(inputs, options, 1);
    try {
      return await this.#runOnce(inputs, options, UNWATCHED);
    } catch (thrown) {
      if (!(thrown instanceof UnknownPlace)) throw thrown;
      return this.runAgain(inputs, options);
    }
  }

  /** After a failure: waits for each call, to find the node, or to get through where memory was short. */
  runAgain(inputs: ReadonlyMap<string, T>, options: ExecuteOptions): Promise<Map<string, T>> {
    return this.#runOnce(inputs, options, 1);
  }

  /** `every`: of how many calls one is waited for. */
  async #runOnce(
    inputs: ReadonlyMap<string, T>,
    options: ExecuteOptions,
    every: number,
  ): Promise<Map<string, T>> {
    const run = this.#begin(inputs, options.outputs);
    try {
      await this.#runSteps(run, options, every);
      this.#finish(run);
      return run.collect();
    } catch (thrown) {
      run.giveUp();
      throw thrown;
    }
  }

  /** The same on this thread, which waits for each call. */
  runSync(inputs: ReadonlyMap<string, T>, options: ExecuteOptions = {}): Map<string, T> {
    const run = this.#begin(inputs, options.outputs);
    const { schedule, pending, find, live } = run;
    const { steps, releases } = schedule;
    try {
      for (const [i, step] of steps.entries()) {
        options.signal?.throwIfAborted();
        if (this.#isDue(step, pending)) {
          const started = performance.now();
          const [first] = this.#runStep(step, find, live);
          if (first !== undefined && step.op !== VIEW) {
            let provenance: Provenance;
            try {
              provenance = this.engine.settledSync(first);
            } catch (cause) {
              if (step.once) this.#forget(step.outputs);
              throw failure(step, cause);
            }
            options.onNode?.(report(step, provenance, options.profile, started));
          }
        }
        this.#release(releases[i], live);
      }
      this.#finish(run);
      return run.collect();
    } catch (thrown) {
      run.giveUp();
      throw thrown;
    }
  }

  /** One run: where values are found, and what becomes of them at the end. */
  #begin(inputs: ReadonlyMap<string, T>, outputs: readonly string[] | undefined) {
    const { plan } = this;
    const wanted = outputs ?? [...plan.outputs.keys()];
    const given = new Map<Value, T>();
    for (const [name, value] of plan.inputs) given.set(value, inputs.get(name) as T);
    const live = new Map<Value, T>();
    const find = (value: Value): T => {
      const known = live.get(value) ?? given.get(value) ?? this.#fixed.get(value);
      if (known !== undefined) return known;
      if (!value.constant) throw new TypeError('a value is read before it is made');
      return this.#fixed.constant(value.constant);
    };
    const made = new Map<string, T>();
    const collect = () => {
      const handedOut = new Set<T>();
      for (const name of wanted) {
        const value = plan.outputs.get(name) as Value;
        const tensor = find(value);
        // What the caller gets is always its own: not an input, a constant, or another output's tensor.
        const own = live.has(value) && !handedOut.has(tensor);
        const result = own ? tensor : this.engine.share(tensor);
        handedOut.add(result);
        made.set(name, result);
      }
      return made;
    };
    const giveUp = () => {
      for (const tensor of new Set([...live.values(), ...made.values()]))
        this.engine.dispose(tensor);
    };
    const schedule = this.#schedule(wanted);
    return { schedule, pending: this.#pending(schedule), find, live, collect, giveUp };
  }

  /** Steps that run once and whose results are missing. */
  #pending(schedule: Schedule): ReadonlySet<Step> {
    const pending = new Set<Step>();
    if (this.#ready.has(schedule)) return pending;
    const wanted = new Set<Value | undefined>(schedule.wanted);
    const isMissing = (value: Value) => wanted.has(value) && this.#fixed.get(value) === undefined;
    for (const step of schedule.steps.toReversed()) {
      if (step.once && !step.outputs.some(isMissing)) continue;
      if (step.once) pending.add(step);
      for (const value of step.inputs) wanted.add(value);
    }
    return pending;
  }

  /** Whether a step has to run; not if a like one, another run, or another plan has been faster. */
  #isDue(step: Step, pending: ReadonlySet<Step>): boolean {
    if (!step.once) return true;
    return pending.has(step) && step.outputs.some((value) => this.#fixed.get(value) === undefined);
  }

  /** All that runs once has run. */
  #finish({ schedule, pending }: { schedule: Schedule; pending: ReadonlySet<Step> }): void {
    this.#ready.add(schedule);
    if (pending.size > 0) this.#fixed.releaseSpent();
  }

  #release(values: readonly Value[] | undefined, live: Map<Value, T>): void {
    for (const value of values ?? []) {
      const tensor = live.get(value);
      live.delete(value);
      if (tensor !== undefined) this.engine.dispose(tensor);
    }
  }

  async #runSteps(
    { schedule, pending, find, live }: Run<T>,
    { signal, onNode, profile = false }: ExecuteOptions,
    every: number,
  ): Promise<void> {
    const { steps, releases, results } = schedule;
    const queue: { step: Step; made: Promise<Provenance>; started: number }[] = [];
    const once: Step[] = [];
    const settleFirst = async () => {
      const { step, made, started } = queue.shift() as (typeof queue)[number];
      const provenance = await made.catch((cause) => {
        // Results that were to be kept for later runs.
        const doubtful = every > 1 ? once : once.filter((one) => one === step);
        for (const { outputs } of doubtful) this.#forget(outputs);
        throw every === 1 ? failure(step, cause) : new UnknownPlace(cause);
      });
      onNode?.(report(step, provenance, profile, started));
    };
    let unwatched = 0;
    for (const [i, step] of steps.entries()) {
      signal?.throwIfAborted();
      if (this.#isDue(step, pending)) {
        const started = performance.now();
        const [first] = this.#runStep(step, find, live);
        if (step.once) once.push(step);
        unwatched += 1;
        // A view has no values of its own to wait for.
        if (
          first !== undefined &&
          step.op !== VIEW &&
          (unwatched >= every || results.has(step) || step.once)
        ) {
          unwatched = 0;
          const made = this.engine.settled(first);
          // It may fail long before its turn to be awaited comes.
          made.catch(() => {});
          queue.push({ step, made, started });
        }
      }
      this.#release(releases[i], live);
      if (queue.length * every > (profile ? 0 : MAX_AHEAD)) await settleFirst();
    }
    while (queue.length > 0) {
      await settleFirst();
      signal?.throwIfAborted();
    }
  }

  #runStep(step: Step, find: (value: Value) => T, live: Map<Value, T>): readonly T[] {
    const { engine } = this;
    let tensors: readonly T[];
    try {
      const inputs = step.inputs.map((value) => (value ? find(value) : undefined));
      tensors = engine.run(step.op, inputs, step.params);
    } catch (cause) {
      throw failure(step, cause);
    }
    for (const [k, value] of step.outputs.entries()) {
      const tensor = tensors[k] as T;
      if (step.once && this.#fixed.keeps(value)) this.#fixed.set(value, engine.keep(tensor));
      else live.set(value, tensor);
    }
    return tensors;
  }

  #schedule(wanted: readonly string[]): Schedule {
    const key = JSON.stringify(wanted);
    let schedule = this.#schedules.get(key);
    if (!schedule) {
      schedule = makeSchedule(this.plan, wanted);
      this.#schedules.set(key, schedule);
    }
    return schedule;
  }

  #forget(values: Iterable<Value>): void {
    this.#ready.clear();
    for (const value of values) this.#fixed.forget(value);
  }

  /** Lets go of what is kept between runs; what the plans of a model share stays. */
  dispose(): void {
    this.#fixed.dispose();
  }
}

const report = (
  { node, op }: Step,
  provenance: Provenance,
  profile: boolean | undefined,
  started: number,
): NodeReport => ({
  node: partsOf(node).join(' + '),
  op: node.op,
  call: op,
  provenance,
  ...(profile ? { milliseconds: performance.now() - started } : {}),
});

const failure = ({ node }: Step, cause: unknown) =>
  modelError(messageOf(cause), { node: node.name, op: node.op, cause });

/** A call failed, or one before it that it depends on. */
class UnknownPlace extends Error {
  constructor(override readonly cause: unknown) {
    super();
  }
}
