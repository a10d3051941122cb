import type { DType } from '../../dtype';
import {
  type Attribute,
  type Constant,
  freshName,
  type Graph,
  type Node,
  type NodeCompute,
  type ValueInfo,
  valueNames,
} from '../ir';
import { modelError } from '../model-error';
import type { OpSet } from '../op-set';
import { castConstant, isPrecision, type Precision } from './cast-constant';
import { staysFloat } from './float-places';

export interface ConvertPrecisionOptions {
  /** Storage of weights and intermediates. */
  readonly precision: Precision;
  /** The type in which products are summed; absent: what the nodes say already. */
  readonly compute?: NodeCompute | undefined;
  /** Keeps the dtypes of the model's inputs and outputs, with a Cast behind and before them. Default true. */
  readonly keepIo?: boolean | undefined;
  /** Numbers of ONNX's element types, for the attribute `to` of Cast. */
  readonly dataType: { code(dtype: DType): number; dtype(code: number): DType | undefined };
  /** Converts one constant to another float type. Default: in JavaScript. */
  readonly cast?: ((constant: Constant, to: Precision) => Constant) | undefined;
}

/**
 * The graph with all float weights and intermediates in one precision. Integers (shapes, indices), bools and float64 are
 * untouched. Casts inside the graph that name a float type name the new one. `opSet` says which nodes sum products.
 */
export function convertPrecision(
  graph: Graph,
  opSet: OpSet,
  options: ConvertPrecisionOptions,
): Graph {
  const { precision, compute, keepIo = true, cast = castConstant } = options;
  const convert = (constant: Constant) =>
    isPrecision(constant.dtype) && constant.dtype !== precision
      ? cast(constant, precision)
      : constant;
  const kept = statistics(graph);
  const border: Border = keepIo
    ? castBorder(graph, kept, options)
    : { renamed: new Map(), front: [], back: [] };

  const rename = (name: string) => border.renamed.get(name) ?? name;
  const initializers = new Map<string, Constant>();
  for (const [name, constant] of graph.initializers) {
    initializers.set(rename(name), kept.has(name) ? constant : convert(constant));
  }
  const nodes = graph.nodes.map((node): Node => {
    const sums = compute !== undefined && opSet.find(node, graph.opsets).sums === true;
    return {
      ...node,
      inputs: node.inputs.map(rename),
      outputs: node.outputs.map(rename),
      attributes: convertAttributes(node, convert, options),
      ...(sums ? { compute } : {}),
    };
  });
  const convertInfo = (value: ValueInfo) =>
    !keepIo && toConvert(value, precision) && !kept.has(value.name)
      ? { ...value, dtype: precision }
      : value;
  return {
    ...graph,
    inputs: graph.inputs.map(convertInfo),
    outputs: graph.outputs.map(convertInfo),
    nodes: [...border.front, ...nodes, ...border.back],
    initializers,
  };
}

/** Initializers that are read as what stays float32 only: the statistics of BatchNormalization, the scales of Resize. */
function statistics(graph: Graph): Set<string> {
  const kept = new Set<string>();
  const others = new Set<string>();
  for (const node of graph.nodes) {
    for (const [i, name] of node.inputs.entries()) (staysFloat(node, i) ? kept : others).add(name);
  }
  for (const name of others) kept.delete(name);
  return kept;
}

const toConvert = ({ dtype }: ValueInfo, precision: Precision) =>
  isPrecision(dtype) && dtype !== precision;

/** The casts between a graph's inputs and outputs, which keep their dtypes, and its inside. */
interface Border {
  /** Names under which the inside knows values that the outside knows by another; all others keep theirs. */
  readonly renamed: ReadonlyMap<string, string>;
  readonly front: readonly Node[];
  readonly back: readonly Node[];
}

function castBorder(
  graph: Graph,
  kept: ReadonlySet<string>,
  { precision, dataType }: ConvertPrecisionOptions,
): Border {
  const taken = valueNames(graph);
  const nodeNames = new Set(graph.nodes.map(({ name }) => name));
  const renamed = new Map<string, string>();
  const castNode = (about: string, from: string, to: string, dtype: Precision): Node => ({
    name: freshName(`${about}_cast`, nodeNames),
    op: 'Cast',
    domain: '',
    inputs: [from],
    outputs: [to],
    attributes: new Map([['to', { type: 'int', value: dataType.code(dtype) }]]),
  });
  const inside = (name: string) => {
    const fresh = freshName(`${name}_${precision}`, taken);
    renamed.set(name, fresh);
    return fresh;
  };

  const front = graph.inputs
    .filter((input) => toConvert(input, precision))
    .map(({ name }) => castNode(name, name, inside(name), precision));
  const back: Node[] = [];
  const given = new Set(graph.inputs.map(({ name }) => name));
  for (const output of graph.outputs) {
    const { name, dtype } = output;
    if (dtype === null) {
      throw modelError(`output "${name}" declares no element type, so it cannot be kept`, {
        suggestion: 'Convert with keepIo: false',
      });
    }
    // An input that is an output as well passes through as it is, and so does what stays float32.
    if (!isPrecision(dtype) || dtype === precision || given.has(name) || kept.has(name)) continue;
    back.push(castNode(name, inside(name), name, dtype));
  }
  return { renamed, front, back };
}

/** Attributes that say what a node makes; `isFloat`: float32 where it is left out. */
const TYPES: Readonly<Record<string, { readonly name: string; readonly isFloat?: true }>> = {
  Cast: { name: 'to' },
  EyeLike: { name: 'dtype' },
  DequantizeLinear: { name: 'output_dtype' },
  SequenceEmpty: { name: 'dtype', isFloat: true },
  HannWindow: { name: 'output_datatype', isFloat: true },
  HammingWindow: { name: 'output_datatype', isFloat: true },
  BlackmanWindow: { name: 'output_datatype', isFloat: true },
  MelWeightMatrix: { name: 'output_datatype', isFloat: true },
};

function convertAttributes(
  node: Node,
  convert: (constant: Constant) => Constant,
  { precision, dataType }: ConvertPrecisionOptions,
): Node['attributes'] {
  const attributes = new Map<string, Attribute>();
  const typed = node.domain === '' ? TYPES[node.op] : undefined;
  if (typed?.isFloat) {
    attributes.set(typed.name, { type: 'int', value: dataType.code(precision) });
  }
  const setTensor = (name: string, constant: Constant) =>
    attributes.set(name, { type: 'tensor', value: convert(constant) });
  // Without a value it makes zeros in float32.
  if (node.op === 'ConstantOfShape' && node.domain === '') {
    setTensor('value', { dtype: 'float32', shape: [1], data: Float32Array.of(0) });
  }
  for (const [name, attribute] of node.attributes) {
    if (attribute.type === 'tensor') {
      setTensor(name, attribute.value);
    } else if (name === typed?.name && attribute.type === 'int') {
      const isFloat = isPrecision(dataType.dtype(Number(attribute.value)));
      const value = isFloat ? dataType.code(precision) : attribute.value;
      attributes.set(name, { type: 'int', value });
    } else if (node.op === 'Constant' && attribute.type === 'float') {
      setTensor('value', { dtype: 'float32', shape: [], data: Float32Array.of(attribute.value) });
    } else if (node.op === 'Constant' && attribute.type === 'floats') {
      const data = Float32Array.from(attribute.value);
      setTensor('value', { dtype: 'float32', shape: [data.length], data });
    } else {
      attributes.set(name, attribute);
    }
  }
  return attributes;
}
