/** All operators. One line per file. */
export * from './binary';
export * from './cast';
export * from './conv2d';
export * from './create';
export * from './haxpy';
export * from './min-max';
export * from './pool';
export * from './quantize';
export * from './reduce';
export * from './softmax';
export * from './transpose';
export * from './unary';
export * from './weighted-sum';
export * from './where';
