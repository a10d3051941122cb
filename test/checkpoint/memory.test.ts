/** One tensor is in memory at a time, and other work gets its turn meanwhile. */

import { spawnSync } from 'node:child_process';
import { rawSafetensors, temporaryFolder } from '../support/checkpoints';
import { REPO } from '../support/repo';

const temp = temporaryFolder();
afterAll(() => temp.remove());

const TENSORS = 24;
const MIB = 1 << 20;

/** Converts; prints the peak of memory over that before, and how often a timer got its turn. Garbage is no use of memory. */
const PROGRAM = `
const { convertCheckpoint } = require(process.argv[1]);
const [from, to] = process.argv.slice(2);
(async () => {
  // What loads and starts on first use is not what is measured.
  await convertCheckpoint(process.argv[4], process.argv[4] + '.npz', { dtype: 'float16' });
  gc();
  const before = process.memoryUsage.rss();
  let peak = before;
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  const onProgress = () => {
    peak = Math.max(peak, process.memoryUsage.rss());
    gc();
  };
  await convertCheckpoint(from, to, { dtype: 'float16', onOverflow: 'keep', onProgress });
  clearInterval(timer);
  console.log(JSON.stringify({ grown: peak - before, turns }));
})();`;

test.each(['safetensors', 'npz'])('48 MiB in 24 tensors to .%s', (extension) => {
  const header: Record<string, unknown> = {};
  for (let i = 0; i < TENSORS; i++) {
    header[`w${i}`] = {
      dtype: 'F32',
      shape: [MIB / 2],
      data_offsets: [2 * MIB * i, 2 * MIB * (i + 1)],
    };
  }
  const values = Float32Array.from({ length: (TENSORS * MIB) / 2 }, (_, i) => (i % 4096) / 64);
  const bytes = rawSafetensors(JSON.stringify(header), new Uint8Array(values.buffer));
  const input = temp.put('large.safetensors', bytes);
  const small = temp.put('small.safetensors', rawSafetensors('{}', new Uint8Array(0)));
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--expose-gc', '-e', PROGRAM, REPO, input, temp.at(`out.${extension}`), small],
    { encoding: 'utf8' },
  );
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const { grown, turns } = JSON.parse(stdout) as { grown: number; turns: number };
  // A tensor has 2 MiB and its result 1; the rest are buffers of streams and allocators. All together have 72 MiB.
  expect(grown).toBeLessThan(40 * MIB);
  expect(turns).toBeGreaterThan(TENSORS);
});
