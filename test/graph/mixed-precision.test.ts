import { ParamError } from '../../lib/errors';
import type { Graph } from '../../lib/graph/ir';
import { type MixedPrecision, mixedPrecision } from '../../lib/graph/passes/mixed-precision';
import {
  editLists,
  type ListEdits,
  PROFILES,
  type PrecisionProfile,
} from '../../lib/graph/passes/precision-lists';
import { dataTypeCode, dtypeOf } from '../../lib/onnx/decode-tensor';
import { graphOf } from '../support/graphs';
import type { NodeSpec } from '../support/onnx-builder';

interface Asked {
  readonly profile?: PrecisionProfile;
  readonly lists?: ListEdits;
  readonly keep?: readonly string[];
  readonly keepIo?: boolean;
}

function rewrite(
  graph: Graph,
  { profile = 'tf-grappler', lists, keep = [], keepIo = true }: Asked = {},
): MixedPrecision {
  return mixedPrecision(graph, {
    to: 'float16',
    method: PROFILES[profile].method,
    listOf: editLists(profile, lists),
    keep: ({ name }) => keep.includes(name),
    tooLarge: new Set(),
    keepIo,
    dataType: { code: dataTypeCode, dtype: dtypeOf },
  });
}

/** The names of the nodes that are low. */
const low = ({ paints }: MixedPrecision) => paints.filter((p) => p.low).map((p) => p.node.name);

const outline = ({ graph }: MixedPrecision) =>
  graph.nodes.map(({ op, inputs, outputs, attributes }) => {
    const to = attributes.get('to');
    return `${op}${to?.type === 'int' ? ` ${dtypeOf(Number(to.value))}` : ''}(${inputs}) -> ${outputs}`;
  });

/** A chain of unary operators, each named after its place: a, b, c ... */
function chain(...ops: string[]): Graph {
  const names = 'abcdefghijklmnop';
  const nodes = ops.map((op, i): NodeSpec => {
    const from = i === 0 ? 'x' : (names[i - 1] as string);
    const name = names[i] as string;
    return { op, name, inputs: op === 'MatMul' ? [from, 'w'] : [from], outputs: [name] };
  });
  const last = names[ops.length - 1] as string;
  return graphOf({
    inputs: { x: [4, 4] },
    outputs: { [last]: [4, 4] },
    initializers: { w: { floats: Array<number>(16).fill(1), dims: [4, 4] } },
    nodes,
  });
}

