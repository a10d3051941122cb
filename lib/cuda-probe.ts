/**
 * The first look at a GPU, in a process of its own: a driver or library that crashes or hangs takes this one down, not the
 * service. Run by lib/cuda.ts; the last line that it prints is its result.
 */

import type { DeviceEntry } from '../binding';
import { binding } from './binding';
import { type CudaLibrary, openLibraries } from './cuda-libraries';
import { cudaBackend, type MissedModule, tryCuda } from './cuda-load';

/** What the probe prints. */
export interface ProbeResult {
  /** Why there is no device to use; null when there is. */
  readonly reason: string | null;
  readonly libraries: readonly CudaLibrary[];
  readonly missed: readonly MissedModule[];
  readonly refused: readonly MissedModule[];
  readonly devices: readonly DeviceEntry[];
}

/** Before the result, as libraries may print too. */
export const PROBE_MARK = 'halftone-cuda-probe:';

async function whyNotUsable(devices: readonly DeviceEntry[]): Promise<string | null> {
  const broken = devices.find(({ error }) => error !== undefined);
  if (broken) return `${broken.device}: ${broken.error}`;
  try {
    // The first stream sets the device up: most of what can go wrong does so here.
    await binding.sync('cuda');
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

async function probe(): Promise<ProbeResult> {
  const { reason, libraries, missed } = tryCuda();
  const devices = cudaBackend()?.devices ?? [];
  const why = reason ?? (await whyNotUsable(devices));
  return {
    reason: why,
    // Without a module they were not opened; `doctor` asks for their versions all the same.
    libraries: libraries.length > 0 ? libraries : openLibraries(),
    missed,
    refused: binding.backends().refused,
    devices,
  };
}

if (require.main === module) {
  probe().then(
    (result) => console.log(`${PROBE_MARK}${JSON.stringify(result)}`),
    (error: Error) => {
      console.error(error.message);
      process.exitCode = 1;
    },
  );
}
