/** ONNX files for tests, written with protobufjs from plain objects. */

import type { ElementType } from '../../lib/graph/ir';
import { dataTypeCode } from '../../lib/onnx/decode-tensor';
import { encodeModelProto } from '../../lib/onnx/proto';

/** A tensor: float32 or int64 values, strings, or the raw fields of TensorProto. */
export type TensorSpec =
  | { readonly floats: readonly number[]; readonly dims?: readonly number[] }
  | { readonly ints: readonly number[]; readonly dims?: readonly number[] }
  | { readonly strings: readonly string[]; readonly dims?: readonly number[] }
  | { readonly dims: readonly (number | string)[]; readonly [field: string]: unknown };

/**
 * An attribute: an integer, a list of them, a string, { float }, { floats }, { strings }, { tensor }, { graph }, or
 * AttributeProto's own fields.
 */
export type AttributeSpec =
  | number
  | string
  | readonly number[]
  | { readonly float: number }
  | { readonly floats: readonly number[] }
  | { readonly strings: readonly string[] }
  | { readonly tensor: TensorSpec }
  | { readonly graph: GraphSpec }
  | { readonly type: number; readonly [field: string]: unknown };

export interface NodeSpec {
  readonly op: string;
  readonly name?: string;
  readonly domain?: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, AttributeSpec>>;
}

/** A value: its sizes (numbers or names; null: not known), float32 unless `dtype` says otherwise. */
export type ValueSpec =
  | readonly (number | string | null)[]
  | {
      readonly dtype?: ElementType;
      readonly elemType?: number;
      readonly shape?: readonly (number | string | null)[];
      readonly sequence?: boolean;
      readonly optional?: boolean;
    };

export interface GraphSpec {
  readonly inputs?: Readonly<Record<string, ValueSpec>>;
  readonly outputs: Readonly<Record<string, ValueSpec>>;
  readonly initializers?: Readonly<Record<string, TensorSpec>>;
  readonly nodes: readonly NodeSpec[];
  /** More fields of GraphProto. */
  readonly graph?: object;
}

export interface ModelSpec extends GraphSpec {
  readonly opset?: number;
  readonly opsets?: Readonly<Record<string, number>>;
  /** More fields of ModelProto. */
  readonly model?: object;
}

function tensorProto(spec: TensorSpec, name = ''): object {
  if ('floats' in spec) {
    const floats = spec.floats as readonly number[];
    return { name, data_type: 1, dims: spec.dims ?? [floats.length], float_data: floats };
  }
  if ('ints' in spec) {
    const ints = spec.ints as readonly number[];
    return { name, data_type: 7, dims: spec.dims ?? [ints.length], int64_data: ints };
  }
  if ('strings' in spec) {
    const strings = spec.strings as readonly string[];
    const string_data = strings.map((text) => Buffer.from(text));
    return { name, data_type: 8, dims: spec.dims ?? [strings.length], string_data };
  }
  return { name, ...spec };
}

function attributeProto(name: string, spec: AttributeSpec): object {
  if (typeof spec === 'number') return { name, type: 2, i: spec };
  if (typeof spec === 'string') return { name, type: 3, s: Buffer.from(spec) };
  if (Array.isArray(spec)) return { name, type: 7, ints: spec };
  if ('float' in spec) return { name, type: 1, f: spec.float };
  if ('floats' in spec) return { name, type: 6, floats: spec.floats };
  if ('strings' in spec) {
    const strings = spec.strings as readonly string[];
    return { name, type: 8, strings: strings.map((text) => Buffer.from(text)) };
  }
  if ('graph' in spec) return { name, type: 5, g: graphProto(spec.graph as GraphSpec) };
  if ('tensor' in spec) return { name, type: 4, t: tensorProto(spec.tensor as TensorSpec) };
  return { name, ...spec };
}

function valueProto(name: string, spec: ValueSpec): object {
  const value = Array.isArray(spec) ? { shape: spec } : spec;
  const { dtype, elemType, shape, sequence, optional } = value as Exclude<
    ValueSpec,
    readonly unknown[]
  >;
  const dim = shape?.map((size) =>
    size === null ? {} : typeof size === 'number' ? { dim_value: size } : { dim_param: size },
  );
  const elem_type = elemType ?? dataTypeCode(dtype ?? 'float32');
  let type: object = { tensor_type: { elem_type, ...(dim ? { shape: { dim } } : {}) } };
  if (sequence) type = { sequence_type: { elem_type: type } };
  return { name, type: optional ? { optional_type: { elem_type: type } } : type };
}

const values = (specs: Readonly<Record<string, ValueSpec>>) =>
  Object.entries(specs).map(([name, spec]) => valueProto(name, spec));

/** The bytes of an ONNX file. */
export function onnxModel(spec: ModelSpec): Uint8Array {
  const opsets = spec.opsets ?? { '': spec.opset ?? 13 };
  return encodeModelProto({
    ir_version: 8,
    producer_name: 'test',
    opset_import: Object.entries(opsets).map(([domain, version]) => ({ domain, version })),
    graph: graphProto(spec),
    ...spec.model,
  });
}

function graphProto(spec: GraphSpec): object {
  return {
    name: 'graph',
    input: values(spec.inputs ?? {}),
    output: values(spec.outputs),
    initializer: Object.entries(spec.initializers ?? {}).map(([name, t]) => tensorProto(t, name)),
    node: spec.nodes.map((node) => ({
      name: node.name ?? '',
      op_type: node.op,
      domain: node.domain ?? '',
      input: node.inputs,
      output: node.outputs,
      attribute: Object.entries(node.attributes ?? {}).map(([n, a]) => attributeProto(n, a)),
    })),
    ...spec.graph,
  };
}
