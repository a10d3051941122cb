// Everything that is to be run on a GPU, with a report: what the machine has, the op tables, compute-sanitizer over our
// own kernels, the benchmark. Needs a built tree (dist/, build/Release, node_modules/jest) and Node alone, so that it
// runs from a checkout (`npm run test:gpu`) and from the bundle of `npm run gpu:bundle`.
//
//   node scripts/gpu-suite.mjs [--out FOLDER] [--device cuda] [--steps tests,bench,memcheck,racecheck]
//                              [--tests REGEXP] [--bench REGEXP] [--seconds N] [--total N]
//
// --tests selects test files, --bench benchmark cases; --seconds is the most that one step may take (900), --total the most
// for all (no limit). What a step has found by then is kept, and a step that fails costs no other. Without a GPU the suite
// says so and succeeds, or fails where HALFTONE_REQUIRE_CUDA=1.

import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { root, runNode } from './gpu-process.mjs';
import { sanitize } from './gpu-sanitize.mjs';
import { tests } from './gpu-tests.mjs';

const STEPS = ['tests', 'bench', 'memcheck', 'racecheck'];

/** Seconds below which a step is not begun. */
const LEAST_SECONDS = 10;

/** Seconds that are left for reports where steps use all their time. */
const MARGIN = 5;

/** What PyTorch gets of the time of the benchmark: half of it, as far as it needs that. */
const torchSeconds = (seconds) => Math.ceil(Math.min(300, seconds / 2));

/** The most that `halftone doctor` may take: its probe ends after 60 s. */
const DOCTOR_SECONDS = 150;

async function bench({ device, out, cases, seconds }) {
  const files = ['--json', path.join(out, 'bench.json'), '--markdown', path.join(out, 'bench.md')];
  const torch = ['--torch-seconds', `${torchSeconds(seconds)}`];
  const args = ['dist/bench/main.js', '--device', device, '--filter', cases, ...torch, ...files];
  const { code, text } = await runNode(args, { env: { HALFTONE_CUDA_PROBE: '0' }, seconds });
  const lines = text.trim().split('\n');
  return {
    ok: code === 0,
    summary: code === 0 ? `${lines.length} lines` : lines.slice(-3).join(' '),
  };
}

/** What `halftone doctor` says; `problem`: why it is no success. */
function askDoctor(env = {}) {
  const { stdout, stderr, status, error } = spawnSync(
    process.execPath,
    [path.join(root, 'bin/halftone.js'), 'doctor', '--json'],
    {
      ...{ cwd: root, encoding: 'utf8', maxBuffer: 64 << 20, env: { ...process.env, ...env } },
      ...{ timeout: DOCTOR_SECONDS * 1000, killSignal: 'SIGKILL' },
    },
  );
  const said = `${error?.message ?? ''} ${stderr ?? ''}`.trim().slice(-1000);
  let about;
  try {
    about = JSON.parse(stdout);
  } catch {
    return { problem: `halftone doctor says nothing, exit code ${status}: ${said}` };
  }
  return status === 0
    ? { about }
    : { about, problem: `halftone doctor ends with exit code ${status}: ${said}` };
}

/** The same, also where the first look at the GPU fails in its process: the suite's own processes may be ended by it. */
function doctor(out) {
  let { about, problem } = askDoctor();
  const reason = about?.cuda?.available === false ? about.cuda.reason : '';
  if (/the probe of the GPU/.test(reason)) {
    const again = askDoctor({ HALFTONE_CUDA_PROBE: '0' });
    if (again.about?.cuda?.available) ({ about } = again);
    problem = reason;
  }
  writeFileSync(
    path.join(out, 'doctor.json'),
    `${JSON.stringify(about ?? { problem }, null, 2)}\n`,
  );
  return { about, problem };
}

/** What the driver says of the GPUs, before anything has run. */
function driverText() {
  const { stdout, stderr, error } = spawnSync('nvidia-smi', { encoding: 'utf8', timeout: 30_000 });
  return error ? error.message : `${stdout}${stderr}`.trim();
}

