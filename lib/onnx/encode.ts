import { type DType, isStoredDType, type StoredDType, type TypedArrayOf } from '../dtype';
import {
  type Attribute,
  type Constant,
  type Dim,
  type ElementType,
  freshName,
  type Graph,
  graphsOf,
  type Integer,
  type Node,
  ownInputs,
  type Strings,
  type ValueInfo,
  type ValueType,
  valueNames,
} from '../graph/ir';
import { modelError } from '../graph/model-error';
import { valueTypes } from '../graph/value-types';
import { pack } from '../stored';
import { dataTypeCode, dtypeOf } from './decode-tensor';
import { encodeModelProto } from './proto';

/** Key of the metadata that says in which type a node sums, followed by the node's name. */
export const COMPUTE_KEY = 'halftone.compute.';

/** What a written file says of its origin. */
export interface EncodeOptions {
  readonly producer?: { readonly name: string; readonly version: string } | undefined;
}

/**
 * The bytes of an ONNX file with this graph. The type in which a node sums (`compute`) is no concept of ONNX: it is kept
 * in the metadata of the model, where other programs ignore it.
 *
 * @throws ModelError where ONNX cannot say what the graph says: a value without an element type, a model of 2 GiB.
 */
export function encodeModel(given: Graph, options: EncodeOptions = {}): Uint8Array {
  const graph = separateStatistics(given);
  const opset = graph.opsets.get('') ?? 0;
  checkBfloat16(graph, opset);
  const metadata = graph.nodes
    .filter(({ compute }) => compute !== undefined)
    .map(({ name, compute }) => ({ key: `${COMPUTE_KEY}${name}`, value: compute }));
  const bytes = constantBytes(graph);
  // A protobuf message cannot be larger.
  if (bytes >= 2 ** 31 - 2 ** 20) {
    throw modelError(
      `the weights take ${bytes} bytes, an ONNX file in one piece holds less than 2 GiB`,
    );
  }
  return encodeModelProto({
    ir_version: irVersion(opset),
    producer_name: options.producer?.name ?? 'halftone',
    producer_version: options.producer?.version ?? '',
    opset_import: [...graph.opsets].map(([domain, version]) => ({ domain, version })),
    metadata_props: metadata,
    graph: graphProto(graph),
  });
}

/** Bytes of all constants, also of graphs within nodes. */
function constantBytes({ initializers, nodes }: Graph): number {
  let bytes = 0;
  for (const { data } of initializers.values()) bytes += data.byteLength;
  for (const node of nodes)
    for (const graph of graphsOf(node).values()) bytes += constantBytes(graph);
  return bytes;
}

const graphProto = (graph: Graph): object => ({
  name: graph.name || 'graph',
  input: graph.inputs.map(valueProto),
  output: graph.outputs.map(valueProto),
  initializer: [
    ...[...graph.initializers].map(([name, constant]) => tensorProto(constant, name)),
    ...[...(graph.texts ?? [])].map(([name, strings]) => stringsProto(strings, name)),
  ],
  node: graph.nodes.map(nodeProto),
});

/**
 * The IR version that came with an operator set (docs/Versioning.md of ONNX): programs refuse files of versions newer
 * than they know, so it is not set higher than needed. 4 is the first one in which initializers are no inputs.
 */
function irVersion(opset: number): number {
  const since: readonly (readonly [opset: number, ir: number])[] = [
    [25, 13],
    [24, 12],
    [23, 11],
    [21, 10],
    [19, 9],
    [15, 8],
    [12, 7],
    [11, 6],
    [10, 5],
  ];
  return since.find(([first]) => opset >= first)?.[1] ?? 4;
}

const int = (value: Integer): number | string =>
  typeof value === 'bigint' ? value.toString() : value;

function tensorProto({ dtype, shape, data }: Constant, name = ''): object {
  const bytes = isStoredDType(dtype) ? pack(data as TypedArrayOf<StoredDType>, dtype) : data;
  const raw = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { name, data_type: dataTypeCode(dtype), dims: shape, raw_data: raw };
}

const stringsProto = ({ strings, shape }: Strings, name = ''): object => ({
  name,
  data_type: dataTypeCode('string'),
  dims: shape,
  string_data: strings.map(utf8),
});

function valueProto(info: ValueInfo): object {
  const { name, dtype } = info;
  if (dtype === null)
    throw modelError(`"${name}" has no element type, so the model cannot be written`);
  return { name, type: typeProto(info, dtype) };
}

function typeProto({ shape, sequence, optional }: ValueType, dtype: ElementType): object {
  const dim = shape?.map((size: Dim) =>
    size === null ? {} : typeof size === 'number' ? { dim_value: size } : { dim_param: size },
  );
  let type: object = {
    tensor_type: { elem_type: dataTypeCode(dtype), ...(dim ? { shape: { dim } } : {}) },
  };
  if (sequence) type = { sequence_type: { elem_type: type } };
  return optional ? { optional_type: { elem_type: type } } : type;
}

function nodeProto(node: Node): object {
  return {
    name: node.name,
    op_type: node.op,
    domain: node.domain,
    input: ownInputs(node),
    output: node.outputs,
    attribute: [...node.attributes].map(([name, attribute]) =>
      attribute.type === 'graph'
        ? { name, type: 5, g: innerProto(attribute.value, node) }
        : attributeProto(name, renameNamed(attribute, node)),
    ),
  };
}

