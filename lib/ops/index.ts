/** All operators. One line per file. */
export * from './cast';
export * from './conv2d';
export * from './create';
export * from './pool';
export * from './min-max';
export * from './quantize';
export * from './unary';
