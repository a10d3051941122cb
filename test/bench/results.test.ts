/** What follows from the times: shares, ratios, goals, text. */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type BenchCase, PROFILES } from '../../bench/case';
import { cases } from '../../bench/cases';
import type { Ceiling } from '../../bench/ceilings';
import { commit, withoutPaths } from '../../bench/machine';
import { METHODS, makeSets, quantile, time } from '../../bench/measure';
import { markdown, summary } from '../../bench/report';
import { addPeer, addShares, goals, type Report, type Row } from '../../bench/results';
import { type Tensor, zeros } from '../../lib';

const timing = (median: number) => ({
  median,
  low: median / 2,
  high: median * 2,
  samples: 3,
  calls: 1,
  sets: 1,
});
const row = (more: Partial<Row>): Row => ({ group: 'g', name: 'n', count: 1, ...more });
const CEILINGS: Ceiling[] = [
  { name: 'copy', of: 'bytes', how: '', perSecond: 4e12 },
  { name: 'gemm float16', of: 'operations', how: '', perSecond: 8e14, after: 7e14 },
  { name: 'dp4a', of: 'operations', how: '', perSecond: 1e14 },
  { name: 'fma float16', of: 'operations', how: '', error: 'not here' },
];

describe('shares', () => {
  it('are of the ceiling that leaves less room', () => {
    const byBytes = row({ flop: 4e12, bytes: 2e12, ceiling: 'gemm float16', timing: timing(1) });
    const byWork = row({ flop: 4e14, bytes: 1e12, ceiling: 'gemm float16', timing: timing(1) });
    const unknown = row({ flop: 1, ceiling: 'fma float16', timing: timing(1) });
    addShares([byBytes, byWork, unknown], CEILINGS, { operationsFirst: false });
    expect([byBytes.bound, byBytes.share]).toEqual(['copy', 0.5]);
    expect([byWork.bound, byWork.share]).toEqual(['gemm float16', 0.5]);
    expect(unknown).not.toHaveProperty('share');
  });

  it('are of the operations where these come first', () => {
    const one = row({ flop: 8e12, bytes: 2e12, ceiling: 'gemm float16', timing: timing(1) });
    addShares([one], CEILINGS, { operationsFirst: true });
    expect([one.bound, one.share]).toEqual(['gemm float16', 0.01]);
  });
});

describe('goals', () => {
  const reached = (rows: Row[], host?: Report['host'], theirs?: Report['host']) =>
    goals(rows, CEILINGS, host, theirs).map(({ met, of }) => `${met}/${of}`);

  it('count what reaches them, worst first', () => {
    const rows = [1, 0.5, 0.9, 2].map((seconds, i) =>
      row({ name: `${i}`, goal: 'peer', timing: timing(seconds) }),
    );
    for (const one of rows) addPeer(one, timing(1));
    expect(rows.map(({ ratio }) => ratio)).toEqual([1, 2, 1 / 0.9, 0.5]);
    const [first] = goals(rows, CEILINGS, undefined, undefined);
    expect(first).toMatchObject({ met: 3, of: 4, missed: [{ case: 'g 3', value: 0.5 }] });
  });

  it('of dp4a and of memory are shares of their own ceilings', () => {
    const rows = [
      row({ goal: 'dp4a', flop: 8e13, bytes: 1, timing: timing(1) }),
      row({ goal: 'dp4a', flop: 7e13, bytes: 4e12, timing: timing(1) }),
      row({ goal: 'copy', bytes: 3.6e12, timing: timing(1) }),
      row({ goal: 'copy', bytes: 3.5e12, timing: timing(1) }),
      row({ goal: 'copy', bytes: 4e12, error: { code: 'ERR_UNSUPPORTED', message: '' } }),
    ];
    expect(reached(rows)).toEqual(['0/0', '1/2', '1/2', '0/0']);
  });

  it('of the host need both sides', () => {
    const cost = (run: number) => ({ enqueue: 0, run });
    expect(reached([], cost(2), cost(4))[3]).toBe('1/1');
    expect(reached([], cost(2), cost(3.9))[3]).toBe('0/1');
    expect(reached([], cost(2), { error: 'no' })[3]).toBe('0/0');
    expect(reached([], undefined, cost(3))[3]).toBe('0/0');
  });

  it('leave out what PyTorch failed at', () => {
    const one = row({ goal: 'peer', timing: timing(1) });
    addPeer(one, { error: 'no' });
    expect(reached([one])[0]).toBe('0/0');
  });
});

