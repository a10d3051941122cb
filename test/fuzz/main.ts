/**
 * Damaged models: `Model.load` must give a model or throw a ModelError, soon and in little memory.
 *
 *     npm run fuzz -- --seconds 600 [--seed N] [--corpus FOLDER] [--only I]
 *
 * Cases follow from the seed and their number alone. A child process makes and loads them; this one ends it when a case hangs
 * and sees when one ends it. What fails is written to build/fuzz.
 */

import { fork } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Model, ModelError } from '../../lib/index';
import { REPO } from '../support/repo';
import { Rng, SEED } from '../support/rng';
import { CORPUS } from './corpus';
import { mutate } from './mutate';
import { type Message, parse } from './wire';

/** A case may take this much time of the processor: those of the corpus take some milliseconds. */
const CPU_SECONDS = 3;
/** After this a case hangs. */
const WALL_SECONDS = 30;
/** What the whole process may take: the addon, the corpus, and a case of at most some hundred MiB. */
const MAX_RSS = 2 ** 30;
const MAX_HEAP_MIB = 512;
/** Different failures after which it stops. */
const ENOUGH = 20;
/** Larger files of a corpus folder are left out: changes to them mostly hit weights. */
const LARGEST_SEED = 4096;

interface Options {
  readonly seconds: number;
  readonly seed: number;
  readonly corpus: string | undefined;
  readonly only: number | undefined;
}

/** The built-in models, and the small ones of a folder, in the order of their names. */
function readCorpus(folder: string | undefined): Message[] {
  const files =
    folder === undefined
      ? []
      : readdirSync(folder, { recursive: true, encoding: 'utf8' })
          .filter((name) => name.endsWith('.onnx'))
          .sort()
          .map((name) => new Uint8Array(readFileSync(path.join(folder, name))))
          .filter(({ length }) => length <= LARGEST_SEED);
  return [...CORPUS, ...files].map((bytes) => parse(bytes));
}

/** What is wrong with how a case ended; undefined when nothing is. */
async function check(
  bytes: Uint8Array,
  file: string | undefined,
  onLoaded: () => void,
): Promise<string | undefined> {
  const before = process.cpuUsage();
  let wrong: string | undefined;
  try {
    if (file !== undefined) writeFileSync(file, bytes);
    (await Model.load(file ?? bytes)).dispose();
    onLoaded();
  } catch (error) {
    if (!(error instanceof ModelError)) wrong = (error as Error)?.stack ?? String(error);
    else if (error.message.length > 4000) wrong = `a message of ${error.message.length} letters`;
  }
  const { user, system } = process.cpuUsage(before);
  const seconds = (user + system) / 1e6;
  if (seconds > CPU_SECONDS) wrong ??= `took ${seconds.toFixed(1)} s`;
  const rss = process.resourceUsage().maxRSS * 1024;
  if (rss > MAX_RSS) wrong ??= `the process has had ${(rss / 2 ** 20).toFixed(0)} MiB`;
  return wrong;
}

async function work(options: Options, status: string): Promise<void> {
  const corpus = readCorpus(options.corpus);
  const folder = mkdtempSync(path.join(os.tmpdir(), 'halftone-fuzz-'));
  writeFileSync(path.join(folder, 'w.bin'), new Uint8Array(64));
  const found = new Set<string>();
  const handle = openSync(status, 'w');
  const start = performance.now();
  let cases = 0;
  let loaded = 0;
  const first = options.only ?? 0;
  const enough = () =>
    options.only === undefined
      ? performance.now() - start > 1000 * options.seconds || found.size >= ENOUGH
      : cases > 0;
  for (let i = first; !enough(); i++) {
    writeSync(handle, `${String(i).padEnd(16)}\n`, 0);
    const rng = new Rng(options.seed + 7919 * i);
    const bytes = mutate(corpus, rng);
    // Some as files, whose data may be in other files.
    const file = rng.int(0, 9) === 0 ? path.join(folder, 'case.onnx') : undefined;
    const wrong = await check(bytes, file, () => {
      loaded += 1;
    });
    cases += 1;
    if (wrong === undefined) continue;
    // The same place once.
    const where = wrong.split('\n').slice(0, 3).join('\n').replaceAll(/\d+/g, '#');
    if (found.has(where)) continue;
    found.add(where);
    const saved = path.join(REPO, `build/fuzz/${options.seed}-${i}.onnx`);
    writeFileSync(saved, bytes);
    console.log(`case ${i}: ${wrong}\n  ${saved}`);
    if (wrong.startsWith('the process has had')) break; // it will not get less
  }
  closeSync(handle);
  rmSync(folder, { recursive: true });
  console.log(
    `${cases} cases of seed ${options.seed} from ${corpus.length} models, ${loaded} of them load`,
  );
  if (found.size > 0) process.exitCode = 1;
}

function watch(status: string): Promise<number> {
  const child = fork(__filename, [...process.argv.slice(2), '--status', status], {
    execArgv: [`--max-old-space-size=${MAX_HEAP_MIB}`],
  });
  const current = () => {
    const handle = openSync(status, 'r');
    const bytes = Buffer.alloc(16);
    readSync(handle, bytes, 0, 16, 0);
    closeSync(handle);
    return bytes.toString('latin1').trim();
  };
  return new Promise((resolve) => {
    let last = '';
    let since = Date.now();
    const timer = setInterval(() => {
      const now = current();
      if (now !== last) [last, since] = [now, Date.now()];
      if (Date.now() - since > 1000 * WALL_SECONDS) {
        console.log(`case ${now}: hangs (--only ${now} runs it again)`);
        child.kill('SIGKILL');
      }
    }, 500);
    child.on('exit', (code, signal) => {
      clearInterval(timer);
      if (signal !== null) console.log(`case ${current()}: ended the process by ${signal}`);
      resolve(code ?? 1);
    });
  });
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '60' },
      seed: { type: 'string', default: String(SEED) },
      corpus: { type: 'string' },
      only: { type: 'string' },
      status: { type: 'string' }, // of the child process: where it says what it does
    },
  });
  const options: Options = {
    seconds: Number(values.seconds),
    seed: Number(values.seed),
    corpus: values.corpus,
    only: values.only === undefined ? undefined : Number(values.only),
  };
  if (values.status !== undefined) return work(options, values.status);
  const folder = path.join(REPO, 'build/fuzz');
  mkdirSync(folder, { recursive: true });
  const file = path.join(folder, `status-${process.pid}`);
  writeFileSync(file, '');
  process.exitCode = await watch(file);
  rmSync(file, { force: true });
}

main().catch((error: Error) => {
  console.error(error);
  process.exitCode = 1;
});
