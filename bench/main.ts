/**
 * `npm run bench`: rates of the operators on real layer shapes, beside what the device can do at most and, on a GPU, beside
 * PyTorch.
 *
 *   npm run bench -- [--filter REGEXP] [--device cpu] [--samples N] [--json FILE] [--markdown FILE] [--quick] [--torch WHEN]
 *   npm run bench -- --models PATH [--batch N] [...]
 */

import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { backends, explain, loadBackend, relu, type Tensor, trimMemory } from '../lib';
import { binding } from '../lib/binding';
import { type BenchCase, input, PROFILES, type Profile, REPO } from './case';
import { cases, square } from './cases';
import { type Ceiling, peaks, peaksAgain, products } from './ceilings';
import { deviceClock } from './clock';
import {
  commit,
  deviceIndex,
  deviceName,
  type GpuState,
  gpuState,
  isCuda,
  withoutPaths,
} from './machine';
import { type Clock, hostCost, makeSets, METHODS, type Method, type Plug, time } from './measure';
import { benchModels, MODEL_METHODS } from './models';
import { modelsMarkdown, modelsSummary } from './models-report';
import { type PeerAnswer, runPeer } from './peer';
import { markdown, summary } from './report';
import { addPeer, addShares, goals, type Report, type Row } from './results';

interface Tools {
  readonly device: string;
  readonly clock: Clock;
  readonly method: Method;
  readonly plug?: Plug | undefined;
}

const failure = (error: unknown): { code: string; message: string } => {
  const { code, message } = error as { code?: string; message?: string };
  return { code: code ?? 'not known', message: withoutPaths(message ?? String(error)) };
};

/** Measures one case. A case that cannot be run is a row that says why. */
async function measure(one: BenchCase, tools: Tools): Promise<Row> {
  const about = {
    group: one.group,
    name: one.name,
    count: one.count ?? 1,
    ...(one.flop === undefined ? {} : { flop: one.flop }),
    ...(one.bytes === undefined ? {} : { bytes: one.bytes }),
    ...(one.ceiling === undefined ? {} : { ceiling: one.ceiling }),
    ...(one.goal === undefined ? {} : { goal: one.goal }),
  };
  let sets: Tensor[][] = [];
  try {
    sets = makeSets(one, tools.device, tools.method);
    const result = one.call(sets[0] as Tensor[]);
    const { library, version, kernel, accumulate, tensorCores } = explain(result);
    result.dispose();
    const timing = await time((set) => one.call(set), sets, tools);
    return {
      ...about,
      library: [library, version].filter(Boolean).join(' '),
      kernel: kernel ?? '',
      accumulate: accumulate ?? '',
      tensorCores,
      timing,
    };
  } catch (error) {
    // What failed while it ran is reported once more by the next sync(): not there, where it would be another case's.
    await tools.clock.sync().catch(() => {});
    return { ...about, error: failure(error) };
  } finally {
    for (const t of sets.flat()) t.dispose();
  }
}

/** Large products keep the device busy, where it can do them. */
async function makePlug(tools: Tools, { name }: Profile): Promise<{ plug?: Plug; end(): void }> {
  if (tools.method.plugSeconds === 0) return { end() {} };
  const one = square({ dtype: 'float16', compute: 'float32' }, name === 'quick' ? 32 : 4096);
  const inputs = one.inputs(tools.device);
  const end = () => {
    for (const t of inputs) t.dispose();
  };
  try {
    const { low } = await time((set) => one.call(set), [inputs], { ...tools, plug: undefined });
    const plug = (seconds: number): void => {
      for (let n = Math.ceil(seconds / low); n > 0; n--) one.call(inputs).dispose();
    };
    return { plug, end };
  } catch {
    return { end };
  }
}

async function measureHost(tools: Tools): Promise<Report['host']> {
  try {
    const x = input('float32', [16], tools.device);
    try {
      return await hostCost(() => relu(x), tools.device, tools.method);
    } finally {
      x.dispose();
    }
  } catch (error) {
    return { error: failure(error).message };
  }
}

