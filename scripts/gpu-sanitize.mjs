// compute-sanitizer over the op tables, for the GPU suite (gpu-suite.mjs).

import { appendFileSync, existsSync, rmSync } from 'node:fs';
import path from 'node:path';
import { root, runNode } from './gpu-process.mjs';
import { deviceEnv, deviceTests, JEST } from './gpu-tests.mjs';

/** Files that are checked at a time: a tool keeps one CPU busy, and the GPU idle for the most part. */
const AT_A_TIME = 4;

/** The most that the report may hold of one file, and of all. */
const MAX_OF_FILE = 256 << 10;
const MAX_REPORT = 12 << 20;

function sanitizer() {
  const folders = (process.env.PATH ?? '').split(path.delimiter);
  const homes = [process.env.CUDA_HOME, process.env.CUDA_PATH, '/usr/local/cuda'].filter(Boolean);
  return [...folders, ...homes.map((home) => path.join(home, 'bin'))]
    .map((folder) => path.join(folder, 'compute-sanitizer'))
    .find((file) => existsSync(file));
}

/**
 * Only kernels of ours are checked: their mangled names hold the namespace. Calls that fail are checked by the backend itself, and
 * some tests make them fail (--report-api-errors). After an access that is wrong the others go on (--destroy-on-device-error).
 */
const options = (tool) => [
  ...['--tool', tool, '--kernel-name', 'kns=halftone', '--error-exitcode', '86'],
  ...['--target-processes', 'application-only', '--print-limit', '50'],
  ...(tool === 'memcheck'
    ? ['--report-api-errors', 'no', '--destroy-on-device-error', 'kernel']
    : []),
];

/** What the tool says at the end of one file. It has to be there: a tool that fails to start finds no errors either. */
function verdict(tool, { code, text }) {
  const found =
    tool === 'racecheck' ? /RACECHECK SUMMARY: (.*)/.exec(text) : /ERROR SUMMARY: (.*)/.exec(text);
  if (!found) return { ok: false, summary: `no summary, exit code ${code}: ${text.slice(-300)}` };
  // Cases that fail are the business of the tests; here only what the tool found counts.
  const clean = /^0 (errors|hazards)/.test(found[1]) && code !== 86 && code !== 124;
  return { ok: clean, summary: found[1] };
}

/**
 * A tool over the op tables, a process for each file: what one finds is written when it is done, and a file that takes long, or that
 * loses the device, costs no other.
 */
export async function sanitize(tool, { device, out, pattern, seconds }) {
  const program = sanitizer();
  if (!program) return { ok: true, skipped: true, summary: 'compute-sanitizer is not here' };
  const files = deviceTests(pattern);
  if (files.length === 0) return { ok: false, summary: `no test file matches ${pattern}` };
  const report = path.join(out, `${tool}.txt`);
  rmSync(report, { force: true });
  const until = performance.now() + seconds * 1000;
  const waiting = [...files];
  const verdicts = [];
  let written = 0;
  const check = async (file) => {
    const args = [JEST, '--runInBand', '--testTimeout=600000', file];
    const env = deviceEnv(device);
    const left = (until - performance.now()) / 1000;
    const result = await runNode(args, {
      ...{ env, wrapper: [program, ...options(tool)], seconds: left, quiet: true },
    });
    const one = verdict(tool, result);
    const name = path.relative(root, file);
    const text = `== ${name}: ${one.summary}\n${one.ok ? '' : `${result.text.slice(-MAX_OF_FILE)}\n`}`;
    if (written + text.length <= MAX_REPORT) appendFileSync(report, text);
    written += text.length;
    verdicts.push({ name, ...one });
  };
  const worker = async () => {
    for (;;) {
      const file = performance.now() < until ? waiting.shift() : undefined;
      if (file === undefined) return;
      await check(file);
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, worker));
  const bad = verdicts.filter(({ ok }) => !ok);
  const summary = [
    `${verdicts.length - bad.length} of ${files.length} files clean`,
    ...bad.slice(0, 5).map(({ name, summary: said }) => `${name}: ${said}`),
    ...(waiting.length > 0 ? [`no time for ${waiting.length} files`] : []),
  ].join('; ');
  return { ok: bad.length === 0 && waiting.length === 0, summary };
}
