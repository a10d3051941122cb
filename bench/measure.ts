/** How a benchmark measures: enough calls for the clock, many samples, median and quartiles. */

import { sync, type Tensor } from '../lib';

/** Seconds per call. */
export interface Timing {
  readonly median: number;
  readonly low: number; // first quartile
  readonly high: number; // third quartile
  readonly samples: number;
}

const quantile = (sorted: readonly number[], q: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] as number;

/**
 * Times a call that enqueues one operator. A sample enqueues so many calls that it takes at least `minSampleSeconds`, then
 * waits for all; results are disposed as they come, so memory stays flat.
 */
export async function time(
  call: () => Tensor,
  { device = 'cpu', samples = 15, minSampleSeconds = 0.02 } = {},
): Promise<Timing> {
  const sample = async (calls: number): Promise<number> => {
    const start = process.hrtime.bigint();
    for (let i = 0; i < calls; i++) call().dispose();
    await sync(device);
    return Number(process.hrtime.bigint() - start) / 1e9;
  };
  await sample(1); // first use: pages, caches
  const once = await sample(1);
  const calls = Math.min(10_000, Math.max(1, Math.ceil(minSampleSeconds / once)));
  const seconds: number[] = [];
  for (let i = 0; i < samples; i++) seconds.push((await sample(calls)) / calls);
  seconds.sort((a, b) => a - b);
  return {
    median: quantile(seconds, 0.5),
    low: quantile(seconds, 0.25),
    high: quantile(seconds, 0.75),
    samples,
  };
}
