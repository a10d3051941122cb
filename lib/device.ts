/** Backends and devices: what there is, where work goes, what memory it holds. */

import type { BackendsInfo, DeviceEntry, MemoryEntry } from '../binding';
import { binding } from './binding';
import { cudaAttempts, cudaDeviceCount, missedModules, whyNoCuda } from './cuda';
import { BackendUnavailableError, ParamError } from './errors';

/** A device as users write it: `'cpu'`, `'cuda'` (the first one), `'cuda:1'`, or `'auto'`. */
export type DeviceName = 'cpu' | 'cuda' | 'auto' | (string & {});

/** What `'auto'` chose, and why. */
export interface DeviceChoice {
  readonly device: string;
  readonly reason: string;
}

/**
 * The backends that are loaded, and every module that was refused or not found, with the reason. The CUDA module is
 * looked for when device `'cuda'` or `'auto'` is first asked for.
 */
export function backends(): BackendsInfo {
  return { loaded: binding.backends().loaded, refused: missedModules() };
}

/** All devices of all loaded backends. */
export function devices(): DeviceEntry[] {
  return binding.backends().loaded.flatMap((backend) => backend.devices);
}

/**
 * Loads a backend module (a shared library) and returns its name, which is then a device.
 *
 * @throws BackendUnavailableError with the reason when the module is refused: it cannot be opened, was built for another
 * version of the backend ABI, or with other operator schemas.
 */
export function loadBackend(path: string): string {
  return binding.loadBackend(path);
}

/** What device `'auto'` stands for here: the first CUDA device, else the CPU. */
export function autoDevice(): DeviceChoice {
  if (cudaDeviceCount() > 0) return { device: 'cuda', reason: 'the first CUDA device' };
  return { device: 'cpu', reason: whyNoCuda() };
}

/**
 * The device that an option names; HALFTONE_DEVICE and then the CPU when it names none.
 *
 * @throws BackendUnavailableError for a CUDA device where there is none.
 */
export function resolveDevice(device?: DeviceName): string {
  const name = device ?? (process.env['HALFTONE_DEVICE'] || 'cpu');
  if (typeof name !== 'string') {
    throw new ParamError(`device must be a string such as 'cpu' or 'cuda:1', got ${String(name)}`);
  }
  if (name === 'auto') return autoDevice().device;
  if (/^cuda(:|$)/.test(name) && cudaDeviceCount() === 0) {
    const tried = cudaAttempts().map((attempt) => `\n  ${attempt}`);
    throw new BackendUnavailableError(
      `device '${name}' is not available: ${whyNoCuda()}\nTried:${tried.join('')}\n` +
        '"npx halftone doctor" says more.',
    );
  }
  return name;
}

/**
 * Resolves when all work enqueued so far on `device` has run.
 *
 * Rejects with the first failure of an operator on that device since the last call.
 */
export async function sync(device?: DeviceName): Promise<void> {
  await binding.sync(resolveDevice(device));
}

/**
 * The memory that tensors of this thread (main or worker) hold, by device.
 *
 * `live`: bytes of the tensors alive, `allocated`: bytes now taken from the backend (less than `live` while work waits),
 * `peak`: the largest `allocated` so far, `cached`: bytes the backend keeps for reuse (of all threads together).
 */
export function memory(): MemoryEntry[] {
  return binding.memory();
}

/** Gives cached memory back to the system. */
export function trimMemory(): void {
  binding.trim();
}
