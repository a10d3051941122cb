/** All operators. One line per file. */
export * from './binary';
export * from './cast';
export * from './conv2d';
export * from './create';
export * from './gemm';
export * from './haxpy';
export { type MatmulOptions, matmul } from './matmul';
export * from './min-max';
export * from './pool';
export * from './quantize';
export * from './reduce';
export * from './softmax';
export * from './transpose';
export * from './unary';
export * from './weighted-sum';
export * from './where';
