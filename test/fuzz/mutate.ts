/** Changes to models: of their bytes, and of their fields, so that most of what comes out is still a message. */

import type { Rng } from '../support/rng';
import {
  clone,
  type Field,
  isMessage,
  isPacked,
  type Message,
  messagesOf,
  pack,
  unpack,
  write,
} from './wire';

/** Integers at which sizes, counts and types go wrong. */
const INTEGERS: readonly bigint[] = [
  ...[0n, 1n, 2n, 3n, 7n, 8n, 9n, 16n, 100n, 255n, 256n, 65535n, 65536n, 1_000_000n],
  ...[-1n, -2n, -9n, -(2n ** 31n), -(2n ** 53n), -(2n ** 63n)],
  ...[2n ** 20n, 2n ** 30n, 2n ** 31n - 1n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 40n],
  ...[2n ** 53n - 1n, 2n ** 53n, 2n ** 61n, 2n ** 62n, 2n ** 63n - 1n],
];

/** Floats of the same kind, as bytes. */
const FLOATS = [0, -0, 1, -1, 0.5, 65504, 1e30, -1e38, 1e-45, Infinity, -Infinity, Number.NaN];

const floatBytes = (value: number) => new Uint8Array(Float32Array.of(value).buffer);

function randomBytes(rng: Rng, most: number): Uint8Array {
  return Uint8Array.from({ length: rng.int(0, most) }, () => rng.int(0, 255));
}

/** Models with more messages than this grow by single ones: copies of copies would be without end. */
const MOST_MESSAGES = 2000;

/** A field of the same kind from anywhere in the model: another name, another shape, another node. */
function sibling(field: Field, all: readonly Message[], rng: Rng): Field['value'] | undefined {
  const kind = isMessage(field.value) ? field.value.type : typeof field.value;
  const alike = all
    .flatMap(({ fields }) => fields)
    .filter(({ value, wire }) => {
      if (wire !== field.wire) return false;
      return (isMessage(value) ? value.type : typeof value) === kind;
    });
  const value = alike.length > 0 ? rng.pick(alike).value : undefined;
  return value !== undefined && isMessage(value) ? clone(value) : value;
}

function changeBytes(value: Uint8Array, rng: Rng): Uint8Array {
  switch (rng.int(0, 5)) {
    case 0:
      return value.subarray(0, rng.int(0, value.length));
    case 1:
      return Uint8Array.from([...value, ...randomBytes(rng, 16)]);
    case 2:
      return randomBytes(rng, 64);
    case 3:
      return floatBytes(rng.pick(FLOATS));
    case 4:
      return Uint8Array.from([...value, ...value]);
    default: {
      const changed = Uint8Array.from(value);
      if (changed.length > 0) changed[rng.int(0, changed.length - 1)] = rng.int(0, 255);
      return changed;
    }
  }
}

/** Another list of integers: one of them changed, one more or fewer, two exchanged. */
function changeIntegers(bytes: Uint8Array, rng: Rng): Uint8Array {
  const values = unpack(bytes);
  const at = rng.int(0, Math.max(0, values.length - 1));
  const kind = rng.int(0, 5);
  if (kind <= 2) values[at] = rng.pick(INTEGERS);
  if (kind === 3) values.splice(at, 1);
  if (kind === 4) values.splice(at, 0, rng.pick([...values, rng.pick(INTEGERS)]));
  if (kind === 5) values.reverse();
  return pack(values);
}

