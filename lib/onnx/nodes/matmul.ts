import type { BatchAnswer, BatchQuery, OpDefinition } from '../../graph/op-set';
import { broadcastBatch, computeOption } from './common';

/**
 * Images along axis 0 of A are rows, or matrices when there are more than two axes; those of B must be matrices. Any
 * other operand has to be the same matrix for all of them.
 */
function matmulBatch(query: BatchQuery): BatchAnswer {
  const [a = [], b = []] = query.shapes;
  const [imagesA, imagesB] = query.batched;
  if (imagesA && !imagesB && a.length >= 2 && b.length === 2) return { ok: true };
  const ranks = [imagesA ? a.length : 3, imagesB ? b.length : 3];
  if (Math.min(...ranks) >= 3) return broadcastBatch(query);
  return { ok: false, why: `it mixes the images of [${a.join(', ')}] and [${b.join(', ')}]` };
}

/** MatMul-1, 9, 13: numpy.matmul. */
const matMul: OpDefinition = {
  op: 'MatMul',
  since: 1,
  inputs: [2, 2],
  sums: true,
  lower: (call) => call.emit('matmul', [call.input(0), call.input(1)], computeOption(call)),
  batch: matmulBatch,
};

export const MATMUL: readonly OpDefinition[] = [matMul];