interface Asked {
  readonly models?: string | undefined;
  readonly batch: string;
  readonly filter: string;
  readonly device: string;
  readonly quick: boolean;
  readonly samples?: string | undefined;
  readonly torch: string;
  readonly python: string;
  readonly 'torch-seconds': string;
}

function wholeNumber(option: string, text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1)
    throw new Error(`--${option} must be a whole number, at least 1, got ${text}`);
  return count;
}

const samplesOf = ({ samples }: Asked): { samples?: number } =>
  samples === undefined ? {} : { samples: wholeNumber('samples', samples) };

/** What is measured: filled bit by bit. */
interface Measured {
  readonly ceilings: Ceiling[];
  readonly rows: Row[];
  loaded?: GpuState | undefined;
}

/** Milliseconds between two reports of what is measured so far: a run may be ended from outside. */
const KEEP_EVERY = 20_000;

async function measureAll(
  selected: readonly BenchCase[],
  tools: Tools,
  profile: Profile,
  measured: Measured,
  keep: () => void,
): Promise<void> {
  const { device } = tools;
  const { ceilings, rows } = measured;
  const onCpu = device === 'cpu';
  ceilings.push(...peaks(device, profile));
  if (!onCpu) ceilings.push(...(await products(device, profile, tools)));
  const { plug, end } = await makePlug(tools, profile);
  let kept = performance.now();
  for (const [i, one] of selected.entries()) {
    if (performance.now() - kept > KEEP_EVERY) {
      keep();
      kept = performance.now();
    }
    if (process.stderr.isTTY)
      process.stderr.write(`\r${i + 1}/${selected.length} ${one.group} ${one.name}\x1b[K`);
    // On the CPU everything is held against one rate of operations.
    const held = onCpu && one.flop !== undefined ? { ...one, ceiling: 'fma float32' } : one;
    rows.push(await measure(held, { ...tools, plug }));
  }
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
  // On a machine that others use too, the peaks of before and after say how steady the run was.
  peaksAgain(device, ceilings, profile);
  if (isCuda(device)) plug?.(1); // longer than nvidia-smi takes
  measured.loaded = gpuState(device);
  await tools.clock.sync().catch(() => {});
  end();
}

/** Measures; `keep` gets what there is from time to time, also before PyTorch is measured, which may take long. */
async function run(asked: Asked, keep: (report: Report) => void): Promise<Report> {
  const { device } = asked;
  if (!['auto', 'on', 'off'].includes(asked.torch))
    throw new Error(`--torch must be auto, on or off, got ${asked.torch}`);
  if (!(Number(asked['torch-seconds']) > 0))
    throw new Error(`--torch-seconds must be a number above 0, got ${asked['torch-seconds']}`);
  if (/^emu(:|$)/.test(device)) loadBackend(path.join(REPO, 'build/Release/halftone_emu.so'));
  const onCpu = device === 'cpu';
  const profile = PROFILES[asked.quick ? 'quick' : onCpu ? 'cpu' : 'gpu'];
  const method: Method = { ...METHODS[profile.name], ...samplesOf(asked) };
  const filter = new RegExp(asked.filter);
  const selected = [...cases(profile)].filter(({ group, name }) => filter.test(`${group} ${name}`));
  if (selected.length === 0) throw new Error(`no case matches ${asked.filter}`);

  const before = gpuState(device);
  const tools: Tools = { device, clock: deviceClock(device), method };
  const measured: Measured = { ceilings: [], rows: [] };
  let host: Report['host'];
  const result = (peer?: PeerAnswer): Report => {
    const { ceilings, rows, loaded } = measured;
    addShares(rows, ceilings, { operationsFirst: onCpu });
    return {
      device: { id: device, ...deviceName(device) },
      halftone: binding.version,
      node: process.version,
      commit: commit(),
      date: new Date().toISOString().slice(0, 10),
      ...(onCpu ? { isa: binding.cpu().isa } : {}),
      libraries: libraries(device, rows),
      ...(before ? { gpu: { before, ...(loaded ? { loaded } : {}) } } : {}),
      clock: tools.clock.name,
      profile: profile.name,
      method,
      ceilings: ceilings.map((c) => (c.error ? { ...c, error: withoutPaths(c.error) } : c)),
      ...(host ? { host } : {}),
      ...(peer ? { peer: shown(peer) } : {}),
      goals: onCpu ? [] : goals(rows, ceilings, host, peer?.host),
      rows,
    };
  };
  await tools.clock.inside(() =>
    measureAll(selected, tools, profile, measured, () => keep(result())),
  );
  if (!onCpu || asked.quick) host = await measureHost(tools);
  trimMemory();
  const wanted = asked.torch === 'on' || (asked.torch === 'auto' && isCuda(device));
  if (!wanted) return result();
  keep(result());
  return result(await askPeer(selected, measured.rows, tools, asked));
}

