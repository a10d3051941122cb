/** Streams, events and captured graphs on the CPU and on the emulated device; and what happens when devices or processes end. */

import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { REPO } from '../support/repo';
import { SCENARIOS } from '../support/stream-scenarios';
import { forgetFailures } from '../support/forget-failures';

forgetFailures();

const EMU = JSON.stringify(path.join(REPO, 'build/Release/halftone_emu.so'));
const LIB = JSON.stringify(path.join(REPO, 'dist/lib'));
const SCENARIO_FILE = JSON.stringify(path.join(REPO, 'dist/test/support/stream-scenarios'));

/** Runs a script in a process of its own, with the emulated device as `emu` and the library as `h`. */
function node(script: string, env: Record<string, string> = {}) {
  const body = `const h = require(${LIB}); h.loadBackend(${EMU});
    const on = (...values) => h.tensor(Float32Array.from(values), { device: 'emu' });
    (async () => {${script}})();`;
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, ['-e', body], {
    encoding: 'utf8',
    timeout: 60_000,
    env: { ...process.env, HALFTONE_EMU_ASYNC: '1', ...env },
  });
  return { status, signal, stdout: stdout.trim(), stderr: stderr.trim() };
}

const clean = (stdout: string) => ({ status: 0, signal: null, stdout, stderr: '' });

const NAMES = Object.keys(SCENARIOS);

describe('on the CPU', () => {
  it.each(NAMES)('%s', async (name) => {
    const said = node(
      `const { SCENARIOS } = require(${SCENARIO_FILE}); await SCENARIOS[${JSON.stringify(name)}]('cpu'); console.log('ok');`,
    );
    expect(said).toEqual(clean('ok'));
  });
});

describe.each([
  ['that works when it is given work', { HALFTONE_EMU_ASYNC: '0' }],
  ['with threads of its own', { HALFTONE_EMU_DELAY_US: '100' }],
])('on an emulated device %s', (_, env) => {
  let said: Record<string, string>;
  beforeAll(() => {
    const run = node(`await require(${SCENARIO_FILE}).main('emu');`, env);
    expect(run).toMatchObject({ status: 0, signal: null, stderr: '' });
    said = JSON.parse(run.stdout);
  });

  it.each(NAMES)('%s', (name) => {
    expect(said[name]).toBe('ok');
  });
});

it('a lost device rejects what is awaited, refuses what comes, and the process ends', () => {
  const run = node(
    `
    const s = new h.Stream('emu');
    const x = on(1, 2);
    const graph = await h.capture((t) => h.add(t, t), [x]);
    const pending = [];
    try {
      for (let i = 0; i < 60; i++) {
        for (const start of [() => s.run(() => h.add(x, x)).data(), () => graph.replay([x]).data(), () => s.sync(), () => s.record().wait()]) pending.push(start());
      }
    } catch (error) { console.log('threw', error.code); }
    const codes = (await Promise.allSettled(pending)).map(({ reason }) => reason?.code ?? 'done');
    console.log(codes.includes('ERR_DEVICE_LOST'), codes.every((c) => c === 'done' || c === 'ERR_DEVICE_LOST'));
    for (const use of [() => h.add(x, x), () => on(1), () => new h.Stream('emu'), () => graph.replay([x]), () => x.dataSync()]) {
      try { use(); console.log('worked'); } catch (error) { console.log(error.name, error.code, /IllegalAddress/.test(error.message)); }
    }
    await h.sync('emu').catch((error) => console.log('sync', error.code));
    await x.data().catch((error) => console.log('data', error.code));
    console.log(await h.relu(h.tensor([1], { device: 'cpu' })).data());
  `,
    { HALFTONE_EMU_LOSE_AFTER: '40', HALFTONE_EMU_DELAY_US: '200' },
  );
  expect({ status: run.status, signal: run.signal, stderr: run.stderr }).toEqual({
    status: 0,
    signal: null,
    stderr: '',
  });
  const lines = run.stdout.split('\n').filter((line) => !line.startsWith('threw'));
  expect(lines).toEqual([
    'true true',
    ...Array(5).fill('DeviceError ERR_DEVICE_LOST true'),
    'sync ERR_DEVICE_LOST',
    'data ERR_DEVICE_LOST',
    'Float32Array(1) [ 1 ]',
  ]);
});

it('memory that runs out is trimmed first, then an error with the numbers', () => {
  const run = node(
    `
    // Blocks of many sizes, as a pool keeps them.
    for (let n = 1; n <= 100; n++) { const t = h.tensor(new Float32Array(n * 256), { device: 'emu' }); await t.data(); t.dispose(); }
    const large = h.tensor(new Float32Array(250000), { device: 'emu' });
    console.log((await large.data()).length);
    await h.add(large, large).data().catch((error) => console.log(error.name, error.code, error.message));
    console.log(h.deviceMemory('emu').used);
  `,
    { HALFTONE_EMU_BYTES: String(1 << 20) },
  );
  expect(run).toEqual(
    clean(
      '250000\nOutOfMemoryError ERR_OUT_OF_MEMORY add: no memory for 1000000 bytes on device emu:0: ' +
        '48128 bytes free, 1000000 bytes live in tensors, 1000448 reserved\n1000000',
    ),
  );
});

