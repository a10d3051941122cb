/** Models whose shapes follow from the values of their inputs, or are computed from other shapes. */

import { Model, ModelError, tensor } from '../../lib/index';
import { settledTensors, tensorsLeftBy } from '../support/gc';
import { type ModelSpec, onnxModel } from '../support/onnx-builder';

const reshape = (shape: (string | number)[]): ModelSpec => ({
  inputs: { x: [2, 3], s: { dtype: 'int64', shape } },
  outputs: { y: ['a', 'b'] },
  nodes: [{ op: 'Reshape', name: 'r', inputs: ['x', 's'], outputs: ['y'] }],
});
const x = Float32Array.of(1, 2, 3, 4, 5, 6);

test('a shape that is given to each run', async () => {
  using model = await Model.load(onnxModel(reshape([2])));
  expect(model.batch.free).toBe(false);
  for (const shape of [
    [3, 2],
    [6, 1],
    [3, 2],
    [-1, 6],
  ] as const) {
    const { y } = await model.run({ x, s: BigInt64Array.from(shape, BigInt) });
    expect(y?.shape).toEqual(shape.map((size) => (size === -1 ? 1 : size)));
    expect(await y?.data()).toEqual(x);
    y?.dispose();
  }
  await expect(model.run({ x, s: BigInt64Array.of(4n, 4n) })).rejects.toThrow(
    'node "r" (Reshape, opset 13): shape [4, 4] does not fit x with the shape [2, 3]',
  );
});

test('values by the thousands are no shape', async () => {
  using model = await Model.load(onnxModel(reshape(['n'])));
  const s = tensor(new BigInt64Array(1025), { dtype: 'int64' });
  const run = model.run({ x, s });
  await expect(run).rejects.toThrow(ModelError);
  await expect(run).rejects.toThrow('the 1025 values of input "s", at most 1024');
  s.dispose();
});

test('a shape that is computed from shapes costs nothing when the model runs', async () => {
  using model = await Model.load(
    onnxModel({
      inputs: { x: ['N', 'M', 2] },
      outputs: { y: ['N', 'K'] },
      initializers: { zero: { ints: [0], dims: [1] }, rest: { ints: [-1], dims: [1] } },
      nodes: [
        { op: 'Shape', name: 'shape', inputs: ['x'], outputs: ['s'] },
        { op: 'Gather', name: 'first', inputs: ['s', 'zero'], outputs: ['n'] },
        {
          op: 'Concat',
          name: 'both',
          inputs: ['n', 'rest'],
          outputs: ['t'],
          attributes: { axis: 0 },
        },
        { op: 'Reshape', name: 'reshape', inputs: ['x', 't'], outputs: ['y'] },
      ],
    }),
  );
  const left = tensorsLeftBy(async () => {
    const given = tensor(x, { shape: [1, 3, 2] });
    const calls: string[] = [];
    const { y } = await model.run({ x: given }, { onNode: ({ call }) => calls.push(call) });
    expect(y?.shape).toEqual([1, 6]);
    expect(calls).toEqual([]);
    y?.dispose();
    given.dispose();
  });
  expect(await left).toBe(0);
});

test('plans that are dropped take their constants along', async () => {
  using model = await Model.load(
    onnxModel({
      inputs: { x: ['N'] },
      outputs: { y: ['N'] },
      nodes: [{ op: 'Elu', name: 'elu', inputs: ['x'], outputs: ['y'] }],
    }),
  );
  const held = async (sizes: readonly number[]) => {
    for (const n of sizes) {
      const { y } = await model.run({ x: new Float32Array(n) });
      expect(y?.shape).toEqual([n]);
      y?.dispose();
    }
    return settledTensors();
  };
  const before = await held([1, 2, 3, 4, 5, 6, 7, 8]);
  expect(await held([9, 10, 11, 12, 13, 14, 15, 16, 17, 18])).toBeLessThanOrEqual(before);
});
