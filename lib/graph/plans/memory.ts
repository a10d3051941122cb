import { DTYPES } from '../../dtype';
import { elementCount } from '../ir';
import { VIEW, type Value } from '../op-set';
import type { Plan } from '../plan';
import { keptValues, makeSchedule } from '../schedule';

/** What the values that a run makes take, in bytes: known before it runs. */
export interface PlannedMemory {
  /** All of them together: what would be needed if no memory were used twice. */
  readonly sum: number;
  /** The most that is needed at one time, outputs included. Inputs, weights and workspaces of kernels come on top. */
  readonly peak: number;
  /** What is kept between runs: results that depend on weights alone. */
  readonly kept: number;
}

/** What the elements of a value take. */
export const bytesOf = ({ desc }: Value): number =>
  elementCount(desc.shape) * DTYPES[desc.dtype].size;

/** The memory of a plan, run node by node: each value is given back after its last reader. */
export function planMemory(plan: Plan): PlannedMemory {
  const { steps, releases } = makeSchedule(plan, [...plan.outputs.keys()]);
  /** How many live values share the memory that one of them was made with. */
  const holders = new Map<Value, { readonly bytes: number; count: number }>();
  const fixed = keptValues(plan);
  let [sum, peak, kept, live] = [0, 0, 0, 0];
  for (const [i, { op, inputs, outputs, once }] of steps.entries()) {
    for (const value of outputs) {
      const shared = op === VIEW && inputs[0] ? holders.get(inputs[0]) : undefined;
      const bytes = op === VIEW ? 0 : bytesOf(value);
      if (once) {
        if (fixed.has(value)) kept += bytes;
        continue;
      }
      const holder = shared ?? { bytes, count: 0 };
      holder.count += 1;
      holders.set(value, holder);
      sum += bytes;
      live += bytes;
    }
    peak = Math.max(peak, live);
    for (const value of releases[i] ?? []) {
      const holder = holders.get(value);
      if (!holder) continue;
      holder.count -= 1;
      if (holder.count === 0) live -= holder.bytes;
    }
  }
  return { sum, peak, kept };
}
