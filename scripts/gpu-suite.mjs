// Everything that is to be run on a GPU, with a report: what the machine has, the op tables, compute-sanitizer over our
// own kernels, the benchmark. Needs a built tree (dist/, build/Release, node_modules/jest) and Node alone, so that it
// runs from a checkout (`npm run test:gpu`) and from the bundle of `npm run gpu:bundle`.
//
//   node scripts/gpu-suite.mjs [--out FOLDER] [--device cuda] [--steps tests,memcheck,racecheck,bench]
//                              [--tests REGEXP] [--bench REGEXP] [--seconds N]
//
// --tests selects test files, --bench benchmark cases; --seconds is the most that one step may take (900). Without a
// GPU the suite says so and succeeds, or fails where HALFTONE_REQUIRE_CUDA=1.

import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const STEPS = ['tests', 'memcheck', 'racecheck', 'bench'];

/** The largest text that is kept of one step: the end of it, where the errors are. */
const MAX_TEXT = 4 << 20;

/** Runs node with `args` (behind `wrapper`), shows its output, and keeps it. Ends it after `seconds`. */
function runNode(args, { env = {}, wrapper = [], seconds, quiet = false }) {
  const command = [...wrapper, process.execPath, ...args];
  return new Promise((resolve) => {
    const child = spawn(command[0], command.slice(1), {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      // A group of its own, so that a step which takes too long ends with all that it started.
      detached: true,
    });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8');
      stream.on('data', (more) => {
        if (!quiet) process.stdout.write(more);
        text = (text + more).slice(-MAX_TEXT);
      });
    }
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      process.kill(-child.pid, 'SIGKILL');
    }, seconds * 1000);
    child.on('error', ({ message }) => {
      text += message;
    });
    child.on('close', (code) => {
      clearTimeout(timer);
      if (late) text += `\nended after ${seconds} s`;
      resolve({ code: late ? 124 : (code ?? 1), text });
    });
  });
}

/** The test files that run their cases on the devices of HALFTONE_TEST_DEVICES. */
function deviceTests(pattern) {
  const folder = path.join(root, 'dist/test');
  return readdirSync(folder, { recursive: true })
    .filter((name) => name.endsWith('.test.js') && pattern.test(name))
    .map((name) => path.join(folder, name))
    .filter((file) => /\bDEVICES\b|\bdescribeOp\b/.test(readFileSync(file, 'utf8')))
    .sort();
}

const JEST = path.join(root, 'node_modules/jest/bin/jest.js');

/** `[count] tests failed` and the first messages, from jest's JSON. */
function readTests(file, device) {
  if (!existsSync(file)) return undefined;
  const report = JSON.parse(readFileSync(file, 'utf8'));
  const failures = report.testResults.flatMap(({ name, message, assertionResults }) => {
    const failed = assertionResults.filter(({ status }) => status === 'failed');
    if (failed.length === 0 && message && assertionResults.length === 0) {
      return [
        { file: path.relative(root, name), test: 'the file', message: message.slice(0, 4000) },
      ];
    }
    return failed.map(({ fullName, failureMessages }) => ({
      file: path.relative(root, name),
      test: fullName,
      message: failureMessages.join('\n').slice(0, 4000),
    }));
  });
  const files = report.testResults.map(({ name, startTime, endTime, assertionResults }) => ({
    file: path.relative(root, name),
    seconds: (endTime - startTime) / 1000,
    passed: assertionResults.filter(({ status }) => status === 'passed').length,
    failed: assertionResults.filter(({ status }) => status === 'failed').length,
  }));
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + report.numRuntimeErrorTestSuites,
    skipped: report.numPendingTests + report.numTodoTests,
    // The tables run on the CPU too; without these, nothing was run on the device.
    onDevice: report.testResults
      .flatMap(({ assertionResults }) => assertionResults)
      .filter((t) => t.status === 'passed' && new RegExp(`\\bon ${device}( |$)`).test(t.fullName))
      .length,
    files,
    // Enough to see what is wrong, and a bound on the file.
    failures: failures.slice(0, 200),
  };
}

