/** Whether the runs of a plan are replays of a captured graph. */

import { drawsAnew, VIEW } from '../graph/op-set';
import type { Plan } from '../graph/plan';
import { bytesOf, type PlannedMemory } from '../graph/plans/memory';
import type { GraphPolicy } from './source';

/** While a run is captured all of its values are held at once. */
const MAX_CPU_BYTES = 256 * 2 ** 20;

/**
 * On the CPU a replay saves what JavaScript takes for each call. It takes some time itself, and copies inputs and outputs. In
 * seconds and bytes per second, from models of 0 to 90 calls on one thread (AVX-512).
 */
const CPU = { call: 9e-6, replay: 12e-6, copy: 8e9 } as const;

/** Why runs are made node by node; null: they need not be. */
export function whyNoReplays(
  plan: Plan,
  memory: PlannedMemory,
  device: string,
  policy: GraphPolicy,
): string | null {
  if (policy === false) return 'the model was loaded with graphs: false';
  if (plan.steps.some(drawsAnew)) return 'it draws random numbers, which replays would repeat';
  if (policy === true || device !== 'cpu') return null;
  if (memory.sum > MAX_CPU_BYTES) {
    return `on the CPU, runs are captured where their values take ${MAX_CPU_BYTES} bytes at most, these take ${memory.sum}`;
  }
  const calls = plan.steps.filter(({ op, once }) => !once && op !== VIEW).length;
  const ends = [...plan.inputs.values(), ...plan.outputs.values()];
  const copied = ends.reduce((sum, value) => sum + bytesOf(value), 0);
  if (calls * CPU.call < CPU.replay + copied / CPU.copy) {
    return `on the CPU it takes less time to make ${calls} calls than to copy ${copied} bytes of inputs and outputs`;
  }
  return null;
}
