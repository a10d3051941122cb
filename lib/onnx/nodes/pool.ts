import type { OpDefinition } from '../../graph/op-set';
import { perImageBatch, WINDOW_ATTRIBUTES, windowOptions } from './common';

/** MaxPool-1, 8, 10, 11, 12, 22 for images [n, c, h, w], without the Indices output (to which storage_order belongs). */
const maxPool: OpDefinition = {
  op: 'MaxPool',
  since: 1,
  inputs: [1, 1],
  attributes: { ...WINDOW_ATTRIBUTES, ceil_mode: 'int', storage_order: 'int' },
  lower(call) {
    const kernel = call.ints('kernel_shape');
    if (!kernel) throw call.error('attribute "kernel_shape" is missing');
    return call.emit('maxPool2d', [call.input(0)], {
      layout: 'NCHW',
      kernel,
      ...windowOptions(call),
      ceilMode: call.int('ceil_mode') === 1,
    });
  },
  batch: perImageBatch,
};

export const POOL: readonly OpDefinition[] = [maxPool];
