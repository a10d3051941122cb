// `npm run cuda:resources`: registers, shared memory and spills of the named kernels on every release
// architecture, as ptxas reports them, against native/backends/cuda/kernel-resources.json. It needs nvcc, no GPU.
//
//   node scripts/cuda-resources.mjs            compares
//   node scripts/cuda-resources.mjs --write    writes the table
//
// The table lists files. Their kernels, or those whose name matches the file's "kernels" (a regular expression), must be
// free of spills and have a row: the registers on each architecture. A kernel whose speed depends on how many of its
// blocks fit on a multiprocessor belongs there. Results are kept in build/cuda-resources, under a hash of the sources
// and the command.

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { buildEnv, checkToolchain } from './native.mjs';
import { BuildError, capture, jobs, root, stage } from './support.mjs';

const TABLE = path.join(root, 'native/backends/cuda/kernel-resources.json');
const CACHE = path.join(root, 'build/cuda-resources');

/** The command that compiles a file for the module, without its architectures and output. */
function compileCommand(file) {
  const database = path.join(root, 'build/compile_commands.json');
  const entries = existsSync(database) ? JSON.parse(readFileSync(database, 'utf8')) : [];
  const entry = entries.find(
    (one) => one.file === path.join(root, file) && / -x cu /.test(one.command),
  );
  if (!entry) throw new BuildError(`${file} is not compiled by nvcc: is it renamed?`);
  const words = entry.command
    .split(' ')
    .filter((word) => !/^--generate-code|^-lineinfo$/.test(word));
  const from = words.findIndex((word) => /(^|\/)nvcc[^/]*$/.test(word));
  const command = words.slice(from, words.indexOf('-x'));
  return { nvcc: command[0], options: command.slice(1) };
}

/** Runs a program; its output, stdout and stderr together. */
function output(command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, env: buildEnv(checkToolchain()) });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (more) => {
        text += more;
      });
    }
    child.on('error', reject);
    child.on('close', (code) =>
      code === 0 ? resolve(text) : reject(new BuildError(`${command} failed:\n${text}`)),
    );
  });
}

const sha = (text) => createHash('sha256').update(text).digest('hex');

/** `ptxas -v` as [{ kernel (mangled), arch, registers, shared, spills }]. */
export function parsePtxas(text) {
  const found = [];
  const pattern =
    /Compiling entry function '(\w+)' for 'sm_(\d+)'[\s\S]*?(\d+) bytes spill stores, (\d+) bytes spill loads[\s\S]*?Used (\d+) registers([^\n]*)/g;
  for (const [, kernel, arch, stores, loads, registers, rest] of text.matchAll(pattern)) {
    const shared = Number(/(\d+) bytes smem/.exec(rest)?.[1] ?? 0);
    const spills = Number(stores) + Number(loads);
    found.push({ kernel, arch: Number(arch), registers: Number(registers), shared, spills });
  }
  return found;
}

/** 'halftone::cast<halftone::f16, float>(const float*, ...)' -> 'cast<f16, float>'. */
export function shortName(demangled) {
  let text = demangled.replace(/^void /, '').replaceAll('(anonymous namespace)::', '');
  let depth = 0;
  for (const [i, c] of [...text].entries()) {
    if (c === '<') depth++;
    if (c === '>') depth--;
    if (c === '(' && depth === 0) {
      text = text.slice(0, i);
      break;
    }
  }
  return text.replace(/\bhalftone::/g, '');
}

function demangle(names) {
  const text = names.length > 0 ? capture('c++filt', names) : '';
  const lines = text === undefined ? names : text.trim().split('\n');
  return new Map(names.map((name, i) => [name, shortName(lines[i] ?? name)]));
}

