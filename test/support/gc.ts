/** Garbage collection on demand. */

import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

/**
 * Collects what nobody holds any more and runs the finalizers. Test files share one native environment: without this,
 * tensors that another file left behind would be freed while this one counts.
 */
export async function collectGarbage(): Promise<void> {
  for (let i = 0; i < 4; i++) {
    gc();
    await setImmediate();
  }
}
