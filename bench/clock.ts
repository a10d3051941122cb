/** The clock of a device: its own events where it has them, else the host's. */

import { type Clock, hostClock } from './measure';

export function deviceClock(device: string): Clock {
  return hostClock(device);
}
