import { elementCount } from '../../graph/ir';
import type { BatchQuery, OpDefinition } from '../../graph/op-set';
import { perImageBatch, WORKS_ALONG } from './common';
import { reshape } from './shape';

const fromFront = (axis: number, rank: number) => (axis < 0 ? axis + rank : axis);

const batchOf = (fallback: number) => (query: BatchQuery) => {
  const axis = fromFront(query.int('axis') ?? fallback, query.shapes[0]?.length ?? 0);
  return axis === 0 ? WORKS_ALONG : perImageBatch(query);
};

/** Softmax-1, 11: over all axes from `axis` on. */
const softmax1: OpDefinition = {
  op: 'Softmax',
  since: 1,
  inputs: [1, 1],
  attributes: { axis: 'int' },
  lower(call) {
    const x = call.input(0);
    const { shape } = x.desc;
    const axis = fromFront(call.int('axis') ?? 1, shape.length);
    if (axis < 0 || axis > shape.length) {
      throw call.error(`axis must lie in [-${shape.length}, ${shape.length}], got ${axis}`);
    }
    const rows = elementCount(shape.slice(0, axis));
    const flat = reshape(call, x, [rows, elementCount(shape.slice(axis))]);
    return reshape(call, call.emit('softmax', [flat], { axis: 1 }), shape);
  },
  batch: batchOf(1),
};

/** Softmax-13: over one axis. */
const softmax13: OpDefinition = {
  op: 'Softmax',
  since: 13,
  inputs: [1, 1],
  attributes: { axis: 'int' },
  lower: (call) => call.emit('softmax', [call.input(0)], { axis: call.int('axis') ?? -1 }),
  batch: batchOf(-1),
};

export const SOFTMAX: readonly OpDefinition[] = [softmax1, softmax13];
