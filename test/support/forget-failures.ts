/**
 * For tests that wait for a whole device. It remembers its first failure until it is asked, and tests of failures that ran
 * in this process before, in other files, need not have asked.
 */

import { sync } from '../../lib';
import { DEVICES } from './op-info';

/** Call it once in a file: its tests begin with devices that have nothing to report. */
export function forgetFailures(): void {
  beforeAll(async () => {
    for (const device of DEVICES) await sync(device).catch(() => {});
  });
}
