/**
 * What the comment behind an example's expression says about its value: `await relu(tensor([-1, 2])).data(); // [0, 2]`.
 * CONTRIBUTING.md describes the form.
 */

import { inspect } from 'node:util';
import { HalftoneError } from '../../lib/errors';
import { Tensor } from '../../lib/tensor';

/** A claim, parsed. `any` stands for `...`: whatever else there is. */
export type Claim =
  | { readonly kind: 'any' }
  | { readonly kind: 'plain'; readonly value: unknown; readonly text: string }
  /** Decimals that go on: `0.333...`. */
  | { readonly kind: 'begun'; readonly text: string }
  | { readonly kind: 'list'; readonly name: string | undefined; readonly items: readonly Claim[] }
  | {
      readonly kind: 'object';
      readonly name: string | undefined;
      readonly entries: readonly (readonly [key: string, value: Claim])[];
      readonly open: boolean;
    }
  | { readonly kind: 'tensor'; readonly dtype: string; readonly shape: readonly number[] }
  | { readonly kind: 'throws'; readonly name: string; readonly message: string };

const DTYPE = /^(?:b?float\d+|u?int\d+|bool)$/;
const WORDS: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ['true', true],
  ['false', false],
  ['null', null],
  ['undefined', undefined],
  ['NaN', NaN],
  ['Infinity', Infinity],
  ['-Infinity', -Infinity],
]);

class Parser {
  #at = 0;
  constructor(readonly text: string) {}

