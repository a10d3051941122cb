/**
 * The GPU suite's own judgement: a fake module stands for the GPU, a script for compute-sanitizer. What must fail has to
 * fail here, as nobody looks closely at a run that is green.
 */

import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { REPO } from '../support/repo';

const BUILT = path.join(REPO, 'build/Release');

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'halftone-suite-'));
  copyFileSync(path.join(BUILT, 'halftone_fake_cuda.so'), path.join(folder, 'halftone_cuda.so'));
  writeFileSync(path.join(folder, 'libcuda.so.1'), '');
});
afterEach(() => rmSync(folder, { recursive: true }));

function suite(args: string[], env: Record<string, string> = {}) {
  const outer = Object.entries(process.env).filter(([name]) => !name.startsWith('HALFTONE_'));
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['scripts/gpu-suite.mjs', '--out', path.join(folder, 'out'), '--tests', 'haxpy', ...args],
    {
      cwd: REPO,
      env: {
        ...Object.fromEntries(outer),
        HALFTONE_CUDA_LIB_DIR: [folder, path.join(BUILT, 'fake_libraries')].join(path.delimiter),
        LD_LIBRARY_PATH: folder,
        PATH: `${folder}${path.delimiter}${process.env['PATH']}`,
        ...env,
      },
      encoding: 'utf8',
    },
  );
  const report = JSON.parse(readFileSync(path.join(folder, 'out/report.json'), 'utf8'));
  return { status, output: stdout + stderr, steps: report.steps };
}

/** A compute-sanitizer that prints `text` and ends with `code`, and keeps its arguments. */
function fakeSanitizer(text: string, code: number): void {
  const file = path.join(folder, 'compute-sanitizer');
  const script = `#!/bin/sh\necho "$@" > ${folder}/arguments\necho '${text}'\nexit ${code}\n`;
  writeFileSync(file, script);
  chmodSync(file, 0o755);
}

/** A process that has ended and that nobody has asked about is none. */
function isRunning(pid: number): boolean {
  const file = `/proc/${pid}/stat`;
  return existsSync(file) && !/\) Z /.test(readFileSync(file, 'latin1'));
}

describe('a tool of compute-sanitizer', () => {
  test('is run over the op tables, for kernels of ours, a process for each file', () => {
    fakeSanitizer('========= RACECHECK SUMMARY: 0 hazards displayed (0 errors, 0 warnings)', 0);
    const { status, steps } = suite(['--steps', 'racecheck']);
    expect(status).toBe(0);
    expect(steps).toMatchObject([{ name: 'racecheck', ok: true }]);
    const asked = readFileSync(path.join(folder, 'arguments'), 'utf8');
    expect(asked).toContain('--tool racecheck --kernel-name kns=halftone');
    expect(asked).toMatch(/--runInBand .*ops\/haxpy\.test\.js/);
    // An error in one kernel, or a call that is meant to fail, must not hide the others.
    const memcheck = '--report-api-errors no --destroy-on-device-error kernel';
    expect(asked).not.toContain(memcheck);
    fakeSanitizer('========= ERROR SUMMARY: 0 errors', 0);
    expect(suite(['--steps', 'memcheck'])).toMatchObject({ status: 0 });
    expect(readFileSync(path.join(folder, 'arguments'), 'utf8')).toContain(memcheck);
  });

  test('that finds errors in one file is run over the others, too', () => {
    const file = path.join(folder, 'compute-sanitizer');
    const errors = '*det.test.js) echo "========= ERROR SUMMARY: 3 errors"; exit 86;;';
    const none = '*) echo "========= ERROR SUMMARY: 0 errors";;';
    writeFileSync(file, `#!/bin/sh\nfor last; do :; done\ncase $last in ${errors} ${none} esac\n`);
    chmodSync(file, 0o755);
    const { status, steps } = suite(['--steps', 'memcheck', '--tests', 'ops/(det|haxpy|where)']);
    expect(status).toBe(1);
    expect(steps[0].summary).toContain('2 of 3 files clean; dist/test/ops/det.test.js: 3 errors');
    const text = readFileSync(path.join(folder, 'out/memcheck.txt'), 'utf8');
    expect(text).toContain('== dist/test/ops/haxpy.test.js: 0 errors');
  });

  test.each([
    ['that finds errors', '========= ERROR SUMMARY: 3 errors', 86],
    ['that finds errors and forgets its exit code', '========= ERROR SUMMARY: 1 error', 0],
    ['that does not start', 'Error: No attachable process found', 0],
    ['whose program crashed', '========= ERROR SUMMARY: 0 errors', 86],
  ])('%s fails', (_, text, code) => {
    fakeSanitizer(text, code);
    const { status, steps } = suite(['--steps', 'memcheck']);
    expect(status).toBe(1);
    expect(steps).toMatchObject([{ name: 'memcheck', ok: false }]);
  });
});

