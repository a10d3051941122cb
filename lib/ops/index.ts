/** All operators. One line per file. */
export * from './cast';
export * from './create';
export * from './unary';
