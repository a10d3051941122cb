/**
 * Looks for the CUDA backend, once, when it is first needed. It is a module of its own, so that Halftone loads on machines
 * without an NVIDIA driver; where it cannot be used, every place and the reason are kept for the error and for `doctor`.
 */

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { binding } from './binding';
import { driverProblem, nvidiaDriver } from './cuda-driver';
import { type CudaLibrary, INSTALL_LIBRARIES, locateLibraries } from './cuda-libraries';
import {
  cudaBackend,
  cudaModules,
  libraryProblem,
  type MissedModule,
  notFound,
  tryCuda,
} from './cuda-load';
import { PROBE_MARK, type ProbeResult } from './cuda-probe';

/** Why the backend is not used, with all that was tried. */
interface Refusal {
  readonly reason: string;
  readonly libraries: readonly CudaLibrary[];
  readonly missed: readonly MissedModule[];
}

let refusal: Refusal | undefined;
/** Devices of the loaded backend; undefined before the first look. */
let deviceCount: number | undefined;

/** Seconds that the probe may take; 0: none is made. Setting up eight GPUs can take ten. */
const PROBE_SECONDS = 60;

function probeSeconds(): number {
  const text = process.env['HALFTONE_CUDA_PROBE'];
  return text ? Number(text) : PROBE_SECONDS;
}

/** What a process that did not print its result did instead. */
function probeFailure(child: ReturnType<typeof spawnSync>, seconds: number): string {
  const { error, signal, status } = child;
  const end = String(child.stderr ?? '')
    .trim()
    .split('\n')
    .slice(-3)
    .join(' ');
  const said = end ? `, after: ${end}` : '';
  if ((error as NodeJS.ErrnoException | undefined)?.code === 'ETIMEDOUT') {
    return `the probe of the GPU took longer than ${seconds} s (HALFTONE_CUDA_PROBE=<seconds> allows more)${said}`;
  }
  if (error) {
    return `the probe of the GPU cannot be started: ${error.message} (HALFTONE_CUDA_PROBE=0 does without)`;
  }
  if (signal) return `the probe of the GPU was ended by ${signal}${said}`;
  return `the probe of the GPU ended with exit code ${status}${said}`;
}

