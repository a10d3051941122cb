import { ARRAY_TYPES } from '../../dtype';
import {
  type Constant,
  elementCount,
  freshName,
  type Graph,
  integersOf,
  type Node,
  partsOf,
  type Strings,
  valueNames,
} from '../ir';
import { attributeOf } from '../op-set';

/**
 * Passes that make a graph smaller without changing what it computes, up to the rounding of weights that are multiplied
 * together. None of them touches the names of inputs and outputs.
 */

/** Constants that ONNX writes as nodes become initializers: Constant, and ConstantOfShape of a known shape. */
export function liftConstants(graph: Graph): Graph {
  const initializers = new Map(graph.initializers);
  const texts = new Map(graph.texts);
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  const nodes = graph.nodes.filter((node) => {
    const [name = ''] = node.outputs;
    if (node.domain !== '' || outputs.has(name)) return true;
    const text = node.op === 'Constant' ? textOf(node) : undefined;
    if (text) texts.set(name, text);
    if (text) return false;
    const constant =
      node.op === 'Constant'
        ? constantOf(node)
        : node.op === 'ConstantOfShape'
          ? filled(node, initializers)
          : undefined;
    if (constant) initializers.set(name, constant);
    return !constant;
  });
  if (nodes.length === graph.nodes.length) return graph;
  return { ...graph, nodes, initializers, ...(texts.size > 0 && { texts }) };
}

/** The strings of a Constant node. */
export function textOf(node: Node): Strings | undefined {
  if (node.attributes.size !== 1) return undefined;
  const one = attributeOf(node, 'value_string', 'string');
  if (one !== undefined) return { strings: [one], shape: [] };
  const many = attributeOf(node, 'value_strings', 'strings');
  if (many) return { strings: many, shape: [many.length] };
  return attributeOf(node, 'value', 'texts');
}

/** The value of a Constant node; undefined for what only its operator's definition can refuse. */
export function constantOf(node: Node): Constant | undefined {
  if (node.attributes.size !== 1) return undefined;
  const float = attributeOf(node, 'value_float', 'float');
  if (float !== undefined) return { dtype: 'float32', shape: [], data: Float32Array.of(float) };
  const floats = attributeOf(node, 'value_floats', 'floats');
  if (floats) return { dtype: 'float32', shape: [floats.length], data: Float32Array.from(floats) };
  const int = attributeOf(node, 'value_int', 'int');
  if (int !== undefined) return { dtype: 'int64', shape: [], data: BigInt64Array.of(BigInt(int)) };
  const ints = attributeOf(node, 'value_ints', 'ints');
  if (ints) {
    return { dtype: 'int64', shape: [ints.length], data: BigInt64Array.from(ints, BigInt) };
  }
  return attributeOf(node, 'value', 'tensor');
}

/** Larger ones are left to the device: the file does not pay for them, memory would. */
const MAX_FILLED_BYTES = 2 ** 28;

function filled(node: Node, initializers: ReadonlyMap<string, Constant>): Constant | undefined {
  const sizes = initializers.get(node.inputs[0] ?? '');
  if (sizes?.dtype !== 'int64' || sizes.shape.length !== 1) return undefined;
  const shape = integersOf(sizes);
  const value = attributeOf(node, 'value', 'tensor');
  const dtype = value?.dtype ?? 'float32';
  const count = elementCount(shape);
  if (shape.some((size) => size < 0) || !(count * 8 <= MAX_FILLED_BYTES)) return undefined;
  if (value && value.data.length !== 1) return undefined;
  const data = new ARRAY_TYPES[dtype](count);
  if (value) data.fill(value.data[0] as never);
  return { dtype, shape, data };
}

/** Nodes whose results nobody reads are left out, and so are initializers that nothing reads. */
export function dropUnused(graph: Graph): Graph {
  const needed = new Set(graph.outputs.map(({ name }) => name));
  const nodes: Node[] = [];
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((name) => name !== '' && needed.has(name))) continue;
    for (const name of node.inputs) needed.add(name);
    nodes.push(node);
  }
  const initializers = new Map([...graph.initializers].filter(([name]) => needed.has(name)));
  const texts = new Map([...(graph.texts ?? [])].filter(([name]) => needed.has(name)));
  const { texts: _, ...rest } = graph;
  return { ...rest, nodes: nodes.reverse(), initializers, ...(texts.size > 0 && { texts }) };
}

/** The one node that reads each value; undefined where several do, or where the value is an output of the graph. */
function onlyReaders(graph: Graph): Map<string, Node | undefined> {
  const readers = new Map<string, Node | undefined>();
  for (const { name } of graph.outputs) readers.set(name, undefined);
  for (const node of graph.nodes) {
    for (const name of node.inputs) readers.set(name, readers.has(name) ? undefined : node);
  }
  return readers;
}

/**
 * BatchNormalization after a convolution, with the learned statistics, becomes part of the filter: w * f and
 * (b - mean) * f + bias with f = scale / sqrt(variance + epsilon), computed in float64 and rounded once to float32.
 * Only float32 constants are folded: in 16 bits the product would be rounded coarsely.
 */