it('a report as text has a line for each result, a sum over layers, and no column for a peer that is not there', () => {
  const report: Report = {
    device: { id: 'cuda', name: 'GPU', detail: 'sm_90' },
    halftone: '1.2.3',
    node: 'v20',
    commit: 'abc',
    date: '2026-01-01',
    libraries: { cublasLt: '13' },
    clock: 'events',
    profile: 'gpu',
    method: METHODS.gpu,
    ceilings: CEILINGS,
    peer: { about: { torch: '9' }, unavailable: 'stopped' },
    host: { enqueue: 1e-6, run: 2e-6 },
    goals: goals([], CEILINGS, undefined, undefined),
    rows: [
      row({
        name: 'a',
        count: 3,
        flop: 4e11,
        ceiling: 'gemm float16',
        timing: timing(1e-3),
        share: 0.5,
        bound: 'gemm float16',
        peer: timing(2e-3),
        ratio: 2,
      }),
      row({
        name: 'b',
        flop: 4e11,
        ceiling: 'gemm float16',
        timing: timing(1e-3),
        peer: timing(1e-3),
        ratio: 1,
      }),
      row({ group: 'other', name: 'c', bytes: 1e9, timing: timing(1e-3) }),
      row({ group: 'other', name: 'd', error: { code: 'ERR_UNSUPPORTED', message: 'use cpu' } }),
    ],
  };
  const page = markdown(report);
  expect(page).toContain(
    '| a (x3) |  |  | 1.00 ms | 500.0 us .. 2.00 ms | 400.00 TFLOP/s | 50 % | 2.00 ms | 2.00 x |',
  );
  expect(page).toContain(
    '| all layers |  |  | 4.00 ms | 2.00 ms .. 8.00 ms | 400.00 TFLOP/s | 50 % | 7.00 ms | 1.75 x |',
  );
  expect(page).toContain('| c |  |  | 1.00 ms | 500.0 us .. 2.00 ms | 1.00 TB/s |  |\n');
  expect(page).toContain('| d | not run: use cpu |  |  |  |  |  |\n');
  expect(page).toContain('- gemm float16: 800.00 TFLOP/s, after the run 700.00 TFLOP/s ()');
  expect(page).toContain('- fma float16: not measured (not here)');
  expect(page).toContain('- PyTorch was not measured to the end: stopped');
  const text = summary(report);
  for (const part of ['commit abc, 2026-01-01', 'all layers', 'not run: use cpu'])
    expect(text).toContain(part);
});

