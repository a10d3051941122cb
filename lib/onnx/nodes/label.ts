/** LabelEncoder and TfIdfVectorizer: look-ups of strings and numbers, on the host. */

import { ARRAY_TYPES, type DType } from '../../dtype';
import type { HostCall, HostValue } from '../../graph/host';
import { type Constant, elementCount, type Strings } from '../../graph/ir';
import type { OpDefinition } from '../../graph/op-set';
import { isStrings } from '../../graph/values';

type Item = string | number | bigint;

/** Elements, and what they are. */
interface List {
  readonly items: readonly Item[];
  readonly type: DType | 'string';
}

const listOf = (value: Strings | Constant): List =>
  isStrings(value)
    ? { items: value.strings, type: 'string' }
    : { items: Array.from<Item, Item>(value.data, (item) => item), type: value.dtype };

/** The attribute of those that start with `prefix` that is there. */
function listAttribute(call: HostCall, prefix: string): List {
  const tensor = call.tensor(`${prefix}_tensor`) ?? call.attribute(`${prefix}_tensor`, 'texts');
  const strings = call.attribute(`${prefix}_strings`, 'strings');
  const ints = call.attribute(`${prefix}_int64s`, 'ints');
  const floats = call.attribute(`${prefix}_floats`, 'floats');
  const found: List[] = [];
  if (tensor) found.push(listOf(tensor));
  if (strings) found.push({ items: strings, type: 'string' });
  if (ints) found.push({ items: ints.map(BigInt), type: 'int64' });
  if (floats) found.push({ items: floats, type: 'float32' });
  const [list] = found;
  if (list && found.length === 1) return list;
  throw call.error(`exactly one attribute must hold the ${prefix}, got ${found.length}`);
}

/** What is given for what is not among the keys. */
function defaultOf(call: HostCall, type: List['type']): Item {
  const tensor = call.tensor('default_tensor') ?? call.attribute('default_tensor', 'texts');
  if (tensor) {
    const { items, type: own } = listOf(tensor);
    const [item] = items;
    if (item !== undefined && items.length === 1 && own === type) return item;
    throw call.error(`default_tensor must be one ${type}, got ${items.length} ${own}`);
  }
  if (type === 'string') return call.string('default_string') ?? '_Unused';
  if (type === 'int64') return BigInt(call.attribute('default_int64', 'int') ?? -1);
  if (/float/.test(type)) return call.float('default_float') ?? -0;
  return -1;
}

function hostValue(
  items: readonly Item[],
  type: List['type'],
  shape: readonly number[],
): HostValue {
  if (type === 'string') return { strings: items as string[], shape };
  const data = new ARRAY_TYPES[type](items.length);
  for (const [i, item] of items.entries()) data[i] = item as never;
  return { dtype: type, shape, data };
}

/** LabelEncoder-2, 4 of ai.onnx.ml: what stands beside each key. NaN is found, too. */
function encode(call: HostCall): HostValue {
  const [keys, values] = [listAttribute(call, 'keys'), listAttribute(call, 'values')];
  if (keys.items.length !== values.items.length) {
    throw call.error(`there are ${keys.items.length} keys and ${values.items.length} values`);
  }
  const x = call.value(0);
  const given = listOf(x);
  if (given.type !== keys.type) {
    throw call.error(`input 0 must be ${keys.type}, as the keys are, got ${given.type}`);
  }
  if (/^b?float(16|8)/.test(values.type) || /^b?float16$/.test(keys.type)) {
    throw call.error(`keys of ${keys.type} and values of ${values.type} are not supported`);
  }
  // Of a key that is there twice the first one holds.
  const table = new Map<Item, Item>();
  for (const [i, key] of keys.items.entries()) {
    if (!table.has(key)) table.set(key, values.items[i] as Item);
  }
  const other = defaultOf(call, values.type);
  return hostValue(
    given.items.map((item) => table.get(item) ?? other),
    values.type,
    x.shape,
  );
}

/** A tree of the n-grams of a pool: by their first item, then by their second ... */
interface Gram {
  readonly next: Map<Item, Gram>;
  /** The column that counts it; undefined where only longer ones are in the pool. */
  column?: number;
}

/** The n-grams of the pool that are to be counted, and the number of columns. */
function readPool(call: HostCall, least: number, most: number): { root: Gram; columns: number } {
  const strings = call.attribute('pool_strings', 'strings');
  const ints = call.attribute('pool_int64s', 'ints')?.map(BigInt);
  const pool: readonly Item[] | undefined = strings ?? ints;
  if (!pool || (strings && ints))
    throw call.error('pool_strings or pool_int64s must hold the pool');
  const starts = call.ints('ngram_counts') ?? [];
  const indexes = call.ints('ngram_indexes') ?? [];
  const weights = call.attribute('weights', 'floats');
  if (weights && weights.length !== indexes.length) {
    throw call.error(`there are ${indexes.length} indexes and ${weights.length} weights`);
  }
  const root: Gram = { next: new Map() };
  let at = 0;
  for (const [k, start] of starts.entries()) {
    const n = k + 1;
    const end = starts[n] ?? pool.length;
    if (!(start >= 0 && end >= start && end <= pool.length) || (end - start) % n !== 0) {
      throw call.error(`ngram_counts [${starts.join(', ')}] do not fit a pool of ${pool.length}`);
    }
    for (let i = start; i < end; i += n, at++) {
      const column = indexes[at];
      if (column === undefined) throw call.error('ngram_indexes has too few entries');
      if (n < least || n > most) continue;
      let gram = root;
      for (const item of pool.slice(i, i + n)) {
        const next = gram.next.get(item) ?? { next: new Map() };
        gram.next.set(item, next);
        gram = next;
      }
      gram.column = column;
    }
  }
  const columns = indexes.reduce((largest, column) => Math.max(largest, column), -1) + 1;
  if (indexes.some((column) => column < 0) || columns > pool.length) {
    throw call.error(`ngram_indexes must lie in [0, ${pool.length - 1}]`);
  }
  return { root, columns };
}

