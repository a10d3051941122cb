import type { Attribute, Constant, Dim, Integer, Strings, ValueInfo, ValueType } from '../graph/ir';
import { messageOf, modelError } from '../graph/model-error';
import { decodeDims, decodeStrings, decodeTensor, elementTypeOf, STRING } from './decode-tensor';
import type { ExternalData } from './external';
import {
  type AttributeProto,
  decodeModelProto,
  type GraphProto,
  type Int64,
  type ModelProto,
  type NodeProto,
  toBigInt,
  type TensorProto,
  type TypeProto,
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
export type OnnxAttribute =
  | Exclude<Attribute, { readonly type: 'graph' }>
  | { readonly type: 'graph'; readonly value: OnnxGraph }
  | { readonly type: 'unread'; readonly value: string };

/** A graph as the file holds it, of a model or within a node: every tensor is checked, the graph is not. */
export interface OnnxGraph {
  readonly name: string;
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly initializers: ReadonlyMap<string, Constant>;
  readonly texts: ReadonlyMap<string, Strings>;
  readonly nodes: readonly OnnxNode[];
}

/** A model as the file holds it. */
export interface OnnxModel extends OnnxGraph {
  readonly irVersion: number;
  readonly producer: string;
  readonly opsets: ReadonlyMap<string, number>;
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
  return {
    ...decodeGraph(graph, external, 0),
    irVersion: Number(toBigInt(proto.ir_version)),
    producer: [proto.producer_name, proto.producer_version].filter(Boolean).join(' '),
    opsets: decodeOpsets(proto),
    metadata: new Map(proto.metadata_props.map(({ key, value }) => [key, value])),
  };
}

/** Graphs within nodes of graphs within nodes ...: so many at most, as all that follows calls itself for each. */
const MAX_DEPTH = 16;

function decodeGraph(graph: GraphProto, external: ExternalData, depth: number): OnnxGraph {
  if (depth > MAX_DEPTH) {
    throw modelError(`graphs within nodes are supported ${MAX_DEPTH} deep, this one is deeper`);
  }
  const sparse = graph.sparse_initializer.length;
  if (sparse > 0)
    throw modelError(`the model has ${sparse} sparse initializers, which are not supported`);
  return {
    name: graph.name,
    inputs: graph.input.map((value) => decodeValueInfo(value, 'input')),
    outputs: graph.output.map((value) => decodeValueInfo(value, 'output')),
    ...decodeInitializers(graph, external),
    nodes: graph.node.map((node, i) => decodeNode(node, i, external, depth)),
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
  if (!value.name) throw modelError(`an ${role} has no name`);
  return { name: value.name, ...decodeType(value.type, `${role} "${value.name}"`) };
}

/** A tensor, a sequence of tensors, or an optional one of either. */
function decodeType(type: TypeProto | null | undefined, what: string): ValueType {
  if (!type?.value) return { dtype: null, shape: null };
  if (type.value === 'optional_type' || type.value === 'sequence_type') {
    const isOptional = type.value === 'optional_type';
    const element = decodeType(type[type.value]?.elem_type, what);
    if (element.optional || (element.sequence && !isOptional)) {
      throw modelError(`${what} is a ${isOptional ? 'optional' : 'sequence'} of no tensors`);
    }
    return { ...element, ...(isOptional ? { optional: true } : { sequence: true }) };
  }
  if (type.value !== 'tensor_type') {
    throw modelError(
      `${what} is a ${type.value.replace('_type', '')}, only tensors, sequences and optional values are supported`,
    );
  }
  const tensor = type.tensor_type;
  const dtype = elementTypeOf(tensor?.elem_type ?? 0) ?? null;
  const dims = tensor?.shape?.dim;
  if (!dims) return { dtype, shape: null };
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
  return { dtype, shape };
}

function decodeInitializers(
  graph: GraphProto,
  external: ExternalData,
): Pick<OnnxGraph, 'initializers' | 'texts'> {
  const initializers = new Map<string, Constant>();
  const texts = new Map<string, Strings>();
  for (const tensor of graph.initializer) {
    if (!tensor.name) throw modelError('an initializer has no name');
    const what = `initializer "${tensor.name}"`;
    if (initializers.has(tensor.name) || texts.has(tensor.name)) {
      throw modelError(`${what} is defined twice`);
    }
    if (tensor.data_type === STRING) texts.set(tensor.name, decodeStrings(tensor, what));
    else initializers.set(tensor.name, decodeTensor(tensor, what, external));
  }
  return { initializers, texts };
}

function decodeNode(
  node: NodeProto,
  index: number,
  external: ExternalData,
  depth: number,
): OnnxNode {
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
    attributes.set(attribute.name, decodeAttribute(attribute, what, external, depth));
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
  depth: number,
): OnnxAttribute {
  if (attribute.ref_attr_name) throw modelError(`${what} refers to an attribute of a function`);
  const type = ATTRIBUTE_TYPES[attribute.type] ?? `type ${attribute.type}`;
  switch (type) {
    case 'float':
      return { type, value: attribute.f ?? 0 };
    case 'int':
      return { type, value: attribute.i ? decodeInt(attribute.i) : 0 };
    case 'string':
      // An absent field reads as an empty list, not as bytes.
      return { type, value: UTF8.decode(Uint8Array.from(attribute.s ?? [])) };
    case 'tensor':
      if (!attribute.t) throw modelError(`${what} holds no tensor`);
      return tensorAttribute(attribute.t, what, external);
    case 'graph':
      if (!attribute.g) throw modelError(`${what} holds no graph`);
      return { type, value: decodeGraph(attribute.g, external, depth + 1) };
    case 'type_proto':
      return { type, value: decodeType(attribute.tp, what) };
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

const tensorAttribute = (
  tensor: TensorProto,
  what: string,
  external: ExternalData,
): OnnxAttribute =>
  tensor.data_type === STRING
    ? { type: 'texts', value: decodeStrings(tensor, what) }
    : { type: 'tensor', value: decodeTensor(tensor, what, external) };
