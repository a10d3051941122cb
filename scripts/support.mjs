// What the build scripts share: hashing inputs, running commands, one line per stage.
// Plain Node without packages: these scripts run before anything is installed.

import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { availableParallelism, freemem } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/** An error whose message is all the user needs: printed without a stack trace. */
export class BuildError extends Error {}

/** Every file below `folder` (repository-relative, sorted); nothing when the folder is absent. */
export function walk(folder) {
  const start = path.join(root, folder);
  if (!existsSync(start)) return [];
  if (statSync(start).isFile()) return [folder];
  return readdirSync(start, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(root, path.join(entry.parentPath ?? entry.path, entry.name)))
    .map((name) => name.split(path.sep).join('/'))
    .sort();
}

/** One hash over names and contents of the files under `inputs`, and over `extra` strings. */
export function hashInputs(inputs, extra = []) {
  const hash = createHash('sha256');
  for (const text of extra) hash.update(`${text}\0`);
  for (const name of inputs.flatMap(walk)) {
    const content = readFileSync(path.join(root, name));
    hash.update(`${name}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex');
}

/** A remembered hash: `fresh()` tells whether the last completed step had the same inputs. */
export function stamp(file, hash) {
  const name = path.join(root, file);
  return {
    fresh: () => existsSync(name) && readFileSync(name, 'utf8').trim() === hash,
    clear: () => rmSync(name, { force: true }),
    write: () => {
      mkdirSync(path.dirname(name), { recursive: true });
      writeFileSync(name, `${hash}\n`);
    },
  };
}

/** Runs a command with inherited output; resolves to its exit code (1 when a signal ended it). */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: 'inherit', ...options });
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  });
}

/** Runs a command and keeps its output; `undefined` when it is not there or fails. */
export function capture(command, args) {
  const result = spawnSync(command, args, { cwd: root, encoding: 'utf8' });
  return result.status === 0 ? result.stdout : undefined;
}

/** The full path of a program on PATH, or `undefined`. */
export function which(program) {
  if (program.includes('/')) return existsSync(program) ? program : undefined;
  return (process.env.PATH ?? '')
    .split(path.delimiter)
    .filter(Boolean)
    .map((folder) => path.join(folder, program))
    .find((file) => existsSync(file) && statSync(file).isFile());
}

/** Compile jobs: one per core, no more than one per 1.5 GB of free memory, at least one. */
export function jobs() {
  const byMemory = Math.floor(freemem() / 1.5e9);
  return Math.max(1, Math.min(availableParallelism(), byMemory));
}

const color = process.stdout.isTTY && !process.env.NO_COLOR;
const paint = (code, text) => (color ? `\u001b[${code}m${text}\u001b[0m` : text);

/** Runs `work` and prints one line with its outcome and time. `work` returns false for failure. */
export async function stage(name, work) {
  const start = performance.now();
  let ok = false;
  let note = '';
  try {
    const result = await work();
    ok = result !== false;
    if (typeof result === 'string') note = ` (${result})`;
  } catch (error) {
    if (!(error instanceof BuildError)) throw error;
    console.error(error.message);
  }
  const seconds = ((performance.now() - start) / 1000).toFixed(2);
  const mark = ok ? paint(32, 'ok    ') : paint(31, 'FAILED');
  console.log(`${mark} ${name.padEnd(12)} ${seconds.padStart(7)} s${note}`);
  return ok;
}