function gpuLines(about) {
  const devices = (about?.backends ?? []).flatMap((backend) => backend.devices);
  return [
    ...devices.map(
      ({ device, name, detail, error }) => `- ${device}: ${error ?? `${name}, ${detail}`}`,
    ),
    `- driver: ${about?.nvidia?.driver ?? 'none'}`,
    ...(about?.cuda?.libraries ?? []).map(
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
    '```text',
    report.driver,
    '```',
    '',
    '| step | outcome | s | |',
    '|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
  writeFileSync(path.join(out, 'report.md'), text);
}

/** Why there is no device to run on; undefined where there is one. */
function noDevice(about, problem, device) {
  if (about === undefined || about.addon?.loaded === false) {
    return { reason: about?.addon?.reason ?? problem, hints: [] };
  }
  if (!/^cuda(:|$)/.test(device) || about.cuda?.available) return undefined;
  return { reason: about.cuda?.reason ?? problem, hints: about.cuda?.hints ?? [] };
}

/** Runs one step. What goes wrong in it is its outcome. */
async function runStep(work) {
  const start = performance.now();
  const result = await work().catch((error) => ({ ok: false, summary: error.stack }));
  return { seconds: (performance.now() - start) / 1000, ...result };
}

/** Runs the suite; whether all of it succeeded. */
export async function gpuSuite(options) {
  const { device, steps } = options;
  const end = performance.now() + options.total * 1000;
  const out = path.resolve(options.out);
  mkdirSync(out, { recursive: true });
  const { about, problem } = doctor(out);
  const report = {
    halftone: about?.halftone?.version ?? '',
    date: new Date().toISOString(),
    node: process.version,
    device,
    driver: driverText(),
    steps: [],
  };
  const finish = (step) => {
    report.steps.push(step);
    const mark = step.ok ? 'ok' : 'FAILED';
    console.log(`${mark} ${step.name} ${step.seconds.toFixed(1)} s: ${step.summary}`);
    // After each step: what ran is known even when the rest is cut short.
    writeReport(out, report, about);
  };
  const none = noDevice(about, problem, device);
  if (none !== undefined) {
    // An addon that cannot be loaded is no lack of a GPU.
    const required = process.env.HALFTONE_REQUIRE_CUDA === '1' || about?.cuda == null;
    console.log(
      `${required ? 'FAILED' : 'skipped'}: there is no CUDA device here: ${none.reason}\n` +
        none.hints.map((hint) => `  ${hint}\n`).join('') +
        (required ? '' : 'HALFTONE_REQUIRE_CUDA=1 makes this a failure.'),
    );
    const outcome = { name: 'device', seconds: 0, ok: false, skipped: !required };
    report.steps.push({ ...outcome, summary: `${none.reason}` });
    writeReport(out, report, about);
    return !required;
  }
  if (problem !== undefined) finish({ name: 'doctor', seconds: 0, ok: false, summary: problem });
  const work = {
    tests,
    memcheck: (settings) => sanitize('memcheck', settings),
    racecheck: (settings) => sanitize('racecheck', settings),
    bench,
  };
  for (const name of steps) {
    if (/check$/.test(name) && !/^cuda(:|$)/.test(device)) continue;
    const left = (end - performance.now()) / 1000 - MARGIN;
    if (left < LEAST_SECONDS) {
      finish({ name, seconds: 0, ok: false, summary: 'not begun: the time is over' });
      continue;
    }
    console.log(`== ${name} on ${device}`);
    const settings = { ...options, out, seconds: Math.min(options.seconds, left) };
    finish({ name, ...(await runStep(() => work[name](settings))) });
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
      total: { type: 'string' },
    },
  });
  const steps = values.steps.split(/[\s,]+/).filter(Boolean);
  const unknown = steps.filter((step) => !STEPS.includes(step));
  if (unknown.length > 0)
    throw new Error(`--steps has ${STEPS.join(', ')}, got ${unknown.join(', ')}`);
  const limit = (name) => {
    const seconds = Number(values[name] ?? Number.POSITIVE_INFINITY);
    if (!(seconds > 0)) throw new Error(`--${name} must be a number above 0, got ${values[name]}`);
    return seconds;
  };
  const { out, device } = values;
  const times = { seconds: limit('seconds'), total: limit('total') };
  return { out, device, steps, pattern: new RegExp(values.tests), cases: values.bench, ...times };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const ok = await gpuSuite(suiteOptions(process.argv.slice(2)));
  process.exitCode = ok ? 0 : 1;
}
