/** Scan and SequenceMap, graphs in graphs, and what else goes through models with graphs within nodes. */

import { Model, type Tensor, tensor } from '../../lib/index';
import { bool, feeds, ifModel, nested, node, read, run, whileLoop } from '../support/flow-models';
import { type NodeSpec, onnxModel } from '../support/onnx-builder';
import { OnnxRuntime } from '../support/ort';

test('an If in a Scan in a Loop reads values of all graphs around it', async () => {
  const x = Float32Array.of(1, 2, 3, 4, 5, 6);
  const made = await run(nested, { x, m: BigInt64Array.of(2n) });
  expect(made).toEqual({
    y: { shape: [2], data: [70, 112] },
    sums: { shape: [2, 3, 2], data: [25, 36, 34, 52, 35, 56, 60, 92, 69, 108, 70, 112] },
  });
});

test('Scan along other axes, backwards, and of nothing', async () => {
  const scan = (attributes: NodeSpec['attributes'], shape: readonly (number | string)[]) =>
    onnxModel({
      opset: 16,
      inputs: { x: shape },
      outputs: { y: [null, null] },
      nodes: [
        node('Scan', ['x'], ['y'], {
          num_scan_inputs: 1,
          ...attributes,
          body: {
            graph: {
              inputs: { row: [2] },
              outputs: { z: [2] },
              nodes: [node('Neg', ['row'], ['z'])],
            },
          },
        }),
      ],
    });
  const x = Float32Array.of(1, 2, 3, 4, 5, 6);
  expect(
    await run(
      scan({ scan_input_axes: [-1], scan_output_axes: [1], scan_output_directions: [1] }, [2, 3]),
      { x },
    ),
  ).toEqual({
    y: { shape: [2, 3], data: [-3, -2, -1, -6, -5, -4] },
  });
  expect(await run(scan({}, ['n', 2]), { x: new Float32Array(0) })).toEqual({
    y: { shape: [0, 2], data: [] },
  });
  using wrong = await Model.load(scan({ scan_input_axes: [2] }, [3, 2]));
  await expect(wrong.run({ x })).rejects.toThrow(
    'node "scan_y" (Scan, opset 16): scan_input_axes must lie in [-2, 1], got 2',
  );
});

test('sequences and optional values come in and go out', async () => {
  const bytes = onnxModel({
    opset: 18,
    inputs: { s: { shape: ['n'], sequence: true }, o: { shape: [2], optional: true }, b: [1] },
    outputs: { t: { shape: ['n'], sequence: true }, h: bool, q: { shape: [2], optional: true } },
    nodes: [
      node('SequenceMap', ['s', 'b'], ['t'], {
        body: {
          graph: {
            inputs: { e: ['n'], f: [1] },
            outputs: { g: ['n'] },
            nodes: [node('Add', ['e', 'f'], ['g'])],
          },
        },
      }),
      node('OptionalHasElement', ['o'], ['h']),
      node('Identity', ['b'], ['unused']),
      node('Optional', ['b'], ['q']),
    ],
  });
  using model = await Model.load(bytes);
  expect(model.inputs).toEqual([
    { name: 's', dtype: 'float32', shape: ['n'], sequence: true },
    { name: 'o', dtype: 'float32', shape: [2], optional: true },
    { name: 'b', dtype: 'float32', shape: [1] },
  ]);
  using first = tensor([1, 2]);
  type Outputs = { t: readonly Tensor[]; h: Tensor; q: Tensor };
  const { t, h, q } = await model.run<Outputs>({
    s: [first, Float32Array.of(3)],
    o: null,
    b: [10],
  });
  expect(await Promise.all(t.map((element) => element.toArray()))).toEqual([[11, 12], [13]]);
  expect(Array.from(await h.data())).toEqual([0]);
  expect(await q.toArray()).toEqual([10]);
  const empty = await model.run<Outputs>({ s: [], o: [1, 2], b: [10] });
  expect(empty.t).toEqual([]);
  expect(Array.from(await empty.h.data())).toEqual([1]);
  await expect(model.run({ s: first, o: null, b: [1] })).rejects.toThrow(
    'input "s" is a sequence: it must be an array, got Tensor',
  );
  await expect(model.run({ s: [new Int32Array(1)], o: null, b: [1] })).rejects.toThrow(
    'input "s[0]" must be a Tensor, a Float32Array',
  );
  await expect(model.run({ s: [], o: [1], b: [1] })).rejects.toThrow(
    'input "o" must have the shape [2], got 1 values',
  );
  expect((await Model.load(model.toBytes())).outputs).toEqual(model.outputs);
});

describe('conversions', () => {
  test.each(['float16', 'mixed', 'bfloat16'] as const)(
    'to %s leave graphs within nodes as they are',
    async (precision) => {
      using model = await Model.load(whileLoop);
      using half = await model.convert({ precision, opset: 21 });
      expect(half.conversion?.nodes.find(({ name }) => name === 'loop')?.precision).toBe('float32');
      const made = await read(await half.run(feeds(3n, 1e9)));
      expect(made['y']).toEqual({ shape: [2], data: [8, 16] });
      const report = await half.audit({ reference: model, data: [feeds(3n, 1e9)] });
      expect(report.nodes.find(({ node: name }) => name === 'loop')?.calls.length).toBeGreaterThan(
        3,
      );
      expect(report.outputs[0]?.error.sqnr).toBeGreaterThan(60);
    },
  );
});

describe('ONNX Runtime agrees', () => {
  let runtime: OnnxRuntime;
  beforeAll(() => {
    runtime = new OnnxRuntime();
  });
  afterAll(() => runtime.close());

  const float = (shape: readonly number[], ...data: number[]) =>
    ({ dtype: 'float32', shape, data: Float32Array.from(data) }) as const;
  const long = (value: bigint) =>
    ({ dtype: 'int64', shape: [], data: BigInt64Array.of(value) }) as const;
  const bit = (value: number) =>
    ({ dtype: 'bool', shape: [], data: Uint8Array.of(value) }) as const;
  const cases = [
    ['a loop', whileLoop, { m: long(9n), x: float([2], 1, 2), limit: float([], 50) }],
    ['one branch', ifModel(), { c: bit(1), x: float([2], -1, 2) }],
    ['the other branch', ifModel(), { c: bit(0), x: float([2], -1, 2) }],
    ['graphs in graphs', nested, { x: float([3, 2], 1, 2, 3, 4, 5, 6), m: long(5n) }],
  ] as const;

  test.each(cases)('on %s, as it is and saved', async (_name, bytes, arrays) => {
    using model = await Model.load(bytes);
    const inputs = Object.fromEntries(
      Object.entries(arrays).map(([name, { data, shape, dtype }]) => {
        const held = dtype === 'bool' ? data.buffer : data;
        return [name, tensor(held as Float32Array, { shape, dtype: dtype as 'float32' })];
      }),
    );
    const made = await read(await model.run(inputs));
    for (const file of [bytes, model.toBytes()]) {
      const theirs = await runtime.run(file, arrays);
      expect([...theirs.keys()].sort()).toEqual(Object.keys(made).sort());
      for (const [name, { shape, data }] of theirs) {
        // Small whole numbers: exact.
        expect({ shape, data: Array.from(data, Number) }).toEqual(made[name]);
      }
    }
  });
});
