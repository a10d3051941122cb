// Brings a checkout up to date: packages, addon, TypeScript. Each step compares a hash of its inputs
// with that of its last success and does nothing when they agree.
//
//   node scripts/prepare.mjs [--debug]

import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, rmdirSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { buildCuda, buildNative } from './native.mjs';
import { BuildError, hashInputs, root, run, stage, stamp, walk } from './support.mjs';

const readJson = (name) => JSON.parse(readFileSync(path.join(root, name), 'utf8'));

/** Whether node_modules holds what package-lock.json asks for. */
function installed() {
  const record = 'node_modules/.package-lock.json';
  if (!existsSync(path.join(root, record))) return false;
  const wanted = readJson('package-lock.json').packages;
  const present = readJson(record).packages;
  return Object.entries(wanted).every(([name, { version, integrity, optional }]) => {
    if (name === '') return true;
    const entry = present[name];
    if (entry === undefined) return optional === true;
    const same = entry.version === version && entry.integrity === integrity;
    return same && (optional === true || existsSync(path.join(root, name, 'package.json')));
  });
}

async function install() {
  if (installed()) return 'unchanged';
  // Nothing here needs an install script, so none is run; npm 12 skips them anyway.
  const args = ['ci', '--ignore-scripts', '--include=dev', '--no-audit', '--no-fund'];
  const npm = process.env.npm_execpath ?? '';
  const code = /npm-cli\.js$/.test(npm)
    ? await run(process.execPath, [npm, ...args])
    : await run('npm', args, { shell: process.platform === 'win32' });
  if (code !== 0) throw new BuildError('npm ci failed: see the lines above.');
  return 'npm ci';
}

const SOURCES = ['lib', 'test', 'bench', 'examples'];
const ASSETS = /\.(proto|json|html|css|svg)$/;
const OUTPUTS = [
  [/\.d\.ts(\.map)?$/, '.ts'],
  [/\.d\.mts(\.map)?$/, '.mts'],
  [/\.mjs(\.map)?$/, '.mts'],
  [/\.js(\.map)?$/, '.ts'],
];

/** Removes what an earlier run wrote for sources that are gone, or jest would still run it. */
function removeOrphans() {
  for (const name of walk('dist')) {
    const [pattern, extension] = OUTPUTS.find(([pattern]) => pattern.test(name)) ?? [];
    if (pattern === undefined) continue;
    const source = name.slice('dist/'.length).replace(pattern, extension);
    const declaration = name.slice('dist/'.length);
    if (existsSync(path.join(root, source)) || existsSync(path.join(root, declaration))) continue;
    rmSync(path.join(root, name));
    try {
      rmdirSync(path.dirname(path.join(root, name)));
    } catch {
      // The folder still holds something.
    }
  }
}

async function typescript() {
  const hash = hashInputs(
    [...SOURCES, 'binding.d.ts', 'tsconfig.json', 'package.json', 'package-lock.json'],
    [process.version],
  );
  const done = stamp('dist/.stamp', hash);
  if (done.fresh()) return 'unchanged';
  const sources = SOURCES.flatMap(walk);
  if (!sources.some((name) => /\.m?ts$/.test(name))) return 'no sources';

  const tsc = path.join(root, 'node_modules/typescript/bin/tsc');
  if ((await run(process.execPath, [tsc, '-p', '.'])) !== 0) {
    throw new BuildError('TypeScript found errors: see the lines above.');
  }
  // tsc neither emits nor copies hand-written declarations, and the published types refer to this one.
  const copies = sources.filter((name) => name.startsWith('lib/') && ASSETS.test(name));
  if (existsSync(path.join(root, 'binding.d.ts'))) copies.push('binding.d.ts');
  for (const name of copies) {
    const target = path.join(root, 'dist', name);
    mkdirSync(path.dirname(target), { recursive: true });
    cpSync(path.join(root, name), target);
  }
  removeOrphans();
  done.write();
}

/** Runs the stages in order; false when one failed. With `cuda`, the CUDA module too where it can be built. */
export async function prepare({ debug = false, cuda = false } = {}) {
  // `bindings` prefers build/Debug, so a debug addon may only lie there when it was asked for.
  const debugFolder = path.join(root, 'build/Debug');
  const keep = (name) => {
    const built = path.join(root, 'build/debug-tree/Debug', name);
    if (existsSync(built)) cpSync(built, path.join(debugFolder, name));
  };
  const steps = [
    ['install', install],
    [
      'native',
      async () => {
        const note = await buildNative({ debug });
        if (debug) keep('halftone.node');
        else rmSync(path.join(debugFolder, 'halftone.node'), { force: true });
        return note;
      },
    ],
    ['typescript', typescript],
  ];
  if (cuda) {
    steps.push([
      'cuda',
      async () => {
        const note = await buildCuda({ debug });
        if (debug) keep('halftone_cuda.so');
        return note;
      },
    ]);
  }
  for (const [name, work] of steps) {
    if (!(await stage(name, work))) return false;
  }
  return true;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const ok = await prepare({ debug: process.argv.includes('--debug'), cuda: true });
  process.exitCode = ok ? 0 : 1;
}
