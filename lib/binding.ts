/**
 * Loads the native addon. The only file that does: all else imports `binding` from here.
 */

import path from 'node:path';
import loadAddon = require('bindings');
import type { NativeBinding } from '../binding';
import { BackendUnavailableError, createError } from './errors';

/** The folder of package.json: three up from dist/lib/binding.js. */
const PACKAGE_ROOT = path.resolve(__dirname, '..', '..');

interface LoadFailure extends Error {
  tries?: string[];
}

function load(): NativeBinding {
  try {
    const native = loadAddon({ bindings: 'halftone', module_root: PACKAGE_ROOT }) as NativeBinding;
    native.initialize(createError);
    return native;
  } catch (cause) {
    const { message, tries } = cause as LoadFailure;
    const remedy =
      'To build it: "npm run build" in a clone of the repository, or "npx halftone build" where the package is installed.';
    const reason = tries
      ? `it is not built. ${remedy}\nNot found in any of:\n  ${tries.join('\n  ')}`
      : `${message}\n${remedy}`;
    throw new BackendUnavailableError(
      `The native addon halftone.node cannot be loaded (Node ${process.version}, ${process.platform} ${process.arch}): ${reason}`,
      // Where nothing was found, the cause says the same once more, and at length.
      tries ? undefined : { cause },
    );
  }
}

/** The native functions. binding.d.ts describes them. */
export const binding: NativeBinding = load();

/** The file the addon was loaded from; the package `bindings` notes it on the exports. */
export const addonPath: string = (binding as NativeBinding & { path: string }).path;
