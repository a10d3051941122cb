/** Runs that are replays of a captured graph. */

import { Model, memory, Stream, sync, type Tensor, tensor } from '../../lib/index';
import { DEVICES } from '../support/op-info';
import { type ModelSpec, type NodeSpec, onnxModel } from '../support/onnx-builder';
import { Rng } from '../support/rng';
import { forgetFailures } from '../support/forget-failures';

forgetFailures();

const SIZE = 6;
const DEPTH = 8;
const weights = Array.from(new Rng().values('int8', SIZE * SIZE), (v) => Number(v) % 4);

/** x -> (product, sign) eight times -> y. The first product is an output, too. */
const spec: ModelSpec = {
  opset: 13,
  inputs: { x: ['N', SIZE] },
  outputs: { y: ['N', SIZE], p0: ['N', SIZE] },
  initializers: { w: { floats: weights, dims: [SIZE, SIZE] } },
  nodes: Array.from({ length: DEPTH }, (_, i) => {
    const [from, to] = [i === 0 ? 'x' : `s${i - 1}`, i === DEPTH - 1 ? 'y' : `s${i}`];
    return [
      { op: 'MatMul', name: `product${i}`, inputs: [from, 'w'], outputs: [`p${i}`] },
      { op: 'Sign', name: `sign${i}`, inputs: [`p${i}`], outputs: [to] },
    ];
  }).flat(),
};
const bytes = onnxModel(spec);

/** The same in plain numbers. */
function expected(x: readonly number[]): { y: number[]; p0: number[] } {
  const product = (values: readonly number[]) =>
    values.map((_, at) => {
      const [row, column] = [Math.floor(at / SIZE), at % SIZE];
      let sum = 0;
      for (let k = 0; k < SIZE; k++) {
        sum += (values[row * SIZE + k] as number) * (weights[k * SIZE + column] as number);
      }
      return sum;
    });
  let values = [...x];
  for (let i = 0; i < DEPTH; i++) values = product(values).map(Math.sign);
  return { y: values, p0: product(x) };
}

const rows = (count: number, seed: number) =>
  Array.from({ length: count * SIZE }, (_, i) => ((i * 7 + seed * 5) % 9) - 4);

async function check(model: Model, x: readonly number[], device: string): Promise<void> {
  using given = tensor(x, { shape: [x.length / SIZE, SIZE], device });
  const made = await model.run({ x: given });
  const wanted = expected(x);
  for (const name of ['y', 'p0'] as const) {
    const result = made[name] as Tensor;
    expect(Array.from(await result.data(), (v) => Number(v) + 0)).toEqual(
      wanted[name].map((v) => v + 0),
    );
    result.dispose();
  }
}

