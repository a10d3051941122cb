/**
 * How a benchmark measures: inputs that take turns, enough calls for the clock, many samples, median and quartiles.
 * bench/torch_peer.py measures PyTorch by the same steps and numbers.
 */

import { sync, type Tensor } from '../lib';
import type { BenchCase } from './case';
import { bytesOf, elements } from './case';

/** Seconds per call. */
export interface Timing {
  readonly median: number;
  readonly low: number; // first quartile
  readonly high: number; // third quartile
  readonly samples: number;
  readonly calls: number; // of each sample
  readonly sets: number; // of inputs, that take turns
}

/** The steps and numbers of a measurement, for both sides. */
export interface Method {
  readonly samples: number;
  /** A sample has so many calls that it takes this long, but no more than maxCalls. */
  readonly minSampleSeconds: number;
  readonly maxCalls: number;
  readonly warmupSeconds: number;
  /** There are so many sets of inputs that they take more bytes than this together (256 at most): they come from memory. */
  readonly rotateBytes: number;
  /**
   * Short calls are enqueued behind work that keeps the device busy for this long, so that what is timed is the device's work
   * and not how fast the host enqueues it. 0: no such work.
   */
  readonly plugSeconds: number;
  /** Calls of a sample of the host's cost. */
  readonly hostCalls: number;
}

export const METHODS: Readonly<Record<'cpu' | 'gpu' | 'quick', Method>> = {
  cpu: {
    samples: 11,
    minSampleSeconds: 0.02,
    maxCalls: 10_000,
    warmupSeconds: 0,
    rotateBytes: 0,
    plugSeconds: 0,
    hostCalls: 2000,
  },
  gpu: {
    samples: 11,
    minSampleSeconds: 0.005,
    maxCalls: 200, // a device takes about a thousand launches before enqueueing waits for it
    warmupSeconds: 0.03,
    rotateBytes: 256 << 20, // more than twice the second-level cache of any GPU of today: 126 MB
    plugSeconds: 0.004, // 200 calls of up to 20 us
    hostCalls: 2000,
  },
  quick: {
    samples: 3,
    minSampleSeconds: 0,
    maxCalls: 2,
    warmupSeconds: 0,
    rotateBytes: 1 << 12,
    plugSeconds: 1e-4,
    hostCalls: 20,
  },
};

const MAX_SETS = 256;

/** Times what is enqueued on a device. */
export interface Clock {
  readonly name: string;
  /** Calls `fn`; what it makes and enqueues, also after an await, can be timed. */
  inside<T>(fn: () => T): T;
  /** Resolves when all that was enqueued inside has run; rejects with the first failure since the last call. */
  sync(): Promise<void>;
  /** The seconds that the device takes for what `enqueue` gives it, after `before`, which is not timed. */
  seconds(enqueue: () => void, before?: () => void): Promise<number>;
}

/** The host's clock, from the first call until all have run. */
export function hostClock(device: string): Clock {
  return {
    name: 'host clock around sync()',
    inside: (fn) => fn(),
    sync: () => sync(device),
    async seconds(enqueue, before) {
      if (before) {
        before();
        await sync(device);
      }
      const start = process.hrtime.bigint();
      enqueue();
      await sync(device);
      return Number(process.hrtime.bigint() - start) / 1e9;
    },
  };
}

export const quantile = (sorted: readonly number[], q: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] as number;

/** Sets of inputs: as many as exceed `rotateBytes`. */
export function makeSets(one: BenchCase, device: string, { rotateBytes }: Method): Tensor[][] {
  const first = one.inputs(device);
  const bytes = first.reduce((n, { dtype, shape }) => n + bytesOf(dtype) * elements(shape), 0);
  const count = Math.min(MAX_SETS, Math.max(1, Math.ceil(rotateBytes / Math.max(bytes, 1))));
  return [first, ...Array.from({ length: count - 1 }, () => one.inputs(device))];
}

/** Keeps the device busy for about so many seconds. */
export type Plug = (seconds: number) => void;

/** Times `call`, which enqueues one operator. Results are disposed as they come, so memory stays flat. */
export async function time(
  call: (set: readonly Tensor[]) => Tensor,
  sets: readonly (readonly Tensor[])[],
  { clock, method, plug }: { clock: Clock; method: Method; plug?: Plug | undefined },
): Promise<Timing> {
  let turn = 0;
  const enqueue = (calls: number) => () => {
    for (let i = 0; i < calls; i++) call(sets[turn++ % sets.length] as Tensor[]).dispose();
  };
  await clock.seconds(enqueue(1)); // first use: plans, pages, caches
  let once = await clock.seconds(enqueue(1));
  for (let spent = once; spent < method.warmupSeconds; spent += Math.max(once, 1e-4))
    once = await clock.seconds(enqueue(1));
  const wanted = Math.ceil(method.minSampleSeconds / Math.max(once, 1e-9));
  const calls = Math.min(method.maxCalls, Math.max(1, wanted));
  const short = once * calls < method.plugSeconds * 2;
  const before = plug && short ? () => plug(method.plugSeconds) : undefined;
  const seconds: number[] = [];
  for (let i = 0; i < method.samples; i++)
    seconds.push((await clock.seconds(enqueue(calls), before)) / calls);
  seconds.sort((a, b) => a - b);
  return {
    median: quantile(seconds, 0.5),
    low: quantile(seconds, 0.25),
    high: quantile(seconds, 0.75),
    samples: method.samples,
    calls,
    sets: sets.length,
  };
}

/** Seconds per call that one tiny operator costs the host. */
export interface HostCost {
  /** Until the call returns. */
  readonly enqueue: number;
  /** Until all have run: with what happens on the stream's own thread. */
  readonly run: number;
}

export async function hostCost(
  call: () => Tensor,
  device: string,
  { hostCalls, samples }: Method,
): Promise<HostCost> {
  const enqueued: number[] = [];
  const ran: number[] = [];
  for (let i = 0; i <= samples; i++) {
    const start = process.hrtime.bigint();
    for (let n = 0; n < hostCalls; n++) call().dispose();
    const returned = process.hrtime.bigint();
    await sync(device);
    if (i === 0) continue; // the first use
    enqueued.push(Number(returned - start) / 1e9 / hostCalls);
    ran.push(Number(process.hrtime.bigint() - start) / 1e9 / hostCalls);
  }
  const median = (list: number[]) =>
    quantile(
      list.sort((a, b) => a - b),
      0.5,
    );
  return { enqueue: median(enqueued), run: median(ran) };
}
