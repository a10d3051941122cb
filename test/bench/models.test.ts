/** `npm run bench -- --models` measures whole models beside ONNX Runtime, and says what could not be measured. */

import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { ModelReport } from '../../bench/models-report';
import { ratio } from '../../bench/models-report';
import { REPO } from '../support/repo';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'halftone-models-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const bench = (...args: string[]) =>
  spawnSync(process.execPath, [path.join(REPO, 'dist/bench/main.js'), ...args], {
    encoding: 'utf8',
  });

const positive = (x: unknown): boolean => typeof x === 'number' && Number.isFinite(x) && x > 0;

it('has a time for each precision and for ONNX Runtime, or the reason', () => {
  copyFileSync(path.join(REPO, 'examples/digits/digits.onnx'), path.join(folder, 'digits.onnx'));
  writeFileSync(path.join(folder, 'broken.onnx'), 'not a model');
  const [json, page] = ['report.json', 'report.md'].map((name) => path.join(folder, name));
  const run = bench(
    ...['--models', folder, '--quick', '--batch', '3', '--json', json as string],
    ...['--markdown', page as string],
  );
  expect({ code: run.status, err: run.stderr }).toEqual({ code: 0, err: '' });
  const report = JSON.parse(readFileSync(json as string, 'utf8')) as ModelReport;
  expect(report).toMatchObject({ batch: 3, peer: expect.stringMatching(/^ONNX Runtime \d/) });
  expect(positive(report.threads)).toBe(true);

  const [broken, digits] = report.rows;
  expect(broken).toEqual({ name: 'broken', times: {}, errors: { float32: expect.any(String) } });
  if (!digits) throw new Error('no row');
  expect(digits.errors).toEqual({});
  expect(Object.keys(digits.times)).toEqual(['float32', 'nodes', 'float16', 'mixed', 'peer']);
  for (const { median, least, cpu } of Object.values(digits.times)) {
    expect(positive(median) && positive(least) && cpu >= 0).toBe(true);
    expect(least).toBeLessThanOrEqual(median);
  }
  expect(Number.isFinite(digits.difference)).toBe(true);
  const { peer, float32 } = digits.times;
  expect(ratio(digits)).toBe((peer?.median ?? 0) / (float32?.median ?? 0));

  const text = readFileSync(page as string, 'utf8');
  expect(text).toMatch(/^# Models\n/);
  expect(text).toContain('| digits | ');
  expect(text).toContain('- broken, float32: not run, ');
  expect(run.stdout).toContain(report.commit);
  for (const all of [text, run.stdout]) expect(all).not.toContain(folder);
}, 60_000);

it('refuses what it cannot measure', () => {
  const wrong = (args: string[], message: string) => {
    const { status, stderr } = bench('--models', path.join(REPO, 'examples/digits'), ...args);
    expect({ code: status, err: stderr.trim() }).toEqual({ code: 1, err: message });
  };
  wrong(['--filter', 'no such'], 'no model in digits matches no such');
  wrong(['--batch', '0'], '--batch must be a whole number, at least 1, got 0');
});
