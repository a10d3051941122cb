/**
 * Finds and opens NVIDIA's libraries before the CUDA module, which names them as dependencies without a folder.
 *
 * The dynamic linker matches those names against what is loaded already, so wherever a library lies, opening it first is
 * enough. The order matters: cuDNN looks for cuBLASLt by name when it plans, and ends the process when it cannot find it.
 */

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import type { VersionCheck } from '../binding';
import { binding } from './binding';
import { findByLinker, folders } from './cuda-driver';

/** One of NVIDIA's libraries, as it was found or not. */
export interface CudaLibrary {
  /** `cuBLASLt`. */
  readonly name: string;
  /** `libcublasLt.so.13`. */
  readonly file: string;
  /** Whether the backend cannot work without it. */
  readonly needed: boolean;
  /** Where it is; null when it was not found. */
  readonly path: string | null;
  /** `13.1.1`; null when it was not opened. */
  readonly version: string | null;
  /** Every place that was tried before, and why it was not that one. */
  readonly attempts: readonly { readonly path: string; readonly reason: string }[];
}

interface Library {
  readonly name: string;
  readonly file: string;
  readonly needed: boolean;
  /** Its folder in Python's `nvidia` packages. */
  readonly wheel: string;
  /** Environment variables that name its root. */
  readonly roots: readonly string[];
  readonly checks: readonly VersionCheck[];
}

const CUDA_ROOTS = ['CUDA_PATH', 'CUDA_HOME'];

/** In the order in which they have to be opened: each before those that look for it. */
const LIBRARIES: readonly Library[] = [
  {
    name: 'cuBLASLt',
    file: 'libcublasLt.so.13',
    needed: true,
    wheel: 'cu13',
    roots: CUDA_ROOTS,
    checks: [{ function: 'cublasLtGetVersion', pair: false, least: 130_000, below: 140_000 }],
  },
  {
    // For the engines of cuDNN that are compiled when they are planned; the rest does without.
    name: 'NVRTC',
    file: 'libnvrtc.so.13',
    needed: false,
    wheel: 'cu13',
    roots: CUDA_ROOTS,
    checks: [{ function: 'nvrtcVersion', pair: true, least: 13_000, below: 14_000 }],
  },
  {
    name: 'cuDNN',
    file: 'libcudnn.so.9',
    needed: true,
    wheel: 'cudnn',
    roots: ['CUDNN_PATH', ...CUDA_ROOTS],
    checks: [
      { function: 'cudnnGetVersion', pair: false, least: 90_000, below: 100_000 },
      // cuDNN 9 for CUDA 12 has the same file name, and would look for cuBLASLt 12.
      { function: 'cudnnGetCudartVersion', pair: false, least: 13_000, below: 14_000 },
    ],
  },
];

/** The folder of package.json. */
const PACKAGE_ROOT = path.resolve(__dirname, '..', '..');

const MACHINE = process.arch === 'arm64' ? 'aarch64' : 'x86_64';

interface Candidate {
  /** A path, or a name alone: the dynamic linker's own search. */
  readonly file: string;
  readonly onlyLoaded?: boolean;
}

/** `<prefix>/lib/python3.12/site-packages` of an environment of Python. */
function sitePackages(prefix: string): string[] {
  const lib = path.join(prefix, 'lib');
  if (!existsSync(lib)) return [];
  return readdirSync(lib)
    .filter((name) => /^python3/.test(name))
    .map((name) => path.join(lib, name, 'site-packages'));
}

let ofPython: string[] | undefined;

/** The package folders of the python3 on PATH, which is asked once. */
function pythonPackages(): string[] {
  ofPython ??= askPython();
  return ofPython;
}

function askPython(): string[] {
  const script = "import sys; print('\\n'.join(p for p in sys.path if p.endswith('-packages')))";
  const { status, stdout } = spawnSync('python3', ['-c', script], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: 10_000,
  });
  return status === 0 ? stdout.split('\n').filter(Boolean) : [];
}