/** Counts the n-grams of a row: of n items that are each `skip + 1` apart, for all skips. Single items once. */
function count(
  row: readonly Item[],
  root: Gram,
  least: number,
  most: number,
  skips: number,
  add: (column: number) => void,
): void {
  for (let distance = 1; distance <= skips + 1; distance++) {
    for (let start = 0; start < row.length; start++) {
      let gram: Gram | undefined = root;
      for (let n = 1; n <= most; n++) {
        const item = row[start + (n - 1) * distance];
        gram = item === undefined ? undefined : gram.next.get(item);
        if (!gram) break;
        const isCounted = n >= least && (n > 1 || distance === 1);
        if (isCounted && gram.column !== undefined) add(gram.column);
      }
    }
  }
}

/** TfIdfVectorizer-9. */
function vectorize(call: HostCall): HostValue {
  const x = call.value(0);
  const { items, type } = listOf(x);
  const [least, most] = [call.int('min_gram_length'), call.int('max_gram_length')];
  const skips = call.int('max_skip_count');
  const mode = call.string('mode');
  if (
    least === undefined ||
    most === undefined ||
    skips === undefined ||
    least < 1 ||
    most < least ||
    skips < 0
  ) {
    throw call.error(
      `lengths of n-grams and skips must be in order, got ${least} to ${most} and ${skips}`,
    );
  }
  if (mode !== 'TF' && mode !== 'IDF' && mode !== 'TFIDF') {
    throw call.error(`mode must be TF, IDF or TFIDF, got "${mode}"`);
  }
  if (type !== 'string' && type !== 'int32' && type !== 'int64') {
    throw call.error(`input 0 must be strings, int32 or int64, got ${type}`);
  }
  if ((type === 'string') !== (call.attribute('pool_strings', 'strings') !== undefined)) {
    throw call.error(`the pool must hold what input 0 holds: ${type}`);
  }
  if (x.shape.length < 1 || x.shape.length > 2) {
    throw call.error(`input 0 must be [n] or [rows, n], got [${x.shape.join(', ')}]`);
  }
  const { root, columns } = readPool(call, least, most);
  const weights = columnWeights(call, columns);
  const rows = x.shape.slice(0, -1);
  const length = x.shape.at(-1) as number;
  const data = new Float32Array(elementCount(rows) * columns);
  const numbers = type === 'string' ? items : items.map((item) => BigInt(item));
  for (let r = 0; r < elementCount(rows); r++) {
    const made = data.subarray(r * columns, (r + 1) * columns);
    count(numbers.slice(r * length, (r + 1) * length), root, least, most, skips, (column) => {
      made[column] = (made[column] as number) + 1;
    });
    if (mode === 'TF') continue;
    for (const [c, times] of made.entries()) {
      const frequency = mode === 'IDF' ? Math.min(times, 1) : times;
      made[c] = frequency * (weights[c] as number);
    }
  }
  return { dtype: 'float32', shape: [...rows, columns], data };
}

/** The weight of each column; 1 where none are given. */
function columnWeights(call: HostCall, columns: number): readonly number[] {
  const weights = call.attribute('weights', 'floats');
  const made = Array.from({ length: columns }, () => 1);
  for (const [i, column] of (call.ints('ngram_indexes') ?? []).entries()) {
    if (weights) made[column] = weights[i] as number;
  }
  return made;
}

const domain = 'ai.onnx.ml';
const LISTS = {
  keys_strings: 'strings',
  keys_int64s: 'ints',
  keys_floats: 'floats',
  values_strings: 'strings',
  values_int64s: 'ints',
  values_floats: 'floats',
  default_string: 'string',
  default_int64: 'int',
  default_float: 'float',
} as const;

export const LABEL: readonly OpDefinition[] = [
  { op: 'LabelEncoder', domain, since: 2, inputs: [1, 1], attributes: LISTS, host: encode },
  {
    op: 'LabelEncoder',
    domain,
    since: 4,
    inputs: [1, 1],
    attributes: {
      ...LISTS,
      keys_tensor: 'values',
      values_tensor: 'values',
      default_tensor: 'values',
    },
    host: encode,
  },
  {
    op: 'TfIdfVectorizer',
    since: 9,
    inputs: [1, 1],
    attributes: {
      max_gram_length: 'int',
      max_skip_count: 'int',
      min_gram_length: 'int',
      mode: 'string',
      ngram_counts: 'ints',
      ngram_indexes: 'ints',
      pool_int64s: 'ints',
      pool_strings: 'strings',
      weights: 'floats',
    },
    host: vectorize,
  },
];
