// Builds the addon with cmake-js, when an input changed. `npx halftone build` runs this file.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import {
  BuildError,
  capture,
  hashInputs,
  jobs,
  root,
  run,
  stage,
  stamp,
  which,
} from './support.mjs';

const MIN_CMAKE = [3, 22];
const MIN_GCC = 11;
const MIN_CLANG = 14;

/** Environment variables that change what is built, with their defaults: CMake variables of that name. */
const CMAKE_ENV = { HALFTONE_CUDA: 'AUTO', HALFTONE_CUDA_ARCHS: '' };

/** Variables that change where CMake finds nvcc and NVIDIA's libraries. */
const CUDA_ENV = ['CUDACXX', 'CUDA_PATH', 'CUDA_HOME', 'CUDNN_PATH', 'VIRTUAL_ENV', 'CONDA_PREFIX'];

const REMEDY =
  'On Debian or Ubuntu: sudo apt-get install g++ cmake ninja-build. ' +
  'On Fedora: sudo dnf install gcc-c++ cmake ninja-build. ' +
  'On macOS: xcode-select --install && brew install cmake ninja.';

function compilerVersion(compiler) {
  const text = capture(compiler, ['--version']);
  if (text === undefined) return undefined;
  const major = Number(/(\d+)\.\d+/.exec(text)?.[1] ?? 0);
  const clang = /clang/i.test(text);
  return { name: clang ? 'clang' : 'g++', major, enough: major >= (clang ? MIN_CLANG : MIN_GCC) };
}

/** The C++20 compiler to use: CXX when set, else the first good one on PATH. */
function findCompiler() {
  const asked = process.env.CXX;
  const versioned = [15, 14, 13, 12, 11].map((major) => `g++-${major}`);
  const candidates = asked ? [asked] : ['c++', 'g++', 'clang++', ...versioned];
  const seen = [];
  for (const candidate of candidates) {
    const [program = ''] = candidate.split(' ');
    if (!which(program)) continue;
    const version = compilerVersion(program);
    if (version?.enough) return candidate;
    seen.push(`${candidate} is ${version ? `${version.name} ${version.major}` : 'not runnable'}`);
  }
  const found = seen.length > 0 ? seen.join(', ') : `found none${asked ? ` (CXX=${asked})` : ''}`;
  throw new BuildError(
    `Halftone needs a C++20 compiler (g++ >= ${MIN_GCC} or clang++ >= ${MIN_CLANG}), ${found}. ${REMEDY}`,
  );
}

function checkCmake() {
  const text = which('cmake') && capture('cmake', ['--version']);
  const found = /version (\d+)\.(\d+)/.exec(text ?? '');
  const [major, minor] = [Number(found?.[1] ?? 0), Number(found?.[2] ?? 0)];
  const enough = major > MIN_CMAKE[0] || (major === MIN_CMAKE[0] && minor >= MIN_CMAKE[1]);
  if (enough) return;
  const state = found ? `found ${major}.${minor}` : 'found none on PATH';
  throw new BuildError(`Halftone needs CMake >= ${MIN_CMAKE.join('.')}, ${state}. ${REMEDY}`);
}

function checkGenerator() {
  if (!which('ninja') && !which('make')) {
    throw new BuildError(`Halftone needs ninja or make, found neither on PATH. ${REMEDY}`);
  }
}

/** Fails with one sentence and the remedy when a tool is missing or too old. */
export function checkToolchain() {
  checkCmake();
  const compiler = findCompiler();
  checkGenerator();
  return compiler;
}

/** A tree that was configured elsewhere, or for another generator, has to start anew. */
export function dropForeignCache(folder, generator) {
  const cache = path.join(root, folder, 'CMakeCache.txt');
  if (!existsSync(cache)) return;
  const text = readFileSync(cache, 'utf8');
  const entry = (name) => new RegExp(`^${name}:INTERNAL=(.*)$`, 'm').exec(text)?.[1];
  if (entry('CMAKE_HOME_DIRECTORY') === root && entry('CMAKE_GENERATOR') === generator) return;
  rmSync(cache, { force: true });
  rmSync(path.join(root, folder, 'CMakeFiles'), { recursive: true, force: true });
}

export const generator = () => (which('ninja') ? 'Ninja' : 'Unix Makefiles');

/** Environment for CMake: the chosen compiler, and the running node first on PATH. */
export function buildEnv(compiler) {
  const nodeFolder = path.dirname(process.execPath);
  return {
    ...process.env,
    CXX: compiler,
    PATH: `${nodeFolder}${path.delimiter}${process.env.PATH}`,
  };
}

/** What was there of CUDA when the tree was configured: when it changes, CMake has to look again. */
function cudaSignature() {
  const variables = CUDA_ENV.map((name) => `${name}=${process.env[name] ?? ''}`);
  const fetched = existsSync(path.join(root, '.cuda/nvidia'));
  return [...variables, which('nvcc') ?? '', `.cuda: ${fetched}`].join(' ');
}

