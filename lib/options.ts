/** What every function that takes options asks of them before it reads or copies them. */

import { inspect } from 'node:util';
import { ParamError } from './errors';

/**
 * Refuses options that are no object. Copying a number or a function gives no option at all, so that `arange(0, 10, 2)`
 * would count in steps of 1.
 *
 * @throws ParamError naming the function `who`.
 */
export function checkOptions(who: string, options: unknown): void {
  if (options === undefined) return;
  if (typeof options === 'object' && options !== null && !Array.isArray(options)) return;
  throw new ParamError(
    `${who}: options must be an object, got ${inspect(options, { depth: 0 }).slice(0, 60)}`,
  );
}
