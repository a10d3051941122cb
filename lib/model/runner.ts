/** How the runs of one plan are made: node by node, or as replays of a captured graph. */

import { type CapturedGraph, capture } from '../capture';
import { workContext } from '../context';
import type { ExecuteOptions, Executor } from '../graph/executor';
import { messageOf } from '../graph/model-error';
import { type PlannedMemory, planMemory } from '../graph/plans/memory';
import { whyNoReplays } from './replay-policy';
import type { GraphPolicy } from './source';
import { explain, explainAsync, type Tensor } from '../tensor';

/** Where the runs of a plan stand with a captured graph. */
export interface GraphState {
  /** 'off': never; 'waiting': the next run that can be is captured; 'ready': runs are replays; 'failed': see `why`. */
  readonly state: 'off' | 'waiting' | 'ready' | 'failed';
  /** Why runs are made node by node, when they are; of a graph that is ready: why the last run was none of its replays. */
  readonly why: string | null;
  readonly replays: number;
  /** Whether the last replay was one launch of a graph of the device. */
  readonly launched: boolean;
  /** Bytes that the graph keeps: its inputs, outputs and all that lies between. */
  readonly bytes: number;
}

/** Settles as `work` does, or rejects with the signal's reason as soon as it is aborted. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

export class PlanRunner {
  /** Runs that are under way. */
  running = 0;
  readonly memory: PlannedMemory;
  #graph: CapturedGraph<Map<string, Tensor>> | undefined;
  #stream: unknown;
  #state: 'off' | 'waiting' | 'failed';
  #why: string | null;
  #complete = false;
  #capturing = false;
  #replays = 0;

  constructor(
    readonly executor: Executor<Tensor>,
    device: string,
    policy: GraphPolicy,
  ) {
    this.memory = planMemory(executor.plan);
    const why = whyNoReplays(executor.plan, this.memory, device, policy);
    this.#state = why === null ? 'waiting' : 'off';
    this.#why = why ?? 'its first run is made node by node';
  }

  get graph(): GraphState {
    const graph = this.#graph;
    return {
      state: graph ? 'ready' : this.#state,
      why: this.#why,
      replays: this.#replays,
      launched: graph?.launched ?? false,
      bytes: graph?.bytes ?? 0,
    };
  }

  async run(
    inputs: ReadonlyMap<string, Tensor>,
    options: ExecuteOptions,
  ): Promise<Map<string, Tensor>> {
    const isWhole = this.#mayReplay(options);
    if (isWhole && this.#complete && !this.#graph && this.#state === 'waiting') {
      await this.#capture(inputs, options.signal);
    }
    if (!isWhole || !this.#graph) {
      const made = await this.executor.run(inputs, options);
      this.#complete ||= options.outputs === undefined;
      return made;
    }
    const results = this.#replay(inputs, this.#graph);
    try {
      for (const result of results.values()) {
        await unlessAborted(explainAsync(result), options.signal);
      }
      return results;
    } catch (cause) {
      for (const result of results.values()) result.dispose();
      if (options.signal?.aborted) throw cause;
      return this.executor.runAgain(inputs, options);
    }
  }

  runSync(inputs: ReadonlyMap<string, Tensor>, options: ExecuteOptions): Map<string, Tensor> {
    if (!this.#mayReplay(options) || !this.#graph) {
      const made = this.executor.runSync(inputs, options);
      this.#complete ||= options.outputs === undefined;
      return made;
    }
    const results = this.#replay(inputs, this.#graph);
    try {
      for (const result of results.values()) explain(result);
      return results;
    } catch {
      for (const result of results.values()) result.dispose();
      return this.executor.runSync(inputs, options);
    }
  }

  /** Whether this run may be a replay; if not, `graph` says why. */
  #mayReplay({ outputs, onNode, profile }: ExecuteOptions): boolean {
    if (this.#state !== 'waiting') return false;
    const { stream, tape } = workContext();
    const why =
      onNode || profile
        ? 'nodes were to be reported one by one'
        : outputs
          ? 'only some of the outputs were wanted'
          : tape
            ? 'it was part of another capture'
            : this.#capturing
              ? 'the graph was being captured'
              : this.#graph && stream !== this.#stream
                ? 'it was made on another stream than the graph'
                : null;
    if (why !== null || this.#graph) this.#why = why;
    return why === null;
  }

  async #capture(
    inputs: ReadonlyMap<string, Tensor>,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const names = [...inputs.keys()];
    this.#capturing = true;
    this.#stream = workContext().stream;
    try {
      this.#graph = await capture(
        async (...own: Tensor[]) => {
          const bound = new Map(names.map((name, i) => [name, own[i] as Tensor]));
          return this.executor.run(bound, { signal });
        },
        [...inputs.values()],
      );
      this.#why = null;
    } catch (error) {
      if (signal?.aborted) throw error;
      this.#state = 'failed';
      this.#why = `its capture failed: ${messageOf(error)}`;
    } finally {
      this.#capturing = false;
    }
  }

  #replay(
    inputs: ReadonlyMap<string, Tensor>,
    graph: CapturedGraph<Map<string, Tensor>>,
  ): Map<string, Tensor> {
    this.#replays += 1;
    return graph.replay([...inputs.values()]);
  }

  dispose(): void {
    this.#graph?.dispose();
    this.executor.dispose();
  }
}
