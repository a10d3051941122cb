/** If and Loop: what ONNX's cases do not ask for. */

import { Model, ModelError, type NodeReport, tensor } from '../../lib/index';
import { type FlowCall, type Work, workNow } from '../../lib/graph/flow';
import { MAX_ITERATIONS } from '../../lib/onnx/nodes/flow';
import { ONNX_OPS } from '../../lib/onnx/op-table';
import { bool, branch, feeds, ifModel, node, read, run, whileLoop } from '../support/flow-models';
import { tensorsLeftBy } from '../support/gc';
import { type GraphSpec, type NodeSpec, onnxModel } from '../support/onnx-builder';

describe('Loop', () => {
  test('ends by its condition, by its count, and before it begins', async () => {
    expect(await run(whileLoop, feeds(100n, 20))).toEqual({
      y: { shape: [2], data: [8, 16] },
      all: { shape: [3, 2], data: [10, 20, 20, 40, 40, 80] },
    });
    expect(await run(whileLoop, feeds(2n, 1e9))).toEqual({
      y: { shape: [2], data: [4, 8] },
      all: { shape: [2, 2], data: [10, 20, 20, 40] },
    });
    for (const m of [0n, -1n]) {
      expect(await run(whileLoop, feeds(m, 1e9))).toEqual({
        y: { shape: [2], data: [1, 2] },
        all: { shape: [0, 0], data: [] },
      });
    }
  });

  test('gives back all that it makes', async () => {
    const left = tensorsLeftBy(async () => {
      await run(whileLoop, feeds(5n, 1e9));
      using model = await Model.load(whileLoop);
      const { y, ...rest } = await model.run(feeds(5n, 1e9), { outputs: ['y'] });
      expect(rest).toEqual({});
      expect(await y?.toArray()).toEqual([32, 64]);
      y?.dispose();
    });
    expect(await left).toBe(0);
  });

  test('stops when it is aborted, and lets others run meanwhile', async () => {
    const left = tensorsLeftBy(async () => {
      using model = await Model.load(whileLoop);
      const control = new AbortController();
      let turns = 0;
      const timer = setInterval(() => {
        turns += 1;
        if (turns === 3) control.abort(new Error('enough'));
      }, 5);
      const running = model.run(feeds(2n ** 62n, Number.POSITIVE_INFINITY), {
        signal: control.signal,
      });
      await expect(running).rejects.toThrow('enough');
      clearInterval(timer);
      expect(turns).toBeGreaterThanOrEqual(3);
    });
    expect(await left).toBe(0);
  });

  test('is refused where it does not end', () => {
    const [definition] = ONNX_OPS.forms('Loop');
    let runs = 0;
    const scalar = { dtype: 'bool', shape: [], data: Uint8Array.of(1) } as const;
    const call = {
      inputCount: 2,
      node: { captures: [] },
      graph: () => ({ outputs: [{ name: 'go' }] }),
      input: () => undefined,
      upload: () => null,
      pause: () => done(undefined),
      read: () => done(scalar),
      run: () => {
        runs += 1;
        return done([null]);
      },
      error: (what: string) => new Error(what),
    } as unknown as FlowCall;
    expect(() => workNow(definition?.flow?.(call) as never)).toThrow(
      `it goes on after ${MAX_ITERATIONS} iterations, which is refused`,
    );
    expect(runs).toBe(MAX_ITERATIONS);
  });

  test('reports its nodes, with the loop that they are in', async () => {
    using model = await Model.load(whileLoop);
    const reports: NodeReport[] = [];
    await read(await model.run(feeds(2n, 1e9), { onNode: (report) => reports.push(report) }));
    const nodes = reports.map(({ node: name }) => name);
    expect(nodes.filter((name) => name === 'loop/mul_w')).toHaveLength(2);
    expect(reports.every((report) => report.within === 'loop')).toBe(true);
  });
});

describe('If', () => {
  test('runs one branch, of another shape than the other', async () => {
    using c = tensor(Uint8Array.of(1), { dtype: 'bool', shape: [] });
    using d = tensor(Uint8Array.of(0), { dtype: 'bool', shape: [] });
    const x = Float32Array.of(-1, 2);
    expect(await run(ifModel(), { c, x })).toEqual({ y: { shape: [2], data: [1, -4] } });
    expect(await run(ifModel(), { c: d, x })).toEqual({ y: { shape: [4], data: [-0, -2, 1, -2] } });
    expect(await run(ifModel(), { c, x: new Float32Array(0) })).toEqual({
      y: { shape: [0], data: [] },
    });
  });

  test('with a constant condition is decided when the model is loaded', async () => {
    const bytes = ifModel({
      inputs: { x: [4] },
      initializers: { c: { data_type: 9, dims: [], raw_data: Buffer.from([0]) } },
    });
    using model = await Model.load(bytes);
    expect(model.nodes.map(({ name }) => name)).toEqual(['relu_r', 'choose/concat_e', 'neg_y']);
    expect(await run(model.toBytes(), { x: [1, -1, 2, -2] })).toEqual({
      y: { shape: [8], data: [-1, -0, -2, -0, -1, 1, -2, 2] },
    });
  });

  test('of a constant may give what it is given', async () => {
    const same = { graph: { outputs: { x: ['n'] }, nodes: [] } } as const;
    const bytes = onnxModel({
      opset: 16,
      inputs: { x: ['n'] },
      outputs: { y: ['n'] },
      nodes: [
        node('Constant', [], ['c'], {
          value: { tensor: { data_type: 9, dims: [], raw_data: Buffer.from([1]) } },
        }),
        node('If', ['c'], ['y'], { then_branch: same, else_branch: same }),
      ],
    });
    expect(await run(bytes, { x: [1, 2] })).toEqual({ y: { shape: [2], data: [1, 2] } });
  });

  test('a condition of several values is refused', async () => {
    using model = await Model.load(
      ifModel({ inputs: { c: { dtype: 'bool', shape: ['k'] }, x: ['n'] } }),
    );
    using c = tensor(Uint8Array.of(1, 1), { dtype: 'bool', shape: [2] });
    const running = model.run({ c, x: [1] });
    await expect(running).rejects.toThrow(
      'node "choose" (If, opset 16): the condition must be one value, got [2]',
    );
  });

  test('a failure in a branch names its node', async () => {
    using model = await Model.load(
      ifModel({
        inputs: { c: bool, x: ['n'] },
        nodes: [
          {
            ...node('If', ['c'], ['y'], {
              then_branch: branch(node('Concat', ['x', 'x'], ['t'], { axis: 3 })),
              else_branch: branch(node('Relu', ['x'], ['e'])),
            }),
            name: 'choose',
          },
        ],
      }),
    );
    using c = tensor(Uint8Array.of(1), { dtype: 'bool', shape: [] });
    const running = model.run({ c, x: [1] });
    await expect(running).rejects.toThrow('node "choose/concat_t" (Concat, opset 16): ');
    await expect(running).rejects.toMatchObject({ node: 'choose/concat_t', op: 'Concat' });
  });
});

