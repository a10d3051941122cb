import { type ElementType, type Graph, graphsOf, type Node, ownInputs, type ValueInfo } from './ir';
import { attributeOf } from './op-set';

/** The dtype of an element type's number in ONNX files. */
export type DTypeOfCode = (code: number) => ElementType | undefined;

type Types = ReadonlyMap<string, ElementType>;
type Rule = (
  node: Node,
  types: Types,
  dtypeOf: DTypeOfCode,
) => readonly (ElementType | undefined)[];

const always =
  (...dtypes: (ElementType | undefined)[]): Rule =>
  () =>
    dtypes;
/** The dtype of input `index`. */
const like =
  (index: number): Rule =>
  (node, types) => [types.get(node.inputs[index] ?? '')];

const fromAttribute =
  (name: string, fallback: Rule): Rule =>
  (node, types, dtypeOf) => {
    const code = attributeOf(node, name, 'int');
    return code === undefined || Number(code) === 0
      ? fallback(node, types, dtypeOf)
      : [dtypeOf(Number(code))];
  };

const constantType: Rule = (node) => {
  const tensor = attributeOf(node, 'value', 'tensor');
  if (tensor) return [tensor.dtype];
  const isText = [...node.attributes.values()].some(({ type }) =>
    /^(string|strings|texts)$/.test(type),
  );
  if (isText) return ['string'];
  return [
    [...node.attributes.keys()].some((name) => /^value_ints?$/.test(name)) ? 'int64' : 'float32',
  ];
};

/** The type of the zero point where there is one. */
const quantized =
  (index: number): Rule =>
  (node, types) => [types.get(node.inputs[index] ?? '') ?? 'uint8'];

/** A graph of a node with the types of its inputs, as far as they follow from those of the node's. */
function withInputTypes(graph: Graph, node: Node, types: Types): Graph {
  const { captures = [] } = node;
  const outer = node.inputs.slice(node.inputs.length - captures.length);
  const given = ownInputs(node);
  const inputs = graph.inputs.map((input, i): ValueInfo => {
    if (input.dtype !== null) return input;
    const captured = captures.indexOf(input.name);
    if (captured >= 0) return { ...input, dtype: types.get(outer[captured] as string) ?? null };
    // A Loop gives the iteration and the condition, which may be left out outside.
    if (node.op === 'Loop' && i < 2) return { ...input, dtype: i === 0 ? 'int64' : 'bool' };
    return { ...input, dtype: types.get(given[i] ?? '') ?? null };
  });
  return { ...graph, inputs };
}

/** The types of the outputs of a node's graphs from the one at `first` on: declared, or those of what makes them. */
const fromGraphs =
  (first = 0): Rule =>
  (node, types, dtypeOf) => {
    const made = [...graphsOf(node).values()].map((graph) => {
      const inner = valueTypes(withInputTypes(graph, node, types), dtypeOf);
      return graph.outputs.slice(first).map(({ name, dtype }) => dtype ?? inner.get(name));
    });
    return node.outputs.map((_, i) => made.find((list) => list[i])?.[i]);
  };

/** The type of what a label becomes: that of the default of the attribute that is there. */
const labelType: Rule = (node) => {
  const values = node.attributes.get('values_tensor');
  if (values?.type === 'tensor') return [values.value.dtype];
  if (values?.type === 'texts' || node.attributes.has('values_strings')) return ['string'];
  return [node.attributes.has('values_floats') ? 'float32' : 'int64'];
};

const BOOL = always('bool');
const WINDOW = fromAttribute('output_datatype', always('float32'));

