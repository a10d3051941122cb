import type { NodeCall, OpDefinition, Value } from '../../graph/op-set';
import {
  asImages,
  checkFilter,
  computeOption,
  fromImages,
  perImageBatch,
  sameTypes,
  WINDOW_ATTRIBUTES,
  windowOptions,
} from './common';
import { reshape } from './shape';
import { convolveVolume, transposeVolume } from './volume';
import { autoPad, perAxis, type WindowAxis, windowAxes } from './windows';

/** Conv-1, 11, 22 for rows [n, c, w], images [n, c, h, w] and volumes [n, c, d, h, w]. */
const conv: OpDefinition = {
  op: 'Conv',
  since: 1,
  inputs: [2, 3],
  attributes: { ...WINDOW_ATTRIBUTES, group: 'int' },
  sums: true,
  lower(call) {
    const [x, w, bias] = [call.input(0), call.input(1), call.optional(2)];
    checkFilter(call, x, w);
    const size = w.desc.shape.slice(2);
    const groups = call.int('group') ?? 1;
    if (size.length === 3)
      return convolveVolume(call, [x, w, bias], windowAxes(call, size), groups);
    const window = windowOptions(call);
    const inputs = [asImages(call, x), asImages(call, w), ...(bias ? [bias] : [])];
    const y = call.emit('conv2d', inputs, {
      layout: 'NCHW',
      filterLayout: 'OIHW',
      ...window,
      groups,
      ...computeOption(call),
      ...(call.node.activation ? { activation: call.node.activation } : {}),
    });
    return fromImages(call, x, y);
  },
  batch: perImageBatch,
};

/** The axes of ConvTranspose's result, as windows over it: `out` is its size, before and after what is cut off. */
function transposedAxes(call: NodeCall, sizes: readonly number[], kernel: readonly number[]) {
  const list = (name: string) => perAxis(call, name, sizes.length);
  const [strides, dilations] = [list('strides'), list('dilations')];
  const [extras, shape] = [list('output_padding'), list('output_shape')];
  const auto = autoPad(call);
  const pads = auto === 'VALID' ? undefined : perAxis(call, 'pads', 2 * sizes.length);
  return sizes.map((size, axis): WindowAxis => {
    const [taps = 1, stride = 1, dilation = 1] = [kernel[axis], strides?.[axis], dilations?.[axis]];
    const window = { size, kernel: taps, stride, dilation };
    const whole = stride * (size - 1) + (extras?.[axis] ?? 0) + (taps - 1) * dilation + 1;
    const same = auto === 'SAME_UPPER' || auto === 'SAME_LOWER';
    const wanted = shape?.[axis] ?? (same ? size * stride : undefined);
    if (wanted === undefined) {
      const [before = 0, after = 0] = [pads?.[axis], pads?.[axis + sizes.length]];
      return { ...window, out: whole - before - after, before, after };
    }
    const total = Math.max(0, whole - wanted);
    const small = Math.floor(total / 2);
    const before = auto === 'SAME_UPPER' ? small : total - small;
    return { ...window, out: wanted, before, after: total - before };
  });
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
    const [sizes, kernel] = [x.desc.shape.slice(2), w.desc.shape.slice(2)];
    checkFilter(call, x, w);
    if (sizes.length < 1 || sizes.length > 3) {
      throw call.error(
        `x must be [n, c, w], [n, c, h, w] or [n, c, d, h, w], got [${x.desc.shape.join(', ')}]`,
      );
    }
    const axes = transposedAxes(call, sizes, kernel);
    const bad = axes.find(({ out, stride }) => out < 0 || out >= 2 ** 31 || stride < 1);
    if (bad) throw call.error(`the result would have ${bad.out} positions along an axis`);
    const groups = call.int('group') ?? 1;
    const y =
      sizes.length === 3
        ? transposeVolume(call, [x, w], axes, groups)
        : transposeImages(call, [x, w], axes, groups);
    if (!bias) return y;
    const channels = (w.desc.shape[1] as number) * groups;
    sameTypes(call, [y, bias]);
    if (bias.desc.shape.join() !== `${channels}`) {
      throw call.error(`the bias must be [${channels}], got [${bias.desc.shape.join(', ')}]`);
    }
    return call.emit('add', [y, reshape(call, bias, [1, channels, ...sizes.map(() => 1)])]);
  },
  batch: perImageBatch,
};

function transposeImages(
  call: NodeCall,
  [x, w]: readonly [Value, Value],
  axes: readonly WindowAxis[],
  groups: number,
): Value {
  const row = { stride: 1, dilation: 1, before: 0, after: 0, out: 1 };
  const [h, v] = (axes.length === 1 ? [row, ...axes] : axes) as [WindowAxis, WindowAxis];
  const y = call.emit('conv2dBackwardInput', [asImages(call, x), asImages(call, w)], {
    inputSize: [h.out, v.out],
    layout: 'NCHW',
    filterLayout: 'OIHW',
    stride: [h.stride, v.stride],
    dilation: [h.dilation, v.dilation],
    padding: [h.before, h.after, v.before, v.after],
    groups,
    ...computeOption(call),
  });
  return fromImages(call, x, y);
}

export const CONV: readonly OpDefinition[] = [conv, convTranspose];