export const defines = (table) =>
  Object.entries(table).map(([name, value]) => `-D${name}=${value}`);

/** Runs a build step and fails with one sentence when it does. */
export async function mustRun(what, command, args, env) {
  if ((await run(command, args, { env })) !== 0) throw new BuildError(`${what} failed.`);
}

/** Runs a configure step, of which only the summary is of interest while it works. */
export function configure(command, args, env) {
  const result = spawnSync(command, args, { cwd: root, env, encoding: 'utf8' });
  const summary = /halftone: addon: .*/.exec(result.stdout)?.[0];
  if (result.status === 0) {
    if (summary) console.log(summary);
    return;
  }
  console.error(`${result.stdout}\n${result.stderr}`);
  throw new BuildError('Configuring the native build failed: see the lines above.');
}

/**
 * Builds `target` in the cmake-js tree unless its inputs are those of the last build.
 * Returns what to print beside the stage's name.
 */
export async function buildNative({ target = 'halftone_addon', debug = false, inputs = [] } = {}) {
  const config = debug ? 'Debug' : 'Release';
  const folder = debug ? 'build/debug-tree' : 'build';
  const settings = Object.entries(CMAKE_ENV).map(
    ([name, fallback]) => `${name}=${process.env[name] ?? fallback}`,
  );
  const setup = [
    process.version,
    `${process.platform}-${process.arch}`,
    config,
    generator(),
    process.env.CXX ?? '',
    process.env.CXXFLAGS ?? '',
    ...settings,
    cudaSignature(),
  ];
  const cache = path.join(root, folder, 'CMakeCache.txt');
  const hash = hashInputs(['native', 'CMakeLists.txt', 'cmake', 'package.json', ...inputs], setup);
  const built = stamp(`${folder}/${config}/.${target}.stamp`, hash);
  if (built.fresh() && existsSync(cache)) return 'unchanged';

  const env = buildEnv(checkToolchain());
  dropForeignCache(folder, generator());
  // CMake notices changes of its own files; only what comes from outside needs a new configuration.
  const configured = stamp(
    `${folder}/${config}/.configure.stamp`,
    hashInputs([], [...setup, root]),
  );
  if (!configured.fresh() || !existsSync(cache)) {
    const args = [
      'configure',
      '--log-level=error',
      `--generator=${generator()}`,
      `--out=${folder}`,
    ];
    if (debug) args.push('--debug');
    args.push(...settings.map((setting) => `--CD${setting}`));
    const cmakeJs = createRequire(import.meta.url).resolve('cmake-js/bin/cmake-js');
    configured.clear();
    configure(process.execPath, [cmakeJs, ...args], env);
    configured.write();
  }
  await mustRun(
    'The native build',
    'cmake',
    ['--build', folder, '--target', target, '--parallel', String(jobs())],
    env,
  );
  built.write();
  return config;
}

/** "halftone_cuda.so (...)" or "not built (why)", as the last configuration said it. */
function cudaSummary(folder) {
  const cache = path.join(root, folder, 'CMakeCache.txt');
  const text = existsSync(cache) ? readFileSync(cache, 'utf8') : '';
  return /^HALFTONE_CUDA_SUMMARY:INTERNAL=(.*)$/m.exec(text)?.[1] ?? 'not built';
}

/** Whether the last configuration builds halftone_cuda.so. */
export const cudaIsBuilt = () => cudaSummary('build').startsWith('halftone_cuda.so');

/** Builds halftone_cuda.so where nvcc and the libraries are. Returns what to print beside the stage's name. */
export async function buildCuda({ debug = false } = {}) {
  const note = await buildNative({ target: 'halftone_cuda_module', debug });
  const summary = cudaSummary(debug ? 'build/debug-tree' : 'build');
  return note === 'unchanged' ? `unchanged: ${summary}` : summary;
}

const USAGE = `Usage: halftone build [options]

compile the native addon for this machine, and the CUDA backend where nvcc is found

Options:
  --debug     without optimizations, with checks
  -h, --help  print help

HALFTONE_CUDA=OFF leaves the CUDA backend out. docs/cuda.md has more.`;

/** The command `halftone build`. */
export async function main(args) {
  if (args.includes('--help') || args.includes('-h')) {
    console.log(USAGE);
    return;
  }
  const unknown = args.find((arg) => arg !== '--debug');
  if (unknown !== undefined) {
    console.error(
      `error: unknown option '${unknown}'\n(halftone build --help lists what it takes)`,
    );
    process.exitCode = 2;
    return;
  }
  const debug = args.includes('--debug');
  const ok =
    (await stage('native', () => buildNative({ debug }))) &&
    (await stage('cuda', () => buildCuda({ debug })));
  process.exitCode = ok ? 0 : 1;
}
