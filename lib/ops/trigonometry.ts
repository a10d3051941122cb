/**
 * Trigonometric and hyperbolic functions, element by element. The result has the shape and element type of x.
 *
 * float16 and bfloat16 are computed in float32 and rounded once. In float32 and float64 sin, cos, asin, acos, atan and cosh
 * are within 2 units in the last place, sinh, asinh and atanh within 3, tan and acosh within 4; for 16-bit floats all are
 * within 1. NaN gives NaN.
 */

import type { DType } from '../dtype';
import { runOp } from '../run';
import type { Tensor } from '../tensor';

/**
 * Sine of radians. `sin(-0)` is -0, of infinities NaN. ONNX Sin-22.
 *
 * @param x any shape, float
 * @throws DtypeError for other element types
 * @example
 * await sin(tensor([0, 1])).data(); // Float32Array [0, 0.841470...]
 */
export function sin<D extends DType>(x: Tensor<D>): Tensor<D> {
  return runOp<D, 'sin'>('sin', [x], {});
}

/**
 * Cosine of radians; of infinities NaN. ONNX Cos-22.
 *
 * @param x any shape, float
 * @throws DtypeError for other element types
 * @example
 * await cos(tensor([0, 1])).data(); // Float32Array [1, 0.540302...]
 */
export function cos<D extends DType>(x: Tensor<D>): Tensor<D> {
  return runOp<D, 'cos'>('cos', [x], {});
}

/**
 * Tangent of radians. `tan(-0)` is -0, of infinities NaN. ONNX Tan-22.
 *
 * @param x any shape, float
 * @throws DtypeError for other element types
 * @example
 * await tan(tensor([0, 1])).data(); // Float32Array [0, 1.557407...]
 */
export function tan<D extends DType>(x: Tensor<D>): Tensor<D> {
  return runOp<D, 'tan'>('tan', [x], {});
}

/**
 * Arcsine in radians, within [-pi / 2, pi / 2]; NaN outside of [-1, 1]. ONNX Asin-22.
 *
 * @param x any shape, float
 * @throws DtypeError for other element types
 * @example
 * await asin(tensor([0, 1, 2])).data(); // Float32Array [0, 1.570796..., NaN]
 */
export function asin<D extends DType>(x: Tensor<D>): Tensor<D> {
  return runOp<D, 'asin'>('asin', [x], {});
}

/**
 * Arccosine in radians, within [0, pi]; NaN outside of [-1, 1]. ONNX Acos-22.
 *
 * @param x any shape, float
 * @throws DtypeError for other element types
 * @example
 * await acos(tensor([1, 0, 2])).data(); // Float32Array [0, 1.570796..., NaN]
 */
export function acos<D extends DType>(x: Tensor<D>): Tensor<D> {
  return runOp<D, 'acos'>('acos', [x], {});
}

/**
 * Arctangent in radians, within [-pi / 2, pi / 2]. ONNX Atan-22.
 *
 * @param x any shape, float
 * @throws DtypeError for other element types
 * @example
 * await atan(tensor([0, 1])).data(); // Float32Array [0, 0.785398...]
 */
export function atan<D extends DType>(x: Tensor<D>): Tensor<D> {
  return runOp<D, 'atan'>('atan', [x], {});
}

/**
 * Hyperbolic sine. `sinh(-0)` is -0. ONNX Sinh-22.
 *
 * @param x any shape, float
 * @throws DtypeError for other element types
 * @example
 * await sinh(tensor([0, 1])).data(); // Float32Array [0, 1.175201...]
 */
export function sinh<D extends DType>(x: Tensor<D>): Tensor<D> {
  return runOp<D, 'sinh'>('sinh', [x], {});
}

/**
 * Hyperbolic cosine. ONNX Cosh-22.
 *
 * @param x any shape, float
 * @throws DtypeError for other element types
 * @example
 * await cosh(tensor([0, 1])).data(); // Float32Array [1, 1.543080...]
 */
export function cosh<D extends DType>(x: Tensor<D>): Tensor<D> {
  return runOp<D, 'cosh'>('cosh', [x], {});
}

/**
 * Inverse hyperbolic sine. `asinh(-0)` is -0. ONNX Asinh-22.
 *
 * @param x any shape, float
 * @throws DtypeError for other element types
 * @example
 * await asinh(tensor([0, 1])).data(); // Float32Array [0, 0.881373...]
 */
export function asinh<D extends DType>(x: Tensor<D>): Tensor<D> {
  return runOp<D, 'asinh'>('asinh', [x], {});
}

/**
 * Inverse hyperbolic cosine; NaN below 1. ONNX Acosh-22.
 *
 * @param x any shape, float
 * @throws DtypeError for other element types
 * @example
 * await acosh(tensor([1, 2, 0])).data(); // Float32Array [0, 1.316957..., NaN]
 */
export function acosh<D extends DType>(x: Tensor<D>): Tensor<D> {
  return runOp<D, 'acosh'>('acosh', [x], {});
}

/**
 * Inverse hyperbolic tangent: infinite for -1 and 1, NaN outside. ONNX Atanh-22.
 *
 * @param x any shape, float
 * @throws DtypeError for other element types
 * @example
 * await atanh(tensor([0, 0.5, 1])).data(); // Float32Array [0, 0.549306..., Infinity]
 */
export function atanh<D extends DType>(x: Tensor<D>): Tensor<D> {
  return runOp<D, 'atanh'>('atanh', [x], {});
}