it('the limit of the environment is that of CUDA devices', () => {
  const script = `console.log(h.deviceMemory('emu').limit); await on(...Array(600)).data().catch((e) => console.log(e.code));`;
  expect(node(script, { HALFTONE_CUDA_MEMORY_LIMIT: '2000' })).toEqual(
    clean('2000\nERR_OUT_OF_MEMORY'),
  );
  const bad = node(`try { on(1) } catch (e) { console.log(e.code, e.message) }`, {
    HALFTONE_CUDA_MEMORY_LIMIT: '2 GB',
  });
  expect(bad).toEqual(
    clean('ERR_PARAM HALFTONE_CUDA_MEMORY_LIMIT must be a number of bytes, got "2 GB"'),
  );
});

const BUSY = `const streams = Array.from({ length: 4 }, () => new h.Stream('emu'));
  let t = h.tensor(new Float32Array(1 << 16), { device: 'emu' });
  const graph = await h.capture((x) => h.relu(h.add(x, x)), [t]);
  const work = () => { for (const s of streams) { t = s.run(() => h.add(t, t)); t.data(); graph.replay([t]).data(); s.record().wait(); } };`;

it.each([
  ['process.exit()', 'process.exit(0);', 0],
  ['an exit code', 'process.exit(3);', 3],
  ['an uncaught error', 'setImmediate(() => { throw new Error("boom"); });', 1],
])('survives %s with streams in mid-work', (_, end, status) => {
  const run = node(`${BUSY} for (let i = 0; i < 30; i++) work(); ${end}`, {
    HALFTONE_EMU_DELAY_US: '300',
  });
  expect([run.status, run.signal]).toEqual([status, null]);
});

it('survives workers with streams that are terminated in mid-work', () => {
  const run = node(
    `
    const { Worker } = require('node:worker_threads');
    const body = ${JSON.stringify(`const h = require(${LIB}); h.loadBackend(${EMU});
      (async () => { ${BUSY}
        require('node:worker_threads').parentPort.postMessage('go');
        const go = () => { work(); setImmediate(go); }; go(); })();`)};
    for (let round = 0; round < 3; round++) {
      await Promise.all(Array.from({ length: 3 }, async () => {
        const w = new Worker(body, { eval: true });
        await new Promise((resolve) => w.once('message', resolve));
        await new Promise((resolve) => setTimeout(resolve, 20));
        await w.terminate();
      }));
    }
    const x = on(1, 2);
    console.log(await h.add(x, x).data());
  `,
    { HALFTONE_EMU_DELAY_US: '50' },
  );
  expect(run).toEqual(clean('Float32Array(2) [ 2, 4 ]'));
});

it('works in several workers at once', () => {
  const run = node(`
    const { Worker } = require('node:worker_threads');
    const body = ${JSON.stringify(`const h = require(${LIB}); h.loadBackend(${EMU});
      (async () => {
        const s = new h.Stream('emu');
        const graph = await h.capture((x) => h.add(x, x), [h.tensor([0, 0], { device: 'emu' })]);
        let sum = 0;
        for (let i = 0; i < 50; i++) {
          const x = s.run(() => h.tensor([i, 1], { device: 'emu' }));
          const d = await graph.replay([x]).data();
          sum += d[0] + d[1];
        }
        require('node:worker_threads').parentPort.postMessage(sum);
      })();`)};
    const sums = await Promise.all(Array.from({ length: 6 }, () => new Promise((resolve, reject) => {
      const w = new Worker(body, { eval: true });
      let got; w.on('message', (m) => { got = m; }); w.on('error', reject); w.on('exit', () => resolve(got));
    })));
    console.log(JSON.stringify(sums));
  `);
  expect(run).toEqual(clean(JSON.stringify(Array(6).fill(2550))));
});

it('streams that nobody disposes are collected, and their threads end', () => {
  const run = node(`
    require('node:v8').setFlagsFromString('--expose-gc');
    const gc = require('node:vm').runInNewContext('gc');
    const fs = require('node:fs');
    const threads = () => fs.readdirSync('/proc/self/task').length;
    const before = threads();
    let tensors = Array.from({ length: 50 }, () => new h.Stream('cpu').run(() => h.tensor([1])));
    console.log(threads() >= before + 50);
    tensors = undefined;
    for (let i = 0; i < 200 && threads() > before + 5; i++) { gc(); await new Promise((r) => setTimeout(r, 10)); }
    console.log(threads() <= before + 5);
  `);
  expect(run).toEqual(clean('true\ntrue'));
});