/** Loads and tries the backend in a process of its own. */
function probeCuda(seconds = probeSeconds() || PROBE_SECONDS): ProbeResult {
  const child = spawnSync(process.execPath, [path.join(__dirname, 'cuda-probe.js')], {
    // Options meant for the service's process, such as a debugger's, have no place in this one.
    env: { ...process.env, NODE_OPTIONS: '', ELECTRON_RUN_AS_NODE: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
    timeout: seconds * 1000,
    killSignal: 'SIGKILL',
  });
  const lines = (child.stdout ?? '').split('\n').filter((line) => line.startsWith(PROBE_MARK));
  const result = lines.at(-1);
  if (child.status === 0 && result !== undefined) {
    return JSON.parse(result.slice(PROBE_MARK.length)) as ProbeResult;
  }
  const missed = cudaModules()
    .filter((file) => !existsSync(file))
    .map(notFound);
  const nothing = { refused: [], devices: [], libraries: locateLibraries() };
  return { reason: probeFailure(child, seconds), missed, ...nothing };
}

function refuse(reason: string, more: Partial<Refusal> = {}): Refusal {
  const missed = cudaModules()
    .filter((file) => !existsSync(file))
    .map(notFound);
  return { reason, missed, libraries: more.libraries ?? locateLibraries(), ...more };
}

/** Loads the backend; what stands against it when it cannot be. */
function load(): Refusal | undefined {
  if (process.platform !== 'linux') return refuse(`there is none for ${process.platform}`);
  const driver = driverProblem(nvidiaDriver());
  if (driver !== undefined) return refuse(driver);
  if (probeSeconds() > 0 && cudaModules().some((file) => existsSync(file))) {
    const { reason, libraries, missed, refused } = probeCuda();
    if (reason !== null) return { reason, libraries, missed: [...missed, ...refused] };
  }
  const { reason, libraries, missed } = tryCuda();
  return reason === null ? undefined : refuse(reason, { libraries, missed });
}

/** How many CUDA devices there are; the first call tries to load the backend. */
export function cudaDeviceCount(): number {
  if (deviceCount === undefined) {
    if (cudaBackend() === undefined) refusal = load();
    // Kept, as asking the backend makes it ask each device.
    deviceCount = cudaBackend()?.devices.length ?? 0;
  }
  return deviceCount;
}

/** Every module that was looked for and is not loaded. */
export function missedModules(): MissedModule[] {
  const refused = binding.backends().refused;
  const known = new Set(refused.map(({ path: file }) => file));
  const missed = refusal?.missed ?? [];
  return [...refused, ...missed.filter(({ path: file }) => !known.has(file))];
}

/** Why there is no CUDA device, in one sentence. */
export function whyNoCuda(): string {
  if (cudaDeviceCount() === 0 && refusal === undefined) {
    return 'the CUDA backend is loaded but finds no device';
  }
  return `the CUDA backend is not loaded: ${refusal?.reason}`;
}

/** The folders of several misses in one line: `libcudnn.so.9 not in /a, /b`. */
function libraryLines({ file, path: found, attempts }: CudaLibrary): string[] {
  if (found !== null) return [`${file}: ${found}`];
  const refused = attempts.filter(({ reason }) => reason !== 'not found');
  const folders = attempts
    .filter(({ reason }) => reason === 'not found')
    .map(({ path: place }) => path.dirname(place));
  return [
    ...refused.map(({ path: place, reason }) => `${place}: ${reason}`),
    `${file}: not in ${folders.join(', ')}`,
  ];
}

/** Every place that was tried, and why it was not that one: a line for each. */
export function cudaAttempts(): string[] {
  if (refusal === undefined) return [];
  return [
    ...missedModules().map(({ path: file, reason }) => `${file}: ${reason}`),
    ...refusal.libraries.flatMap(libraryLines),
  ];
}

/** What `halftone doctor` says about CUDA. */
export interface CudaReport {
  /** Whether device 'cuda' can be used. */
  readonly available: boolean;
  /** Why not. */
  readonly reason: string | null;
  /** The module that is there; null when none is. */
  readonly module: string | null;
  readonly libraries: readonly CudaLibrary[];
  /** What to install or do, one sentence for each thing that is missing. */
  readonly hints: readonly string[];
}

const BUILD_HINT =
  'halftone_cuda.so is not built. It needs nvcc of CUDA 13 (apt-get install cuda-nvcc-13-0 cuda-cudart-dev-13-0 from ' +
  "NVIDIA's repository, or an image such as nvidia/cuda:13.0.1-cudnn-devel-ubuntu24.04) and the headers of cuBLAS and " +
  'cuDNN; then "npm run cuda:deps && npm run build" in a clone, or "npx halftone build" where the package is installed';

/**
 * Everything about CUDA on this machine. Where it is not available the libraries are opened in a process of its own, driver
 * or not, so that their versions are known.
 */
export function inspectCuda(): CudaReport {
  const module = cudaModules().find((file) => existsSync(file)) ?? null;
  if (cudaDeviceCount() > 0) {
    const { libraries } = tryCuda();
    return { available: true, reason: null, module, libraries, hints: [] };
  }
  if (process.platform !== 'linux') {
    return { available: false, reason: whyNoCuda(), module, libraries: [], hints: [] };
  }
  const { libraries, reason, missed, refused } = probeCuda();
  if (refusal !== undefined) refusal = { ...refusal, libraries, missed: [...missed, ...refused] };
  const driver = driverProblem(nvidiaDriver());
  const hints = [driver, libraryProblem(libraries)];
  if (module === null) hints.push(BUILD_HINT);
  // Without a driver the module has nothing to add.
  else if (driver === undefined) hints.push(reason ?? undefined);
  const optional = libraries.filter(({ needed, path: found }) => !needed && found === null);
  if (optional.length > 0 && libraryProblem(libraries) === undefined) {
    const names = optional.map(({ name, file }) => `${name} (${file})`).join(', ');
    hints.push(`${names} is not found: some engines of cuDNN need it. ${INSTALL_LIBRARIES}`);
  }
  const known = hints.filter((hint) => hint !== undefined);
  return {
    available: false,
    reason: whyNoCuda(),
    module,
    libraries,
    hints: [...new Set(known)],
  };
}
