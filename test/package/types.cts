// Compiled by package.test.ts against the built declarations, as a user's CommonJS module would be.
import halftone = require('halftone');

const x: halftone.Tensor = halftone.tensor([1, 2], { shape: [2], dtype: 'bfloat16' });
export const values: Promise<unknown> = x.data();

// @ts-expect-error A tensor is not a promise: data() is.
export const wrong: Promise<unknown> = x;