test('tests that fail on the device fail the suite', () => {
  // The fake has no haxpy.
  const { status, steps } = suite(['--steps', 'tests']);
  expect(status).toBe(1);
  expect(steps).toMatchObject([{ name: 'tests', ok: false }]);
  const { failures } = JSON.parse(readFileSync(path.join(folder, 'out/tests.json'), 'utf8'));
  expect(failures[0].test).toContain('haxpy on cuda');
});

test('a step that takes too long is ended, and says what it did not come to', () => {
  const { status, output } = suite(['--steps', 'tests', '--seconds', '0.2']);
  expect(status).toBe(1);
  expect(output).toContain('FAILED tests');
  const { unfinished } = JSON.parse(readFileSync(path.join(folder, 'out/tests.json'), 'utf8'));
  expect(unfinished).toEqual(['dist/test/ops/haxpy.test.js']);
  expect(existsSync(path.join(folder, 'out/tests.jsonl'))).toBe(false);
});

test('a step that is ended takes along what it has started', () => {
  const pids = path.join(folder, 'pids');
  const file = path.join(folder, 'compute-sanitizer');
  writeFileSync(file, `#!/bin/sh\nsleep 100 & echo $! $$ > ${pids}\nwait\n`);
  chmodSync(file, 0o755);
  const { status, steps } = suite(['--steps', 'memcheck', '--seconds', '1']);
  expect(status).toBe(1);
  expect(steps[0].summary).toContain('no summary, exit code 124');
  const alive = readFileSync(pids, 'utf8').trim().split(' ').map(Number).filter(isRunning);
  expect(alive).toEqual([]);
});

test('what the time does not suffice for is not begun', () => {
  const { status, steps } = suite(['--steps', 'tests,bench', '--total', '12']);
  expect(status).toBe(1);
  expect(steps).toMatchObject([
    { name: 'tests', ok: false, summary: 'not begun: the time is over' },
    { name: 'bench', ok: false, summary: 'not begun: the time is over' },
  ]);
});

test('a file that met a lost device is run again, alone', () => {
  const lost = { HALFTONE_TEST_FAKE: 'lost device' };
  const { status, steps } = suite(['--steps', 'tests'], lost);
  expect(status).toBe(1);
  expect(steps[0].summary).toContain('the device was lost in 1 files, which ran again alone');
  const { alone } = JSON.parse(readFileSync(path.join(folder, 'out/tests.json'), 'utf8'));
  expect(alone).toEqual(['dist/test/ops/haxpy.test.js']);
});

test('a driver that crashes is what the report says', () => {
  const { status, steps } = suite([], { HALFTONE_TEST_FAKE: 'crash', HALFTONE_REQUIRE_CUDA: '1' });
  expect(status).toBe(1);
  expect(steps).toMatchObject([{ name: 'device', ok: false }]);
  expect(steps[0].summary).toContain('the probe of the GPU was ended by SIGABRT');
});

test('without a GPU it is skipped, or fails where one is required', () => {
  const none = { HALFTONE_TEST_FAKE: 'no device' };
  const skipped = suite([], none);
  expect(skipped).toMatchObject({ status: 0, steps: [{ name: 'device', skipped: true }] });
  expect(skipped.output).toContain('skipped: there is no CUDA device here');
  const required = suite([], { ...none, HALFTONE_REQUIRE_CUDA: '1' });
  expect(required).toMatchObject({ status: 1, steps: [{ name: 'device', ok: false }] });
});
