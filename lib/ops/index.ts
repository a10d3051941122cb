/** All operators. One line per file. */
export * from './abs-histogram';
export * from './binary';
export * from './bitwise';
export * from './cast';
export * from './concat';
export * from './conv2d';
export { type Conv2dInt8Options, conv2dInt8 } from './conv2d-int8';
export * from './create';
export * from './det';
export * from './gather';
export * from './gemm';
export * from './haxpy';
export * from './linear';
export * from './min-max';
export * from './order';
export * from './pad';
export * from './pool';
export * from './pool-nd';
export * from './quantize';
export * from './reduce';
export * from './scatter';
export {
  type ResampleOptions,
  type ResizeCoordinates,
  type ResizeOptions,
  resample,
  resize,
} from './resize';
export * from './sample';
export * from './slice';
export * from './softmax';
export * from './transpose';
export * from './trigonometry';
export * from './unary';
export * from './weighted-sum';
export * from './where';
export { type MatmulOptions, matmul } from './matmul';
