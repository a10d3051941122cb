/** Values of ONNX's cases: TensorProto, SequenceProto and OptionalProto in files of their own (onnx/onnx-data.proto). */

import { readFileSync } from 'node:fs';
import path from 'node:path';
import protobuf from 'protobufjs';
import type { Constant, Strings, ValueType } from '../../lib/graph/ir';
import { decodeStrings, decodeTensor, STRING } from '../../lib/onnx/decode-tensor';
import { decodeTensorProto } from '../../lib/onnx/proto';

export type CaseValue = Constant | Strings | readonly CaseValue[] | null;

const text = `syntax = "proto2"; message Value { optional string name = 1; optional int32 elem_type = 2;
  repeated bytes tensors = 3; }
  message Optional { optional string name = 1; optional int32 elem_type = 2; optional bytes tensor = 3;
  optional bytes sequence = 5; }`;
const { root } = protobuf.parse(text, { keepCase: true });

function decodeOne(bytes: Uint8Array, what: string): CaseValue {
  const proto = decodeTensorProto(bytes);
  return proto.data_type === STRING ? decodeStrings(proto, what) : decodeTensor(proto, what);
}

function decodeSequence(bytes: Uint8Array, what: string): CaseValue {
  const { tensors } = root.lookupType('Value').decode(bytes) as unknown as {
    tensors: Uint8Array[];
  };
  return tensors.map((tensor) => decodeOne(tensor, what));
}

/** A value of the type that the model declares. */
export function readValue(file: string, { sequence, optional }: ValueType): CaseValue {
  const bytes = readFileSync(file);
  const what = path.basename(file);
  if (!optional) return sequence ? decodeSequence(bytes, what) : decodeOne(bytes, what);
  const held = root.lookupType('Optional').decode(bytes) as unknown as {
    readonly tensor?: Uint8Array;
    readonly sequence?: Uint8Array;
  };
  if (held.sequence?.length) return decodeSequence(held.sequence, what);
  return held.tensor?.length ? decodeOne(held.tensor, what) : null;
}
