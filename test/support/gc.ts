/** Counting tensors: after collecting what nobody holds, once nothing is under way. */

import { setTimeout as sleep } from 'node:timers/promises';
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
    await sleep(1); // finalizers run in a later turn, and may free what the next collection finds
    await sync('cpu').catch(() => undefined);
    const now = liveTensors();
    if (now === before) return now;
    before = now;
  }
}
