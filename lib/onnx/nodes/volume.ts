import type { NodeCall, Value } from '../../graph/op-set';
import { computeOption } from './common';
import { reshape } from './shape';
import type { WindowAxis } from './windows';

/**
 * Windows over volumes [n, c, d, h, w] by the ops for images.
 *
 * Convolutions: the taps along the depth become channels, c * kd of them, and the slices of the result become images. So
 * each result is one sum over all taps, in the type that `compute` asks for, by the same kernels as for images. It costs
 * kd copies of x. In front of and behind the volume these copies hold zeros, which are multiplied, where conv2d skips
 * the padding of rows and columns: an infinity in the filter shows there as NaN.
 */

/** Filters with more slices than this are refused: each is a few calls. */
const MAX_SLICES = 1024;

/** One slab for each tap along the depth, [n, c, out, h, w], and all of them as images [n * out, c * taps, h, w]. */
function joinTaps(call: NodeCall, x: Value, out: number, slabs: readonly Value[]): Value {
  const [n = 0, c = 0, , h = 0, w = 0] = x.desc.shape;
  const taps = slabs.length;
  const apart = slabs.map((slab) => reshape(call, slab, [n, c, 1, out, h * w]));
  const joined = call.emit('concat', apart, { axis: 2 });
  const turned = call.emit('transpose', [joined], { perm: [0, 3, 1, 2, 4] });
  return reshape(call, turned, [n * out, c * taps, h, w]);
}

/** x, whose axis 2 is placed at `first` among `size` positions of zeros. */
function placed(call: NodeCall, x: Value, first: number, size: number): Value {
  const rest = size - first - (x.desc.shape[2] as number);
  if (first === 0 && rest === 0) return x;
  return call.emit('pad', [x], { before: [0, 0, first, 0, 0], after: [0, 0, rest, 0, 0] });
}

const slices = (call: NodeCall, x: Value, first: number, end: number, step: number): Value =>
  call.emit('slice', [x], { starts: [first], ends: [end], axes: [2], steps: [step] });

function checkSlices(call: NodeCall, count: number): number[] {
  if (count > MAX_SLICES)
    throw call.error(`filters have at most ${MAX_SLICES} slices, got ${count}`);
  return Array.from({ length: count }, (_, tap) => tap);
}

/** What each window sees at tap `tap`: x at o * stride + tap * dilation - before, zeros outside of x. */
function slab(call: NodeCall, x: Value, axis: WindowAxis, tap: number): Value {
  const { size, stride, dilation, before, out } = axis;
  const at = tap * dilation - before;
  const first = Math.min(out, Math.max(0, Math.ceil(-at / stride)));
  const last = Math.max(first, Math.min(out, Math.ceil((size - at) / stride)));
  const begin = first === last ? 0 : first * stride + at;
  const end = first === last ? 0 : (last - 1) * stride + at + 1;
  return placed(call, slices(call, x, begin, end, stride), first, out);
}

/** What tap `tap` of a transposed convolution adds: x[i] at i * stride + tap * dilation - before, zeros elsewhere. */
function stuffedSlab(call: NodeCall, x: Value, axis: WindowAxis, tap: number): Value {
  const { size, stride, dilation, before, out } = axis;
  const at = tap * dilation - before;
  const first = Math.min(size, Math.max(0, Math.ceil(-at / stride)));
  const last = Math.max(first, Math.min(size, Math.ceil((out - at) / stride)));
  const part = slices(call, x, first, last, 1);
  if (first === last) return placed(call, part, 0, out);
  const [n = 0, c = 0, , h = 0, w = 0] = x.desc.shape;
  const count = last - first;
  const spread =
    stride === 1 || count === 1
      ? part
      : slices(
          call,
          reshape(
            call,
            call.emit('pad', [reshape(call, part, [n, c, count, 1, h * w])], {
              before: [0, 0, 0, 0, 0],
              after: [0, 0, 0, stride - 1, 0],
            }),
            [n, c, count * stride, h, w],
          ),
          0,
          (count - 1) * stride + 1,
          1,
        );
  return placed(call, spread, first * stride + at, out);
}

