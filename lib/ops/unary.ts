/**
 * Elementwise functions of one tensor. The result has the shape and element type of x.
 *
 * float16 and bfloat16 are computed in float32 and rounded once. neg, abs, sign, relu, clip, floor, ceil and round are
 * exact, sqrt and reciprocal correctly rounded; the others are within 2 units in the last place of float32 and float64
 * (tanh 3, sigmoid 4; gelu more in its tails, where it is nearly 0), and for 16-bit floats within 1. NaN gives NaN.
 */

import type { ClipParams, GeluParams } from '../../binding';
import type { DType } from '../dtype';
import { runOp } from '../run';
import type { Tensor } from '../tensor';

/** Options of {@link gelu}. */
export type GeluOptions = GeluParams;

/** Options of {@link clip}. */
export type ClipOptions = ClipParams;

/**
 * -x. Signs of zeros flip too; integers wrap. ONNX Neg-13.
 *
 * @param x any shape, float or signed integer
 * @throws DtypeError for other element types
 * @example
 * await neg(tensor([1, -2])).data(); // Float32Array [-1, 2]
 */
export function neg<D extends DType>(x: Tensor<D>): Tensor<D> {
  return runOp<D, 'neg'>('neg', [x], {});
}

/**
 * |x|. `abs(-0)` is 0; the smallest signed integer stays as it is. ONNX Abs-13.
 *
 * @param x any shape, float or integer
 * @throws DtypeError for other element types
 * @example
 * await abs(tensor([1, -2])).data(); // Float32Array [1, 2]
 */
export function abs<D extends DType>(x: Tensor<D>): Tensor<D> {
  return runOp<D, 'abs'>('abs', [x], {});
}

/**
 * Square root, correctly rounded. `sqrt(-0)` is -0, of other negative numbers NaN. ONNX Sqrt-13.
 *
 * @param x any shape, float
 * @throws DtypeError for other element types
 * @example
 * await sqrt(tensor([2, -1], { dtype: 'float16' })).data(); // Float32Array [1.4140625, NaN]
 */
export function sqrt<D extends DType>(x: Tensor<D>): Tensor<D> {
  return runOp<D, 'sqrt'>('sqrt', [x], {});
}

/**
 * e to the power x. In float16, 11.09 and more give Infinity. ONNX Exp-13.
 *
 * @param x any shape, float
 * @throws DtypeError for other element types
 * @example
 * await exp(tensor([0, 11.09375], { dtype: 'float16' })).data(); // Float32Array [1, Infinity]
 */
export function exp<D extends DType>(x: Tensor<D>): Tensor<D> {
  return runOp<D, 'exp'>('exp', [x], {});
}

/**
 * Natural logarithm. `log(0)` is -Infinity, of negative numbers NaN. ONNX Log-13.
 *
 * @param x any shape, float
 * @throws DtypeError for other element types
 * @example
 * await log(tensor([1, 0, -1])).data(); // Float32Array [0, -Infinity, NaN]
 */
export function log<D extends DType>(x: Tensor<D>): Tensor<D> {
  return runOp<D, 'log'>('log', [x], {});
}

/**
 * Hyperbolic tangent. `tanh(-0)` is -0. ONNX Tanh-13.
 *
 * @param x any shape, float
 * @throws DtypeError for other element types
 * @example
 * await tanh(tensor([0, 100])).data(); // Float32Array [0, 1]
 */
export function tanh<D extends DType>(x: Tensor<D>): Tensor<D> {
  return runOp<D, 'tanh'>('tanh', [x], {});
}

/**
 * 1 / (1 + exp(-x)), without cancellation on either side. ONNX Sigmoid-13.
 *
 * @param x any shape, float
 * @throws DtypeError for other element types
 * @example
 * await sigmoid(tensor([0, 100])).data(); // Float32Array [0.5, 1]
 */
export function sigmoid<D extends DType>(x: Tensor<D>): Tensor<D> {
  return runOp<D, 'sigmoid'>('sigmoid', [x], {});
}

/**
 * max(x, 0). NaN stays NaN, `relu(-0)` is 0. ONNX Relu-14.
 *
 * @param x any shape, float or integer
 * @throws DtypeError for other element types
 * @example
 * await relu(tensor([-1, 2])).data(); // Float32Array [0, 2]
 */