async function tests({ device, out, pattern, seconds }) {
  const files = deviceTests(pattern);
  if (files.length === 0) return { ok: false, summary: `no test file matches ${pattern}` };
  const full = path.join(out, 'jest.json');
  const args = [JEST, '--json', `--outputFile=${full}`, '--maxWorkers=4', ...files];
  const { code, text } = await runNode(args, { env: deviceEnv(device), seconds });
  const found = readTests(full, device);
  rmSync(full, { force: true });
  writeFileSync(
    path.join(out, 'tests.json'),
    `${JSON.stringify({ device, ...(found ?? { error: text.slice(-20_000) }) }, null, 1)}\n`,
  );
  if (!found) return { ok: false, summary: `jest ended with ${code}: ${text.slice(-300)}` };
  const { passed, failed, skipped, onDevice } = found;
  const summary = `${passed} passed (${onDevice} on ${device}), ${failed} failed, ${skipped} skipped in ${files.length} files`;
  return { ok: code === 0 && failed === 0 && onDevice > 0, summary };
}

/** The op tables ran with the probe once; later processes need none. */
const deviceEnv = (device) => ({
  HALFTONE_TEST_DEVICES: device,
  HALFTONE_CUDA_PROBE: '0',
});

function sanitizer() {
  const folders = (process.env.PATH ?? '').split(path.delimiter);
  const homes = [process.env.CUDA_HOME, process.env.CUDA_PATH, '/usr/local/cuda'].filter(Boolean);
  return [...folders, ...homes.map((home) => path.join(home, 'bin'))]
    .map((folder) => path.join(folder, 'compute-sanitizer'))
    .find((file) => existsSync(file));
}

/**
 * A tool of compute-sanitizer over the op tables, in one process. Only kernels of ours are checked: their mangled names hold
 * the namespace. Its summary has to be there: a tool that fails to start finds no errors either.
 */
async function sanitize(tool, { device, out, pattern, seconds }) {
  const program = sanitizer();
  if (!program) return { ok: true, skipped: true, summary: 'compute-sanitizer is not here' };
  const files = deviceTests(pattern);
  const options = ['--tool', tool, '--kernel-name', 'kns=halftone', '--error-exitcode', '86'];
  const more = ['--target-processes', 'application-only', '--print-limit', '50'];
  const { code, text } = await runNode([JEST, '--runInBand', '--testTimeout=600000', ...files], {
    env: deviceEnv(device),
    wrapper: [program, ...options, ...more],
    seconds,
    quiet: true,
  });
  writeFileSync(path.join(out, `${tool}.txt`), text);
  const found =
    tool === 'racecheck' ? /RACECHECK SUMMARY: (.*)/.exec(text) : /ERROR SUMMARY: (.*)/.exec(text);
  const clean = found !== null && /^0 (errors|hazards)/.test(found[1]);
  if (!found) return { ok: false, summary: `no summary, exit code ${code}: ${text.slice(-300)}` };
  // Cases that fail are the business of the step before; here only what the tool found counts.
  return { ok: clean && code !== 86 && code !== 124, summary: found[1] };
}

async function bench({ device, out, cases, seconds }) {
  const files = ['--json', path.join(out, 'bench.json'), '--markdown', path.join(out, 'bench.md')];
  const args = ['dist/bench/main.js', '--device', device, '--filter', cases, ...files];
  const { code, text } = await runNode(args, { env: { HALFTONE_CUDA_PROBE: '0' }, seconds });
  const lines = text.trim().split('\n');
  return {
    ok: code === 0,
    summary: code === 0 ? `${lines.length} lines` : lines.slice(-3).join(' '),
  };
}

/** What `halftone doctor` says, also about the GPU. */
function doctor(out) {
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [path.join(root, 'bin/halftone.js'), 'doctor', '--json'],
    { cwd: root, encoding: 'utf8', maxBuffer: 64 << 20 },
  );
  writeFileSync(path.join(out, 'doctor.json'), stdout);
  if (status !== 0) throw new Error(`halftone doctor failed: ${stdout}${stderr}`);
  return JSON.parse(stdout);
}

