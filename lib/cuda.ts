/**
 * Looks for the CUDA backend, once, when it is first needed. It is a module of its own, so that Halftone loads on machines
 * without an NVIDIA driver; where it cannot be loaded, every place and the reason are kept for the error and for `doctor`.
 */

import { existsSync } from 'node:fs';
import path from 'node:path';
import { addonPath, binding } from './binding';

/** A module that is not loaded, and why. */
export interface MissedModule {
  readonly path: string;
  readonly reason: string;
}

const FILE = 'halftone_cuda.so';

let missing: MissedModule[] | undefined;

/** Where the module may be, in the order of the search: HALFTONE_CUDA_LIB_DIR, then beside the addon. */
export function cudaCandidates(): string[] {
  const named = (process.env['HALFTONE_CUDA_LIB_DIR'] ?? '').split(path.delimiter).filter(Boolean);
  return [...named, path.dirname(addonPath)].map((folder) => path.resolve(folder, FILE));
}

const isLoaded = (): boolean => binding.backends().loaded.some(({ name }) => name === 'cuda');

/** Whether the CUDA backend is loaded; the first call tries to. */
export function loadCuda(): boolean {
  if (missing !== undefined || isLoaded()) return isLoaded();
  missing = [];
  for (const candidate of cudaCandidates()) {
    if (!existsSync(candidate)) {
      missing.push({ path: candidate, reason: 'not found' });
      continue;
    }
    try {
      const name = binding.loadBackend(candidate);
      if (name === 'cuda') break;
      missing.push({ path: candidate, reason: `is a backend named ${name}` });
    } catch {
      // The binding keeps the reason among the refused modules.
    }
  }
  return isLoaded();
}

/** Every module that was looked for and is not loaded. */
export function missedModules(): MissedModule[] {
  return [...binding.backends().refused, ...(missing ?? [])];
}
