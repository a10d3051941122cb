/** Where the CUDA backend is looked for, and what is said when it is not there. Each case has a process of its own. */

import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { REPO } from '../support/repo';

const BESIDE_ADDON = path.join(REPO, 'build/Release/halftone_cuda.so');

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'halftone-cuda-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Runs `expression` with the public names as `h`; the result as JSON, or the error's fields. */
function evaluate(expression: string, env: Record<string, string>): Record<string, unknown> {
  const script =
    `const h = require('./dist/lib/index.js'); let result;` +
    `try { result = ${expression} } catch ({ code, message }) { result = { code, message } }` +
    'console.log(JSON.stringify(result))';
  const { status, stdout, stderr } = spawnSync(process.execPath, ['-e', script], {
    cwd: REPO,
    env: { ...process.env, HALFTONE_DEVICE: '', ...env },
    encoding: 'utf8',
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return JSON.parse(stdout);
}

test("device 'cuda' names every place and the reason, in the order of the search", () => {
  const broken = path.join(folder, 'halftone_cuda.so');
  writeFileSync(broken, 'no library');
  const empty = path.join(folder, 'empty');
  const { code, message } = evaluate("h.tensor([1], { device: 'cuda:1' })", {
    HALFTONE_CUDA_LIB_DIR: `${empty}${path.delimiter}${folder}`,
  });
  expect(code).toBe('ERR_BACKEND_UNAVAILABLE');
  expect(message).toContain("device 'cuda:1' is not available: the CUDA backend is not loaded");
  expect(message).toContain(`${path.join(empty, 'halftone_cuda.so')} not found`);
  expect(message).toContain(`${broken} cannot be loaded`);
  expect(message).toContain(`${BESIDE_ADDON} not found`);
});

test("'auto' is the CPU then, and says why; HALFTONE_DEVICE is asked when no device is given", () => {
  expect(evaluate('h.autoDevice()', {})).toEqual({
    device: 'cpu',
    reason: `the CUDA backend is not loaded: ${BESIDE_ADDON} not found`,
  });
  expect(evaluate('h.tensor([1], { device: "auto" }).device', {})).toBe('cpu');
  expect(evaluate('h.tensor([1]).device', { HALFTONE_DEVICE: 'auto' })).toBe('cpu');
  expect(evaluate('h.tensor([1])', { HALFTONE_DEVICE: 'cuda' })).toMatchObject({
    code: 'ERR_BACKEND_UNAVAILABLE',
  });
});

test('nothing is looked for before it is needed', () => {
  expect(evaluate("(h.tensor([1], { device: 'cpu' }), h.backends().refused)", {})).toEqual([]);
  expect(evaluate('(h.autoDevice(), h.backends().refused)', {})).toEqual([
    { path: BESIDE_ADDON, reason: 'not found' },
  ]);
});

test('a module of that name with another backend in it is no CUDA backend', () => {
  const other = path.join(folder, 'halftone_cuda.so');
  copyFileSync(path.join(REPO, 'build/Release/halftone_fake.so'), other);
  const { reason } = evaluate('h.autoDevice()', { HALFTONE_CUDA_LIB_DIR: folder });
  expect(reason).toContain(`${other} is a backend named fake`);
});
