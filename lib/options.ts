/** What every function that takes options asks of them before it reads or copies them. */

import { inspect } from 'node:util';
import { ParamError } from './errors';
import { nearest } from './nearest';

type Test = readonly [rule: string, test: (value: object) => boolean];

/** What an option may be, beside undefined. 'any': the function that reads it looks itself. */
const KINDS = {
  any: ['', () => true],
  boolean: ['true or false', (value) => typeof value === 'boolean'],
  function: ['a function', (value) => typeof value === 'function'],
  array: ['an array', Array.isArray],
  iterable: [
    'an array or something else to iterate over',
    (value) => typeof value === 'object' && Symbol.iterator in value,
  ],
  signal: [
    'an AbortSignal',
    (value) => typeof (value as Partial<AbortSignal>).throwIfAborted === 'function',
  ],
} as const satisfies Readonly<Record<string, Test>>;

/** The options of an interface and what they may be. The compiler sees that none is missing and that there are no others. */
export type OptionKinds<T> = { readonly [name in keyof T]-?: keyof typeof KINDS };

type Known = Readonly<Record<string, keyof typeof KINDS>>;

/** A value for messages, in one short line. */
export const shown = (value: unknown): string =>
  inspect(value, { depth: 0, breakLength: Number.POSITIVE_INFINITY }).slice(0, 60);

const noObject = (who: string, options: unknown) =>
  new ParamError(`${who}: options must be an object, got ${shown(options)}`);

/**
 * Refuses options that are no object: copying a number or a function gives no option at all, so that `arange(0, 10, 2)` would
 * count in steps of 1. Where `known` lists the options, others are refused, since one whose name is mistyped would do nothing;
 * and values of the wrong kind are. Operators have no `known`: their schema checks options.
 *
 * @throws ParamError naming the function `who`, and the option that was probably meant.
 */
export function checkOptions(who: string, options: unknown, known?: Known): void {
  if (options === undefined) return;
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw noObject(who, options);
  }
  if (!known) return;
  for (const [name, value] of Object.entries(options)) {
    const kind = Object.hasOwn(known, name) ? known[name] : undefined;
    if (kind === undefined) {
      const names = Object.keys(known);
      const [meant] = nearest(name, names, 1);
      const help = meant ? `did you mean "${meant}"?` : `known are: ${names.join(', ')}`;
      throw new ParamError(`${who}: unknown option "${name}", ${help}`);
    }
    if (value === undefined) continue;
    const [rule, test]: Test = KINDS[kind];
    if (value === null ? kind !== 'any' : !test(value)) {
      throw new ParamError(`${who}: ${name} must be ${rule}, got ${shown(value)}`);
    }
  }
}

/** The same for a function that cannot do without options. */
export function checkRequired(who: string, options: unknown, known: Known): void {
  if (options === undefined) throw noObject(who, options);
  checkOptions(who, options, known);
}