const shown = ({ about, unavailable, host }: PeerAnswer): NonNullable<Report['peer']> => ({
  ...(about ? { about } : {}),
  ...(unavailable ? { unavailable } : {}),
  ...(host ? { host } : {}),
});

async function askPeer(
  selected: readonly BenchCase[],
  rows: readonly Row[],
  { device, method }: Tools,
  asked: Asked,
): Promise<PeerAnswer> {
  const work = selected.flatMap(({ peer }, id) => (peer ? [{ id, ...peer }] : []));
  const request = { device: deviceIndex(device), method, cases: work };
  const seconds = Number(asked['torch-seconds']);
  const answer = await runPeer(request, { python: asked.python, seconds });
  for (const [id, result] of answer.results) {
    const row = rows[id];
    if (row) addPeer(row, result);
  }
  return answer;
}

/** The versions of the libraries that the backend has, and of those that made the results. */
function libraries(device: string, rows: readonly Row[]): Record<string, string> {
  const found: Record<string, string> = {};
  const backend = backends().loaded.find(({ name }) => name === device.split(':')[0]);
  for (const { name, version } of backend?.libraries ?? []) found[name] = version ?? 'not known';
  for (const { library } of rows) {
    const [name, version] = (library ?? '').split(' ');
    if (name) found[name] = version ?? '';
  }
  return found;
}

const HELP = `npm run bench -- [options]

  --device NAME    cpu (default), cuda, cuda:1, emu
  --filter REGEXP  of "<group> <name>", for example "matmul 1024" or "resnet50 NHWC float32"
  --samples N      of each case
  --quick          everything once and tiny: whether it runs, not how fast
  --torch WHEN     measure PyTorch too: auto (default: on CUDA devices), on, off
  --torch-seconds N  the most that PyTorch may take: 300
  --models PATH    instead: whole models, of a folder or one file, on the CPU beside ONNX Runtime; --filter is of their names
  --batch N        images per run of models where that is open: 1
  --python NAME    the interpreter that has PyTorch: python3
  --json FILE, --markdown FILE`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      filter: { type: 'string', default: '' },
      models: { type: 'string' },
      batch: { type: 'string', default: '1' },
      device: { type: 'string', default: 'cpu' },
      samples: { type: 'string' },
      quick: { type: 'boolean', default: false },
      torch: { type: 'string', default: 'auto' },
      python: { type: 'string', default: 'python3' },
      'torch-seconds': { type: 'string', default: '300' },
      json: { type: 'string' },
      markdown: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    return;
  }
  const write = <R>(report: R, page: (report: R) => string): void => {
    if (values.json) writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`);
    if (values.markdown) writeFileSync(values.markdown, page(report));
  };
  if (values.models !== undefined) {
    const report = await benchModels(values.models, {
      filter: new RegExp(values.filter),
      batch: wholeNumber('batch', values.batch),
      method: { ...MODEL_METHODS[values.quick ? 'quick' : 'full'], ...samplesOf(values) },
    });
    write(report, modelsMarkdown);
    console.log(modelsSummary(report));
    return;
  }
  const keep = (report: Report): void => write(report, markdown);
  const report = await run(values, keep);
  keep(report);
  console.log(summary(report));
  // What a device does not offer is a result; anything else that failed is a failure.
  const failed = report.rows.filter(({ error }) => error && error.code !== 'ERR_UNSUPPORTED');
  if (failed.length > 0) {
    console.error(
      `${failed.length} cases failed, first: ${failed[0]?.name}: ${failed[0]?.error?.message}`,
    );
    process.exitCode = 1;
  }
}

main().catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
