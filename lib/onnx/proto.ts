import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Type } from 'protobufjs';

/**
 * The messages of onnx.proto as protobufjs reads them. A field that the file does not hold has its default value
 * (0, '', an empty list), a message or an `optional` field is null or absent. 64-bit integers are Long: `toBigInt`.
 */
export interface Int64 {
  readonly low: number;
  readonly high: number;
}

export interface StringStringEntryProto {
  readonly key: string;
  readonly value: string;
}

export interface TensorProto {
  readonly dims: readonly Int64[];
  readonly data_type: number;
  readonly segment?: object | null;
  readonly float_data: readonly number[];
  readonly int32_data: readonly number[];
  readonly string_data: readonly Uint8Array[];
  readonly int64_data: readonly Int64[];
  readonly name: string;
  readonly raw_data?: Uint8Array | null;
  readonly double_data: readonly number[];
  readonly uint64_data: readonly Int64[];
  readonly external_data: readonly StringStringEntryProto[];
  readonly data_location: number;
}

export interface DimensionProto {
  readonly value?: 'dim_value' | 'dim_param';
  readonly dim_value: Int64;
  readonly dim_param: string;
}

export interface TypeProto {
  readonly value?:
    | 'tensor_type'
    | 'sequence_type'
    | 'map_type'
    | 'sparse_tensor_type'
    | 'optional_type';
  readonly tensor_type?: {
    readonly elem_type: number;
    readonly shape?: { readonly dim: readonly DimensionProto[] } | null;
  } | null;
  readonly sequence_type?: { readonly elem_type?: TypeProto | null } | null;
  readonly optional_type?: { readonly elem_type?: TypeProto | null } | null;
}

export interface ValueInfoProto {
  readonly name: string;
  readonly type?: TypeProto | null;
}

export interface AttributeProto {
  readonly name: string;
  readonly f?: number | null;
  readonly i?: Int64 | null;
  readonly s?: Uint8Array | readonly number[] | null;
  readonly t?: TensorProto | null;
  readonly g?: GraphProto | null;
  readonly tp?: TypeProto | null;
  readonly floats: readonly number[];
  readonly ints: readonly Int64[];
  readonly strings: readonly Uint8Array[];
  readonly type: number;
  readonly ref_attr_name: string;
}

export interface NodeProto {
  readonly input: readonly string[];
  readonly output: readonly string[];
  readonly name: string;
  readonly op_type: string;
  readonly domain: string;
  readonly attribute: readonly AttributeProto[];
}

export interface GraphProto {
  readonly name: string;
  readonly node: readonly NodeProto[];
  readonly initializer: readonly TensorProto[];
  readonly sparse_initializer: readonly object[];
  readonly input: readonly ValueInfoProto[];
  readonly output: readonly ValueInfoProto[];
  readonly value_info: readonly ValueInfoProto[];
}

export interface ModelProto {
  readonly ir_version: Int64;
  readonly producer_name: string;
  readonly producer_version: string;
  readonly graph?: GraphProto | null;
  readonly opset_import: readonly { readonly domain: string; readonly version: Int64 }[];
  readonly metadata_props: readonly StringStringEntryProto[];
  readonly functions: readonly { readonly name: string; readonly domain: string }[];
}

type Protobuf = typeof import('protobufjs');

interface Messages {
  readonly protobuf: Protobuf;
  readonly model: Type;
  readonly tensor: Type;
}

let loaded: Messages | undefined;

/** Loaded when the first model is: protobufjs takes as long to load as all of Halftone. */
function messages(): Messages {
  if (!loaded) {
    const protobuf = require('protobufjs') as Protobuf;
    const text = readFileSync(path.join(__dirname, 'onnx.proto'), 'utf8');
    const root = protobuf.parse(text, { keepCase: true }).root.resolveAll();
    const type = (name: string) => root.lookupType(`onnx.${name}`);
    loaded = { protobuf, model: type('ModelProto'), tensor: type('TensorProto') };
  }
  return loaded;
}

/** Fields of bytes are views of `bytes`. Throws what protobufjs throws when the bytes are not such a message. */
function decodeMessage(name: 'model' | 'tensor', bytes: Uint8Array): unknown {
  const { protobuf, [name]: type } = messages();
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const reader = new protobuf.BufferReader(buffer);
  reader.discardUnknown = true;
  return type.decode(reader);
}

export const decodeModelProto = (bytes: Uint8Array): ModelProto =>
  decodeMessage('model', bytes) as ModelProto;

export const decodeTensorProto = (bytes: Uint8Array): TensorProto =>
  decodeMessage('tensor', bytes) as TensorProto;

/** `model` is a plain object with the fields of ModelProto; 64-bit integers may be numbers, bigints fit as strings. */
export function encodeModelProto(model: object): Uint8Array {
  const { protobuf, model: type } = messages();
  const bytes = type.encode(type.fromObject(model), new protobuf.BufferWriter()).finish();
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export const toBigInt = ({ low, high }: Int64): bigint => (BigInt(high) << 32n) | BigInt(low >>> 0);
