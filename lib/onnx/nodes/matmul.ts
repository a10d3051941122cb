import { isIntDType } from '../../dtype';
import type { BatchAnswer, BatchQuery, NodeCall, OpDefinition, Value } from '../../graph/op-set';
import { broadcastBatch, computeOption, sameTypes, WORKS_ALONG } from './common';
import { product } from './product';
import { algebra } from './scalar';

/**
 * Images along axis 0 of A are rows, or matrices when there are more than two axes; those of B must be matrices. Any
 * other operand has to be the same matrix for all of them.
 */
export function matmulBatch(query: BatchQuery, second = 1): BatchAnswer {
  const [a = [], b = []] = [query.shapes[0], query.shapes[second]];
  const [imagesA, imagesB] = [query.batched[0], query.batched[second]];
  if (imagesA && !imagesB && a.length >= 2 && b.length === 2) return { ok: true };
  const ranks = [imagesA ? a.length : 3, imagesB ? b.length : 3];
  if (Math.min(...ranks) >= 3) {
    return broadcastBatch({
      ...query,
      batched: [imagesA === true, imagesB === true],
      shapes: [a, b],
    });
  }
  return { ok: false, why: `it mixes the images of [${a.join(', ')}] and [${b.join(', ')}]` };
}

/** Halftone's products of these have sums of 32 bits, and are offered beyond what ONNX defines. */
const BYTES = /^u?int8$/;

/** MatMul-1, 9, 13: numpy.matmul. */
const matMul: OpDefinition = {
  op: 'MatMul',
  since: 1,
  inputs: [2, 2],
  sums: true,
  lower(call) {
    const [a, b] = [call.input(0), call.input(1)];
    if (BYTES.test(a.desc.dtype)) return call.emit('matmul', [a, b], computeOption(call));
    return product(call, a, b);
  },
  batch: (query) => matmulBatch(query),
};

const GEMM_ATTRIBUTES = { alpha: 'float', beta: 'float', transA: 'int', transB: 'int' } as const;

/** Gemm of types that gemmEx does not take: integers with whole factors, modulo 2^bits, and float64. */
function scaledProduct(
  call: NodeCall,
  [first, second]: readonly [Value, Value],
  addend: Value | undefined,
  { alpha, beta, ...transposes }: { alpha: number; beta: number; transA: boolean; transB: boolean },
): Value {
  const { dtype } = first.desc;
  sameTypes(call, addend ? [first, second, addend] : [first, second]);
  if (isIntDType(dtype) && !(Number.isInteger(alpha) && Number.isInteger(beta))) {
    throw call.error(`alpha and beta of ${dtype} must be whole numbers, got ${alpha} and ${beta}`);
  }
  const a = algebra(call, dtype);
  const scaled = (x: Value, factor: number) => (factor === 1 ? x : a.mul(x, factor));
  const y = scaled(product(call, first, second, transposes), alpha);
  // As in gemmEx, C is not read when its factor is 0.
  if (!addend || beta === 0) return y;
  const sum = a.add(y, scaled(addend, beta));
  if (sum.desc.shape.join() !== y.desc.shape.join()) {
    throw call.error(
      `input 2 [${addend.desc.shape.join(', ')}] must broadcast to the product [${y.desc.shape.join(', ')}]`,
    );
  }
  return sum;
}

/** The types of gemmEx. */
const MIXED = /^(float32|float16|bfloat16|int8)$/;

/** Gemm-7, 9, 11, 13: alpha * op(A) * op(B) + beta * C of matrices. */
const gemm = {
  op: 'Gemm',
  since: 7,
  inputs: [2, 3],
  attributes: GEMM_ATTRIBUTES,
  sums: true,
  lower(call) {
    const [a, b, c] = [call.input(0), call.input(1), call.optional(2)];
    for (const [i, { desc }] of [a, b].entries()) {
      if (desc.shape.length !== 2) {
        throw call.error(`input ${i} must be a matrix, got [${desc.shape.join(', ')}]`);
      }
    }
    const params = {
      transA: (call.int('transA') ?? 0) !== 0,
      transB: (call.int('transB') ?? 0) !== 0,
      alpha: call.float('alpha') ?? 1,
      // What it would scale is not there.
      beta: c ? (call.float('beta') ?? 1) : 1,
    };
    if (!MIXED.test(a.desc.dtype)) return scaledProduct(call, [a, b], c, params);
    return call.emit('gemmEx', c ? [a, b, c] : [a, b], { ...params, ...computeOption(call) });
  },
  batch(query) {
    const { batched, shapes } = query;
    if (batched[0] && query.int('transA')) return WORKS_ALONG;
    if (batched[1]) return { ok: false, why: 'input 1 depends on the images' };
    if (!batched[0]) return { ok: false, why: 'only input 2 depends on the images' };
    // C broadcasts to one row per image.
    const c = shapes[2] ?? [];
    const rows = c.length === 2 ? c[0] : 1;
    if (!batched[2] && rows === 1) return { ok: true };
    if (batched[2] && c.length === 2) return { ok: true };
    return { ok: false, why: `input 2 has ${rows} rows along the axis of the images` };
  },
} satisfies OpDefinition;

/** Gemm-1, 6: C is broadcast only when an attribute says so. */
const gemm1: OpDefinition = {
  ...gemm,
  since: 1,
  inputs: [3, 3],
  attributes: { ...GEMM_ATTRIBUTES, broadcast: 'int' },
  lower(call) {
    const y = gemm.lower(call) as Value;
    const [shape, c] = [y.desc.shape, call.input(2).desc.shape];
    if ((call.int('broadcast') ?? 0) === 0 && c.join() !== shape.join()) {
      throw call.error(
        `input 2 [${c.join(', ')}] must have the shape of the product [${shape.join(', ')}], or be broadcast to it`,
      );
    }
    return y;
  },
};

/** Det-11, 22. */
const det: OpDefinition = {
  op: 'Det',
  since: 11,
  inputs: [1, 1],
  lower: (call) => call.emit('det', [call.input(0)]),
  batch: (query) => ((query.shapes[0]?.length ?? 0) > 2 ? { ok: true } : WORKS_ALONG),
};

export const MATMUL: readonly OpDefinition[] = [matMul, gemm, gemm1, det];
