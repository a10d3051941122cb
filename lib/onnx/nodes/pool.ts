import { elementCount } from '../../graph/ir';
import type { NodeCall, OpDefinition, Value } from '../../graph/op-set';
import {
  asImages,
  fromImages,
  pair,
  perImageBatch,
  WINDOW_ATTRIBUTES,
  windowOptions,
} from './common';
import { algebra, cast, wideType } from './scalar';
import { maxPoolVolume } from './volume';
import { windowAxes } from './windows';

/**
 * MaxPool-1, 8, 10, 11, 12, 22 for images [n, c, h, w] and rows [n, c, w], without the Indices output (to which storage_order
 * belongs).
 */
const maxPool: OpDefinition = {
  op: 'MaxPool',
  since: 1,
  inputs: [1, 1],
  attributes: { ...WINDOW_ATTRIBUTES, ceil_mode: 'int', storage_order: 'int' },
  lower(call) {
    const x = call.input(0);
    if (x.desc.shape.length === 5) {
      const kernel = call.ints('kernel_shape');
      if (!kernel) throw call.error('attribute "kernel_shape" is missing');
      return maxPoolVolume(call, x, windowAxes(call, kernel));
    }
    const window = windowOptions(call);
    const y = call.emit('maxPool2d', [asImages(call, x)], {
      layout: 'NCHW',
      kernel: kernelOf(call),
      ...window,
      ceilMode: call.int('ceil_mode') === 1,
    });
    return fromImages(call, x, y);
  },
  batch: perImageBatch,
};

function kernelOf(call: NodeCall): readonly number[] {
  const kernel = pair(call, 'kernel_shape');
  if (!kernel) throw call.error('attribute "kernel_shape" is missing');
  return kernel;
}

/**
 * AveragePool-1, 7, 10, 11, 19, 22 for images [n, c, h, w] and rows [n, c, w], as a convolution with ones for each channel,
 * divided by how many elements each window has.
 */
const averagePool: OpDefinition = {
  op: 'AveragePool',
  since: 1,
  inputs: [1, 1],
  attributes: { ...WINDOW_ATTRIBUTES, ceil_mode: 'int', count_include_pad: 'int' },
  lower(call) {
    if ((call.int('ceil_mode') ?? 0) !== 0) throw call.error('ceil_mode is not supported');
    const given = call.input(0);
    const window = windowOptions(call);
    const kernel = kernelOf(call);
    const type = wideType(given.desc.dtype);
    const x = asImages(call, cast(call, given, type));
    const [, channels = 0, height = 0, width = 0] = x.desc.shape;
    const a = algebra(call, type);
    const ones = (shape: readonly number[]) =>
      call.emit('full', [], { shape, value: 1, dtype: type });
    const sumOf = (images: Value, groups: number) =>
      call.emit('conv2d', [images, ones([groups, 1, ...kernel])], {
        layout: 'NCHW',
        filterLayout: 'OIHW',
        ...window,
        groups,
      });
    const sum = sumOf(x, channels);
    const whole = (call.int('count_include_pad') ?? 0) !== 0 || window.padding === 'valid';
    const count = whole ? elementCount(kernel) : sumOf(ones([1, 1, height, width]), 1);
    return fromImages(call, given, cast(call, a.div(sum, count), given.desc.dtype));
  },
  batch: perImageBatch,
};

export const POOL: readonly OpDefinition[] = [averagePool, maxPool];