/** Operators whose first output is not of the type of the first input. */
const RULES: Readonly<Record<string, Rule>> = {
  And: BOOL,
  Or: BOOL,
  Xor: BOOL,
  Not: BOOL,
  Equal: BOOL,
  Greater: BOOL,
  GreaterOrEqual: BOOL,
  Less: BOOL,
  LessOrEqual: BOOL,
  IsInf: BOOL,
  IsNaN: BOOL,
  Shape: always('int64'),
  Size: always('int64'),
  NonZero: always('int64'),
  ArgMax: always('int64'),
  ArgMin: always('int64'),
  NonMaxSuppression: always('int64'),
  SequenceEmpty: fromAttribute('dtype', always('float32')),
  SequenceLength: always('int64'),
  TopK: (node, types) => [types.get(node.inputs[0] ?? ''), 'int64'],
  MaxPool: (node, types) => [types.get(node.inputs[0] ?? ''), 'int64'],
  Dropout: (node, types) => [types.get(node.inputs[0] ?? ''), 'bool'],
  LayerNormalization: (node, types) => [types.get(node.inputs[0] ?? ''), 'float32', 'float32'],
  // The running statistics are of the type of those that are given.
  BatchNormalization: (node, types) => [0, 3, 4].map((i) => types.get(node.inputs[i] ?? '')),
  Unique: (node, types) => [types.get(node.inputs[0] ?? ''), 'int64', 'int64', 'int64'],
  Constant: constantType,
  ConstantOfShape: (node) => [attributeOf(node, 'value', 'tensor')?.dtype ?? 'float32'],
  Cast: fromAttribute('to', like(0)),
  CastLike: like(1),
  BitCast: fromAttribute('to', like(0)),
  EyeLike: fromAttribute('dtype', like(0)),
  HannWindow: WINDOW,
  HammingWindow: WINDOW,
  BlackmanWindow: WINDOW,
  MelWeightMatrix: WINDOW,
  RandomNormal: fromAttribute('dtype', always('float32')),
  RandomUniform: fromAttribute('dtype', always('float32')),
  RandomNormalLike: fromAttribute('dtype', like(0)),
  RandomUniformLike: fromAttribute('dtype', like(0)),
  Bernoulli: fromAttribute('dtype', like(0)),
  Multinomial: fromAttribute('dtype', always('int32')),
  Where: like(1),
  OneHot: like(2),
  QuantizeLinear: fromAttribute('output_dtype', quantized(2)),
  DequantizeLinear: fromAttribute('output_dtype', like(1)),
  DynamicQuantizeLinear: always('uint8', 'float32', 'uint8'),
  ConvInteger: always('int32'),
  MatMulInteger: always('int32'),
  QLinearConv: quantized(7),
  QLinearMatMul: quantized(7),
  If: fromGraphs(),
  Loop: fromGraphs(1),
  Scan: fromGraphs(),
  SequenceMap: fromGraphs(),
  OptionalHasElement: BOOL,
  RegexFullMatch: BOOL,
  StringSplit: always('string', 'int64'),
  TfIdfVectorizer: always('float32'),
  'ai.onnx.ml.LabelEncoder': labelType,
  'ai.onnx.ml.TreeEnsemble': like(0),
};

/** Whether a node makes a sequence of tensors. Its dtype is that of the elements. */
export const makesSequence = ({ domain, op }: Node): boolean =>
  domain === '' && /^(Sequence(Construct|Empty|Erase|Insert)|SplitToSequence)$/.test(op);

/**
 * The dtype of every value of a graph that can be told without shapes. Operators without a rule give the type of their
 * first input in all outputs.
 */
export function valueTypes(graph: Graph, dtypeOf: DTypeOfCode): Map<string, ElementType> {
  const types = new Map<string, ElementType>();
  for (const { name, dtype } of graph.inputs) if (dtype) types.set(name, dtype);
  for (const [name, { dtype }] of graph.initializers) types.set(name, dtype);
  for (const name of graph.texts?.keys() ?? []) types.set(name, 'string');
  for (const node of graph.nodes) {
    const key = node.domain === '' ? node.op : `${node.domain}.${node.op}`;
    const rule = Object.hasOwn(RULES, key) ? RULES[key] : undefined;
    const made = rule ? rule(node, types, dtypeOf) : undefined;
    const first = types.get(node.inputs[0] ?? '');
    for (const [i, name] of node.outputs.entries()) {
      const dtype = made ? made[i] : first;
      if (name !== '' && dtype) types.set(name, dtype);
    }
  }
  return types;
}