describe('time', () => {
  const one: BenchCase = {
    group: 'g',
    name: 'n',
    inputs: (device) => [zeros([16, 16], { device })],
    call: ([x]) => x as Tensor,
  };

  it('has as many sets of inputs as exceed the cache, 256 at most', () => {
    const count = (rotateBytes: number) => {
      const sets = makeSets(one, 'cpu', { ...METHODS.quick, rotateBytes });
      for (const t of sets.flat()) t.dispose();
      return sets.length;
    };
    expect([0, 1, 1024, 1025, 1 << 20].map(count)).toEqual([1, 1, 1, 2, 256]);
  });

  it('takes turns, enough calls for the clock, and the median', async () => {
    const seen: number[] = [];
    const plugged: number[] = [];
    const durations = [9, 0.5, 0.5, 4, 2, 3];
    const clock = {
      name: 'fake',
      inside: <T>(fn: () => T): T => fn(),
      sync: async () => {},
      async seconds(enqueue: () => void, before?: () => void) {
        before?.();
        enqueue();
        return durations.shift() as number;
      },
    };
    const method = {
      ...METHODS.quick,
      minSampleSeconds: 2,
      maxCalls: 3,
      warmupSeconds: 0.6,
      plugSeconds: 1,
    };
    const sets = [0, 1].map((n) => [{ n }]) as unknown as Tensor[][];
    const call = ([x]: readonly Tensor[]) => {
      seen.push((x as unknown as { n: number }).n);
      return { dispose() {} } as Tensor;
    };
    const plug = (seconds: number) => plugged.push(seconds);
    const got = await time(call, sets, { clock, method, plug });
    // One first call, two to warm up, then three samples of three calls.
    expect(seen).toEqual([0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1]);
    expect(plugged).toEqual([1, 1, 1]);
    expect(got).toEqual({ median: 1, low: 2 / 3, high: 4 / 3, samples: 3, calls: 3, sets: 2 });
  });

  it('quantile', () => {
    expect([0, 0.25, 0.5, 0.75, 1].map((q) => quantile([1, 2, 3, 4], q))).toEqual([1, 2, 3, 4, 4]);
  });
});

it('every profile has cases whose amounts and peers fit', () => {
  for (const profile of Object.values(PROFILES)) {
    const all = [...cases(profile)];
    const names = all.map(({ group, name }) => `${group} ${name}`);
    expect(new Set(names).size).toBe(names.length);
    for (const { flop = 0, bytes = 0, peer } of all) {
      expect(Number.isSafeInteger(flop) && Number.isSafeInteger(bytes) && bytes > 0).toBe(true);
      if (peer?.op === 'matmul' || peer?.op === 'int_mm') {
        const [k] = peer.a.slice(-1);
        expect(k).toBe(peer.b.at(-2));
        const batch = peer.a.slice(0, -2).reduce((n, d) => n * d, 1);
        expect(flop).toBe(2 * batch * (peer.a.at(-2) ?? 0) * (peer.b.at(-1) ?? 0) * (k ?? 0));
      }
    }
  }
  // ResNet-50 has 8.17 GFLOP for an image (bench/shapes/resnet50.txt).
  const resnet = [...cases(PROFILES.cpu)].filter(({ group }) => group === 'resnet50 NHWC float32');
  const flop = resnet.reduce((n, one) => n + (one.count ?? 1) * (one.flop ?? 0), 0);
  expect(Math.round(flop / 1e7)).toBe(817);
});

describe('reports hold no paths', () => {
  it.each([
    [
      'cannot open /usr/lib/x86_64/libfoo.so.9: no such file',
      'cannot open libfoo.so.9: no such file',
    ],
    ['File "/opt/a/b.py", line 3', 'File "b.py", line 3'],
    ['(/tmp/x/)', '(x)'],
    ["at 'C:\\Users\\me\\x.dll'", "at 'x.dll'"],
    ['64 GB/s and 3 FLOP/s, 1/2, a and/or b', '64 GB/s and 3 FLOP/s, 1/2, a and/or b'],
  ])('%s', (text, expected) => {
    expect(withoutPaths(text)).toBe(expected);
  });
});

describe('the commit', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'halftone-commit-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('comes from the file COMMIT where there is no git', () => {
    expect(commit(folder)).toBe('not known');
    writeFileSync(path.join(folder, 'COMMIT'), 'abc123\n');
    expect(commit(folder)).toBe('abc123');
  });

  it('comes from git, and says when files were changed', () => {
    const git = (...args: string[]) =>
      execFileSync('git', ['-C', folder, '-c', 'user.name=n', '-c', 'user.email=e@e', ...args]);
    git('init', '-q');
    writeFileSync(path.join(folder, 'a'), '1');
    git('add', 'a');
    git('commit', '-qm', 'first');
    const head = git('rev-parse', 'HEAD').toString().trim();
    expect(commit(folder)).toBe(head);
    writeFileSync(path.join(folder, 'a'), '2');
    expect(commit(folder)).toBe(`${head}, changed`);
  });
});
