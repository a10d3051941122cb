import type { DType } from '../../lib/dtype';
import { ModelError } from '../../lib/errors';
import { type ExecuteOptions, Executor } from '../../lib/graph/executor';
import { ConstantTensors } from '../../lib/graph/fixed';
import { makePlan } from '../../lib/graph/plan';
import { ONNX_OPS } from '../../lib/onnx/op-table';
import { FakeEngine, graphOf, type FakeTensor } from '../support/graphs';
import type { ModelSpec } from '../support/onnx-builder';

function executorOf(spec: ModelSpec, engine = new FakeEngine()) {
  const graph = graphOf(spec);
  const inputs = new Map(
    graph.inputs.map(({ name, dtype, shape }) => [
      name,
      { dtype: (dtype ?? 'float32') as DType, shape: (shape ?? []).map(Number) },
    ]),
  );
  const constants = new ConstantTensors<FakeTensor>(engine);
  const plan = makePlan(graph, ONNX_OPS, inputs, engine);
  const executor = new Executor<FakeTensor>(plan, engine, constants);
  const given = new Map(graph.inputs.map(({ name }) => [name, engine.input(name)]));
  const run = async (options?: ExecuteOptions) => {
    const outputs = await executor.run(given, options);
    return Object.fromEntries([...outputs].map(([name, tensor]) => [name, tensor.text]));
  };
  return { engine, executor, constants, given, run, plan };
}

const unary = (op: string, from: string, to: string) => ({
  op,
  name: op,
  inputs: [from],
  outputs: [to],
});

/** x -> Relu -> a -> Neg -> b; a + b -> y; a -> Abs -> z */
const diamond: ModelSpec = {
  inputs: { x: [2] },
  outputs: { y: [2], z: [2] },
  nodes: [
    unary('Relu', 'x', 'a'),
    unary('Neg', 'a', 'b'),
    { op: 'Add', name: 'Add', inputs: ['a', 'b'], outputs: ['y'] },
    unary('Abs', 'a', 'z'),
  ],
};

