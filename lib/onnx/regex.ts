/**
 * Regular expressions in the syntax of RE2 (https://github.com/google/re2/wiki/Syntax), as RegexFullMatch has them: matched
 * in time that grows with the length of the text and of the pattern, whatever these are, which JavaScript's own are not.
 * All states that the text may have led to are followed at once (K. Thompson, "Regular Expression Search Algorithm", 1968).
 */

/** Whether a character is taken. */
type Test = (code: number) => boolean;

/** A state: takes a character and goes on to `next`, goes on without one, or is the end. */
type State =
  | { readonly kind: 'take'; readonly test: Test; readonly next: number }
  | { readonly kind: 'split'; readonly next: readonly number[] }
  | {
      readonly kind: 'where';
      readonly holds: (before: number, after: number) => boolean;
      readonly next: number;
    }
  | { readonly kind: 'end' };

/** Adds the states of an expression that go on to state `next`, and gives the first of them. */
type Part = (states: State[], next: number) => number;

/** A pattern that Halftone does not take; the message says why. */
export class RegexError extends Error {}

/** RE2 refuses more repetitions than this. */
const MAX_REPEAT = 1000;
/** Counted repetitions of counted repetitions grow fast. */
const MAX_STATES = 20_000;
const MAX_NESTING = 200;

const NEWLINE = 10;
const range =
  (first: number, last: number): Test =>
  (code) =>
    code >= first && code <= last;
const isOneOf =
  (text: string): Test =>
  (code) =>
    text.includes(String.fromCodePoint(code));
const not =
  (test: Test): Test =>
  (code) =>
    !test(code);
const either =
  (tests: readonly Test[]): Test =>
  (code) =>
    tests.some((test) => test(code));

const isDigit = range(48, 57);
const isWord = either([isDigit, range(65, 90), range(97, 122), range(95, 95)]);
const isSpace = isOneOf('\t\n\f\r ');
const CLASSES: Readonly<Record<string, Test>> = {
  d: isDigit,
  D: not(isDigit),
  w: isWord,
  W: not(isWord),
  s: isSpace,
  S: not(isSpace),
};
const CONTROLS: Readonly<Record<string, number>> = { a: 7, f: 12, t: 9, n: 10, r: 13, v: 11 };

/** Outside of the text there is no character. */
const NONE = -1;
const atWordEdge = (before: number, after: number) => isWord(before) !== isWord(after);
const PLACES: Readonly<Record<string, (before: number, after: number) => boolean>> = {
  '^': (before) => before === NONE,
  $: (_, after) => after === NONE,
  A: (before) => before === NONE,
  z: (_, after) => after === NONE,
  b: atWordEdge,
  B: (before, after) => !atWordEdge(before, after),
};

const add = (states: State[], state: State): number => {
  if (states.length >= MAX_STATES) throw new RegexError(`it has more than ${MAX_STATES} states`);
  return states.push(state) - 1;
};
const take =
  (test: Test): Part =>
  (states, next) =>
    add(states, { kind: 'take', test, next });
const where =
  (place: string): Part =>
  (states, next) =>
    add(states, { kind: 'where', holds: PLACES[place] as (typeof PLACES)[string], next });
const inRow =
  (parts: readonly Part[]): Part =>
  (states, next) =>
    parts.reduceRight((after, part) => part(states, after), next);
const anyOf =
  (parts: readonly Part[]): Part =>
  (states, next) =>
    add(states, { kind: 'split', next: parts.map((part) => part(states, next)) });
/** `least` times, and then up to `most` times. */
const repeat =
  (part: Part, least: number, most: number): Part =>
  (states, next) => {
    let after = next;
    if (most === Infinity) {
      // A loop: the state comes first, so that what is repeated can lead back to it.
      const choices: number[] = [];
      after = add(states, { kind: 'split', next: choices });
      choices.push(part(states, after), next);
    } else {
      for (let i = least; i < most; i++) {
        after = add(states, { kind: 'split', next: [part(states, after), next] });
      }
    }
    for (let i = 0; i < least; i++) after = part(states, after);
    return after;
  };

class Parser {
  readonly #text: readonly string[];
  #at = 0;
  #depth = 0;

  constructor(pattern: string) {
    this.#text = [...pattern];
  }

  parse(): Part {
    const part = this.#alternatives();
    if (this.#at < this.#text.length) throw new RegexError('a ")" closes nothing');
    return part;
  }

  #peek(ahead = 0): string {
    return this.#text[this.#at + ahead] ?? '';
  }