/** An attribute that names values of the graph, with the names that they have now. */
function renameNamed<A extends Attribute>(attribute: A, { inputs, captures, attributes }: Node): A {
  const hasGraph = [...attributes.values()].some(({ type }) => type === 'graph');
  if (!captures || hasGraph) return attribute;
  const first = inputs.length - captures.length;
  const rename = (name: string) => inputs[first + captures.indexOf(name)] ?? name;
  if (attribute.type === 'string') return { ...attribute, value: rename(attribute.value) };
  if (attribute.type !== 'strings') return attribute;
  return { ...attribute, value: attribute.value.map(rename) };
}

/** A graph within a node: what it captures it knows by the names of the graph around it, and its own values by others. */
function innerProto(graph: Graph, { inputs, captures = [] }: Node): object {
  const outer = inputs.slice(inputs.length - captures.length);
  const captured = new Map(captures.map((name, i) => [name, outer[i] as string]));
  const taken = new Set([...outer, ...valueNames(graph)]);
  const names = new Map<string, string>();
  for (const name of valueNames(graph)) {
    const around = captured.get(name);
    if (around !== undefined) names.set(name, around);
    else if (outer.includes(name)) names.set(name, freshName(name, taken));
  }
  const rename = (name: string) => names.get(name) ?? name;
  const renamed = <T>(map: Iterable<readonly [string, T]>) =>
    new Map([...map].map(([name, value]) => [rename(name), value]));
  const renameInfo = (info: ValueInfo) => ({ ...info, name: rename(info.name) });
  return {
    ...graphProto({
      ...graph,
      inputs: [],
      outputs: [],
      initializers: renamed(graph.initializers),
      texts: renamed(graph.texts ?? []),
      nodes: graph.nodes.map((node) => ({
        ...node,
        inputs: node.inputs.map(rename),
        outputs: node.outputs.map(rename),
      })),
    }),
    input: graph.inputs
      .filter(({ name }) => !captured.has(name))
      .map(renameInfo)
      .map(innerValueProto),
    output: graph.outputs.map(renameInfo).map(innerValueProto),
  };
}

/** Inputs and outputs of graphs within nodes may leave their type to what is around them. */
const innerValueProto = (info: ValueInfo): object =>
  info.dtype === null ? { name: info.name } : valueProto(info);

const utf8 = (text: string) => Buffer.from(text, 'utf8');

/** The numbers are AttributeProto.AttributeType's. */
function attributeProto(
  name: string,
  attribute: Exclude<Attribute, { readonly type: 'graph' }>,
): object {
  switch (attribute.type) {
    case 'float':
      return { name, type: 1, f: attribute.value };
    case 'int':
      return { name, type: 2, i: int(attribute.value) };
    case 'string':
      return { name, type: 3, s: utf8(attribute.value) };
    case 'tensor':
      return { name, type: 4, t: tensorProto(attribute.value) };
    case 'texts':
      return { name, type: 4, t: stringsProto(attribute.value) };
    case 'type_proto':
      return { name, type: 13, tp: typeProto(attribute.value, attribute.value.dtype ?? 'float32') };
    case 'floats':
      return { name, type: 6, floats: attribute.value };
    case 'ints':
      return { name, type: 7, ints: attribute.value.map(int) };
    case 'strings':
      return { name, type: 8, strings: attribute.value.map(utf8) };
  }
}

// ---- what the graph may say and the file's operator set may not ----

/** Since this operator set the statistics of BatchNormalization have a type of their own. */
const STATISTICS_SINCE = 15;

const BFLOAT16_SINCE = 13;

function checkBfloat16(graph: Graph, opset: number): void {
  const types = valueTypes(graph, dtypeOf);
  if (opset >= BFLOAT16_SINCE || ![...types.values()].includes('bfloat16')) return;
  throw modelError(
    `the model holds bfloat16 and imports operator set ${opset}: ONNX has bfloat16 from ${BFLOAT16_SINCE} on`,
    { suggestion: 'Raise its operator set first (onnx.version_converter), or convert to float16' },
  );
}

/**
 * Before operator set 15 all inputs of BatchNormalization have one type. A 16-bit one with float32 statistics is then
 * written as what it computes: a cast to float32, BatchNormalization, and a cast back.
 */
function separateStatistics(graph: Graph): Graph {
  if ((graph.opsets.get('') ?? 0) >= STATISTICS_SINCE) return graph;
  const types = valueTypes(graph, dtypeOf);
  const taken = valueNames(graph);
  const nodeNames = new Set(graph.nodes.map(({ name }) => name));
  const nodes = graph.nodes.flatMap((node): Node[] => {
    const [x = '', ...statistics] = node.inputs;
    const dtype = types.get(x);
    const mixed =
      node.op === 'BatchNormalization' &&
      node.domain === '' &&
      (dtype === 'float16' || dtype === 'bfloat16') &&
      types.get(statistics[0] ?? '') === 'float32';
    if (!mixed) return [node];
    const [y = '', ...others] = node.outputs;
    const [wideX, wideY] = [freshName(`${y}_wide_x`, taken), freshName(`${y}_wide`, taken)];
    const cast = (name: string, from: string, to: string, type: DType): Node => ({
      name: freshName(name, nodeNames),
      op: 'Cast',
      domain: '',
      inputs: [from],
      outputs: [to],
      attributes: new Map([['to', { type: 'int', value: dataTypeCode(type) }]]),
    });
    return [
      cast(`${node.name}_widen`, x, wideX, 'float32'),
      { ...node, inputs: [wideX, ...statistics], outputs: [wideY, ...others] },
      cast(`${node.name}_narrow`, wideY, y, dtype),
    ];
  });
  return { ...graph, nodes };
}