  #take(pattern: RegExp): string | undefined {
    const found = new RegExp(`\\s*(${pattern.source})`, 'y');
    found.lastIndex = this.#at;
    const match = found.exec(this.text);
    if (!match) return undefined;
    this.#at = found.lastIndex;
    return match[1];
  }

  #must(pattern: RegExp): string {
    const taken = this.#take(pattern);
    if (taken !== undefined) return taken;
    throw new Error(`"${this.text}" is no value at "${this.text.slice(this.#at)}"`);
  }

  /** The whole text: a value, then nothing or prose that is set off by punctuation. */
  whole(): Claim {
    const thrown = this.#take(/throws\s+[A-Z]\w*/);
    if (thrown !== undefined) {
      const message = this.#take(/:\s/) === undefined ? '' : this.text.slice(this.#at).trim();
      return { kind: 'throws', name: thrown.replace(/throws\s+/, ''), message };
    }
    const value = this.value();
    const rest = this.text.slice(this.#at);
    if (!/^\s*($|[(:;,])/.test(rest)) throw new Error(`"${this.text}" is no value at "${rest}"`);
    return value;
  }

  value(): Claim {
    if (this.#take(/\.\.\./)) return { kind: 'any' };
    const begun = this.#take(/-?\d+\.\d+(?=\.\.\.)/);
    if (begun !== undefined && this.#take(/\.\.\./)) return { kind: 'begun', text: begun };
    const number = this.#take(/-?(?:\d+n|Infinity\b|\d+(?:\.\d+)?(?:e[+-]?\d+)?)(?![\w.]|\s*[x*])/);
    if (number !== undefined) {
      const value = number.endsWith('n') ? BigInt(number.slice(0, -1)) : Number(number);
      return { kind: 'plain', value, text: number };
    }
    const quoted = this.#take(/'[^']*'|"[^"]*"/);
    if (quoted !== undefined) return { kind: 'plain', value: quoted.slice(1, -1), text: quoted };
    const word = this.#take(/[A-Za-z]\w*/);
    if (word !== undefined && WORDS.has(word)) {
      return { kind: 'plain', value: WORDS.get(word), text: word };
    }
    if (this.#take(/\[/)) return this.#list(word);
    if (this.#take(/\{/)) return this.#object(word);
    throw new Error(`"${this.text}" is no value`);
  }

  #list(word: string | undefined): Claim {
    const items: Claim[] = [];
    while (!this.#take(/\]/)) {
      if (items.length > 0) this.#must(/,/);
      if (this.#take(/\]/)) break;
      items.push(this.value());
    }
    if (word === undefined || !DTYPE.test(word)) return { kind: 'list', name: word, items };
    const shape = items.map((item) => (item.kind === 'plain' ? Number(item.value) : NaN));
    return { kind: 'tensor', dtype: word, shape };
  }

  #object(name: string | undefined): Claim {
    const entries: [string, Claim][] = [];
    let open = false;
    for (let first = true; !this.#take(/\}/); first = false) {
      if (!first) this.#must(/,/);
      if (this.#take(/\}/)) break;
      if (this.#take(/\.\.\./)) {
        open = true;
        continue;
      }
      const key = this.#must(/[A-Za-z_]\w*|'[^']*'/).replaceAll("'", '');
      this.#must(/:/);
      entries.push([key, this.value()]);
    }
    return { kind: 'object', name, entries, open };
  }
}

/** Parses a comment. @throws Error when it is neither a value nor `throws`. */
export const parseClaim = (text: string): Claim => new Parser(text.trim()).whole();

/** Digits from which a claimed number may be a rounded one. Fewer claim the exact value. */
const ROUNDED_DIGITS = 4;

function sameNumber(claimed: number, text: string, actual: number): boolean {
  if (Object.is(claimed, actual) || (claimed === actual && !text.startsWith('-'))) return true;
  // The shortest decimal of a float32.
  if (Math.fround(claimed) === actual && claimed !== 0) return true;
  const digits = text.replace(/e.*$/, '').replace(/[^\d]/g, '').replace(/^0+/, '').length;
  const isRounded = /[.e]/.test(text) && digits >= ROUNDED_DIGITS;
  return isRounded && Number(actual.toPrecision(digits)) === claimed;
}

function sameList(items: readonly Claim[], actual: readonly unknown[]): boolean {
  const gap = items.findIndex((item) => item.kind === 'any');
  if (gap < 0) {
    return (
      items.length === actual.length && items.every((item, i) => holds(item, actual[i] as unknown))
    );
  }
  const after = items.length - gap - 1;
  if (actual.length < gap + after) return false;
  return (
    sameList(items.slice(0, gap), actual.slice(0, gap)) &&
    sameList(items.slice(gap + 1), actual.slice(actual.length - after))
  );
}

const isArrayLike = (v: unknown): v is ArrayLike<unknown> & object =>
  Array.isArray(v) || (ArrayBuffer.isView(v) && !(v instanceof DataView));

/** Whether the claim is true of a value; tensors are compared by their elements. */
export function holds(claim: Claim, actual: unknown): boolean {
  if (claim.kind === 'any') return true;
  if (claim.kind === 'throws') return false;
  if (claim.kind === 'tensor') {
    return (
      actual instanceof Tensor &&
      actual.dtype === claim.dtype &&
      sameList(
        claim.shape.map((value) => ({ kind: 'plain', value, text: String(value) }) as const),
        actual.shape,
      )
    );
  }
  if (actual instanceof Tensor) {
    const flat = Array.from(actual.dataSync() as ArrayLike<unknown>);
    if (claim.kind === 'plain' || claim.kind === 'begun') {
      return flat.length === 1 && holds(claim, flat[0]);
    }
    return claim.kind === 'list' && claim.name === undefined && sameList(claim.items, flat);
  }
  if (claim.kind === 'plain') {
    if (typeof claim.value === 'number' && typeof actual === 'number') {
      return sameNumber(claim.value, claim.text, actual);
    }
    return Object.is(claim.value, actual);
  }
  if (claim.kind === 'begun') {
    return typeof actual === 'number' && actual.toFixed(40).startsWith(claim.text);
  }
  if (typeof actual !== 'object' || actual === null) return false;
  if (claim.name !== undefined && claim.name !== actual.constructor?.name) return false;
  if (claim.kind === 'list')
    return isArrayLike(actual) && sameList(claim.items, Array.from(actual));
  const keys = Object.keys(actual);
  return (
    !isArrayLike(actual) &&
    (claim.open || keys.length === claim.entries.length) &&
    claim.entries.every(
      ([key, value]) => keys.includes(key) && holds(value, Reflect.get(actual, key)),
    )
  );
}

/** What an expression did. */
export type Outcome = { readonly value: unknown } | { readonly thrown: unknown };

const matchesMessage = (pattern: string, message: string): boolean => {
  let at = 0;
  for (const part of pattern.split('...')) {
    at = message.indexOf(part, at);
    if (at < 0) return false;
    at += part.length;
  }
  return true;
};

/** Why the comment is not true of the outcome; undefined when it is. */
export function refute(text: string, outcome: Outcome): string | undefined {
  const claim = parseClaim(text);
  if (claim.kind === 'throws') {
    if (!('thrown' in outcome)) return `claims "${text}", but gives ${inspect(outcome.value)}`;
    const error = outcome.thrown as Error;
    const names = [error?.constructor?.name, error instanceof HalftoneError ? error.code : ''];
    if (names.includes(claim.name) && matchesMessage(claim.message, error.message))
      return undefined;
    return `claims "${text}", but throws ${String(error)}`;
  }
  if ('thrown' in outcome) throw outcome.thrown;
  if (holds(claim, outcome.value)) return undefined;
  const shown =
    outcome.value instanceof Tensor && !outcome.value.disposed
      ? `${inspect(outcome.value)} ${outcome.value}`
      : inspect(outcome.value, { depth: 4, breakLength: Infinity });
  return `claims "${text}", but gives ${shown}`;
}
