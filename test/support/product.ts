/** Matrix products in float64, and as chains of float16 operations: what matmul and the gemm family are tested against. */

import type { HostTensor } from './op-info';
import { roundTo } from './rng';

/** How two tensors are multiplied. */
export interface ProductOptions {
  readonly transA?: boolean;
  readonly transB?: boolean;
  /** Sums rounded to float16 after each term, k ascending. */
  readonly chain?: boolean;
  readonly aZeroPoint?: number;
  readonly bZeroPoint?: number;
}

/** A product element by element; magnitudes are the sums of the absolute values of the terms. */
export interface Product {
  readonly shape: readonly number[];
  readonly sums: Float64Array;
  readonly magnitudes: Float64Array;
  readonly k: number;
}

/** The offset of batch `index` of `shape` in a tensor whose leading axes `own` broadcast to it, in matrices. */
function batchOffset(index: number, shape: readonly number[], own: readonly number[]): number {
  let rest = index;
  let offset = 0;
  let step = 1;
  for (let axis = 1; axis <= shape.length; axis++) {
    const size = shape[shape.length - axis] as number;
    const at = rest % size;
    rest = Math.floor(rest / size);
    const mine = own[own.length - axis] ?? 1;
    if (mine !== 1) offset += at * step;
    step *= mine;
  }
  return offset;
}

/** numpy.matmul with transposes. */
export function product(a: HostTensor, b: HostTensor, options: ProductOptions = {}): Product {
  const { transA, transB, chain, aZeroPoint = 0, bZeroPoint = 0 } = options;
  const aMatrix = a.shape.length === 1 ? [1, ...a.shape] : a.shape.slice(-2);
  const bMatrix = b.shape.length === 1 ? [...b.shape, 1] : b.shape.slice(-2);
  const [m, k] = (transA ? aMatrix.toReversed() : aMatrix) as [number, number];
  const n = bMatrix[transB ? 0 : 1] as number;
  const aLead = a.shape.slice(0, -2);
  const bLead = b.shape.slice(0, -2);
  const rank = Math.max(aLead.length, bLead.length);
  const lead = Array.from({ length: rank }, (_, i) => {
    const sizes = [aLead[i - rank + aLead.length] ?? 1, bLead[i - rank + bLead.length] ?? 1];
    return sizes[0] === 1 ? (sizes[1] as number) : (sizes[0] as number);
  });
  const batches = lead.reduce((all, size) => all * size, 1);
  const sums = new Float64Array(batches * m * n);
  const magnitudes = new Float64Array(batches * m * n);
  for (let batch = 0, at = 0; batch < batches; batch++) {
    const a0 = batchOffset(batch, lead, aLead) * m * k;
    const b0 = batchOffset(batch, lead, bLead) * k * n;
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++, at++) {
        let sum = 0;
        let magnitude = 0;
        for (let p = 0; p < k; p++) {
          const x = (a.values[a0 + (transA ? p * m + i : i * k + p)] as number) - aZeroPoint;
          const y = (b.values[b0 + (transB ? j * k + p : p * n + j)] as number) - bZeroPoint;
          // A product of float16 is exact in float64, and the sum rounds to float16 as the exact one.
          sum = chain ? roundTo(x * y + sum, 'float16') : sum + x * y;
          magnitude += Math.abs(x * y);
        }
        sums[at] = sum;
        magnitudes[at] = magnitude;
      }
    }
  }
  const shape = [...lead];
  if (a.shape.length > 1) shape.push(m);
  if (b.shape.length > 1) shape.push(n);
  return { shape, sums, magnitudes, k };
}

/** The elements of `c` broadcast to `shape`. */
export function broadcastTo(c: HostTensor, shape: readonly number[]): Float64Array {
  const n = shape.reduce((all, size) => all * size, 1);
  return Float64Array.from(
    { length: n },
    (_, i) => c.values[batchOffset(i, shape, c.shape)] as number,
  );
}
