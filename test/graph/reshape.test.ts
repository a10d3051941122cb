import { makePlan } from '../../lib/graph/plan';
import { ONNX_OPS } from '../../lib/onnx/op-table';
import { FakeEngine, graphOf } from '../support/graphs';

/** The shape that Reshape gives, or its error. */
function reshaped(from: readonly number[], target: readonly number[], allowzero = 0): string {
  const graph = graphOf({
    opset: 14,
    inputs: { x: from },
    outputs: { y: [] },
    initializers: { s: { ints: target } },
    nodes: [
      { op: 'Reshape', name: 'r', inputs: ['x', 's'], outputs: ['y'], attributes: { allowzero } },
    ],
  });
  const inputs = new Map([['x', { dtype: 'float32' as const, shape: from }]]);
  try {
    const plan = makePlan(graph, ONNX_OPS, inputs, new FakeEngine());
    return `[${plan.outputs.get('y')?.desc.shape.join(', ')}]`;
  } catch (error) {
    return (error as Error).message.replace('node "r" (Reshape, opset 14): ', '');
  }
}

test.each([
  [[2, 3, 4], [4, 6], 0, '[4, 6]'],
  [[2, 3, 4], [24], 0, '[24]'],
  [[2, 3, 4], [0, -1], 0, '[2, 12]'],
  [[2, 3, 4], [-1, 0, 2], 0, '[4, 3, 2]'],
  [[1], [], 0, '[]'],
  [[], [1, 1], 0, '[1, 1]'],
  [[0, 3], [0, -1], 0, '[0, 3]'],
  [[0, 3], [3, 0], 1, '[3, 0]'],
  [[0, 3], [0, -1], 1, 'shape [0, -1] leaves -1 open beside a size of 0'],
  [[2, 3], [0, 6], 1, 'shape [0, 6] does not fit x with the shape [2, 3]'],
  [[2, 3], [4, 2], 0, 'shape [4, 2] does not fit x with the shape [2, 3]'],
  [[2, 3], [4, -1], 0, 'shape [4, -1] does not fit x with the shape [2, 3]'],
  [[2, 3], [-1, -1], 0, 'shape may hold one -1 and no other negative size, got [-1, -1]'],
  [[2, 3], [-2, -3], 0, 'shape may hold one -1 and no other negative size, got [-2, -3]'],
  [[1], [1, 1, 1, 1, 1, 1, 1, 1, 1], 0, 'the result has 9 axes, at most 8 are supported'],
  [[2], [1, 0], 0, 'shape [1, 0] copies axis 1 of x, which has the shape [2]'],
])('%j to %j, allowzero %i: %s', (from, target, allowzero, expected) => {
  expect(reshaped(from, target, allowzero)).toBe(expected);
});