  #take(): string {
    const char = this.#peek();
    if (char === '') throw new RegexError('it ends too early');
    this.#at += 1;
    return char;
  }

  #alternatives(): Part {
    if (++this.#depth > MAX_NESTING)
      throw new RegexError(`groups are more than ${MAX_NESTING} deep`);
    const parts = [this.#row()];
    while (this.#peek() === '|') {
      this.#at += 1;
      parts.push(this.#row());
    }
    this.#depth -= 1;
    return parts.length === 1 ? (parts[0] as Part) : anyOf(parts);
  }

  #row(): Part {
    const parts: Part[] = [];
    while (!['', '|', ')'].includes(this.#peek())) parts.push(this.#repeated(this.#one()));
    return inRow(parts);
  }

  #repeated(part: Part): Part {
    const counts = this.#counts();
    if (!counts) return part;
    // Whether as few or as many as possible come first makes no difference to whether all of a text matches.
    if (this.#peek() === '?') this.#at += 1;
    if (this.#counts()) throw new RegexError('a repetition is repeated');
    return repeat(part, ...counts);
  }

  #counts(): [number, number] | undefined {
    const simple = { '*': [0, Infinity], '+': [1, Infinity], '?': [0, 1] } as const;
    const char = this.#peek();
    if (char in simple) {
      this.#at += 1;
      return [...simple[char as keyof typeof simple]];
    }
    if (char !== '{') return undefined;
    const rest = this.#text.slice(this.#at, this.#at + 16).join('');
    const found = /^\{(\d+)(?:(,)(\d*))?\}/.exec(rest);
    if (!found) return undefined; // as it stands
    const [all, low = '', comma, high] = found;
    const least = Number(low);
    const most = comma === undefined ? least : high ? Number(high) : Infinity;
    if (least > MAX_REPEAT || (most > MAX_REPEAT && most !== Infinity) || most < least) {
      throw new RegexError(`the repetition ${all} is out of range`);
    }
    this.#at += all.length;
    return [least, most];
  }

  #one(): Part {
    const char = this.#take();
    if (char === '(') return this.#group();
    if (char === '[') return take(this.#class());
    if (char === '.') return take((code) => code !== NEWLINE);
    if (char === '^' || char === '$') return where(char);
    if (char === '\\') {
      const next = this.#peek();
      if (/^[AzbB]$/.test(next)) return where(this.#take());
      return take(this.#escape());
    }
    if (/^[*+?]$/.test(char)) throw new RegexError(`"${char}" repeats nothing`);
    const code = char.codePointAt(0) as number;
    return take(range(code, code));
  }

  #group(): Part {
    if (this.#peek() === '?') {
      const rest = this.#text.slice(this.#at).join('');
      const kind = /^\?(:|P?<\w+>)/.exec(rest)?.[0];
      if (kind === undefined) throw new RegexError('flags in a group are not supported');
      this.#at += kind.length;
    }
    const part = this.#alternatives();
    if (this.#peek() !== ')') throw new RegexError('a "(" is not closed');
    this.#at += 1;
    return part;
  }

  /** What follows a backslash, as a test of one character. */
  #escape(): Test {
    const code = this.#escapedCode();
    if (typeof code === 'number') return range(code, code);
    return code;
  }

  #escapedCode(): number | Test {
    const char = this.#take();
    const test = CLASSES[char];
    if (test) return test;
    const control = CONTROLS[char];
    if (control !== undefined) return control;
    if (char === 'x') {
      const rest = this.#text.slice(this.#at, this.#at + 8).join('');
      const found = /^(?:\{([0-9A-Fa-f]{1,6})\}|([0-9A-Fa-f]{2}))/.exec(rest);
      if (!found) throw new RegexError('"\\x" needs two hexadecimal digits');
      this.#at += found[0].length;
      return Number.parseInt(found[1] ?? found[2] ?? '', 16);
    }
    if (/^[!-/:-@[-`{-~]$/.test(char)) return char.charCodeAt(0);
    throw new RegexError(`"\\${char}" is not supported`);
  }

  #class(): Test {
    const isNegated = this.#peek() === '^';
    if (isNegated) this.#at += 1;
    const tests: Test[] = [];
    // A "]" that comes first stands for itself.
    for (let first = true; first || this.#peek() !== ']'; first = false) {
      if (this.#peek() === '[' && this.#peek(1) === ':') {
        throw new RegexError('named classes such as [:alpha:] are not supported');
      }
      const low = this.#classCode();
      if (this.#peek() !== '-' || this.#peek(1) === ']') {
        tests.push(typeof low === 'number' ? range(low, low) : low);
        continue;
      }
      this.#at += 1;
      const high = this.#classCode();
      if (typeof low !== 'number' || typeof high !== 'number' || high < low) {
        throw new RegexError('a range in brackets must go from a character to a later one');
      }
      tests.push(range(low, high));
    }
    this.#at += 1;
    return isNegated ? not(either(tests)) : either(tests);
  }

  #classCode(): number | Test {
    const char = this.#take();
    return char === '\\' ? this.#escapedCode() : (char.codePointAt(0) as number);
  }
}

/** A function that says whether all of a text matches. @throws RegexError for what RE2 or Halftone does not take. */
export function fullMatcher(pattern: string): (text: string) => boolean {
  const states: State[] = [{ kind: 'end' }];
  const start = new Parser(pattern).parse()(states, 0);
  return (text) => {
    const codes = Array.from(text, (char) => char.codePointAt(0) as number);
    let reached = new Set([start]);
    for (let i = 0; ; i++) {
      const open = follow(states, reached, codes[i - 1] ?? NONE, codes[i] ?? NONE);
      if (i === codes.length) return open.has(0);
      reached = new Set();
      for (const at of open) {
        const state = states[at] as State;
        if (state.kind === 'take' && state.test(codes[i] as number)) reached.add(state.next);
      }
      if (reached.size === 0) return false;
    }
  };
}

/** All states that are reached without taking a character. */
function follow(
  states: readonly State[],
  from: ReadonlySet<number>,
  before: number,
  after: number,
): Set<number> {
  const reached = new Set(from);
  // A set that grows while it is gone through: what is added is gone through, too.
  for (const at of reached) {
    const state = states[at] as State;
    if (state.kind === 'split') for (const next of state.next) reached.add(next);
    else if (state.kind === 'where' && state.holds(before, after)) reached.add(state.next);
  }
  return reached;
}
