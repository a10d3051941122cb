/** All operators. One line per file. */
export * from './unary';