/** One change to the tree. `others`: further models, of which parts may be taken. */
function changeTree(model: Message, others: readonly Message[], rng: Rng): void {
  const all = [...messagesOf(model)];
  const message = rng.pick(all);
  const { fields } = message;
  const at = rng.int(0, Math.max(0, fields.length - 1));
  const field = fields[at];
  switch (rng.int(0, 9)) {
    case 0:
      fields.splice(at, 1);
      return;
    case 1: {
      if (!field) return;
      const { value } = field;
      const wanted = rng.int(1, rng.int(0, 20) === 0 ? 300 : 3);
      const each = isMessage(value) ? [...messagesOf(value)].length : 1;
      const room = Math.floor((MOST_MESSAGES - all.length) / each);
      const count = Math.max(1, Math.min(wanted, room));
      for (let i = 0; i < count; i++) {
        fields.push({ ...field, value: isMessage(value) ? clone(value) : value });
      }
      return;
    }
    case 2:
      if (field) fields.splice(rng.int(0, fields.length - 1), 0, ...fields.splice(at, 1));
      return;
    case 3: {
      // A part of another model.
      const parts = [...messagesOf(rng.pick(others))].filter(({ type }) => type === message.type);
      const [first] = parts;
      if (!first) return;
      const donor = rng.pick(parts);
      if (donor.fields.length > 0) {
        const given = rng.pick(donor.fields);
        const value = isMessage(given.value) ? clone(given.value) : given.value;
        fields.push({ ...given, value });
      }
      return;
    }
    case 4:
      fields.push({ number: rng.int(0, 30), wire: 0, value: rng.pick(INTEGERS) });
      return;
    case 5:
      if (field) field.number = rng.int(1, 26);
      return;
    default: {
      // Mostly another value where one is.
      if (!field) return;
      const grows = isMessage(field.value) && all.length > MOST_MESSAGES;
      const other = rng.int(0, 1) === 0 && !grows ? sibling(field, all, rng) : undefined;
      if (other !== undefined) field.value = other;
      else if (typeof field.value === 'bigint') field.value = rng.pick(INTEGERS);
      else if (isPacked(message, field) && rng.int(0, 9) > 0) {
        field.value = changeIntegers(field.value as Uint8Array, rng);
      } else if (!isMessage(field.value)) {
        field.value =
          field.wire === 5 ? floatBytes(rng.pick(FLOATS)) : changeBytes(field.value, rng);
      }
    }
  }
}

/** Puts a message into itself, over and over, where the format lets messages nest. */
function nest(model: Message, rng: Rng): void {
  const types = [...messagesOf(model)].filter(
    ({ type }) => type === 'Type' || type === 'Attribute',
  );
  if (types.length === 0) return;
  const inner = rng.pick(types);
  for (let depth = rng.int(1, 400); depth > 0; depth--) {
    const copy: Message = { type: inner.type, fields: inner.fields };
    inner.fields =
      inner.type === 'Type'
        ? [
            {
              number: 4,
              wire: 2,
              value: { type: 'TypeOf', fields: [{ number: 1, wire: 2, value: copy }] },
            },
          ]
        : [
            ...inner.fields.filter(({ value }) => !isMessage(value)).slice(0, 2),
            {
              number: 6,
              wire: 2,
              value: {
                type: 'Graph',
                fields: [
                  {
                    number: 1,
                    wire: 2,
                    value: { type: 'Node', fields: [{ number: 5, wire: 2, value: copy }] },
                  },
                ],
              },
            },
          ];
  }
}

function damage(bytes: Uint8Array, rng: Rng): Uint8Array {
  const changed = [...bytes];
  for (let change = rng.int(1, 6); change > 0; change--) {
    const at = rng.int(0, Math.max(0, changed.length - 1));
    const count = rng.int(1, 12);
    const kind = rng.int(0, 3);
    if (kind === 0) changed[at] = rng.int(0, 255);
    if (kind === 1) changed.splice(at, count);
    if (kind === 2) changed.splice(at, 0, ...changed.slice(at, at + count));
    if (kind === 3) changed.splice(at, 0, ...randomBytes(rng, 8));
  }
  return Uint8Array.from(changed);
}

/** A model that is like one of the corpus. */
export function mutate(corpus: readonly Message[], rng: Rng): Uint8Array {
  const model = clone(rng.pick(corpus));
  const way = rng.int(0, 19);
  if (way === 0) return damage(write(model), rng);
  if (way === 1) nest(model, rng);
  for (let change = rng.int(1, 8); change > 0; change--) changeTree(model, corpus, rng);
  if (way === 2) {
    // Lengths that are not those of what follows.
    return write(model, (n) => (rng.int(0, 40) === 0 ? Math.max(0, n + rng.int(-3, 3)) : n));
  }
  const bytes = write(model);
  return way === 3 ? bytes.subarray(0, rng.int(0, bytes.length)) : bytes;
}
