// Compiled by package.test.ts against the built declarations, as a user's ES module would be.
import * as halftone from 'halftone';
import { type Tensor, tensor } from 'halftone';

const x: Tensor = tensor([1, 2, 3, 4], { shape: [1, 2, 2, 1], dtype: 'float16' });
export const values: Promise<unknown> = x.data();
export const shape: readonly number[] = x.shape;
export const same: typeof tensor = halftone.tensor;

// @ts-expect-error There is no such dtype.
tensor([1], { dtype: 'float17' });
