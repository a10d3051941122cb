/** Backends and devices: what there is, where work goes, what memory it holds. */

import type { BackendsInfo, DeviceEntry, MemoryEntry } from '../binding';
import { binding } from './binding';
import { ParamError } from './errors';

/** A device as users write it: `'cpu'`, `'cuda'` (the first one), `'cuda:1'`, or `'auto'`. */
export type DeviceName = 'cpu' | 'cuda' | 'auto' | (string & {});

/** What `'auto'` chose, and why. */
export interface DeviceChoice {
  readonly device: string;
  readonly reason: string;
}

/** The backends that are loaded, and every module that was refused, with the reason. */
export function backends(): BackendsInfo {
  return binding.backends();
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

/** What device: `'auto'` stands for here: the first accelerator, else the CPU. */
export function autoDevice(): DeviceChoice {
  const { loaded, refused } = binding.backends();
  const accelerator = loaded.find((b) => b.name === 'cuda' && b.devices.length > 0);
  if (accelerator?.devices[0]) {
    return { device: accelerator.devices[0].device, reason: 'the first CUDA device' };
  }
  const tried = refused.map(({ path, reason }) => `${path} ${reason}`).join('; ');
  return { device: 'cpu', reason: tried || 'no other backend is loaded' };
}

/** The device that an option names; HALFTONE_DEVICE and then the CPU when it names none. */
export function resolveDevice(device?: DeviceName): string {
  const name = device ?? (process.env['HALFTONE_DEVICE'] || 'cpu');
  if (typeof name !== 'string') {
    throw new ParamError(`device must be a string such as 'cpu' or 'cuda:1', got ${String(name)}`);
  }
  return name === 'auto' ? autoDevice().device : name;
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
