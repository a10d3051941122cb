import type { DType } from '../dtype';
import type { Attribute, Constant, Dim, Integer, ValueInfo } from '../graph/ir';
import { messageOf, modelError } from '../graph/model-error';
import { dtypeOf, decodeDims, decodeTensor } from './decode-tensor';
import type { ExternalData } from './external';
import {
  type AttributeProto,
  decodeModelProto,
  type GraphProto,
  type Int64,
  type ModelProto,
  type NodeProto,
  toBigInt,
  type ValueInfoProto,
} from './proto';

/** A node as the file holds it. */
export interface OnnxNode {
  readonly name: string;
  readonly op: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, OnnxAttribute>;
}

/** An attribute, or the name of an attribute type that Halftone does not read. */
export type OnnxAttribute = Attribute | { readonly type: 'unread'; readonly value: string };

/** A model as the file holds it: every tensor is checked, the graph is not. */
export interface OnnxModel {
  readonly irVersion: number;
  readonly producer: string;
  readonly opsets: ReadonlyMap<string, number>;
  readonly name: string;
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly initializers: ReadonlyMap<string, Constant>;
  readonly nodes: readonly OnnxNode[];
  /** Texts that programs leave for each other. */
  readonly metadata: ReadonlyMap<string, string>;
}

/**
 * Reads an ONNX file (IR version 3 and later: onnx.proto). Makes no assumption about the bytes: what is wrong with them
 * is a ModelError, and memory grows with what they hold, not with what they claim.
 *
 * @throws ModelError
 */
export function decodeModel(bytes: Uint8Array, external: ExternalData = new Map()): OnnxModel {
  return decodeProto(parseModel(bytes), external);
}

/** The message of an ONNX file, with a graph in it. @throws ModelError */
export function parseModel(bytes: Uint8Array): ModelProto {
  let proto: ModelProto;
  try {
    proto = decodeModelProto(bytes);
  } catch (cause) {
    throw modelError(`not an ONNX model: ${messageOf(cause)} (${bytes.length} bytes)`, { cause });
  }
  if (!proto.graph) {
    throw modelError(`not an ONNX model: it holds no graph (${bytes.length} bytes)`, {
      suggestion: 'Is this a TensorProto, an external data file, or another format?',
    });
  }
  return proto;
}

/** The second half of `decodeModel`, once the data of other files are read. */
export function decodeProto(proto: ModelProto, external: ExternalData): OnnxModel {
  const graph = proto.graph as GraphProto;
  const [local] = proto.functions;
  if (local) {
    throw modelError(`the model defines the function "${local.name}", which is not supported`, {
      suggestion: 'Inline the functions of the model first (onnx.inliner)',
    });
  }
  const sparse = graph.sparse_initializer.length;
  if (sparse > 0)
    throw modelError(`the model has ${sparse} sparse initializers, which are not supported`);
  return {
    irVersion: Number(toBigInt(proto.ir_version)),
    producer: [proto.producer_name, proto.producer_version].filter(Boolean).join(' '),
    opsets: decodeOpsets(proto),
    name: graph.name,
    inputs: graph.input.map((value) => decodeValueInfo(value, 'input')),
    outputs: graph.output.map((value) => decodeValueInfo(value, 'output')),
    initializers: decodeInitializers(graph, external),
    nodes: graph.node.map((node, i) => decodeNode(node, i, external)),
    metadata: new Map(proto.metadata_props.map(({ key, value }) => [key, value])),
  };
}

/** The name under which the specification's own operators are imported: '' and "ai.onnx" are one. */
export const domainOf = (domain: string): string => (domain === 'ai.onnx' ? '' : domain);

function decodeOpsets(proto: ModelProto): Map<string, number> {
  const opsets = new Map<string, number>();
  for (const { domain, version } of proto.opset_import) {
    opsets.set(domainOf(domain), Number(toBigInt(version)));
  }
  if (opsets.size === 0) {
    throw modelError('the model names no operator set', {
      suggestion: `Models of IR version 3 and later name one, this is version ${toBigInt(proto.ir_version)}`,
    });
  }
  return opsets;
}

