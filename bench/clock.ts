/** The clock of a device: its own events where it has them, else the host's. */

import { Stream } from '../lib';
import { type Clock, hostClock } from './measure';

/**
 * Time between two events of the device, on a stream of its own: what the device takes, without the way there and back. On the
 * CPU, whose calls are done when its thread returns, the host's clock.
 */
export function deviceClock(device: string): Clock {
  if (/^cpu(:|$)/.test(device)) return hostClock(device);
  const stream = new Stream(device);
  return {
    name: 'events of the device',
    inside: (fn) => stream.run(fn),
    sync: () => stream.sync(),
    async seconds(enqueue, before) {
      before?.();
      const first = stream.record();
      enqueue();
      const last = stream.record();
      await stream.sync();
      return last.elapsed(first) / 1e3;
    },
  };
}
