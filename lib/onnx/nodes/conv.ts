import type { OpDefinition } from '../../graph/op-set';
import {
  asImages,
  computeOption,
  fromImages,
  perImageBatch,
  WINDOW_ATTRIBUTES,
  windowOptions,
} from './common';

/** Conv-1, 11, 22 for images [n, c, h, w] and rows [n, c, w]. */
const conv: OpDefinition = {
  op: 'Conv',
  since: 1,
  inputs: [2, 3],
  attributes: { ...WINDOW_ATTRIBUTES, group: 'int' },
  sums: true,
  lower(call) {
    const [x, w, bias] = [call.input(0), call.input(1), call.optional(2)];
    const window = windowOptions(call);
    const kernel = call.ints('kernel_shape');
    const size = w.desc.shape.slice(2);
    if (kernel && kernel.join() !== size.join()) {
      throw call.error(
        `kernel_shape [${kernel.join(', ')}] differs from the filter's [${size.join(', ')}]`,
      );
    }
    if (w.desc.shape.length !== x.desc.shape.length) {
      throw call.error(
        `x [${x.desc.shape.join(', ')}] and the filter [${w.desc.shape.join(', ')}] must have the same rank`,
      );
    }
    const inputs = [asImages(call, x), asImages(call, w), ...(bias ? [bias] : [])];
    const y = call.emit('conv2d', inputs, {
      layout: 'NCHW',
      filterLayout: 'OIHW',
      ...window,
      groups: call.int('group') ?? 1,
      ...computeOption(call),
      ...(call.node.activation ? { activation: call.node.activation } : {}),
    });
    return fromImages(call, x, y);
  },
  batch: perImageBatch,
};

export const CONV: readonly OpDefinition[] = [conv];