describe("TensorFlow's painting", () => {
  test('a denied node denies what it feeds, but not the clear node before an allowed one', () => {
    // The example in the rewriter's own source: deny, infer, clear, infer, clear, allow, infer.
    const graph = chain('Exp', 'Sigmoid', 'Relu', 'Sigmoid', 'Relu', 'MatMul', 'Sigmoid');
    const result = rewrite(graph);
    // The last clear node is beside the allowed one, so it becomes low; the last infer node is not between two.
    expect(low(result)).toEqual(['e', 'f']);
    expect(outline(result)).toEqual([
      'Exp(x) -> a',
      'Sigmoid(a) -> b',
      'Relu(b) -> c',
      'Sigmoid(c) -> d',
      'Cast float16(d) -> d_float16',
      'Relu(d_float16) -> e',
      'MatMul(e,w) -> f',
      'Cast float32(f) -> f_float32',
      'Sigmoid(f_float32) -> g',
    ]);
  });

  test('nodes to be inferred are low between allowed nodes and nowhere else', () => {
    expect(
      low(rewrite(chain('Sigmoid', 'MatMul', 'Sigmoid', 'Relu', 'Tanh', 'MatMul', 'Tanh'))),
    ).toEqual(['b', 'c', 'd', 'e', 'f']);
    // A denied node between them stops it; clear nodes beside the allowed ones are low all the same.
    expect(low(rewrite(chain('MatMul', 'Sigmoid', 'Exp', 'Sigmoid', 'MatMul')))).toEqual([
      'a',
      'e',
    ]);
    expect(low(rewrite(chain('MatMul', 'Relu', 'Exp', 'Relu', 'MatMul')))).toEqual([
      'a',
      'b',
      'd',
      'e',
    ]);
  });

  test('an operator on no list is a barrier; without an allowed node nothing changes', () => {
    expect(
      low(rewrite(chain('MatMul', 'Sigmoid', 'ThresholdedRelu', 'Sigmoid', 'MatMul'))),
    ).toEqual(['a', 'e']);
    const none = rewrite(chain('Sigmoid', 'Relu', 'Tanh'));
    expect(low(none)).toEqual([]);
    expect(none.casts).toBe(0);
  });

  test('a value that several nodes read in the other precision is cast once', () => {
    const graph = graphOf({
      inputs: { x: [2, 2] },
      outputs: { p: [2, 2], q: [2, 2], e: [2, 2] },
      initializers: { w: { floats: [1, 2, 3, 4], dims: [2, 2] } },
      nodes: [
        { op: 'Exp', name: 'e', inputs: ['x'], outputs: ['e'] },
        { op: 'MatMul', name: 'p', inputs: ['e', 'w'], outputs: ['p'] },
        { op: 'MatMul', name: 'q', inputs: ['w', 'e'], outputs: ['q'] },
      ],
    });
    const result = rewrite(graph);
    expect(outline(result)).toEqual([
      'Exp(x) -> e',
      'Cast float16(e) -> e_float16',
      'MatMul(e_float16,w) -> p_float16',
      'MatMul(w,e_float16) -> q_float16',
      'Cast float32(p_float16) -> p',
      'Cast float32(q_float16) -> q',
    ]);
    expect(result.casts).toBe(3);
    expect(result.graph.initializers.get('w')?.dtype).toBe('float16');
  });

  test('statistics of BatchNormalization stay float32; a weight read in both precisions is held twice', () => {
    const graph = graphOf({
      inputs: { x: [1, 2, 3, 3] },
      outputs: { y: [1, 2, 3, 3], z: [2] },
      initializers: {
        w: { floats: [1, 2, 3, 4], dims: [2, 2, 1, 1] },
        s: { floats: [1, 2] },
      },
      nodes: [
        { op: 'Conv', name: 'c1', inputs: ['x', 'w', 's'], outputs: ['a'] },
        { op: 'BatchNormalization', name: 'bn', inputs: ['a', 's', 's', 's', 's'], outputs: ['b'] },
        { op: 'Conv', name: 'c2', inputs: ['b', 'w'], outputs: ['y'] },
        { op: 'Exp', name: 'e', inputs: ['s'], outputs: ['z'] },
      ],
    });
    const result = rewrite(graph);
    expect(low(result)).toEqual(['c1', 'bn', 'c2']);
    expect(outline(result)).toEqual([
      'Cast float16(x) -> x_float16',
      'Conv(x_float16,w,s_float16) -> a',
      'BatchNormalization(a,s,s,s,s) -> b',
      'Conv(b,w) -> y_float16',
      'Exp(s) -> z',
      'Cast float32(y_float16) -> y',
    ]);
    expect([...result.graph.initializers].map(([name, { dtype }]) => [name, dtype])).toEqual([
      ['w', 'float16'],
      ['s', 'float32'],
      ['s_float16', 'float16'],
    ]);
  });

  test('integers that are cast to float for low nodes are cast to float16 at once', () => {
    const graph = graphOf({
      inputs: { i: { dtype: 'int64', shape: [2, 2] } },
      outputs: { y: [2, 2] },
      initializers: { w: { floats: [1, 2, 3, 4], dims: [2, 2] } },
      nodes: [
        { op: 'Cast', name: 'f', inputs: ['i'], outputs: ['f'], attributes: { to: 1 } },
        { op: 'MatMul', name: 'p', inputs: ['f', 'w'], outputs: ['y'] },
      ],
    });
    expect(outline(rewrite(graph))).toEqual([
      'Cast float16(i) -> f',
      'MatMul(f,w) -> y_float16',
      'Cast float32(y_float16) -> y',
    ]);
  });

  test('with keepIo: false, inputs and outputs of low nodes become float16', () => {
    const result = rewrite(chain('MatMul', 'Relu'), { keepIo: false });
    expect(outline(result)).toEqual(['MatMul(x,w) -> a', 'Relu(a) -> b']);
    expect(result.graph.inputs[0]?.dtype).toBe('float16');
    expect(result.graph.outputs[0]?.dtype).toBe('float16');
  });
});

describe('lists', () => {
  test('can be edited, and nodes kept by name', () => {
    const graph = chain('MatMul', 'Exp', 'MatMul', 'Relu');
    expect(low(rewrite(graph))).toEqual(['a', 'c', 'd']);
    expect(low(rewrite(graph, { lists: { infer: { add: ['Exp'] } } }))).toEqual([
      'a',
      'b',
      'c',
      'd',
    ]);
    expect(low(rewrite(graph, { lists: { allow: { remove: ['MatMul'] } } }))).toEqual([]);
    expect(low(rewrite(graph, { keep: ['c'] }))).toEqual(['a']);
  });

  test('contradictory edits are refused', () => {
    const wrong = (lists: ListEdits) => () => editLists('tf-grappler', lists);
    expect(wrong({ allow: { add: ['Exp'] }, deny: { add: ['Exp'] } })).toThrow(
      new ParamError('convert: lists adds Exp to both allow and deny'),
    );
    expect(wrong({ deny: { remove: ['Relu'] } })).toThrow(
      'lists.deny.remove names Relu, which is on the list clear of tf-grappler',
    );
    expect(wrong({ deny: { remove: ['Foo'] } })).toThrow('which is on no list');
  });

  test('no operator is on two lists of a profile', () => {
    for (const { lists } of Object.values(PROFILES)) {
      const all = Object.values(lists).flat();
      expect(new Set(all).size).toBe(all.length);
    }
  });

  test('profiles differ where their sources do', () => {
    const graph = chain('MatMul', 'Softmax', 'MatMul', 'Sigmoid');
    expect(low(rewrite(graph))).toEqual(['a', 'b', 'c']);
    expect(low(rewrite(graph, { profile: 'tf-docs' }))).toEqual(['a', 'c']);
    expect(low(rewrite(graph, { profile: 'torch-autocast' }))).toEqual(['a', 'c', 'd']);
    expect(low(rewrite(graph, { profile: 'onnx-converter' }))).toEqual(['a', 'b', 'c', 'd']);
  });
});