export function relu<D extends DType>(x: Tensor<D>): Tensor<D> {
  return runOp<D, 'relu'>('relu', [x], {});
}

/**
 * Gauss error function. `erf(-0)` is -0. ONNX Erf-13.
 *
 * @param x any shape, float
 * @throws DtypeError for other element types
 * @example
 * await erf(tensor([0, 1], { dtype: 'float16' })).data(); // Float32Array [0, 0.8427734375]
 */
export function erf<D extends DType>(x: Tensor<D>): Tensor<D> {
  return runOp<D, 'erf'>('erf', [x], {});
}

/**
 * Largest whole number that is not above x. ONNX Floor-13.
 *
 * @param x any shape, float
 * @throws DtypeError for other element types
 * @example
 * await floor(tensor([1.5, -1.5])).data(); // Float32Array [1, -2]
 */
export function floor<D extends DType>(x: Tensor<D>): Tensor<D> {
  return runOp<D, 'floor'>('floor', [x], {});
}

/**
 * Smallest whole number that is not below x; `ceil(-0.5)` is -0. ONNX Ceil-13.
 *
 * @param x any shape, float
 * @throws DtypeError for other element types
 * @example
 * await ceil(tensor([1.5, -1.5])).data(); // Float32Array [2, -1]
 */
export function ceil<D extends DType>(x: Tensor<D>): Tensor<D> {
  return runOp<D, 'ceil'>('ceil', [x], {});
}

/**
 * Nearest whole number, ties to even; `round(-0.5)` is -0. ONNX Round-22.
 *
 * @param x any shape, float
 * @throws DtypeError for other element types
 * @example
 * await round(tensor([0.5, 1.5, 2.5])).data(); // Float32Array [0, 2, 2]
 */
export function round<D extends DType>(x: Tensor<D>): Tensor<D> {
  return runOp<D, 'round'>('round', [x], {});
}

/**
 * 1 / x, correctly rounded; an infinity with the sign of x where x is 0. ONNX Reciprocal-13.
 *
 * @param x any shape, float
 * @throws DtypeError for other element types
 * @example
 * await reciprocal(tensor([4, 0])).data(); // Float32Array [0.25, Infinity]
 */
export function reciprocal<D extends DType>(x: Tensor<D>): Tensor<D> {
  return runOp<D, 'reciprocal'>('reciprocal', [x], {});
}

/**
 * -1, 0 or 1. Both zeros give 0, NaN gives NaN. ONNX Sign-13.
 *
 * @param x any shape, float or integer
 * @throws DtypeError for other element types
 * @example
 * await sign(tensor([-3, 0, 5])).data(); // Float32Array [-1, 0, 1]
 */
export function sign<D extends DType>(x: Tensor<D>): Tensor<D> {
  return runOp<D, 'sign'>('sign', [x], {});
}

/**
 * Gaussian error linear unit: x times the probability that a standard normal variable is at most x. `approximate: 'tanh'`
 * is 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))), which many published models were trained with. -Infinity gives NaN,
 * as both formulas do. ONNX Gelu-20.
 *
 * @param x any shape, float
 * @throws DtypeError for other element types
 * @example
 * const x = tensor([-3, 0, 3], { dtype: 'float16' });
 * await gelu(x).data(); // Float32Array [-0.00405120849609375, 0, 2.99609375]
 * await gelu(x, { approximate: 'tanh' }).data(); // Float32Array [-0.0036373138427734375, 0, 2.99609375]
 */
export function gelu<D extends DType>(x: Tensor<D>, options: GeluOptions = {}): Tensor<D> {
  return runOp<D, 'gelu'>('gelu', [x], options);
}

/**
 * min(max(x, min), max): where min > max, every element becomes max. NaN stays NaN. The bounds are first rounded to the
 * element type of x; for integers to the next whole number inside, and no further than the type goes. ONNX Clip-13.
 *
 * @param x any shape, float or integer
 * @throws DtypeError for other element types; ParamError for bounds that are NaN
 * @example
 * await clip(tensor([-1, 3, 9]), { min: 0, max: 6 }).data(); // Float32Array [0, 3, 6]
 */
export function clip<D extends DType>(x: Tensor<D>, options: ClipOptions = {}): Tensor<D> {
  return runOp<D, 'clip'>('clip', [x], options);
}
