/** What only shows in a process of its own: garbage collection, exits in mid-work, workers, the event loop. */

import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { REPO } from '../support/repo';

const LIB = JSON.stringify(path.join(REPO, 'dist/lib'));

/** Runs a script; `halftone` is the library. Fails on a signal. */
function node(script: string, flags: string[] = []) {
  const body = `const h = require(${LIB});\nconst big = () => h.tensor(new Float32Array(1 << 24));\n(async () => {${script}})();`;
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [...flags, '-e', body], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  return { status, signal, stdout: stdout.trim(), stderr: stderr.trim() };
}

const clean = (stdout: string) => ({ status: 0, signal: null, stdout, stderr: '' });

it('does not leak over 10 000 tensors that nobody disposes', () => {
  const run = node(
    `
    const x = h.tensor(new Float32Array(1000));
    const wait = () => new Promise((resolve) => setImmediate(resolve));
    for (let i = 0; i < 10000; i++) {
      h.relu(x);
      if (i % 1000 === 999) { await h.sync(); global.gc(); await wait(); }
    }
    await h.sync();
    for (let i = 0; i < 5; i++) { global.gc(); await wait(); }
    const [cpu] = h.memory();
    console.log(cpu.tensors, cpu.live, cpu.peak < 20e6, x.size);
  `,
    ['--expose-gc'],
  );
  expect(run).toEqual(clean('1 4000 true 1000'));
});

it('keeps resident memory flat over 10 000 disposed tensors', () => {
  const run = node(`
    const loop = async (n) => { for (let i = 0; i < n; i++) { const x = h.tensor(new Float32Array(25000)); const y = h.relu(x); await y.data(); x.dispose(); y.dispose(); } };
    await loop(1000);
    const before = process.memoryUsage.rss();
    await loop(9000);
    console.log(h.memory()[0].tensors, (process.memoryUsage.rss() - before) / 1e6 < 100);
  `);
  expect(run).toEqual(clean('0 true'));
});

it('never blocks the event loop: a timer keeps firing while long work runs', () => {
  const run = node(`
    let ticks = 0;
    const timer = setInterval(() => ticks++, 5);
    const before = performance.eventLoopUtilization();
    const x = h.tensor(new Float32Array(32 * 64 * 64), { shape: [1, 32, 64, 64], dtype: 'float16' });
    const w = h.tensor(new Float32Array(32 * 32 * 9), { shape: [32, 32, 3, 3], dtype: 'float16' });
    const start = performance.now();
    let t = x;
    do { t = h.conv2d(t, w, { padding: 'same', compute: 'float16' }); await h.sync(); } while (performance.now() - start < 500);
    const rounds = Array.from({ length: 30 }, () => h.conv2d(x, w, { padding: 'same', compute: 'float16' }));
    await rounds.at(-1).data();
    clearInterval(timer);
    const { utilization } = performance.eventLoopUtilization(before);
    // Were the work done on this thread, it would be busy all the time, and the timer silent. How late a tick is depends on the
    // machine's other work too, and is not looked at.
    console.log(ticks > 20, utilization < 0.5);
  `);
  expect(run).toEqual(clean('true true'));
});

it('ends by itself when nothing is awaited, and waits when something is', () => {
  expect(node(`h.relu(big()); console.log('end');`)).toEqual(clean('end'));
  expect(node(`h.relu(h.tensor([3, -3])).data().then((d) => console.log([...d]));`)).toEqual(
    clean('[ 3, 0 ]'),
  );
});

it.each([
  ['process.exit()', 'for (let i = 0; i < 50; i++) h.relu(big()).data(); process.exit(0);', 0],
  ['an exit code', 'h.relu(big()).data(); process.exit(3);', 3],
  [
    'an uncaught error',
    'h.relu(big()).data(); setImmediate(() => { throw new Error("boom"); });',
    1,
  ],
])('survives %s in mid-work', (_, script, status) => {
  const run = node(script);
  expect([run.status, run.signal]).toEqual([status, null]);
});

it('survives a rejected promise that nobody handles', () => {
  const run = node(`h.tensor([1]).reshape([1]); const t = h.tensor([1]); t.dispose(); t.data();`);
  expect(run.status).toBe(1);
  expect(run.stderr).toContain('DisposedError: data: the tensor [1] of float32 was disposed');
});

it('works in several workers at once, each with its own tensors', () => {
  const run = node(`
    const { Worker } = require('node:worker_threads');
    const body = \`const h = require(${LIB.replaceAll('\\', '\\\\')}); const { parentPort } = require('node:worker_threads');
      (async () => { let sum = 0; for (let i = 0; i < 50; i++) { const d = await h.relu(h.tensor([i, -i])).data(); sum += d[0] + d[1]; } parentPort.postMessage([sum, h.memory().length]); })();\`;
    const results = await Promise.all(Array.from({ length: 6 }, () => new Promise((resolve, reject) => {
      const w = new Worker(body, { eval: true });
      let got; w.on('message', (m) => { got = m; }); w.on('error', reject); w.on('exit', (code) => resolve([code, ...got]));
    })));
    console.log(JSON.stringify(results), h.memory().length);
  `);
  expect(run).toEqual(clean(`${JSON.stringify(Array(6).fill([0, 1225, 1]))} 0`));
});

it('survives workers that are terminated in mid-work, also when only workers load the addon', () => {
  const script = `
    const { Worker } = require('node:worker_threads');
    const body = \`const h = require(${LIB.replaceAll('\\', '\\\\')}); require('node:worker_threads').parentPort.postMessage('go');
      const x = h.tensor(new Float32Array(1 << 22)); const go = () => { for (let i = 0; i < 100; i++) h.relu(x).data(); setImmediate(go); }; go();\`;
    for (let round = 0; round < 4; round++) {
      await Promise.all(Array.from({ length: 3 }, async () => {
        const w = new Worker(body, { eval: true });
        await new Promise((resolve) => w.once('message', resolve));
        await new Promise((resolve) => setTimeout(resolve, 20));
        await w.terminate();
      }));
    }
    console.log('alive');
  `;
  expect(node(script)).toEqual(clean('alive'));
  const { status, signal, stdout } = spawnSync(
    process.execPath,
    ['-e', `(async () => {${script}})()`],
    { encoding: 'utf8', timeout: 60_000 },
  );
  expect([status, signal, stdout.trim()]).toEqual([0, null, 'alive']);
});

it('works without the garbage collector having run when the process ends', () => {
  expect(
    node(
      `globalThis.kept = Array.from({ length: 1000 }, () => h.relu(h.tensor([1]))); console.log('x');`,
    ),
  ).toEqual(clean('x'));
});
