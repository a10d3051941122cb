/** Models whose shapes follow from what their nodes compute: NonZero, NonMaxSuppression and their like. */

import { Model, tensor } from '../../lib/index';
import { tensorsLeftBy } from '../support/gc';
import { onnxModel } from '../support/onnx-builder';

/** Positive entries of x * 2, their positions, and how many there are. */
const positive = onnxModel({
  inputs: { x: ['n'] },
  outputs: {
    y: ['m'],
    at: { dtype: 'int64', shape: [1, 'm'] },
    count: { dtype: 'int64', shape: [2] },
    x2: ['n'],
  },
  initializers: { two: { floats: [2], dims: [] }, zero: { floats: [0], dims: [] } },
  nodes: [
    { op: 'Mul', inputs: ['x', 'two'], outputs: ['x2'] },
    { op: 'Greater', inputs: ['x2', 'zero'], outputs: ['isPositive'] },
    { op: 'NonZero', name: 'find', inputs: ['isPositive'], outputs: ['at'] },
    { op: 'Compress', inputs: ['x2', 'isPositive'], outputs: ['y'], attributes: { axis: 0 } },
    { op: 'Shape', inputs: ['at'], outputs: ['count'] },
  ],
});

const CASES: readonly (readonly number[])[] = [
  [1, -1, 3],
  [-1, 2, 3],
  [-1, -2, -3],
  [1, -1, 3],
  [4],
];

test('a shape that follows from what nodes compute', async () => {
  using model = await Model.load(positive);
  for (const x of CASES) {
    const outputs = await model.run({ x: Float32Array.from(x) });
    const wanted = x.filter((value) => value > 0);
    expect(await outputs['y']?.toArray()).toEqual(wanted.map((value) => 2 * value));
    const at = x.flatMap((value, i) => (value > 0 ? [BigInt(i)] : []));
    expect(outputs['at']?.shape).toEqual([1, at.length]);
    expect(await outputs['at']?.toArray()).toEqual([at]);
    expect(await outputs['count']?.toArray()).toEqual([1n, BigInt(at.length)]);
    expect(await outputs['x2']?.toArray()).toEqual(x.map((value) => 2 * value));
    for (const value of Object.values(outputs)) value.dispose();
  }
});

test('the same on the thread that asks', async () => {
  using model = await Model.load(positive);
  for (const x of CASES) {
    const outputs = model.runSync({ x: Float32Array.from(x) });
    expect(outputs['y']?.dataSync()).toEqual(
      Float32Array.from(
        x.filter((value) => value > 0),
        (value) => 2 * value,
      ),
    );
    for (const value of Object.values(outputs)) value.dispose();
  }
});

test('several runs at once have their own shapes', async () => {
  using model = await Model.load(positive);
  const runs = await Promise.all(CASES.map((x) => model.run({ x: Float32Array.from(x) })));
  for (const [i, outputs] of runs.entries()) {
    expect(outputs['y']?.shape).toEqual([CASES[i]?.filter((value) => value > 0).length]);
    for (const value of Object.values(outputs)) value.dispose();
  }
});

test('one such shape may follow from another', async () => {
  using model = await Model.load(
    onnxModel({
      inputs: { x: ['n'] },
      outputs: { z: { dtype: 'int64', shape: [1, 'm'] } },
      initializers: { one: { floats: [1], dims: [] }, zero: { floats: [0], dims: [] } },
      nodes: [
        { op: 'Greater', inputs: ['x', 'zero'], outputs: ['a'] },
        { op: 'Compress', inputs: ['x', 'a'], outputs: ['y'], attributes: { axis: 0 } },
        { op: 'Sub', inputs: ['y', 'one'], outputs: ['y1'] },
        { op: 'NonZero', inputs: ['y1'], outputs: ['z'] },
      ],
    }),
  );
  for (const x of CASES) {
    const { z } = await model.run({ x: Float32Array.from(x) });
    const kept = x.filter((value) => value > 0);
    const wanted = kept.flatMap((value, i) => (value === 1 ? [] : [BigInt(i)]));
    expect(await z?.toArray()).toEqual([wanted]);
    z?.dispose();
  }
});

test('nothing is left behind by a thousand shapes', async () => {
  using model = await Model.load(positive);
  const once = async (i: number) => {
    const x = Float32Array.from({ length: 12 }, (_, k) => ((i >> k) & 1) - 0.5);
    for (const value of Object.values(await model.run({ x }))) value.dispose();
  };
  let i = 0;
  const left = tensorsLeftBy(async () => {
    for (const end = i + 300; i < end; i++) await once(i);
  });
  expect(await left).toBe(0);
});

test('boxes by the thousands are read', async () => {
  using model = await Model.load(
    onnxModel({
      opset: 11,
      inputs: { boxes: [1, 'n', 4], scores: [1, 1, 'n'] },
      outputs: { kept: { dtype: 'int64', shape: ['m', 3] } },
      initializers: { most: { ints: [2000], dims: [1] }, iou: { floats: [0.5], dims: [1] } },
      nodes: [
        {
          op: 'NonMaxSuppression',
          inputs: ['boxes', 'scores', 'most', 'iou'],
          outputs: ['kept'],
        },
      ],
    }),
  );
  // Boxes beside each other in pairs: the better one of each pair stays.
  const count = 2000;
  const boxes = tensor(
    Float32Array.from({ length: 4 * count }, (_, i) => {
      const pair = Math.floor(i / 8);
      return [0, 2 * pair, 1, 2 * pair + 1][i % 4] as number;
    }),
    { shape: [1, count, 4] },
  );
  const scores = tensor(
    Float32Array.from({ length: count }, (_, i) => i),
    { shape: [1, 1, count] },
  );
  const { kept } = await model.run({ boxes, scores });
  const rows = (await kept?.toArray()) as bigint[][];
  expect(rows.map((row) => Number(row[2]))).toEqual(
    Array.from({ length: count / 2 }, (_, i) => count - 1 - 2 * i),
  );
  for (const value of [boxes, scores, kept]) value?.dispose();
});