export function foldBatchNorm(graph: Graph): Graph {
  const readers = onlyReaders(graph);
  const initializers = new Map(graph.initializers);
  const taken = valueNames(graph);
  const folded = new Map<Node, Node>();
  const gone = new Set<Node>();
  for (const conv of graph.nodes) {
    if (conv.op !== 'Conv' || conv.domain !== '') continue;
    const norm = readers.get(conv.outputs[0] ?? '');
    if (norm?.op !== 'BatchNormalization' || norm.inputs[0] !== conv.outputs[0]) continue;
    const made = foldOne(conv, norm, initializers);
    if (!made) continue;
    const w = freshName(`${conv.inputs[1]}_folded`, taken);
    const b = freshName(`${conv.inputs[2] || `${conv.inputs[1]}_bias`}_folded`, taken);
    initializers.set(w, made.filter);
    initializers.set(b, made.bias);
    folded.set(conv, {
      ...conv,
      inputs: [conv.inputs[0] ?? '', w, b],
      outputs: [norm.outputs[0] ?? ''],
      parts: [...partsOf(conv), norm.name],
    });
    gone.add(norm);
  }
  if (gone.size === 0) return graph;
  const nodes = graph.nodes
    .filter((node) => !gone.has(node))
    .map((node) => folded.get(node) ?? node);
  return dropUnused({ ...graph, nodes, initializers });
}

function foldOne(
  conv: Node,
  norm: Node,
  initializers: ReadonlyMap<string, Constant>,
): { filter: Constant; bias: Constant } | undefined {
  const training = Number(attributeOf(norm, 'training_mode', 'int') ?? 0) !== 0;
  if (training || norm.outputs.slice(1).some((name) => name !== '')) return undefined;
  if (conv.compute === 'float16') return undefined;
  const constant = (name: string | undefined) => {
    const found = initializers.get(name ?? '');
    return found?.dtype === 'float32' ? found : undefined;
  };
  const filter = constant(conv.inputs[1]);
  const channels = filter?.shape[0];
  const vectors = [1, 2, 3, 4].map((i) => constant(norm.inputs[i]));
  const hasBias = (conv.inputs[2] ?? '') !== '';
  const bias = constant(conv.inputs[2]);
  if (!filter || !channels || (hasBias && !bias)) return undefined;
  const all = [...vectors, ...(bias ? [bias] : [])];
  if (all.some((v) => v?.shape.length !== 1 || v.shape[0] !== channels)) return undefined;
  const [scale, shift, mean, variance] = vectors.map((v) => v?.data as Float32Array) as [
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  const epsilon = attributeOf(norm, 'epsilon', 'float') ?? 1e-5;
  const perChannel = filter.data.length / channels;
  const weights = new Float32Array(filter.data.length);
  const biases = new Float32Array(channels);
  for (let k = 0; k < channels; k++) {
    const factor = (scale[k] as number) / Math.sqrt((variance[k] as number) + epsilon);
    const before = (bias?.data[k] as number | undefined) ?? 0;
    biases[k] = (before - (mean[k] as number)) * factor + (shift[k] as number);
    for (let i = k * perChannel; i < (k + 1) * perChannel; i++) {
      weights[i] = (filter.data[i] as number) * factor;
    }
  }
  return {
    filter: { dtype: 'float32', shape: filter.shape, data: weights },
    bias: { dtype: 'float32', shape: [channels], data: biases },
  };
}

/** Identity, and Dropout outside of training, give their input: what they feed reads that input instead. */
export function dropIdentities(graph: Graph): Graph {
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  const replaced = new Map<string, string>();
  const nodes: Node[] = [];
  for (const given of graph.nodes) {
    const inputs = given.inputs.map((name) => replaced.get(name) ?? name);
    const node = { ...given, inputs };
    const [from = '', ...rest] = inputs;
    const [to = '', mask = ''] = node.outputs;
    const isIdentity =
      node.domain === '' &&
      (node.op === 'Identity' || (node.op === 'Dropout' && mask === '' && !(rest[1] ?? '')));
    if (isIdentity && !outputs.has(to)) replaced.set(to, from);
    else nodes.push(node);
  }
  return replaced.size === 0 ? graph : { ...graph, nodes };
}

/** A convolution whose result only a Relu reads applies it itself, before its result is stored. */
export function fuseActivations(graph: Graph): Graph {
  const readers = onlyReaders(graph);
  const fused = new Map<Node, Node>();
  const gone = new Set<Node>();
  for (const node of graph.nodes) {
    if (node.op !== 'Conv' || node.domain !== '' || node.activation) continue;
    const next = readers.get(node.outputs[0] ?? '');
    if (next?.op !== 'Relu' || next.domain !== '') continue;
    fused.set(node, {
      ...node,
      outputs: next.outputs,
      activation: 'relu',
      parts: [...partsOf(node), next.name],
    });
    gone.add(next);
  }
  if (gone.size === 0) return graph;
  const nodes = graph.nodes
    .filter((node) => !gone.has(node))
    .map((node) => fused.get(node) ?? node);
  return { ...graph, nodes };
}

/** The passes after which a graph is still ONNX: what conversions start from. */
export const simplify = (graph: Graph): Graph =>
  foldBatchNorm(dropIdentities(liftConstants(graph)));

/** All passes: the graph that is run. What nobody reads goes first: it would keep others from being joined. */
export const optimize = (graph: Graph): Graph =>
  fuseActivations(dropUnused(simplify(dropUnused(graph))));
