/** Operators of strings. They run on the host: no device holds strings. */

import { ARRAY_TYPES, type DType, iinfo, isIntDType } from '../../dtype';
import type { HostCall, HostValue } from '../../graph/host';
import { type Constant, elementCount, type Strings } from '../../graph/ir';
import type { OpDefinition } from '../../graph/op-set';
import { isStrings } from '../../graph/values';
import { dataTypeName, dtypeOf, STRING } from '../decode-tensor';
import { fullMatcher, RegexError } from '../regex';

/** The shape of results of two values that are broadcast to each other, and where the elements of each come from. */
function broadcast(
  call: HostCall,
  a: readonly number[],
  b: readonly number[],
): { shape: readonly number[]; pick: (which: 0 | 1, i: number) => number } {
  const rank = Math.max(a.length, b.length);
  const padded = [a, b].map(
    (shape) => [...Array(rank - shape.length).fill(1), ...shape] as number[],
  );
  const [x, y] = padded as [number[], number[]];
  const shape = x.map((size, axis) => {
    const other = y[axis] as number;
    if (size === other || other === 1) return size;
    if (size === 1) return other;
    throw call.error(`shapes [${a.join(', ')}] and [${b.join(', ')}] cannot be broadcast`);
  });
  const pick = (which: 0 | 1, i: number) => {
    const own = padded[which] as number[];
    let [rest, step, at] = [i, 1, 0];
    for (let axis = rank - 1; axis >= 0; axis--) {
      const size = shape[axis] as number;
      if (own[axis] !== 1) at += (rest % size) * step;
      rest = Math.floor(rest / size);
      step *= own[axis] as number;
    }
    return at;
  };
  return { shape, pick };
}

/** A function of two strings at each place. */
function both<T>(
  call: HostCall,
  f: (a: string, b: string) => T,
): { shape: readonly number[]; made: T[] } {
  const [a, b] = [call.strings(0), call.strings(1)];
  const { shape, pick } = broadcast(call, a.shape, b.shape);
  const made = Array.from({ length: elementCount(shape) }, (_, i) =>
    f(a.strings[pick(0, i)] as string, b.strings[pick(1, i)] as string),
  );
  return { shape, made };
}

const bools = (shape: readonly number[], values: readonly boolean[]): Constant => ({
  dtype: 'bool',
  shape,
  data: Uint8Array.from(values, Number),
});

/** Equal-19 of strings. */
export function equalStrings(call: HostCall): HostValue {
  const { shape, made } = both(call, (a, b) => a === b);
  return bools(shape, made);
}

/** StringConcat-20. */
function concat(call: HostCall): HostValue {
  const { shape, made } = both(call, (a, b) => a + b);
  return { shape, strings: made };
}

/** StringNormalizer-10: without stopwords, in upper or lower case (of Unicode, as in ONNX's reference). */
function normalize(call: HostCall): HostValue {
  const { strings, shape } = call.strings(0);
  const locale = call.string('locale') ?? '';
  if (!['', 'C', 'POSIX', 'en_US', 'en_US.UTF-8'].includes(locale)) {
    throw call.error(`the locale "${locale}" is not supported, only en_US`);
  }
  if (shape.length < 1 || shape.length > 2 || (shape.length === 2 && shape[0] !== 1)) {
    throw call.error(`input 0 must be [n] or [1, n], got [${shape.join(', ')}]`);
  }
  const action = call.string('case_change_action') ?? 'NONE';
  const cases: Readonly<Record<string, (text: string) => string>> = {
    NONE: (text) => text,
    LOWER: (text) => text.toLowerCase(),
    UPPER: (text) => text.toUpperCase(),
  };
  const change = Object.hasOwn(cases, action) ? cases[action] : undefined;
  if (!change) throw call.error(`case_change_action must be NONE, LOWER or UPPER, got "${action}"`);
  const isSensitive = (call.int('is_case_sensitive') ?? 0) !== 0;
  const key = (text: string) => (isSensitive ? text : text.toLowerCase());
  const stopwords = new Set(call.attribute('stopwords', 'strings')?.map(key));
  const kept = strings.filter((text) => !stopwords.has(key(text))).map(change);
  // Of nothing one empty string is left.
  const made = kept.length === 0 ? [''] : kept;
  return { strings: made, shape: [...shape.slice(0, -1), made.length] };
}

/** What Python's str.split takes for whitespace, which is what the definition refers to. */
function isSpace(char: string): boolean {
  const code = char.charCodeAt(0);
  const isControl = (code >= 9 && code <= 13) || (code >= 28 && code <= 31) || code === 0x85;
  return isControl || (/\s/.test(char) && code !== 0xfeff);
}