describe.each(DEVICES)('on %s', (device) => {
  const load = () => Model.load(bytes, { device });

  test('the second run is captured, later ones are replays with the values of their inputs', async () => {
    using model = await load();
    for (let i = 0; i < 6; i++) await check(model, rows(2, i), device);
    const [plan] = model.plans;
    expect(plan).toMatchObject({
      inputs: { x: [2, SIZE] },
      graph: { state: 'ready', why: null, replays: 5, launched: device !== 'cpu' },
    });
  });

  test('results belong to the caller: a later replay does not change them', async () => {
    using model = await load();
    const kept: { readonly x: number[]; readonly made: Record<string, Tensor> }[] = [];
    for (let i = 0; i < 5; i++) {
      const x = rows(1, i);
      kept.push({ x, made: await model.run({ x: Float32Array.from(x) }) });
    }
    for (const { x, made } of kept) {
      expect(Array.from(await (made['p0'] as Tensor).data())).toEqual(expected(x).p0);
    }
  });

  test('each shape has a graph of its own, and the plans that were used last are kept', async () => {
    using model = await load();
    for (let round = 0; round < 3; round++) {
      for (let n = 1; n <= 4; n++) await check(model, rows(n, round), device);
    }
    expect(model.plans.map(({ inputs }) => inputs['x']?.[0])).toEqual([4, 3, 2, 1]);
    expect(model.plans.map(({ graph }) => graph.replays)).toEqual([2, 2, 2, 2]);
    for (let n = 5; n <= 12; n++) await check(model, rows(n, 0), device);
    expect(model.plans).toHaveLength(8);
    await check(model, rows(1, 1), device);
    expect(model.plans[0]?.graph).toMatchObject({ state: 'waiting', replays: 0 });
  });

  test('several runs at once', async () => {
    using model = await load();
    for (let round = 0; round < 3; round++) {
      const all = Array.from({ length: 9 }, (_, i) => check(model, rows(1 + (i % 3), i), device));
      await Promise.all(all);
    }
    for (const { graph } of model.plans) expect(graph.state).toBe('ready');
  });

  test('what a replay cannot do is done node by node, and says why', async () => {
    using model = await load();
    for (let i = 0; i < 3; i++) await check(model, rows(1, i), device);
    const why = () => model.plans[0]?.graph.why;
    expect(why()).toBeNull();
    const x = Float32Array.from(rows(1, 1));
    const nodes: string[] = [];
    await model.run({ x }, { onNode: ({ node }) => nodes.push(node) });
    expect(nodes).toHaveLength(2 * DEPTH);
    expect(why()).toBe('nodes were to be reported one by one');
    await model.run({ x }, { outputs: ['p0'] });
    expect(why()).toBe('only some of the outputs were wanted');
    using stream = new Stream(device as 'cpu');
    await stream.run(() => model.run({ x }));
    expect(why()).toBe('it was made on another stream than the graph');
    await check(model, rows(1, 4), device);
    expect(why()).toBeNull();
    const { plan } = await model.profile({ x }, { runs: 1 });
    expect(plan.graph.why).toBe('nodes were to be reported one by one');
  });

  test('runSync replays a graph that there is', async () => {
    using model = await load();
    for (let i = 0; i < 2; i++) await check(model, rows(1, i), device);
    const x = rows(1, 3);
    const { p0 } = model.runSync({ x: Float32Array.from(x) });
    expect(Array.from((p0 as Tensor).dataSync())).toEqual(expected(x).p0);
    expect(model.plans[0]?.graph.replays).toBe(2);
  });

  test('an aborted run rejects with the reason', async () => {
    using model = await load();
    for (let i = 0; i < 2; i++) await check(model, rows(1, i), device);
    const controller = new AbortController();
    const running = model.run({ x: Float32Array.from(rows(1, 1)) }, { signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(running).rejects.toThrow('enough');
    await check(model, rows(1, 2), device);
  });

  test('a disposed model gives the memory of its graphs back', async () => {
    const held = () => memory().find((entry) => entry.device === device);
    using x = tensor(rows(64, 1), { shape: [64, SIZE], device });
    const before = held()?.live;
    {
      using model = await load();
      for (let i = 0; i < 4; i++) {
        for (const made of Object.values(await model.run({ x }))) made.dispose();
      }
      const { graph, memory: planned } = model.plans[0] ?? {};
      const one = 64 * SIZE * 4;
      expect(planned).toEqual({ sum: 2 * DEPTH * one, peak: 3 * one, kept: 0 });
      // The input, both outputs, and two that take turns.
      expect(graph?.bytes).toBe(5 * one);
    }
    await sync(device as 'cpu');
    expect(held()?.live).toBeLessThanOrEqual(before ?? 0);
  });
});

test('graphs: false never captures', async () => {
  using model = await Model.load(bytes, { graphs: false });
  for (let i = 0; i < 3; i++) await check(model, rows(1, i), 'cpu');
  expect(model.plans[0]?.graph).toMatchObject({
    state: 'off',
    why: 'the model was loaded with graphs: false',
    replays: 0,
  });
});

describe('on the CPU, unless it is asked for', () => {
  const chain = (calls: number, last: Omit<NodeSpec, 'inputs' | 'outputs'>): ModelSpec => ({
    opset: 13,
    inputs: { x: ['N', 1] },
    outputs: { y: ['N', 'M'] },
    initializers: { wide: { floats: new Array<number>(4096).fill(1), dims: [1, 4096] } },
    nodes: [
      { op: 'MatMul', name: 'widen', inputs: ['x', 'wide'], outputs: ['v0'] },
      ...Array.from({ length: calls }, (_, i) => ({
        op: 'Tanh',
        name: `call${i}`,
        inputs: [`v${i}`],
        outputs: [`v${i + 1}`],
      })),
      { ...last, inputs: [`v${calls}`], outputs: ['y'] },
    ],
  });
  test.each([
    // 17 values of 1024 x 4096 floats, and the means.
    [
      'values that take more than 256 MiB together',
      chain(16, { op: 'ReduceMean', name: 'mean', attributes: { axes: [1] } }),
      1024,
      'on the CPU, runs are captured where their values take 268435456 bytes at most, these take 285216768',
    ],
    [
      'few calls and large results',
      chain(1, { op: 'Tanh', name: 'last' }),
      64,
      'on the CPU it takes less time to make 3 calls than to copy 1048832 bytes of inputs and outputs',
    ],
  ])('%s are not captured', async (_, spec, rows, why) => {
    const bytes = onnxModel(spec);
    for (const graphs of ['auto', true] as const) {
      using model = await Model.load(bytes, { graphs });
      for (let i = 0; i < 2; i++) (await model.run({ x: new Float32Array(rows) }))['y']?.dispose();
      expect(model.plans[0]?.graph).toMatchObject(
        graphs === true ? { state: 'ready', why: null } : { state: 'off', why },
      );
    }
  });
});

/** y is the row of the table at each index. */
const table = onnxModel({
  opset: 13,
  inputs: { i: { dtype: 'int64', shape: ['N'] } },
  outputs: { y: ['N', 2] },
  initializers: { rows: { floats: [1, 2, 3, 4], dims: [2, 2] } },
  nodes: [{ op: 'Gather', name: 'look up', inputs: ['rows', 'i'], outputs: ['y'] }],
});

test('a replay that fails is an error that names the node', async () => {
  using model = await Model.load(table, { graphs: true });
  const run = async (...i: bigint[]) => (await model.run({ i: BigInt64Array.from(i) }))['y'];
  for (let i = 0; i < 3; i++) {
    expect(await (await run(1n, 0n))?.toArray()).toEqual([
      [3, 4],
      [1, 2],
    ]);
  }
  expect(model.plans[0]?.graph.state).toBe('ready');
  await expect(run(1n, 7n)).rejects.toThrow(/^node "look up" \(Gather\): .* got 7/);
  expect(() => model.runSync({ i: BigInt64Array.of(1n, 9n) })).toThrow(
    /^node "look up" \(Gather\): .* got 9/,
  );
  expect(await (await run(0n, 1n))?.toArray()).toEqual([
    [1, 2],
    [3, 4],
  ]);
  expect(model.plans[0]?.graph.replays).toBe(5);
});
