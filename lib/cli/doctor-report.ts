/** The facts of `halftone doctor`, in the form that `--json` prints. */

import { readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { BackendsInfo, CpuInfo } from '../../binding';
import type { CudaReport } from '../cuda';
import { findByLinker, nvidiaDriver } from '../cuda-driver';
import { envProblems } from '../env';

/** What `halftone doctor --json` prints. Fields are added, never renamed. */
export interface DoctorReport {
  readonly halftone: { readonly version: string; readonly folder: string };
  readonly node: {
    readonly version: string;
    readonly napi: string;
    readonly platform: string;
    readonly arch: string;
    /** "glibc 2.36", "musl or none". */
    readonly libc: string;
    readonly float16Array: boolean;
  };
  readonly cpu: {
    readonly name: string;
    readonly cores: number;
    /** null when the addon is not loaded. */
    readonly kernels: CpuInfo | null;
  };
  readonly memory: { readonly total: number; readonly free: number };
  readonly addon:
    | { readonly loaded: true; readonly path: string; readonly version: string }
    | { readonly loaded: false; readonly code: string; readonly reason: string };
  /** null when the addon is not loaded. */
  readonly backends: BackendsInfo['loaded'] | null;
  /** Every module that was looked for and is not loaded, and why. */
  readonly notLoaded: BackendsInfo['refused'] | null;
  /** What device 'auto' stands for. */
  readonly auto: { readonly device: string; readonly reason: string } | null;
  readonly nvidia: {
    readonly driver: string | null;
    readonly devices: readonly string[];
    /** Where the dynamic linker would find each library. */
    readonly libraries: Readonly<Record<string, string | null>>;
  };
  /** Device 'cuda': whether it can be used, and what is missing. null when the addon is not loaded. */
  readonly cuda: CudaReport | null;
  /** The variables that begin with HALFTONE_ and are set. */
  readonly environment: Readonly<Record<string, string>>;
  readonly problems: readonly string[];
}

const ROOT = path.resolve(__dirname, '../../..');

function libc(): string {
  if (process.platform !== 'linux') return 'libc of the system';
  const diagnostics = process.report as typeof process.report & { excludeNetwork?: boolean };
  diagnostics.excludeNetwork = true; // else it asks the name server about every connection
  const { header } = diagnostics.getReport() as { header?: { glibcVersionRuntime?: string } };
  return header?.glibcVersionRuntime ? `glibc ${header.glibcVersionRuntime}` : 'not glibc';
}

/** The libraries that the CUDA backend needs, besides its own module. */
const NVIDIA_LIBRARIES = ['libcuda.so.1', 'libcudnn.so.9', 'libcublas.so.13', 'libcublasLt.so.13'];

function nvidia(): DoctorReport['nvidia'] {
  const { version, nodes, library } = nvidiaDriver();
  const libraries = NVIDIA_LIBRARIES.map((name) => [name, findByLinker(name)] as const);
  return {
    driver: version,
    devices: nodes,
    libraries: { ...Object.fromEntries(libraries), 'libcuda.so.1': library },
  };
}

/** All that can be said without the addon. */
export function machineReport(): DoctorReport {
  const manifest = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8'));
  const set = Object.entries(process.env).filter(([name]) => name.startsWith('HALFTONE_'));
  return {
    halftone: { version: (manifest as { version: string }).version, folder: ROOT },
    node: {
      version: process.version,
      napi: process.versions['napi'] ?? 'unknown',
      platform: process.platform,
      arch: process.arch,
      libc: libc(),
      float16Array: 'Float16Array' in globalThis,
    },
    cpu: { name: os.cpus()[0]?.model ?? 'unknown', cores: os.cpus().length, kernels: null },
    memory: { total: os.totalmem(), free: os.freemem() },
    addon: { loaded: false, code: '', reason: 'not tried' },
    backends: null,
    notLoaded: null,
    auto: null,
    nvidia: nvidia(),
    cuda: null,
    environment: Object.fromEntries(set.map(([name, value]) => [name, value ?? ''])),
    problems: envProblems(process.env),
  };
}

/** The report with what the addon says, or with the reason why it cannot be loaded. */
export async function addonReport(machine: DoctorReport): Promise<DoctorReport> {
  try {
    const { addonPath, binding } = await import('../binding.js');
    const { inspectCuda } = await import('../cuda.js');
    const { autoDevice, backends } = await import('../device.js');
    const auto = autoDevice();
    const cuda = inspectCuda();
    const { loaded, refused } = backends();
    return {
      ...machine,
      cpu: { ...machine.cpu, kernels: binding.cpu() },
      addon: { loaded: true, path: addonPath, version: binding.version },
      backends: loaded,
      notLoaded: refused,
      auto,
      cuda,
    };
  } catch (error) {
    const { code = 'ERR_INTERNAL', message } = error as Error & { code?: string };
    return { ...machine, addon: { loaded: false, code, reason: message } };
  }
}
