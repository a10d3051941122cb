/** The clocks: device time of what is enqueued inside, without what is before; failures come from it once. */

import path from 'node:path';
import { deviceClock } from '../../bench/clock';
import { loadBackend, relu, tensor, zeros } from '../../lib';
import { REPO } from '../support/repo';
import { forgetFailures } from '../support/forget-failures';

forgetFailures();

beforeAll(() => {
  for (const name of ['emu', 'fake']) {
    loadBackend(path.join(REPO, `build/Release/halftone_${name}.so`));
  }
});

// So many elements that a call takes far longer than to wake a thread on a busy machine.
it.each([
  ['cpu', 1 << 20],
  ['emu', 1 << 16],
])('the clock of %s times what is enqueued, and not what is before', async (device, elements) => {
  const clock = deviceClock(device);
  await clock.inside(async () => {
    const x = zeros([elements], { device });
    const repeat = (times: number) => () => {
      for (let i = 0; i < times; i++) relu(x).dispose();
    };
    await clock.seconds(repeat(1));
    // The least of many, in turn: the machine may be busy with other things, which only adds.
    const least = { few: Infinity, many: Infinity, behind: Infinity };
    for (let i = 0; i < 9; i++) {
      least.few = Math.min(least.few, await clock.seconds(repeat(2)));
      least.many = Math.min(least.many, await clock.seconds(repeat(60)));
      least.behind = Math.min(least.behind, await clock.seconds(repeat(2), repeat(60)));
    }
    const { few, many, behind } = least;
    expect(few).toBeGreaterThan(0);
    expect(many).toBeGreaterThan(4 * few);
    expect(behind).toBeLessThan(many / 2);
    x.dispose();
  });
});

it('what fails rejects once, where it was timed', async () => {
  const clock = deviceClock('fake');
  const run = (value: number): Promise<number> =>
    clock.inside(() => {
      const x = tensor(Float32Array.of(value), { device: 'fake' });
      return clock.seconds(() => relu(x).dispose());
    });
  await expect(run(1001)).rejects.toMatchObject({ code: 'ERR_DEVICE' });
  await expect(run(1)).resolves.toBeGreaterThanOrEqual(0);
});
