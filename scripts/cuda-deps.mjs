// `npm run cuda:deps`: fetches NVIDIA's own Python packages of cuBLAS, cuDNN and NVRTC into .cuda, where
// the build and the loader look last. Does nothing where those libraries are installed already.
//
//   node scripts/cuda-deps.mjs [--force]    --force: even where they are installed
//
// The packages are about 1 GB to fetch and 1.7 GB on disk; NVIDIA's licences apply to them.

import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { BuildError, capture, root, stage, which } from './support.mjs';

/** The versions that Halftone is tested with. */
const WHEELS = {
  'nvidia-cublas': '13.1.1.3',
  'nvidia-cudnn-cu13': '9.24.0.43',
  'nvidia-cuda-nvrtc': '13.0.88',
};
const SPECS = Object.entries(WHEELS).map(([name, version]) => `${name}==${version}`);

const TARGET = path.join(root, '.cuda');
const MARK = path.join(TARGET, '.halftone-wheels');

const OTHERS =
  "Or install them from NVIDIA's apt repository (libcublas-dev-13-0 libcudnn9-dev-cuda-13 cuda-nvrtc-dev-13-0), " +
  'or set CUDA_HOME and CUDNN_PATH to where they are.';

/** What CMake finds: its own search, so that there is only one. `undefined` without CMake. */
export function findCuda() {
  const script = path.join(root, 'cmake/cuda_libraries.cmake');
  const text = which('cmake') && capture('cmake', ['-P', script]);
  if (!text) return undefined;
  const entries = text.matchAll(/^(?:-- )?([A-Z_]+)=(.*)$/gm);
  return Object.fromEntries([...entries].map(([, name, value]) => [name, value.trim()]));
}

/** Whether the headers and libraries are there that the CUDA backend is built with. */
export const haveLibraries = (found) =>
  ['CUBLAS_INCLUDE', 'CUBLASLT_LIBRARY', 'CUDNN_INCLUDE', 'CUDNN_LIBRARY'].every(
    (name) => found?.[name],
  );

function bytesBelow(folder) {
  if (!existsSync(folder)) return 0;
  let sum = 0;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    try {
      if (entry.isFile())
        sum += statSync(path.join(entry.parentPath ?? entry.path, entry.name)).size;
    } catch {
      // pip has moved or removed it meanwhile.
    }
  }
  return sum;
}

/** Runs pip with its output kept; on a terminal, one line says how far it is. */
function pip(python, args, folder) {
  // pip unpacks into TMPDIR first: beside the target, a move costs nothing, and /tmp may be small.
  const env = { ...process.env, TMPDIR: path.join(folder, 'tmp') };
  mkdirSync(env.TMPDIR, { recursive: true });
  return new Promise((resolve, reject) => {
    const child = spawn(python, ['-m', 'pip', ...args], {
      cwd: root,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (text) => {
        output += text;
      });
    }
    const timer = setInterval(() => {
      if (!process.stdout.isTTY) return;
      const megabytes = Math.round(bytesBelow(folder) / 1e6);
      process.stdout.write(`\r${megabytes} MB of about 1700 MB \u001b[K`);
    }, 500);
    child.on('error', reject);
    child.on('close', (code) => {
      clearInterval(timer);
      if (process.stdout.isTTY) process.stdout.write('\r\u001b[K');
      resolve({ code, output });
    });
  });
}

function findPython() {
  const python = ['python3', 'python'].find(which);
  if (!python) {
    throw new BuildError(
      `Fetching ${SPECS.join(', ')} needs python3 with pip, found no python3 on PATH. ` +
        `On Debian or Ubuntu: sudo apt-get install python3-pip. ${OTHERS}`,
    );
  }
  if (capture(python, ['-m', 'pip', '--version']) === undefined) {
    throw new BuildError(
      `Fetching ${SPECS.join(', ')} needs pip, and "${python} -m pip" does not work. ` +
        `On Debian or Ubuntu: sudo apt-get install python3-pip. ${OTHERS}`,
    );
  }
  return python;
}

const isFetched = () => existsSync(MARK) && readFileSync(MARK, 'utf8').trim() === SPECS.join(' ');

/**
 * Fetches the libraries where they are not installed. Returns what to print beside the stage's name.
 * The folder is complete or absent at any time: pip fills another one, which is renamed.
 */
export async function cudaDeps({ force = false } = {}) {
  if (process.platform !== 'linux') return `nothing for ${process.platform}`;
  if (!force) {
    if (isFetched()) return 'unchanged';
    const found = findCuda();
    if (haveLibraries(found)) return `installed: ${path.dirname(found.CUDNN_LIBRARY)}`;
  }
  const python = findPython();
  const partial = path.join(root, `.cuda.partial-${process.pid}`);
  const old = path.join(root, `.cuda.old-${process.pid}`);
  console.log(`fetching ${SPECS.join(', ')} with ${python} -m pip: about 1 GB`);
  const target = path.join(partial, 'packages');
  try {
    const options = ['--no-deps', '--retries', '1', '--no-cache-dir', '--no-compile', '--no-input'];
    const where = ['--disable-pip-version-check', '--progress-bar', 'off', '--target', target];
    const args = ['install', ...options, ...where, ...SPECS];
    const { code, output } = await pip(python, args, partial);
    if (code !== 0) {
      const errors = output.split('\n').filter((text) => /^ERROR|No space|Errno/.test(text));
      const tail = errors.length > 0 ? errors : output.trim().split('\n');
      throw new BuildError(
        `pip could not fetch ${SPECS.join(', ')}:\n  ${tail.slice(-4).join('\n  ')}\n` +
          `Behind a proxy or with an index of your own, set PIP_INDEX_URL or PIP_PROXY. ${OTHERS}`,
      );
    }
    writeFileSync(path.join(target, path.basename(MARK)), `${SPECS.join(' ')}\n`);
    if (existsSync(TARGET)) renameSync(TARGET, old);
    renameSync(target, TARGET);
  } finally {
    rmSync(partial, { recursive: true, force: true });
    rmSync(old, { recursive: true, force: true });
  }
  return path.relative(root, TARGET);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const ok = await stage('cuda:deps', () => cudaDeps({ force: process.argv.includes('--force') }));
  const found = findCuda();
  if (ok && process.platform === 'linux' && !found?.NVCC) {
    console.log(
      'note: no nvcc of CUDA 13 is found, which building the CUDA backend needs: apt-get install cuda-nvcc-13-0 ' +
        "cuda-cudart-dev-13-0 from NVIDIA's repository, or set CUDACXX to it.",
    );
  }
  process.exitCode = ok ? 0 : 1;
}
