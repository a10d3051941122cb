/** Counting tensors: after collecting what nobody holds, once nothing is under way. */

import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { memory, sync } from '../../lib';

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

/** Tensors alive in this thread now, over all devices. Work in the queue holds its inputs. */
export function liveTensors(): number {
  return memory().reduce((n, entry) => n + entry.tensors, 0);
}

/**
 * Tensors alive once garbage is collected and queued work has run. Test files of one process share the addon: what an earlier
 * file left behind must not be freed while this one counts, and its unreported failure is not ours.
 */
export async function settledTensors(): Promise<number> {
  let before = Number.NaN;
  for (;;) {
    gc();
    await sleep(1);
    await sync('cpu').catch(() => undefined);
    await setImmediate(); // where finalizers run; they may free what the next collection finds
    const now = liveTensors();
    if (now === before) return now;
    before = now;
  }
}

/**
 * Tensors that each call of `run` leaves alive. What an earlier test left behind can be collected at any time and would hide
 * as many: so `run` is called until two counts in succession agree.
 */
export async function tensorsLeftBy(run: () => unknown): Promise<number> {
  const counts: number[] = [];
  while (counts.length < 10) {
    const before = await settledTensors();
    await run();
    counts.push((await settledTensors()) - before);
    const [last, other] = counts.slice(-2).reverse();
    if (last !== undefined && last === other) return last;
  }
  throw new Error(`each call left another number of tensors: ${counts.join(', ')}`);
}