describe('Executor', () => {
  test('runs in order and disposes of each value after its last reader', async () => {
    const { engine, run } = executorOf(diamond);
    expect(await run()).toEqual({ y: 'add(relu(x),neg(relu(x)))', z: 'abs(relu(x))' });
    expect(engine.log).toEqual([
      'relu(x)',
      'neg(relu(x))',
      'add(relu(x),neg(relu(x)))',
      'dispose neg(relu(x))',
      'abs(relu(x))',
      'dispose relu(x)',
    ]);
    expect(engine.left).toEqual(['x', 'add(relu(x),neg(relu(x)))', 'abs(relu(x))']);
  });

  test('runs only what the wanted outputs need', async () => {
    const { engine, run } = executorOf(diamond);
    expect(await run({ outputs: ['z'] })).toEqual({ z: 'abs(relu(x))' });
    expect(engine.log).toEqual(['relu(x)', 'abs(relu(x))', 'dispose relu(x)']);
    await run({ outputs: ['y'] });
    expect(engine.log.slice(3)).not.toContain('abs(relu(x))');
  });

  test('reports each call, in order', async () => {
    const { run } = executorOf(diamond);
    const reports: string[] = [];
    await run({
      onNode: ({ node, op, call, provenance }) =>
        reports.push(`${node} ${op} ${call} ${provenance.kernel}`),
    });
    expect(reports).toEqual([
      'Relu Relu relu relu(x)',
      'Neg Neg neg neg(relu(x))',
      'Add Add add add(relu(x),neg(relu(x)))',
      'Abs Abs abs abs(relu(x))',
    ]);
  });

  test('constants are uploaded once, and what follows from them alone runs once', async () => {
    const { engine, run, executor, constants } = executorOf({
      inputs: { x: [2] },
      outputs: { y: [2] },
      initializers: { w: { floats: [1, 2] } },
      nodes: [
        unary('Neg', 'w', 'v'),
        { op: 'Add', name: 'Add', inputs: ['x', 'v'], outputs: ['y'] },
      ],
    });
    await run();
    await run();
    expect(engine.log).toEqual([
      'upload [2]',
      'neg(const[2])',
      'add(x,neg(const[2]))',
      'dispose const[2]', // nobody reads it again
      'add(x,neg(const[2]))',
    ]);
    executor.dispose();
    constants.dispose();
    expect(engine.left).toEqual(['x', 'add(x,neg(const[2]))', 'add(x,neg(const[2]))']);
  });

  test('what follows from constants is shared by plans, and only kept where later runs read it', async () => {
    const engine = new FakeEngine();
    const spec = (size: number): ModelSpec => ({
      inputs: { x: [size, 2] },
      outputs: { y: [size, 2] },
      initializers: { w: { floats: [1, 2] } },
      nodes: [
        unary('Neg', 'w', 'u'),
        unary('Abs', 'u', 'v'),
        { op: 'Add', name: 'Add', inputs: ['x', 'v'], outputs: ['y'] },
      ],
    });
    const [one, two] = [graphOf(spec(1)), graphOf(spec(2))];
    const constants = new ConstantTensors<FakeTensor>(engine, new Set(one.initializers.values()));
    const run = async (graph: typeof one, size: number) => {
      const shapes = new Map([['x', { dtype: 'float32' as const, shape: [size, 2] }]]);
      const plan = makePlan(graph, ONNX_OPS, shapes, engine);
      const executor = new Executor<FakeTensor>(plan, engine, constants);
      await executor.run(new Map([['x', engine.input('x')]]));
      return executor;
    };
    const first = await run(one, 1);
    expect(engine.log).toEqual([
      'upload [2]',
      'neg(const[2])',
      'abs(neg(const[2]))',
      'dispose neg(const[2])',
      'add(x,abs(neg(const[2])))',
      'dispose const[2]',
    ]);
    const second = await run({ ...two, initializers: one.initializers }, 2);
    expect(engine.log.slice(6)).toEqual(['add(x,abs(neg(const[2])))']);
    first.dispose();
    second.dispose();
    expect(engine.left).toContain('abs(neg(const[2]))');
    constants.dispose();
    expect(engine.left).not.toContain('abs(neg(const[2]))');
  });

  test('outputs are tensors of their own: no inputs, constants or one tensor twice', async () => {
    const { engine, run } = executorOf({
      inputs: { x: [2] },
      outputs: { x: [2], w: [2], a: [2], b: [2] },
      initializers: { w: { floats: [1, 2] } },
      nodes: [unary('Relu', 'x', 'a'), unary('Identity', 'a', 'b')],
    });
    expect(await run()).toEqual({
      x: 'share(x)',
      w: 'share(const[2])',
      a: 'relu(x)',
      b: 'share(relu(x))',
    });
    expect(engine.log).not.toContain('dispose x');
  });

  test('a view is not waited for', async () => {
    const { run } = executorOf({
      inputs: { x: [2] },
      outputs: { y: [1, 2] },
      initializers: { s: { ints: [1, -1] } },
      nodes: [{ op: 'Reshape', name: 'r', inputs: ['x', 's'], outputs: ['y'] }],
    });
    const reports: unknown[] = [];
    expect(await run({ onNode: (report) => reports.push(report) })).toEqual({ y: 'reshape(x)' });
    expect(reports).toEqual([]);
  });

  test.each(['enqueue', 'run'] as const)(
    'a failure to %s names the node and leaves nothing',
    async (when) => {
      const { engine, run } = executorOf(diamond);
      engine.failing[when] = 'neg';
      const error = await run().then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      expect(error).toBeInstanceOf(ModelError);
      expect(error).toMatchObject({
        node: 'Neg',
        op: 'Neg',
        message: expect.stringMatching(/^node "Neg" \(Neg\): neg/),
      });
      expect(engine.left).toEqual(['x']);
      engine.failing[when] = '';
      expect(await run()).toHaveProperty('y');
    },
  );

  test('a failed step that runs once is tried again by the next run', async () => {
    const { engine, run } = executorOf({
      inputs: { x: [2] },
      outputs: { y: [2] },
      initializers: { w: { floats: [1, 2] } },
      nodes: [
        unary('Neg', 'w', 'v'),
        { op: 'Add', name: 'Add', inputs: ['x', 'v'], outputs: ['y'] },
      ],
    });
    engine.failing.run = 'neg';
    await expect(run()).rejects.toThrow('node "Neg" (Neg): neg failed');
    expect(engine.left).toEqual(['x', 'const[2]']);
    engine.failing.run = '';
    expect(await run()).toEqual({ y: 'add(x,neg(const[2]))' });
  });

  test('stops between nodes when the signal is aborted, and leaves nothing', async () => {
    const { engine, run } = executorOf(diamond);
    const reason = new Error('enough');
    const controller = new AbortController();
    engine.onRun = (text) => {
      if (text.startsWith('neg')) controller.abort(reason);
    };
    await expect(run({ signal: controller.signal })).rejects.toBe(reason);
    expect(engine.log).not.toContain('add(relu(x),neg(relu(x)))');
    expect(engine.left).toEqual(['x']);
    await expect(run({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });

  test('does not run far ahead of the device', async () => {
    const count = 100;
    const nodes = Array.from({ length: count }, (_, i) => ({
      ...unary('Relu', i === 0 ? 'x' : `v${i - 1}`, i === count - 1 ? 'y' : `v${i}`),
      name: `${i}`,
    }));
    const engine = new FakeEngine();
    let waiting = 0;
    let most = 0;
    engine.onRun = () => {
      waiting += 1;
      most = Math.max(most, waiting);
    };
    const { run } = executorOf({ inputs: { x: [1] }, outputs: { y: [1] }, nodes }, engine);
    await run({ onNode: () => (waiting -= 1) });
    expect(waiting).toBe(0);
    expect(most).toBeLessThan(20);
  });
});

describe('makePlan', () => {
  test('a node that fails names itself, with the cause', () => {
    const engine = new FakeEngine();
    engine.infer = () => {
      throw new RangeError('relu: bad');
    };
    let caught: unknown;
    try {
      executorOf(diamond, engine);
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(ModelError);
    expect(caught).toMatchObject({
      node: 'Relu',
      op: 'Relu',
      opset: 13,
      cause: expect.any(RangeError),
    });
    expect((caught as Error).message).toBe('node "Relu" (Relu, opset 13): relu: bad');
  });

  test('a shape that has to be known and is not', () => {
    const spec: ModelSpec = {
      inputs: { x: [2], s: { dtype: 'int64', shape: [1] } },
      outputs: { y: [2] },
      nodes: [{ op: 'Reshape', name: 'r', inputs: ['x', 's'], outputs: ['y'] }],
    };
    expect(() => executorOf(spec)).toThrow(
      'node "r" (Reshape, opset 13): input 1 ("s") depends on what the model is given. It has to be known when the model is loaded',
    );
  });

  test('a shape that is not int64, an output of another type', () => {
    const spec: ModelSpec = {
      inputs: { x: [2] },
      outputs: { y: [2] },
      initializers: { s: { floats: [2] } },
      nodes: [{ op: 'Reshape', name: 'r', inputs: ['x', 's'], outputs: ['y'] }],
    };
    expect(() => executorOf(spec)).toThrow(
      'node "r" (Reshape, opset 13): input 1 must be int64, got float32',
    );
    expect(() =>
      executorOf({ ...diamond, outputs: { y: { dtype: 'int64', shape: [2] } } }),
    ).toThrow('output "y" is declared int64, but it is float32');
  });

  test('a reshaped constant is a constant', () => {
    const { plan } = executorOf({
      inputs: { x: [2, 1] },
      outputs: { y: [2, 1] },
      initializers: { w: { floats: [1, 2] }, s: { ints: [-1, 1] } },
      nodes: [
        { op: 'Reshape', inputs: ['w', 's'], outputs: ['v'] },
        { op: 'Add', inputs: ['x', 'v'], outputs: ['y'] },
      ],
    });
    expect(plan.steps.map(({ op }) => op)).toEqual(['add']);
    expect(plan.values.get('v')?.constant?.shape).toEqual([2, 1]);
  });
});
