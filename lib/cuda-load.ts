/** Opens NVIDIA's libraries and then the CUDA module, in this process. */

import { existsSync } from 'node:fs';
import path from 'node:path';
import { addonPath, binding } from './binding';
import { type CudaLibrary, INSTALL_LIBRARIES, openLibraries } from './cuda-libraries';

/** A module that is not loaded, and why. */
export interface MissedModule {
  readonly path: string;
  readonly reason: string;
}

/** How a try to load the backend went. */
export interface CudaTry {
  /** Why it is not loaded; null when it is. */
  readonly reason: string | null;
  readonly libraries: readonly CudaLibrary[];
  /** Modules that are not there, or hold another backend; those that were refused are in `backends().refused`. */
  readonly missed: readonly MissedModule[];
}

const FILE = 'halftone_cuda.so';

/** Where the module may be, in the order of the search: HALFTONE_CUDA_LIB_DIR, then beside the addon. */
export function cudaModules(): string[] {
  const named = (process.env['HALFTONE_CUDA_LIB_DIR'] ?? '').split(path.delimiter).filter(Boolean);
  return [...named, path.dirname(addonPath)].map((folder) => path.resolve(folder, FILE));
}

export const notFound = (file: string): MissedModule => ({ path: file, reason: 'not found' });

export const cudaBackend = () => binding.backends().loaded.find(({ name }) => name === 'cuda');

/** Why the libraries do not suffice; undefined when they do. */
export function libraryProblem(libraries: readonly CudaLibrary[]): string | undefined {
  const library = libraries.find(({ needed, path: found }) => needed && found === null);
  if (library === undefined) return undefined;
  const refused = library.attempts.filter(({ reason }) => !/^not |No such file/.test(reason));
  const why = refused.map(({ path: file, reason }) => `; ${file} ${reason}`).join('');
  return `${library.name} (${library.file}) is not found${why}. To install it ${INSTALL_LIBRARIES}`;
}

/** Tries every place until the backend is loaded. */
export function tryCuda(): CudaTry {
  const missed: MissedModule[] = [];
  const modules = cudaModules();
  missed.push(...modules.filter((file) => !existsSync(file)).map(notFound));
  const present = modules.filter((file) => existsSync(file));
  if (present.length === 0) {
    return { reason: `${FILE} is not built or not installed`, libraries: [], missed };
  }
  const libraries = openLibraries();
  // Tried without the libraries too: a module may find its own, and one that is damaged is told.
  let reason = libraryProblem(libraries) ?? '';
  for (const file of present) {
    try {
      const name = binding.loadBackend(file);
      if (name === 'cuda') return { reason: null, libraries, missed };
      missed.push({ path: file, reason: `is a backend named ${name}` });
      reason ||= `${file} is a backend named ${name}`;
    } catch (error) {
      // The binding keeps it among the refused modules too.
      reason ||= (error as Error).message;
    }
  }
  return { reason, libraries, missed };
}