const ONE: Int64 = { low: 1, high: 0 };

function decodeValueInfo(value: ValueInfoProto, role: string): ValueInfo {
  const what = `${role} "${value.name}"`;
  if (!value.name) throw modelError(`an ${role} has no name`);
  const { type } = value;
  if (!type?.value) return { name: value.name, dtype: null, shape: null };
  if (type.value !== 'tensor_type') {
    throw modelError(`${what} is a ${type.value.replace('_type', '')}, only tensors are supported`);
  }
  const tensor = type.tensor_type;
  const dtype: DType | null = dtypeOf(tensor?.elem_type ?? 0) ?? null;
  const dims = tensor?.shape?.dim;
  if (!dims) return { name: value.name, dtype, shape: null };
  const shape = dims.map((d): Dim => {
    if (d.value === 'dim_param') return d.dim_param || null;
    if (d.value !== 'dim_value') return null;
    const size = toBigInt(d.dim_value);
    // Some exporters write -1 where they mean that a size is not known.
    return size === -1n ? null : Number(size);
  });
  decodeDims(
    dims.map((d, i) => (typeof shape[i] === 'number' ? d.dim_value : ONE)),
    what,
  );
  return { name: value.name, dtype, shape };
}

function decodeInitializers(graph: GraphProto, external: ExternalData): Map<string, Constant> {
  const initializers = new Map<string, Constant>();
  for (const tensor of graph.initializer) {
    if (!tensor.name) throw modelError('an initializer has no name');
    const what = `initializer "${tensor.name}"`;
    if (initializers.has(tensor.name)) throw modelError(`${what} is defined twice`);
    initializers.set(tensor.name, decodeTensor(tensor, what, external));
  }
  return initializers;
}

function decodeNode(node: NodeProto, index: number, external: ExternalData): OnnxNode {
  const name = node.name || `number ${index}`;
  if (!node.op_type) throw modelError('it has no operator', { node: name });
  const attributes = new Map<string, OnnxAttribute>();
  for (const attribute of node.attribute) {
    if (attributes.has(attribute.name)) {
      throw modelError(`attribute "${attribute.name}" is given twice`, {
        node: name,
        op: node.op_type,
      });
    }
    const what = `attribute "${attribute.name}" of node "${name}" (${node.op_type})`;
    attributes.set(attribute.name, decodeAttribute(attribute, what, external));
  }
  return {
    name: node.name,
    op: node.op_type,
    domain: domainOf(node.domain),
    inputs: node.input,
    outputs: node.output,
    attributes,
  };
}

const UTF8 = new TextDecoder();

function decodeInt(value: Int64): Integer {
  const exact = toBigInt(value);
  const number = Number(exact);
  return Number.isSafeInteger(number) ? number : exact;
}

/** AttributeProto.AttributeType by number. */
const ATTRIBUTE_TYPES =
  'undefined float int string tensor graph floats ints strings tensors graphs sparse_tensor sparse_tensors type_proto type_protos'.split(
    ' ',
  );

function decodeAttribute(
  attribute: AttributeProto,
  what: string,
  external: ExternalData,
): OnnxAttribute {
  if (attribute.ref_attr_name) throw modelError(`${what} refers to an attribute of a function`);
  const type = ATTRIBUTE_TYPES[attribute.type] ?? `type ${attribute.type}`;
  switch (type) {
    case 'float':
      return { type, value: attribute.f };
    case 'int':
      return { type, value: decodeInt(attribute.i) };
    case 'string':
      // An absent field reads as an empty list, not as bytes.
      return { type, value: UTF8.decode(Uint8Array.from(attribute.s)) };
    case 'tensor':
      if (!attribute.t) throw modelError(`${what} holds no tensor`);
      return { type, value: decodeTensor(attribute.t, what, external) };
    case 'floats':
      return { type, value: attribute.floats };
    case 'ints':
      return { type, value: attribute.ints.map(decodeInt) };
    case 'strings':
      return { type, value: attribute.strings.map((s) => UTF8.decode(s)) };
    default:
      return { type: 'unread', value: type };
  }
}
