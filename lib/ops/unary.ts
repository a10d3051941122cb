/** Elementwise functions of one tensor. */

import { runOp } from '../run';
import type { Tensor } from '../tensor';

/**
 * max(x, 0), element by element; NaN stays NaN. ONNX Relu-14.
 *
 * @param x any shape, float or signed integer
 * @throws DtypeError for unsigned and bool tensors
 * @example
 * await relu(tensor([-1, 2])).data(); // Float32Array [0, 2]
 */
export function relu(x: Tensor): Tensor {
  return runOp('relu', [x], {});
}
