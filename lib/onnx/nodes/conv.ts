import type { NodeCall, OpDefinition } from '../../graph/op-set';
import {
  asImages,
  computeOption,
  fromImages,
  pair,
  perImageBatch,
  WINDOW_ATTRIBUTES,
  windowOptions,
} from './common';
import { reshape } from './shape';

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

/** The size of one axis of ConvTranspose's result, and the padding before and behind it that this size means. */
function transposedAxis(call: NodeCall, axis: number, size: number, kernel: number) {
  const at = (name: string, fallback: number) => pair(call, name)?.[axis] ?? fallback;
  const [stride, dilation] = [at('strides', 1), at('dilations', 1)];
  const extra = at('output_padding', 0);
  const whole = stride * (size - 1) + extra + (kernel - 1) * dilation + 1;
  const auto = call.string('auto_pad') ?? 'NOTSET';
  const same = auto === 'SAME_UPPER' || auto === 'SAME_LOWER';
  const wanted = pair(call, 'output_shape')?.[axis] ?? (same ? size * stride : undefined);
  if (wanted === undefined) {
    const pads = auto === 'VALID' ? undefined : call.ints('pads');
    const rows = pads && pads.length === 2 ? [0, ...pads.slice(0, 1), 0, ...pads.slice(1)] : pads;
    const [before = 0, after = 0] = [rows?.[axis], rows?.[axis + 2]];
    return { out: whole - before - after, before, after };
  }
  const total = Math.max(0, whole - wanted);
  const small = Math.floor(total / 2);
  const before = auto === 'SAME_UPPER' ? small : total - small;
  return { out: wanted, before, after: total - before };
}

/** ConvTranspose-1, 11, 22: the gradient of a convolution with respect to its input. */
const convTranspose: OpDefinition = {
  op: 'ConvTranspose',
  since: 1,
  inputs: [2, 3],
  attributes: { ...WINDOW_ATTRIBUTES, group: 'int', output_padding: 'ints', output_shape: 'ints' },
  sums: true,
  lower(call) {
    const [x, w, bias] = [call.input(0), call.input(1), call.optional(2)];
    const [stride, dilation] = [pair(call, 'strides') ?? [1, 1], pair(call, 'dilations') ?? [1, 1]];
    const images = asImages(call, x);
    const filter = asImages(call, w);
    const [, , height = 0, width = 0] = images.desc.shape;
    const [, perGroup = 0, rows = 1, columns = 1] = filter.desc.shape;
    const isRow = x.desc.shape.length === 3;
    const h = isRow ? { out: 1, before: 0, after: 0 } : transposedAxis(call, 0, height, rows);
    const v = transposedAxis(call, 1, width, columns);
    const groups = call.int('group') ?? 1;
    const y = call.emit('conv2dBackwardInput', [images, filter], {
      inputSize: [h.out, v.out],
      layout: 'NCHW',
      filterLayout: 'OIHW',
      stride,
      dilation,
      padding: [h.before, h.after, v.before, v.after],
      groups,
      ...computeOption(call),
    });
    const biased = bias
      ? call.emit('add', [y, reshape(call, bias, [1, perGroup * groups, 1, 1])])
      : y;
    return fromImages(call, x, biased);
  },
  batch: perImageBatch,
};

export const CONV: readonly OpDefinition[] = [conv, convTranspose];
