/** `npm run bench` runs without a GPU: on the emulated device and on the CPU, tiny; and its report says what it must. */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { PROFILES } from '../../bench/case';
import { cases } from '../../bench/cases';
import type { Report } from '../../bench/results';
import { REPO } from '../support/repo';
import { forgetFailures } from '../support/forget-failures';

forgetFailures();

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'halftone-bench-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function bench(...args: string[]): { code: number | null; out: string; err: string } {
  const env = {
    ...process.env,
    PYTHONPATH: path.join(REPO, 'test/bench/fake_torch'),
    PYTHONDONTWRITEBYTECODE: '1',
  };
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [path.join(REPO, 'dist/bench/main.js'), ...args],
    { encoding: 'utf8', env },
  );
  return { code: status, out: stdout, err: stderr };
}

/** Runs everything once and gives the report in its three forms. */
function quick(device: string): { report: Report; json: string; page: string; out: string } {
  const files = ['json', 'md'].map((end) => path.join(folder, `${device}.${end}`));
  const [jsonFile = '', pageFile = ''] = files;
  const args = ['--device', device, '--quick', '--torch', 'on'];
  const { code, out, err } = bench(...args, '--json', jsonFile, '--markdown', pageFile);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  const [json = '', page = ''] = files.map((file) => readFileSync(file, 'utf8'));
  return { report: JSON.parse(json) as Report, json, page, out };
}

const finite = (x: unknown): boolean => typeof x === 'number' && Number.isFinite(x) && x > 0;

describe.each(['emu', 'cpu'])('bench --quick on %s', (device) => {
  let run: ReturnType<typeof quick>;
  beforeAll(() => {
    run = quick(device);
  }, 120_000);

  it('has a row for every case, with a time or the reason', () => {
    const { rows } = run.report;
    const all = [...cases(PROFILES.quick)].map(({ group, name }) => `${group} ${name}`);
    expect(rows.map(({ group, name }) => `${group} ${name}`)).toEqual(all);
    for (const row of rows) {
      if (row.error) {
        expect(row.error.code).toBe('ERR_UNSUPPORTED');
        continue;
      }
      expect(row.kernel).not.toBe('');
      expect(row.library).not.toBe('');
      const { median, low, high, samples, calls, sets } = row.timing ?? {};
      expect([median, low, high].every(finite)).toBe(true);
      expect((low as number) <= (median as number) && (median as number) <= (high as number)).toBe(
        true,
      );
      expect([samples, finite(calls), finite(sets)]).toEqual([3, true, true]);
      expect((row.flop ?? 0) + (row.bytes ?? 0)).toBeGreaterThan(0);
    }
    expect(rows.filter(({ timing }) => timing).length).toBeGreaterThan(10);
  });

  it('holds them against ceilings of the same run', () => {
    const { ceilings, rows } = run.report;
    for (const { name, of, how, perSecond, error } of ceilings) {
      expect(name).not.toBe('');
      expect(['operations', 'bytes']).toContain(of);
      expect(how).not.toBe('');
      expect(finite(perSecond) || typeof error === 'string').toBe(true);
    }
    const known = ceilings.filter(({ perSecond }) => finite(perSecond)).map(({ name }) => name);
    expect(known).toEqual(expect.arrayContaining(['copy', 'fma float32']));
    if (device === 'emu') {
      expect(known).toEqual(
        expect.arrayContaining(['fma float16', 'dp4a', 'gemm float16(float32)', 'gemm int8']),
      );
    }
    const measured = new Set(ceilings.filter((c) => c.perSecond).map(({ name }) => name));
    for (const row of rows.filter(({ timing }) => timing)) {
      if (!row.bound) continue;
      expect(measured).toContain(row.bound);
      expect(finite(row.share)).toBe(true);
    }
    expect(rows.some(({ share }) => share)).toBe(true);
  });

  it('has PyTorch beside it, and what an operator costs the host', () => {
    const { peer, host, rows } = run.report;
    expect(peer?.about).toMatchObject({ torch: '9.9.9', cudnn: 92400, cudnnBenchmark: true });
    expect(peer).not.toHaveProperty('unavailable');
    for (const cost of [peer?.host, host]) {
      if (!cost || 'error' in cost) continue;
      expect([cost.enqueue, cost.run].every(finite)).toBe(true);
    }
    const beside = rows.filter(({ timing, ratio }) => timing && ratio);
    expect(beside.length).toBeGreaterThan(5);
    for (const { peer: theirs, timing, ratio } of beside) {
      if (!theirs || !('median' in theirs) || !timing) throw new Error('no time of PyTorch');
      expect(ratio).toBeCloseTo(theirs.median / timing.median, 6);
    }
    // torch._int_mm refuses few rows; that is a result too.
    const refused = rows.find(({ group }) => group === 'llama-3-8b m=1 int8')?.peer;
    expect(refused).toEqual({ error: expect.stringContaining('greater than 16') });
  });

  it('says where and what was measured, and nothing of where things lie', () => {
    const { report, json, page, out } = run;
    expect(report.device.id).toBe(device);
    expect(report.device.name).not.toBe('');
    expect(report.halftone).toMatch(/^\d+\.\d+\.\d+/);
    expect(report.commit).not.toBe('');
    expect(report.date).toMatch(/^\d{4}-\d\d-\d\d$/);
    expect(Object.keys(report.libraries).length).toBeGreaterThan(0);
    expect(report.clock).toBe(
      device === 'emu' ? 'events of the device' : 'host clock around sync()',
    );
    expect(report.method.samples).toBe(3);
    for (const text of [json, page, out]) {
      expect(text).not.toContain(REPO);
      expect(text).not.toContain(os.homedir());
      expect(text).not.toMatch(/(^|[\s"'(])\/[a-z]+\//);
    }
    expect(page).toMatch(/^# Benchmark\n/);
    expect(page).toContain('## matmul\n');
    expect(page).toContain('| PyTorch | ratio |');
    expect(out).toContain(report.commit);
  });

  it('states the goals of a GPU', () => {
    const names = run.report.goals.map(({ name }) => name);
    if (device === 'cpu') {
      expect(names).toEqual([]);
      return;
    }
    expect(names).toEqual([
      'products and convolutions',
      'dp4a products',
      'memory-bound',
      'host cost of an operator',
    ]);
    const [first] = run.report.goals;
    expect(first?.of).toBeGreaterThan(0);
    expect(run.page).toContain('goal, products and convolutions >= 1.00 x PyTorch');
  });
});

describe('options', () => {
  it('that are wrong say so', () => {
    const wrong = (args: string[], message: string) => {
      const { code, err } = bench(...args);
      expect({ code, err: err.trim() }).toEqual({ code: 1, err: message });
    };
    wrong(['--filter', 'no such thing'], 'no case matches no such thing');
    wrong(['--samples', '0'], '--samples must be a whole number, at least 1, got 0');
    wrong(['--torch-seconds', '0'], '--torch-seconds must be a number above 0, got 0');
    wrong(['--torch', 'maybe'], '--torch must be auto, on or off, got maybe');
  });

  it('choose cases, and leave PyTorch alone on the CPU', () => {
    const file = path.join(folder, 'filtered.json');
    const { code, out } = bench('--quick', '--filter', '^memory relu', '--json', file);
    expect(code).toBe(0);
    const report = JSON.parse(readFileSync(file, 'utf8')) as Report;
    expect(report.rows.map(({ name }) => name)).toEqual(['relu float32', 'relu float16']);
    expect(report).not.toHaveProperty('peer');
    expect(out).not.toContain('PyTorch');
  });
});