/** At runs of whitespace; what is left after `most` cuts is one part, without whitespace in front. */
function splitAtSpaces(text: string, most: number): string[] {
  const parts: string[] = [];
  let at = 0;
  for (;;) {
    while (at < text.length && isSpace(text[at] as string)) at += 1;
    if (at >= text.length) return parts;
    if (parts.length >= most) return [...parts, text.slice(at)];
    const start = at;
    while (at < text.length && !isSpace(text[at] as string)) at += 1;
    parts.push(text.slice(start, at));
  }
}

function splitAt(text: string, delimiter: string, most: number): string[] {
  const parts = text.split(delimiter);
  if (parts.length - 1 <= most) return parts;
  return [...parts.slice(0, most), parts.slice(most).join(delimiter)];
}

/** StringSplit-20: the parts of each string, filled up with empty ones, and how many there are. */
function split(call: HostCall): readonly HostValue[] {
  const { strings, shape } = call.strings(0);
  const delimiter = call.string('delimiter') ?? '';
  const maximum = call.int('maxsplit');
  const most = maximum === undefined || maximum < 0 ? Infinity : maximum;
  const parts = strings.map((text) =>
    delimiter === '' ? splitAtSpaces(text, most) : splitAt(text, delimiter, most),
  );
  const width = parts.reduce((n, list) => Math.max(n, list.length), 0);
  const filled = parts.flatMap((list) => [...list, ...Array<string>(width - list.length).fill('')]);
  const data = BigInt64Array.from(parts, (list) => BigInt(list.length));
  return [
    { strings: filled, shape: [...shape, width] },
    { dtype: 'int64', shape, data },
  ];
}

/** RegexFullMatch-20, in the syntax of RE2. */
function regexFullMatch(call: HostCall): HostValue {
  const { strings, shape } = call.strings(0);
  const pattern = call.string('pattern');
  if (pattern === undefined) throw call.error('attribute "pattern" is missing');
  try {
    return bools(shape, strings.map(fullMatcher(pattern)));
  } catch (cause) {
    if (!(cause instanceof RegexError)) throw cause;
    throw call.error(`the pattern "${pattern}" is not supported: ${cause.message}`);
  }
}

/**
 * Cast of strings and to strings, where ONNX says what comes out: decimal integers, and floats that are read. These are
 * rounded to float64, and that to float32.
 */
export function castStrings(call: HostCall): HostValue {
  const code = call.int('to') ?? 0;
  const x = call.value(0);
  if (!isStrings(x)) return printed(call, x);
  if (code === STRING) return x;
  const to = dtypeOf(code);
  if (!to) throw call.error(`a cast of strings to ${dataTypeName(code)} is not supported`);
  const data = new ARRAY_TYPES[to](x.strings.length);
  for (const [i, text] of x.strings.entries()) data[i] = parse(call, text, to) as never;
  return { dtype: to, shape: x.shape, data };
}

/** Integers in decimal digits. What floats look like is not defined to the last digit. */
function printed(call: HostCall, { dtype, shape, data }: Constant): Strings {
  if (!isIntDType(dtype)) throw call.error(`a cast of ${dtype} to strings is not supported`);
  return { strings: Array.from<number | bigint, string>(data, String), shape };
}

const SPECIAL: Readonly<Record<string, number>> = {
  nan: Number.NaN,
  inf: Number.POSITIVE_INFINITY,
  '+inf': Number.POSITIVE_INFINITY,
  '-inf': Number.NEGATIVE_INFINITY,
};

function parse(call: HostCall, text: string, to: DType): number | bigint {
  const refuse = () => call.error(`"${text}" is no ${to}`);
  if (to === 'float64' || to === 'float32') {
    const special = SPECIAL[text.toLowerCase()];
    if (special !== undefined) return special;
    if (!/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text)) throw refuse();
    return Number(text);
  }
  if (!isIntDType(to) || !/^[+-]?\d{1,20}$/.test(text)) throw refuse();
  const value = BigInt(text.replace('+', ''));
  const { min, max } = iinfo(to);
  if (value < min || value > max) throw refuse();
  return ARRAY_TYPES[to] === BigInt64Array || ARRAY_TYPES[to] === BigUint64Array
    ? value
    : Number(value);
}

export const TEXT: readonly OpDefinition[] = [
  {
    op: 'StringNormalizer',
    since: 10,
    inputs: [1, 1],
    attributes: {
      case_change_action: 'string',
      is_case_sensitive: 'int',
      locale: 'string',
      stopwords: 'strings',
    },
    host: normalize,
  },
  { op: 'StringConcat', since: 20, inputs: [2, 2], host: concat },
  {
    op: 'StringSplit',
    since: 20,
    inputs: [1, 1],
    outputs: 2,
    attributes: { delimiter: 'string', maxsplit: 'int' },
    host: split,
  },
  {
    op: 'RegexFullMatch',
    since: 20,
    inputs: [1, 1],
    attributes: { pattern: 'string' },
    host: regexFullMatch,
  },
];
