/** Backends and devices: what there is, where work goes, what memory it holds. */

import type { BackendsInfo, DeviceEntry, DeviceMemory, MemoryEntry } from '../binding';
import { binding } from './binding';
import { cudaAttempts, cudaDeviceCount, missedModules, whyNoCuda } from './cuda';
import { refuseInCapture } from './context';
import { checkNativeVariables } from './env';
import { BackendUnavailableError, ParamError } from './errors';
import { checkOptions } from './options';

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

/** Native code reads its variables once. */
let variablesChecked = false;

/**
 * The device that an option names; HALFTONE_DEVICE and then the CPU when it names none.
 *
 * @throws BackendUnavailableError for a CUDA device where there is none; ParamError for variables that are not understood.
 */
export function resolveDevice(device?: DeviceName): string {
  if (!variablesChecked) checkNativeVariables();
  variablesChecked = true;
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
 * Resolves when all work that this thread has enqueued so far on `device`, on any stream, has run.
 *
 * Rejects with the first failure of an operator on that device since the last call.
 */
export async function sync(device?: DeviceName): Promise<void> {
  refuseInCapture('sync');
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

/**
 * What the whole process holds on a device: `used` by tensors and workspaces, `reserved` with what is kept for reuse, and how
 * much the device has left.
 *
 * @example
 * const { used, limit } = deviceMemory('cpu');
 * used >= 0 && limit === null; // true
 */
export function deviceMemory(device?: DeviceName): DeviceMemory {
  return binding.deviceMemory(resolveDevice(device));
}

/** Settings of a device, for {@link configure}. What is not given stays as it is. */
export interface DeviceSettings {
  /** The most bytes that tensors and workspaces of the process may take on it; null: what it has. */
  readonly memoryLimit?: number | null;
  /** CUDA, all devices: convolutions and products time their candidates once and keep the fastest. */
  readonly autotune?: boolean;
  /** CUDA, all devices: the folder where plans of cuDNN are kept between processes; null: nowhere. */
  readonly planCache?: string | null;
  /** CUDA, all devices: the most bytes of workspace that one call of a library may ask for. */
  readonly workspaceBytes?: number;
}

function byteCount(name: string, value: number): string {
  if (Number.isSafeInteger(value) && value >= 0) return String(value);
  throw new ParamError(`configure: ${name} must be a number of bytes, got ${String(value)}`);
}

/**
 * Changes settings of a device, for the whole process. For CUDA devices the environment variable HALFTONE_CUDA_MEMORY_LIMIT
 * (bytes) is the limit until this sets one.
 *
 * @throws ParamError for a value that is none, or a setting that the device does not have.
 * @example
 * configure('cpu', { memoryLimit: 4 * 2 ** 30 });
 * deviceMemory('cpu').limit; // 4294967296
 * configure('cpu', { memoryLimit: null });
 */
export function configure(device: DeviceName, settings: DeviceSettings): void {
  checkOptions('configure', settings);
  const name = resolveDevice(device);
  const values: Record<keyof DeviceSettings, [key: string, text: () => string]> = {
    memoryLimit: ['memory-limit', () => byteCount('memoryLimit', settings.memoryLimit ?? 0)],
    autotune: ['autotune', () => (settings.autotune ? '1' : '0')],
    planCache: ['plan-cache', () => String(settings.planCache ?? '')],
    workspaceBytes: [
      'workspace-bytes',
      () => byteCount('workspaceBytes', settings.workspaceBytes ?? 0),
    ],
  };
  for (const [setting, value] of Object.entries(settings)) {
    const known = Object.hasOwn(values, setting) && values[setting as keyof DeviceSettings];
    if (!known) {
      throw new ParamError(
        `configure: unknown setting "${setting}"; there are ${Object.keys(values).join(', ')}`,
      );
    }
    if (value !== undefined) binding.configure(name, known[0], known[1]());
  }
}

/** Gives cached memory back to the system. */
export function trimMemory(): void {
  binding.trim();
}