/** What ptxas says of every kernel of a file, from the cache when no source has changed. */
async function inspect(file, archs) {
  const { nvcc, options } = compileCommand(file);
  const version = capture(nvcc, ['--version']) ?? '';
  const cache = path.join(CACHE, `${file.replaceAll('/', '_')}.json`);
  const settings = sha(
    JSON.stringify([version, options.map((o) => o.replaceAll(root, '')), archs]),
  );
  const unchanged = ({ sources }) =>
    Object.entries(sources).every(([name, hash]) => {
      const full = path.resolve(root, name);
      return existsSync(full) && sha(readFileSync(full)) === hash;
    });
  if (existsSync(cache)) {
    const kept = JSON.parse(readFileSync(cache, 'utf8'));
    if (kept.settings === settings && unchanged(kept)) return kept.kernels;
  }
  const folder = mkdtempSync(path.join(os.tmpdir(), 'halftone-ptxas-'));
  try {
    const codes = archs.map((arch) => `--generate-code=arch=compute_${arch},code=[sm_${arch}]`);
    const depfile = path.join(folder, 'deps');
    const text = await output(nvcc, [
      ...options,
      ...codes,
      ...['-fatbin', '--threads', String(jobs()), '-Xptxas', '-v'],
      ...['-MD', '-MF', depfile, '-x', 'cu'],
      ...[path.join(root, file), '-o', path.join(folder, 'out.fatbin')],
    ]);
    // Only our own headers: those of the toolkit stand behind its version.
    const words = readFileSync(depfile, 'utf8').replaceAll('\\\n', ' ').split(/\s+/);
    const own = words.filter((word) => word.startsWith(`${root}/native/`));
    const sources = own.map((name) => [path.relative(root, name), sha(readFileSync(name))]);
    const kernels = parsePtxas(text);
    mkdirSync(CACHE, { recursive: true });
    writeFileSync(
      cache,
      JSON.stringify({ settings, sources: Object.fromEntries(sources), kernels }),
    );
    return kernels;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** '22 22 24; 512 B shared': registers on each architecture, and static shared memory where there is any. */
const row = ({ registers, shared }) =>
  registers.map((count) => count ?? '-').join(' ') + (shared > 0 ? `; ${shared} B shared` : '');

/** The rows of the table for one file, and the spills. */
function summarize(found, archs, only) {
  const names = demangle([...new Set(found.map(({ kernel }) => kernel))]);
  const spills = [];
  const rows = {};
  for (const { kernel, arch, registers, shared, spills: bytes } of found) {
    const name = names.get(kernel);
    if (only && !new RegExp(only).test(name)) continue;
    if (bytes > 0) spills.push(`${name} sm_${arch} spills ${bytes} bytes`);
    rows[name] ??= { registers: archs.map(() => undefined), shared: 0 };
    rows[name].registers[archs.indexOf(arch)] = registers;
    rows[name].shared = Math.max(rows[name].shared, shared);
  }
  const sorted = Object.entries(rows).sort(([a], [b]) => (a < b ? -1 : 1));
  return { rows: Object.fromEntries(sorted.map(([name, value]) => [name, row(value)])), spills };
}

/** 'haxpy_f16: 22 22 40 -> 22 22 42', for each difference. */
function differences(old, now) {
  const names = [...new Set([...Object.keys(old), ...Object.keys(now)])];
  return names
    .filter((name) => old[name] !== now[name])
    .map((name) => `${name}: ${old[name] ?? 'not there'} -> ${now[name] ?? 'not there'}`);
}

/** As the formatter would write it: the list of architectures in one line. */
const tableText = (table) =>
  `${JSON.stringify(table, null, 2).replace(/\[[\d,\s]+\]/, (list) => JSON.stringify(JSON.parse(list)).replaceAll(',', ', '))}\n`;

/** Compares (or writes) the table. Returns what to print beside the stage's name. */
export async function cudaResources({ write = false } = {}) {
  const table = JSON.parse(readFileSync(TABLE, 'utf8'));
  const { architectures: archs, files } = table;
  const problems = [];
  let kernels = 0;
  const waiting = Object.keys(files);
  const nvcc = capture(compileCommand(waiting[0]).nvcc, ['--version']) ?? '';
  const version = /V([\d.]+)/.exec(nvcc)?.[1];
  const sameCompiler = version === table.nvcc;
  const worker = async () => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      const entry = files[file];
      const found = await inspect(file, archs);
      const { rows, spills } = summarize(found, archs, entry.kernels);
      kernels += Object.keys(rows).length;
      problems.push(...spills.map((text) => `${file}: ${text}`));
      const changed = differences(entry.table ?? {}, rows);
      if (write) entry.table = rows;
      else if (sameCompiler) problems.push(...changed.map((text) => `${file}: ${text}`));
    }
  };
  await Promise.all(Array.from({ length: jobs() }, worker));
  if (write) {
    table.nvcc = version;
    writeFileSync(TABLE, tableText(table));
  }
  if (problems.length > 0) {
    throw new BuildError(
      `${problems.sort().join('\n')}\nThe table is native/backends/cuda/kernel-resources.json; ` +
        '"npm run cuda:resources -- --write" writes what is now the case.',
    );
  }
  const note =
    sameCompiler || write ? '' : `, registers not compared: the table is of nvcc ${table.nvcc}`;
  return `${kernels} kernels on sm_${archs.join(' ')}, no spills${note}`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const write = process.argv.includes('--write');
  const ok = await stage('cuda kernels', () => cudaResources({ write }));
  process.exitCode = ok ? 0 : 1;
}