/** Every place where `library` may be, in the order of the search. Lazy: Python is asked only when the search gets there. */
function* candidates({ file, wheel, roots }: Library): Generator<Candidate> {
  for (const folder of folders('HALFTONE_CUDA_LIB_DIR')) yield { file: path.resolve(folder, file) };
  yield { file, onlyLoaded: true };
  yield { file };
  const subfolders = ['lib64', 'lib', path.join('lib', `${MACHINE}-linux-gnu`), '.'];
  for (const root of roots.flatMap(folders)) {
    for (const folder of subfolders) yield { file: path.join(root, folder, file) };
  }
  yield { file: path.join('/usr/local/cuda/lib64', file) };
  yield { file: path.join(`/usr/lib/${MACHINE}-linux-gnu`, file) };
  const prefixes = [...folders('VIRTUAL_ENV'), ...folders('CONDA_PREFIX')];
  for (const prefix of folders('CONDA_PREFIX')) yield { file: path.join(prefix, 'lib', file) };
  const inPackages = (folder: string) => path.join(folder, 'nvidia', wheel, 'lib', file);
  for (const folder of prefixes.flatMap(sitePackages)) yield { file: inPackages(folder) };
  for (const folder of pythonPackages()) yield { file: inPackages(folder) };
  yield { file: inPackages(path.join(PACKAGE_ROOT, '.cuda')) };
}

/** 130101 -> '13.1.1'; for a pair 13000 -> '13.0'. */
function versionText({ checks }: Library, version: number): string {
  if (checks[0]?.pair) return `${Math.floor(version / 1000)}.${version % 1000}`;
  return [Math.floor(version / 10_000), Math.floor(version / 100) % 100, version % 100].join('.');
}

type Attempt = CudaLibrary['attempts'][number];

const missing = ({ name, file, needed }: Library, attempts: Attempt[]): CudaLibrary => ({
  ...{ name, file, needed, attempts },
  ...{ path: null, version: null },
});

/** Tries the candidates in order with `open`, which throws the reason why one will not do. */
function search(library: Library, open: (candidate: Candidate) => CudaLibrary): CudaLibrary {
  const attempts: Attempt[] = [];
  for (const candidate of candidates(library)) {
    const { file, onlyLoaded } = candidate;
    if (path.isAbsolute(file) && !existsSync(file)) {
      attempts.push({ path: file, reason: 'not found' });
      continue;
    }
    try {
      return { ...open(candidate), attempts };
    } catch (error) {
      // That nobody else has loaded it is the usual case, and tells nothing.
      if (!onlyLoaded) attempts.push({ path: file, reason: (error as Error).message });
    }
  }
  return missing(library, attempts);
}

/** Opens every library, each before those that look for it; stops at the first that is needed and not there. */
export function openLibraries(): CudaLibrary[] {
  const found: CudaLibrary[] = [];
  for (const library of LIBRARIES) {
    const { name, file, needed, checks } = library;
    const result = search(library, (candidate) => {
      const request = { checks, onlyLoaded: candidate.onlyLoaded === true };
      const opened = binding.openLibrary(candidate.file, request);
      const version = versionText(library, opened.version);
      return { name, file, needed, path: opened.path, version, attempts: [] };
    });
    found.push(result);
    if (needed && result.path === null) break;
  }
  return found;
}

/** Where each library lies, without opening any: for a machine on which they could not be used. */
export function locateLibraries(): CudaLibrary[] {
  return LIBRARIES.map((library) =>
    search(library, (candidate) => {
      if (candidate.onlyLoaded) throw new Error('not looked at');
      const absolute = path.isAbsolute(candidate.file);
      const found = absolute ? candidate.file : findByLinker(candidate.file);
      if (found === null) throw new Error('not in LD_LIBRARY_PATH or ld.so.cache');
      return { ...missing(library, []), path: found };
    }),
  );
}

/** What to install for libraries that are missing. */
export const INSTALL_LIBRARIES =
  'with pip: python3 -m pip install "nvidia-cublas==13.*" "nvidia-cudnn-cu13==9.*" "nvidia-cuda-nvrtc==13.*"; ' +
  "from NVIDIA's apt repository: apt-get install libcublas-13-0 cuda-nvrtc-13-0 libcudnn9-cuda-13; " +
  'in Docker: an image such as nvidia/cuda:13.0.1-cudnn-runtime-ubuntu24.04; ' +
  'elsewhere: HALFTONE_CUDA_LIB_DIR=<folder of the libraries>';