function gpuLines({ backends, cuda, nvidia }) {
  const devices = backends.flatMap((backend) => backend.devices);
  return [
    ...devices.map(
      ({ device, name, detail, error }) => `- ${device}: ${error ?? `${name}, ${detail}`}`,
    ),
    `- driver: ${nvidia.driver ?? 'none'}`,
    ...cuda.libraries.map(
      ({ name, version, path: file }) => `- ${name}: ${version ?? '-'}, ${file ?? 'not found'}`,
    ),
  ];
}

function writeReport(out, report, about) {
  writeFileSync(path.join(out, 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
  const mark = ({ ok, skipped }) => (skipped ? 'skipped' : ok ? 'ok' : 'FAILED');
  const rows = report.steps.map(
    (step) =>
      `| ${step.name} | ${mark(step)} | ${step.seconds.toFixed(1)} | ${step.summary.replaceAll('\n', ' ').replaceAll('|', '/')} |`,
  );
  const text = [
    `# Halftone ${report.halftone} on ${report.device}`,
    '',
    `${report.date}, Node ${report.node}`,
    '',
    ...gpuLines(about),
    '',
    '| step | outcome | s | |',
    '|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
  writeFileSync(path.join(out, 'report.md'), text);
}

/** Runs the suite; whether all of it succeeded. */
export async function gpuSuite(options) {
  const { device, steps } = options;
  const out = path.resolve(options.out);
  mkdirSync(out, { recursive: true });
  const about = doctor(out);
  const wantsCuda = /^cuda(:|$)/.test(device);
  const report = {
    halftone: about.halftone.version,
    date: new Date().toISOString(),
    node: process.version,
    device,
    steps: [],
  };
  if (wantsCuda && !about.cuda.available) {
    const required = process.env.HALFTONE_REQUIRE_CUDA === '1';
    console.log(
      `${required ? 'FAILED' : 'skipped'}: there is no CUDA device here: ${about.cuda.reason}\n` +
        about.cuda.hints.map((hint) => `  ${hint}\n`).join('') +
        (required ? '' : 'HALFTONE_REQUIRE_CUDA=1 makes this a failure.'),
    );
    const outcome = { name: 'device', seconds: 0, ok: false, skipped: !required };
    report.steps.push({ ...outcome, summary: about.cuda.reason });
    writeReport(out, report, about);
    return !required;
  }
  const settings = { ...options, out };
  const work = {
    tests: () => tests(settings),
    memcheck: () => sanitize('memcheck', settings),
    racecheck: () => sanitize('racecheck', settings),
    bench: () => bench(settings),
  };
  for (const name of steps) {
    if (/check$/.test(name) && !wantsCuda) continue;
    const start = performance.now();
    console.log(`== ${name} on ${device}`);
    const result = await work[name]();
    const seconds = (performance.now() - start) / 1000;
    report.steps.push({ name, seconds, ...result });
    console.log(
      `${result.ok ? 'ok' : 'FAILED'} ${name} ${seconds.toFixed(1)} s: ${result.summary}`,
    );
    // After each step: what ran is known even when the rest is cut short.
    writeReport(out, report, about);
  }
  return report.steps.every(({ ok }) => ok);
}

/** The options of a command line, checked. */
export function suiteOptions(args) {
  const { values } = parseArgs({
    args,
    options: {
      out: { type: 'string', default: path.join(root, 'build/gpu-report') },
      device: { type: 'string', default: 'cuda' },
      steps: { type: 'string', default: STEPS.join(',') },
      tests: { type: 'string', default: '' },
      bench: { type: 'string', default: '' },
      seconds: { type: 'string', default: '900' },
    },
  });
  const steps = values.steps.split(/[\s,]+/).filter(Boolean);
  const unknown = steps.filter((step) => !STEPS.includes(step));
  if (unknown.length > 0)
    throw new Error(`--steps has ${STEPS.join(', ')}, got ${unknown.join(', ')}`);
  const seconds = Number(values.seconds);
  if (!(seconds > 0)) throw new Error(`--seconds must be a number above 0, got ${values.seconds}`);
  const { out, device } = values;
  return { out, device, steps, pattern: new RegExp(values.tests), cases: values.bench, seconds };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const ok = await gpuSuite(suiteOptions(process.argv.slice(2)));
  process.exitCode = ok ? 0 : 1;
}