/** Images [n * out, c, h, w] back to volumes [n, c, out, h, w]. */
function fromSlices(call: NodeCall, y: Value, n: number, out: number): Value {
  const [, c = 0, h = 0, w = 0] = y.desc.shape;
  const apart = reshape(call, y, [n, out, c, h * w]);
  const turned = call.emit('transpose', [apart], { perm: [0, 2, 1, 3] });
  return reshape(call, turned, [n, c, out, h, w]);
}

const imageOptions = ([, rows, columns]: readonly WindowAxis[], groups: number) => {
  const [h, w] = [rows as WindowAxis, columns as WindowAxis];
  return {
    layout: 'NCHW',
    filterLayout: 'OIHW',
    stride: [h.stride, w.stride],
    dilation: [h.dilation, w.dilation],
    padding: [h.before, h.after, w.before, w.after],
    groups,
  };
};

/** Conv of a volume. `axes`: depth, rows, columns. */
export function convolveVolume(
  call: NodeCall,
  [x, w, bias]: readonly [Value, Value, Value | undefined],
  axes: readonly WindowAxis[],
  groups: number,
): Value {
  const depth = axes[0] as WindowAxis;
  const [outputs = 0, perGroup = 0, taps = 0, rows = 0, columns = 0] = w.desc.shape;
  const slabs = checkSlices(call, taps).map((tap) => slab(call, x, depth, tap));
  const images = joinTaps(call, x, depth.out, slabs);
  const filter = reshape(call, w, [outputs, perGroup * taps, rows, columns]);
  const y = call.emit('conv2d', [images, filter, ...(bias ? [bias] : [])], {
    ...imageOptions(axes, groups),
    ...computeOption(call),
    ...(call.node.activation ? { activation: call.node.activation } : {}),
  });
  return fromSlices(call, y, x.desc.shape[0] as number, depth.out);
}

/** ConvTranspose of a volume, without bias. In `axes` before, after and out are those of the result. */
export function transposeVolume(
  call: NodeCall,
  [x, w]: readonly [Value, Value],
  axes: readonly WindowAxis[],
  groups: number,
): Value {
  const [depth, height, width] = axes as readonly [WindowAxis, WindowAxis, WindowAxis];
  const [inputs = 0, perGroup = 0, taps = 0, rows = 0, columns = 0] = w.desc.shape;
  const slabs = checkSlices(call, taps).map((tap) => stuffedSlab(call, x, depth, tap));
  const images = joinTaps(call, x, depth.out, slabs);
  const apart = reshape(call, w, [inputs, perGroup, taps, rows * columns]);
  const turned = call.emit('transpose', [apart], { perm: [0, 2, 1, 3] });
  const filter = reshape(call, turned, [inputs * taps, perGroup, rows, columns]);
  const y = call.emit('conv2dBackwardInput', [images, filter], {
    ...imageOptions(axes, groups),
    inputSize: [height.out, width.out],
    ...computeOption(call),
  });
  return fromSlices(call, y, x.desc.shape[0] as number, depth.out);
}

/** MaxPool of a volume: the largest of the largest of each slice. */
export function maxPoolVolume(call: NodeCall, x: Value, axes: readonly WindowAxis[]): Value {
  const [depth, rows, columns] = axes as readonly [WindowAxis, WindowAxis, WindowAxis];
  const [n = 0, c = 0, d = 0, h = 0, w = 0] = x.desc.shape;
  const flat = reshape(call, x, [n, c * d, h, w]);
  const ceilMode = call.int('ceil_mode') === 1;
  const slice = call.emit('maxPool2d', [flat], { ...poolOptions(rows, columns), ceilMode });
  const area = rows.out * columns.out;
  const stacked = reshape(call, slice, [n, c, d, area]);
  const y = call.emit('maxPool2d', [stacked], { ...poolOptions(depth, undefined), ceilMode });
  return reshape(call, y, [n, c, depth.out, rows.out, columns.out]);
}

function poolOptions(rows: WindowAxis, columns: WindowAxis | undefined) {
  const one = { kernel: 1, stride: 1, dilation: 1, before: 0, after: 0 };
  const both = [rows, columns ?? one] as const;
  return {
    layout: 'NCHW',
    kernel: both.map(({ kernel }) => kernel),
    stride: both.map(({ stride }) => stride),
    dilation: both.map(({ dilation }) => dilation),
    padding: both.flatMap(({ before, after }) => [before, after]),
  };
}
