/** What there is of NVIDIA's driver, found without opening any of it: a driver that is broken may end the process. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

export interface NvidiaDriver {
  /** `580.159.04`; null where the kernel module does not say. */
  readonly version: string | null;
  /** Device nodes: `nvidia0`, and `dxg` under WSL. */
  readonly nodes: readonly string[];
  /** Where `libcuda.so.1` is. */
  readonly library: string | null;
}

/** Where distributions, the container runtime and WSL put `libcuda.so.1` when the dynamic linker does not know it. */
const FOLDERS = [
  '/usr/lib/x86_64-linux-gnu',
  '/usr/lib/aarch64-linux-gnu',
  '/usr/lib64',
  '/usr/local/nvidia/lib64',
  '/usr/lib/wsl/lib',
];

/** The first driver that CUDA 13 works with. */
export const LEAST_DRIVER = 580;

/** The entries of a variable that is written like PATH. */
export const folders = (variable: string): string[] =>
  (process.env[variable] ?? '').split(path.delimiter).filter(Boolean);

/** Where the dynamic linker would find a library by name: LD_LIBRARY_PATH, then ld.so.cache. */
export function findByLinker(file: string): string | null {
  const named = folders('LD_LIBRARY_PATH').map((folder) => path.resolve(folder, file));
  const found = named.find((name) => existsSync(name));
  if (found !== undefined) return found;
  // ld.so.cache is binary, but the paths in it are plain text that ends with a zero byte.
  const cache = existsSync('/etc/ld.so.cache') ? readFileSync('/etc/ld.so.cache', 'latin1') : '';
  const end = cache.indexOf(`/${file}\0`);
  return end < 0 ? null : cache.slice(cache.lastIndexOf('\0', end) + 1, end + 1 + file.length);
}

function readVersion(): string | null {
  try {
    const text = readFileSync('/proc/driver/nvidia/version', 'latin1');
    return /\b\d+\.\d+(\.\d+)?\b/.exec(text)?.[0] ?? text.trim();
  } catch {
    return null;
  }
}

/** Looks at /proc, /dev and the library folders. */
export function nvidiaDriver(): NvidiaDriver {
  const nodes = existsSync('/dev')
    ? readdirSync('/dev').filter((name) => /^(nvidia\d+|dxg)$/.test(name))
    : [];
  const file = 'libcuda.so.1';
  const places = FOLDERS.map((folder) => path.join(folder, file));
  const library = findByLinker(file) ?? places.find((place) => existsSync(place)) ?? null;
  return { version: readVersion(), nodes, library };
}

/** Why a driver cannot work, and what to do; undefined when it is worth a try. */
export function driverProblem({ version, nodes, library }: NvidiaDriver): string | undefined {
  if (nodes.length === 0 && library === null) {
    return (
      'no NVIDIA driver: there is neither /dev/nvidia0 nor libcuda.so.1 (install driver ' +
      `${LEAST_DRIVER} or later; in Docker run with --gpus all)`
    );
  }
  if (version !== null && Number.parseInt(version, 10) < LEAST_DRIVER) {
    return `NVIDIA driver ${version} is too old for CUDA 13: install ${LEAST_DRIVER} or later`;
  }
  return undefined;
}
