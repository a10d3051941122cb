/** PyTorch beside the benchmark: whatever that process does, the benchmark gets an answer. */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { METHODS } from '../../bench/measure';
import { type PeerAnswer, type PeerRequest, runPeer } from '../../bench/peer';
import { REPO } from '../support/repo';

const request: PeerRequest = {
  device: 0,
  method: { ...METHODS.quick, warmupSeconds: 1e-4, plugSeconds: 1e-4 },
  cases: [
    { id: 2, op: 'matmul', a: [4, 8], b: [8, 4], dtype: 'float16', tf32: false },
    { id: 4, op: 'matmul', a: [4, 8], b: [9, 4], dtype: 'float16', tf32: false },
    { id: 5, op: 'cast', shape: [4, 4], dtype: 'float16', to: 'float32' },
  ],
};

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'halftone-peer-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a peer that is a program for Node. */
function peer(source: string, seconds = 30): Promise<PeerAnswer> {
  const script = path.join(folder, 'peer.js');
  writeFileSync(script, source);
  return runPeer(request, { python: process.execPath, script, seconds });
}

const say = (line: object) => `console.log(${JSON.stringify(JSON.stringify(line))});`;
const timing = { median: 2e-6, low: 1e-6, high: 3e-6, samples: 3, calls: 1, sets: 1 };

it('keeps what a peer that works says, and only that', async () => {
  const answer = await peer(
    `${say({ about: { torch: '9' } })} console.log('a library prints this'); console.log('7');
     ${say({ id: 2, ...timing })} ${say({ id: 4, error: 'no' })} ${say({ host: { enqueue: 1, run: 2 } })} ${say({ done: true })}`,
  );
  expect(answer).toMatchObject({ about: { torch: '9' }, host: { enqueue: 1, run: 2 } });
  expect(answer.unavailable).toBeUndefined();
  expect([...answer.results]).toEqual([
    [2, { id: 2, ...timing }],
    [4, { error: 'no' }],
  ]);
});

it('gets the request', async () => {
  const answer = await peer(
    `let text = ''; process.stdin.on('data', (d) => (text += d)).on('end', () => {
       console.log(JSON.stringify({ about: JSON.parse(text) })); ${say({ done: true })} });`,
  );
  expect(answer.about).toEqual(JSON.parse(JSON.stringify(request)));
});

it('keeps the results of a peer that dies, and its last words without paths', async () => {
  const answer = await peer(
    `${say({ id: 2, ...timing })} console.error('Traceback\\nOSError: /opt/x/lib.so: cannot open');
     process.exitCode = 3;`,
  );
  expect([...answer.results.keys()]).toEqual([2]);
  expect(answer.unavailable).toBe('OSError: lib.so: cannot open');
});

it('says how a peer ended that says nothing', async () => {
  expect((await peer('process.exit(7)')).unavailable).toBe('ended with 7 before it was done');
  expect(
    (await peer('process.kill(process.pid, "SIGTERM"); setTimeout(() => {}, 1e5);')).unavailable,
  ).toBe('ended with SIGTERM before it was done');
});

it('stops a peer that hangs, and keeps what it said', async () => {
  const answer = await peer(`${say({ id: 2, ...timing })} setTimeout(() => {}, 1e6);`, 1);
  expect(answer.unavailable).toBe('stopped after 1 s');
  expect([...answer.results.keys()]).toEqual([2]);
});

it('says that there is no interpreter', async () => {
  const answer = await runPeer(request, { python: path.join(folder, 'no-python') });
  expect(answer).toEqual({ results: new Map(), unavailable: 'there is no no-python' });
});

describe('bench/torch_peer.py', () => {
  const python = spawnSync('python3', ['--version']).status === 0;
  const torch = (more: Record<string, string> = {}) =>
    runPeer(request, {
      env: {
        ...process.env,
        PYTHONDONTWRITEBYTECODE: '1',
        PYTHONPATH: path.join(REPO, 'test/bench/fake_torch'),
        ...more,
      },
    });

  it('measures what it can, or says that there is no python3', async () => {
    const { unavailable, about, results, host } = await torch();
    if (!python) {
      expect(unavailable).toBe('there is no python3');
      return;
    }
    expect(unavailable).toBeUndefined();
    expect(about).toMatchObject({ torch: '9.9.9', cuda: '13.0', device: 'Fake GPU 0' });
    expect(results.get(2)).toMatchObject({ samples: 3, sets: 32 }); // 4096 bytes of 2 * (32 + 32)
    expect(results.get(4)).toEqual({ error: 'AssertionError: ' });
    expect(results.get(5)).toMatchObject({ samples: 3, median: expect.any(Number) });
    expect(host).toMatchObject({ enqueue: expect.any(Number), run: expect.any(Number) });
  });

  it('says why PyTorch cannot be used', async () => {
    const reasons = [
      await torch({ PYTHONPATH: path.join(REPO, 'test/bench/nothing'), PYTHONNOUSERSITE: '1' }),
      await torch({ FAKE_TORCH_NO_DEVICE: '1' }),
      await torch({ FAKE_TORCH_FAILS: '1' }),
    ].map(({ unavailable }) => unavailable);
    if (!python) {
      expect(new Set(reasons)).toEqual(new Set(['there is no python3']));
      return;
    }
    expect(reasons.slice(1)).toEqual([
      'PyTorch 9.9.9 finds no CUDA device',
      'RuntimeError: CUDA error: invalid device ordinal in __init__.py',
    ]);
    // A machine may have PyTorch: then it is the device that is missing, or nothing.
    expect(reasons[0] ?? 'PyTorch').toContain('PyTorch');
  });
});