/** Work that has nothing to wait for. */
// biome-ignore lint/correctness/useYield: it is done
function* done<T>(value: T): Work<T> {
  return value;
}

test.each<[string, string, NodeSpec['attributes'], string]>([
  ['If', 'a branch', {}, 'attribute "then_branch" is missing'],
  [
    'If',
    'as many outputs',
    { then_branch: { graph: { outputs: {}, nodes: [] } } },
    'its graph "then_branch" must give 1 outputs, it gives 0',
  ],
  [
    'Loop',
    'the inputs',
    { body: { graph: { outputs: {}, nodes: [] } } },
    'its body must take 3 inputs, it takes 0',
  ],
  ['Scan', 'its number of inputs', {}, 'attribute "num_scan_inputs" is missing'],
  ['Scan', 'as many inputs', { num_scan_inputs: 4 }, 'attribute "body" is missing'],
  [
    'SequenceMap',
    'the inputs',
    { body: { graph: { outputs: {}, nodes: [] } } },
    'its body must take 3 inputs, it takes 0',
  ],
])('%s without %s is refused when the model is loaded', async (op, _what, attributes, message) => {
  const inputs = op === 'If' ? ['c'] : ['c', 'c', 'c'];
  const bytes = onnxModel({
    opset: 17,
    inputs: { c: bool },
    outputs: { y: [] },
    nodes: [{ ...node(op, inputs, ['y'], attributes), name: 'n' }],
  });
  await expect(Model.load(bytes)).rejects.toThrow(`node "n" (${op}, opset 17): ${message}`);
});

const REFUSED: [string, GraphSpec, string][] = [
  [
    'an operator that nobody knows',
    { outputs: { t: [] }, nodes: [node('Foo', ['x'], ['t'])] },
    'node "if_y/foo_t" (Foo, opset 16): operator Foo is not supported',
  ],
  [
    'a value that nobody makes',
    { outputs: { t: [] }, nodes: [node('Relu', ['nowhere'], ['t'])] },
    'node "if_y" (If): input 1 ("nowhere") is made by no node',
  ],
  [
    'an attribute that is not known',
    { outputs: { t: [] }, nodes: [node('Relu', ['x'], ['t'], { alpha: 1 })] },
    'node "if_y/relu_t" (Relu, opset 16): attribute "alpha" is not supported',
  ],
  [
    'a value made twice',
    { outputs: { t: [] }, nodes: [node('Relu', ['x'], ['t']), node('Neg', ['x'], ['t'])] },
    'output "t" is already defined by node "relu_t"',
  ],
  [
    'sparse initializers',
    { outputs: { t: [] }, nodes: [], graph: { sparse_initializer: [{}] } },
    'sparse initializers',
  ],
];

test.each(REFUSED)(
  '%s within a branch is refused when the model is loaded',
  async (_what, graph, message) => {
    const bytes = onnxModel({
      opset: 16,
      inputs: { c: bool, x: [2] },
      outputs: { y: [2] },
      nodes: [node('If', ['c'], ['y'], { then_branch: { graph }, else_branch: { graph } })],
    });
    const loading = Model.load(bytes);
    await expect(loading).rejects.toBeInstanceOf(ModelError);
    await expect(loading).rejects.toThrow(message);
  },
);

test('graphs within graphs are bounded', async () => {
  let graph: GraphSpec = { outputs: { t: [2] }, nodes: [node('Relu', ['x'], ['t'])] };
  for (let i = 0; i < 20; i++) {
    graph = {
      outputs: { t: [2] },
      nodes: [
        node('If', ['c'], ['t'], {
          then_branch: { graph },
          else_branch: { graph: { outputs: { e: [2] }, nodes: [node('Relu', ['x'], ['e'])] } },
        }),
      ],
    };
  }
  const bytes = onnxModel({
    opset: 16,
    inputs: { c: bool, x: [2] },
    outputs: { t: [2] },
    nodes: graph.nodes,
  });
  await expect(Model.load(bytes)).rejects.toThrow('graphs within nodes are supported 16 deep');
});
