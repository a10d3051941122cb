// The op tables of the GPU suite (gpu-suite.mjs), by jest.

import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { root, runNode } from './gpu-process.mjs';

export const JEST = path.join(root, 'node_modules/jest/bin/jest.js');
const REPORTER = path.join(root, 'scripts/gpu-reporter.mjs');

/** A table is one test: hundreds of shapes, each of which a library plans for, and compiles kernels for, when it is new. */
const TIMEOUT = '--testTimeout=600000';

/** The most failures that a report names. */
const MAX_FAILURES = 200;

/** The test files that run their cases on the devices of HALFTONE_TEST_DEVICES. */
export function deviceTests(pattern) {
  const folder = path.join(root, 'dist/test');
  return readdirSync(folder, { recursive: true })
    .filter((name) => name.endsWith('.test.js') && pattern.test(name))
    .map((name) => path.join(folder, name))
    .filter((file) => /\bDEVICES\b|\bdescribeOp\b/.test(readFileSync(file, 'utf8')))
    .sort();
}

/** The device was looked for by `halftone doctor`; later processes need no probe. */
export const deviceEnv = (device) => ({
  HALFTONE_TEST_DEVICES: device,
  HALFTONE_CUDA_PROBE: '0',
});

/** What the reporter has written: a line for each file that has run. */
function readLines(file) {
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line.endsWith('}')) // the last one may have been cut short
    .map((line) => JSON.parse(line));
}

/** An error after which the driver takes no more work of the process: what follows in it fails, too. */
const LOST =
  /cudaError(IllegalAddress|MisalignedAddress|LaunchFailure|LaunchTimeout|IllegalInstruction|InvalidPc|HardwareStackError|Assert|ECCUncorrectable)/;
const lost = ({ failures }) => failures.some(({ message }) => LOST.test(message));

function reportOf(device, files, lines, more) {
  const sum = (count) => lines.reduce((all, line) => all + count(line), 0);
  const relative = (file) => path.relative(root, file);
  const ran = new Set(lines.map(({ file }) => file));
  return {
    device,
    passed: sum(({ passed }) => passed),
    failed: sum(({ failed }) => failed),
    skipped: sum(({ skipped }) => skipped),
    onDevice: sum(({ onDevice }) => onDevice),
    // Not begun, or not at their end, when the time was over.
    unfinished: files.filter((file) => !ran.has(file)).map(relative),
    ...more,
    files: lines.map(({ file, seconds, passed, failed }) => ({
      ...{ file: relative(file), seconds, passed, failed },
    })),
    failures: lines
      .flatMap(({ file, failures }) => failures.map((one) => ({ file: relative(file), ...one })))
      .slice(0, MAX_FAILURES),
  };
}

/**
 * Runs the tables, on four processes at a time. A file that meets a lost device takes those down that come after it in its
 * process: all of these are run once more, each alone and with every launch waited for, so that the guilty kernel is named.
 */
export async function tests({ device, out, pattern, seconds }) {
  const files = deviceTests(pattern);
  if (files.length === 0) return { ok: false, summary: `no test file matches ${pattern}` };
  const until = performance.now() + seconds * 1000;
  const log = path.join(out, 'tests.jsonl'); // all that there is when the suite itself is ended
  rmSync(log, { force: true });
  const env = { ...deviceEnv(device), HALFTONE_TEST_LINES: log };
  const run = async (some, args, more = {}) => {
    const before = readLines(log).length;
    const result = await runNode(
      [JEST, '--reporters=default', `--reporters=${REPORTER}`, ...args, ...some],
      {
        env: { ...env, ...more },
        seconds: Math.max((until - performance.now()) / 1000, 0.1),
        done: () => readLines(log).length - before >= some.length,
      },
    );
    return { ...result, lines: readLines(log).slice(before) };
  };
  const { code, text, lines: first } = await run(files, ['--maxWorkers=4', TIMEOUT]);
  const lines = new Map(first.map((line) => [line.file, line]));
  const again = first.filter(lost).map(({ file }) => file);
  for (const file of again) {
    if (performance.now() > until) break;
    const { lines: alone } = await run([file], ['--runInBand', TIMEOUT], {
      CUDA_LAUNCH_BLOCKING: '1',
    });
    for (const line of alone) lines.set(line.file, line);
  }
  const found = reportOf(device, files, [...lines.values()], {
    ...(again.length > 0 ? { alone: again.map((file) => path.relative(root, file)) } : {}),
    ...(lines.size < files.length ? { end: text.slice(-20_000) } : {}),
  });
  writeFileSync(path.join(out, 'tests.json'), `${JSON.stringify(found, null, 1)}\n`);
  rmSync(log, { force: true });
  const { passed, failed, skipped, onDevice, unfinished } = found;
  const summary = [
    `${passed} passed (${onDevice} on ${device}), ${failed} failed, ${skipped} skipped in ${lines.size} of ${files.length} files`,
    ...(again.length > 0
      ? [`the device was lost in ${again.length} files, which ran again alone`]
      : []),
    ...(code === 0 ? [] : [`jest: ${text.trim().split('\n').at(-1)}`]),
  ].join('; ');
  const complete = unfinished.length === 0 && code !== 124;
  return {
    ok: complete && failed === 0 && onDevice > 0 && (code === 0 || again.length > 0),
    summary,
  };
}
