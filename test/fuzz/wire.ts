/** Protocol buffers as a tree of fields, read and written without their meaning but for which fields are messages. */

/** A field: a number, raw bytes, or a message of its own. */
export interface Field {
  number: number;
  /** 0: varint; 1: 8 bytes; 2: length and bytes; 5: 4 bytes. */
  wire: number;
  value: bigint | Uint8Array | Message;
}

export interface Message {
  readonly type: string;
  fields: Field[];
}

/** Fields of onnx.proto that hold messages, by message and number. */
const MESSAGES: Readonly<Record<string, Readonly<Record<number, string>>>> = {
  Model: { 7: 'Graph', 8: 'Opset', 14: 'Entry', 25: 'Function' },
  Graph: { 1: 'Node', 5: 'Tensor', 11: 'Value', 12: 'Value', 13: 'Value', 15: 'Sparse' },
  Node: { 5: 'Attribute', 9: 'Entry' },
  Attribute: { 5: 'Tensor', 6: 'Graph', 10: 'Tensor', 11: 'Graph', 14: 'Type', 22: 'Sparse' },
  Tensor: { 3: 'Segment', 13: 'Entry' },
  Sparse: { 1: 'Tensor', 2: 'Tensor' },
  Value: { 2: 'Type' },
  Type: { 1: 'TypeTensor', 4: 'TypeOf', 5: 'TypeMap', 8: 'TypeTensor', 9: 'TypeOf' },
  TypeTensor: { 2: 'Shape' },
  TypeOf: { 1: 'Type' },
  TypeMap: { 2: 'Type' },
  Shape: { 1: 'Dim' },
  Function: { 7: 'Node', 9: 'Opset' },
};

/** Fields of onnx.proto that are lists of integers in one piece: sizes, shapes, axes. */
const PACKED: Readonly<Record<string, readonly number[]>> = {
  Tensor: [1, 5, 7, 11],
  Sparse: [3],
  Attribute: [8],
};

export const isPacked = ({ type }: Message, { number, wire }: Field): boolean =>
  wire === 2 && PACKED[type]?.includes(number) === true;

export const isMessage = (value: Field['value']): value is Message =>
  typeof value === 'object' && 'fields' in value;

/** Reads a message that is well formed. @throws RangeError when it is not */
export function parse(bytes: Uint8Array, type = 'Model'): Message {
  let at = 0;
  const byte = (): number => {
    const value = bytes[at++];
    if (value === undefined) throw new RangeError('the message ends early');
    return value;
  };
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const next = byte();
      value |= BigInt(next & 127) << shift;
      if (next < 128) return value;
    }
  };
  const take = (count: number): Uint8Array => {
    if (at + count > bytes.length) throw new RangeError('the message ends early');
    at += count;
    return bytes.subarray(at - count, at);
  };
  const fields: Field[] = [];
  while (at < bytes.length) {
    const key = Number(varint());
    const [number, wire] = [key >>> 3, key & 7];
    if (wire === 0) fields.push({ number, wire, value: varint() });
    else if (wire === 1) fields.push({ number, wire, value: take(8) });
    else if (wire === 5) fields.push({ number, wire, value: take(4) });
    else if (wire === 2) {
      const value = take(Number(varint()));
      const inner = MESSAGES[type]?.[number];
      fields.push({ number, wire, value: inner === undefined ? value : parse(value, inner) });
    } else throw new RangeError(`wire type ${wire}`);
  }
  return { type, fields };
}

/** The integers of a packed field, as far as they are whole. */
export function unpack(bytes: Uint8Array): bigint[] {
  const values: bigint[] = [];
  let value = 0n;
  let shift = 0n;
  for (const byte of bytes) {
    value |= BigInt(byte & 127) << shift;
    shift += 7n;
    if (byte > 127) continue;
    values.push(BigInt.asIntN(64, value));
    [value, shift] = [0n, 0n];
  }
  return values;
}

export function pack(values: readonly bigint[]): Uint8Array {
  const out: number[] = [];
  for (const value of values) pushVarint(out, value);
  return Uint8Array.from(out);
}

function pushVarint(out: number[], value: bigint): void {
  let rest = BigInt.asUintN(64, value);
  while (rest > 127n) {
    out.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  out.push(Number(rest));
}

/** `lie` may change the length that is written before a field's bytes. */
export function write(message: Message, lie: (length: number) => number = (n) => n): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const { number, wire, value } of message.fields) {
    const head: number[] = [];
    pushVarint(head, BigInt(number * 8 + wire));
    if (typeof value === 'bigint') {
      pushVarint(head, value);
      parts.push(Uint8Array.from(head));
      continue;
    }
    const bytes = isMessage(value) ? write(value, lie) : value;
    if (wire === 2) pushVarint(head, BigInt(lie(bytes.length)));
    parts.push(Uint8Array.from(head), bytes);
  }
  return new Uint8Array(Buffer.concat(parts));
}

/** A copy that shares nothing. */
export const clone = (message: Message): Message => ({
  type: message.type,
  fields: message.fields.map((field) => ({
    ...field,
    value: isMessage(field.value) ? clone(field.value) : field.value,
  })),
});

/** The message and all messages inside it. */
export function* messagesOf(message: Message): Generator<Message> {
  yield message;
  for (const { value } of message.fields) if (isMessage(value)) yield* messagesOf(value);
}
