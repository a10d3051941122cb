/** Models with graphs within nodes. */

import { Model, type ModelOutputs, Tensor } from '../../lib/index';
import { type GraphSpec, type ModelSpec, type NodeSpec, onnxModel } from './onnx-builder';

export const node = (
  op: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: NodeSpec['attributes'] = {},
): NodeSpec => ({ op, name: `${op.toLowerCase()}_${outputs[0]}`, inputs, outputs, attributes });
export const bool = { dtype: 'bool', shape: [] } as const;
export const int = { dtype: 'int64', shape: [] } as const;

/** x doubled while its sum is below `limit`, at most m times; what each iteration had, and a captured weight in it. */
const doubling: GraphSpec = {
  inputs: { i: int, c: bool, v: ['n'] },
  outputs: { go: bool, w: ['n'], each: ['n'] },
  initializers: { two: { floats: [2], dims: [] } },
  nodes: [
    node('Mul', ['v', 'two'], ['w']),
    node('Mul', ['v', 'weight'], ['each']),
    node('ReduceSum', ['w'], ['sum'], { keepdims: 0 }),
    node('Less', ['sum', 'limit'], ['go']),
  ],
};
export const whileLoop = onnxModel({
  opset: 16,
  inputs: { m: int, x: ['n'], limit: [] },
  outputs: { y: ['n'], all: ['k', 'n'] },
  initializers: {
    weight: { floats: [10], dims: [] },
    start: { data_type: 9, dims: [], raw_data: Buffer.from([1]) },
  },
  nodes: [
    {
      ...node('Loop', ['m', 'start', 'x'], ['y', 'all'], { body: { graph: doubling } }),
      name: 'loop',
    },
  ],
});
export const feeds = (m: bigint, limit: number) => ({
  m: BigInt64Array.of(m),
  x: Float32Array.of(1, 2),
  limit: Float32Array.of(limit),
});

export async function read(outputs: ModelOutputs) {
  const made: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(outputs)) {
    if (!(value instanceof Tensor)) continue;
    made[name] = { shape: value.shape, data: Array.from(await value.data(), Number) };
    value.dispose();
  }
  return made;
}

export async function run(bytes: Uint8Array, inputs: Parameters<Model['run']>[0]) {
  using model = await Model.load(bytes);
  const made = await read(await model.run(inputs));
  expect(await read(model.runSync(inputs))).toEqual(made);
  return made;
}

export const branch = (...nodes: NodeSpec[]): { graph: GraphSpec } => ({
  graph: { outputs: { [nodes.at(-1)?.outputs[0] as string]: [null] }, nodes },
});
export const ifModel = (more: Partial<ModelSpec> = {}) =>
  onnxModel({
    opset: 16,
    inputs: { c: { dtype: 'bool', shape: [] }, x: ['n'] },
    outputs: { y: [null] },
    nodes: [
      node('Relu', ['x'], ['r']),
      {
        ...node('If', ['c'], ['b'], {
          then_branch: branch(node('Add', ['r', 'x'], ['t'])),
          else_branch: branch(node('Concat', ['r', 'x'], ['e'], { axis: 0 })),
        }),
        name: 'choose',
      },
      node('Neg', ['b'], ['y']),
    ],
    ...more,
  });

/** A Scan in a Loop: running sums of x, whose weights are doubled in each round, with an If inside. */
export const nested = onnxModel({
  opset: 16,
  inputs: { x: [3, 2], m: int },
  outputs: { y: [2], sums: ['m', 3, 2] },
  initializers: { zero: { floats: [0, 0] }, none: { ints: [3], dims: [] } },
  nodes: [
    node('Loop', ['m', '', 'zero'], ['y', 'sums'], {
      body: {
        graph: {
          inputs: { i: int, c: bool, s: [2] },
          outputs: { go: bool, last: [2], each: [3, 2] },
          nodes: [
            node('Identity', ['c'], ['go']),
            node('Less', ['i', 'none'], ['few']),
            node('Scan', ['s', 'x'], ['last', 'each'], {
              num_scan_inputs: 1,
              scan_input_directions: [1],
              body: {
                graph: {
                  inputs: { a: [2], row: [2] },
                  outputs: { sum: [2], copy: [2] },
                  nodes: [
                    node('If', ['few'], ['part'], {
                      then_branch: branch(node('Mul', ['row', 'row'], ['square'])),
                      else_branch: branch(node('Neg', ['row'], ['minus'])),
                    }),
                    node('Add', ['a', 'part'], ['sum']),
                    node('Identity', ['sum'], ['copy']),
                  ],
                },
              },
            }),
          ],
        },
      },
    }),
  ],
});
