/** Random convolutions and their float64 references, written from the definition. */

import type { Compute, DType } from '../../binding';
import type { Expected } from './compare';
import type { HostTensor } from './op-info';
import { type Rng, roundTo } from './rng';
import { sumBound, sumsOn } from './tolerance';

type Pair = readonly [number, number];
type Four = readonly [number, number, number, number];

/** The options of a convolution, all given. */
export interface ConvParams {
  readonly layout: 'NCHW' | 'NHWC';
  readonly filterLayout: 'OIHW' | 'OHWI' | 'HWIO';
  readonly stride: Pair;
  readonly dilation: Pair;
  readonly padding: 'valid' | 'same' | 'same-lower' | Four;
  readonly groups: number;
}

/** A convolution: its options and sizes. */
export interface ConvShape {
  readonly params: ConvParams;
  readonly n: number;
  readonly c: number;
  readonly k: number;
  readonly image: Pair;
  readonly kernel: Pair;
  /** Padding before the image, and sizes of the output: computed here. */
  readonly before: Pair;
  readonly out: Pair;
}

/** Leading padding and number of windows along one axis; undefined when no window fits. */
export function windows(
  size: number,
  kernel: number,
  stride: number,
  dilation: number,
  padding: ConvParams['padding'],
  axis: 0 | 1,
): { before: number; out: number } | undefined {
  const extent = (kernel - 1) * dilation + 1;
  if (padding === 'same' || padding === 'same-lower') {
    const out = Math.ceil(size / stride);
    const total = Math.max(0, (out - 1) * stride + extent - size);
    return { before: padding === 'same' ? Math.floor(total / 2) : Math.ceil(total / 2), out };
  }
  const [before, after] = padding === 'valid' ? [0, 0] : [padding[2 * axis], padding[2 * axis + 1]];
  const room = size + (before as number) + (after as number) - extent;
  return room < 0 ? undefined : { before: before as number, out: Math.floor(room / stride) + 1 };
}

/** A random convolution, small; sometimes with nothing in it. */
export function randomConv(rng: Rng): ConvShape {
  for (;;) {
    const pair = (draw: () => number): Pair => [draw(), draw()];
    const depthwise = rng.int(0, 4) === 0;
    const groups = depthwise ? rng.int(1, 9) : rng.pick([1, 1, 1, 2, 3]);
    const c = depthwise ? groups : groups * rng.int(1, 6);
    const k = depthwise ? groups * rng.int(1, 2) : groups * rng.int(1, 20);
    const image: Pair = [rng.int(1, 8), rng.int(1, 11)];
    const kernel = pair(() => rng.pick([1, 1, 2, 3, 4]));
    const params: ConvParams = {
      layout: rng.pick(['NCHW', 'NHWC'] as const),
      filterLayout: rng.pick(['OIHW', 'OHWI', 'HWIO'] as const),
      stride: pair(() => rng.pick([1, 1, 2, 3])),
      dilation: pair(() => rng.pick([1, 1, 1, 2])),
      padding: rng.pick([
        'valid',
        'same',
        'same-lower',
        [rng.int(0, 3), rng.int(0, 3), rng.int(0, 3), rng.int(0, 3)],
      ] as const),
      groups,
    };
    const axes = ([0, 1] as const).map((axis) =>
      windows(
        image[axis],
        kernel[axis],
        params.stride[axis],
        params.dilation[axis],
        params.padding,
        axis,
      ),
    );
    const [h, w] = axes;
    if (!h || !w) continue;
    const n = rng.pick([0, 1, 1, 1, 1, 1, 1, 1, 2, 2, 3]);
    return {
      params,
      n,
      c,
      k,
      image,
      kernel,
      before: [h.before, w.before],
      out: [h.out, w.out],
    };
  }
}

export function imageShape(layout: ConvParams['layout'], n: number, c: number, hw: Pair): number[] {
  return layout === 'NCHW' ? [n, c, ...hw] : [n, ...hw, c];
}
export const xShape = (s: ConvShape) => imageShape(s.params.layout, s.n, s.c, s.image);
export const yShape = (s: ConvShape) => imageShape(s.params.layout, s.n, s.k, s.out);
export function wShape({ params, c, k, kernel }: ConvShape): number[] {
  const i = c / params.groups;
  if (params.filterLayout === 'OIHW') return [k, i, ...kernel];
  return params.filterLayout === 'OHWI' ? [k, ...kernel, i] : [...kernel, i, k];
}

function imageIndex(layout: string, [n, c, h, w]: Four, channels: number, [H, W]: Pair): number {
  return layout === 'NCHW'
    ? ((n * channels + c) * H + h) * W + w
    : ((n * H + h) * W + w) * channels + c;
}

/** Calls `f(index in y, index in x, index in w)` for all products; those of one y in the order row, column, channel. */
export function eachProduct(s: ConvShape, f: (y: number, x: number, w: number) => void): void {
  const { layout, filterLayout, stride, dilation, groups } = s.params;
  const [R, S] = s.kernel;
  const inGroup = s.c / groups;
  const outGroup = s.k / groups;
  for (let n = 0; n < s.n; n++)
    for (let oh = 0; oh < s.out[0]; oh++)
      for (let ow = 0; ow < s.out[1]; ow++)
        for (let r = 0; r < R; r++)
          for (let q = 0; q < S; q++) {
            const h = oh * stride[0] + r * dilation[0] - s.before[0];
            const w = ow * stride[1] + q * dilation[1] - s.before[1];
            if (h < 0 || h >= s.image[0] || w < 0 || w >= s.image[1]) continue;
            for (let k = 0; k < s.k; k++)
              for (let i = 0; i < inGroup; i++) {
                const c = Math.floor(k / outGroup) * inGroup + i;
                const filter =
                  filterLayout === 'OIHW'
                    ? ((k * inGroup + i) * R + r) * S + q
                    : filterLayout === 'OHWI'
                      ? ((k * R + r) * S + q) * inGroup + i
                      : ((r * S + q) * inGroup + i) * s.k + k;
                f(
                  imageIndex(layout, [n, k, oh, ow], s.k, s.out),
                  imageIndex(layout, [n, c, h, w], s.c, s.image),
                  filter,
                );
              }
          }
}

/** Which tensor is computed from the other two. */
export type Wanted = 'y' | 'x' | 'w';

const size = (shape: readonly number[]) => shape.reduce((product, d) => product * d, 1);
export const shapeOf = (s: ConvShape, wanted: Wanted) =>
  wanted === 'y' ? yShape(s) : wanted === 'x' ? xShape(s) : wShape(s);

/**
 * The sums of products of `a` and `b` ((x, w), (dy, w) or (x, dy)), with bounds of the arithmetic; exact for integers and
 * for conv2d with float16 sums on the CPU: libraries on a GPU have orders of their own.
 */
export function convReference(
  s: ConvShape,
  wanted: Wanted,
  a: HostTensor,
  b: HostTensor,
  options: {
    bias?: HostTensor | undefined;
    residual?: HostTensor | undefined;
    compute?: Compute | undefined;
    relu?: boolean;
    device?: string;
  } = {},
): Expected {
  const shape = shapeOf(s, wanted);
  const n = size(shape);
  const values = new Float64Array(n);
  const magnitude = new Float64Array(n);
  const terms = new Float64Array(n);
  const { device = 'cpu' } = options;
  const half = options.compute === 'float16' && device === 'cpu';
  eachProduct(s, (yi, xi, wi) => {
    const [o, i, j] = wanted === 'y' ? [yi, xi, wi] : wanted === 'x' ? [xi, yi, wi] : [wi, xi, yi];
    const product = (a.values[i] as number) * (b.values[j] as number);
    const sum = (values[o] as number) + product;
    values[o] = half ? roundTo(sum, 'float16') : sum;
    magnitude[o] = (magnitude[o] as number) + Math.abs(product);
    terms[o] = (terms[o] as number) + 1;
  });
  const integers = a.dtype === 'int8' || a.dtype === 'uint8';
  const dtype: DType = integers ? 'int32' : a.dtype;
  const bounds = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    let y = values[i] as number;
    if (options.bias) {
      const channel = s.params.layout === 'NHWC' ? i % s.k : Math.floor(i / size(s.out)) % s.k;
      const bias = options.bias.values[channel] as number;
      y = half ? roundTo(y + bias, 'float16') : y + bias;
      magnitude[i] = (magnitude[i] as number) + Math.abs(bias);
    }
    if (options.residual) {
      const addend = options.residual.values[i] as number;
      y = half ? roundTo(y + addend, 'float16') : y + addend;
      magnitude[i] = (magnitude[i] as number) + Math.abs(addend);
    }
    if (options.relu && y < 0) y = 0;
    values[i] = integers ? Number(BigInt.asIntN(32, BigInt(y))) : y;
    if (!integers && !half) {
      const compute = options.compute === 'int32' ? 'float32' : (options.compute ?? 'float32');
      const accumulate = sumsOn(device, compute);
      bounds[i] = sumBound(y, magnitude[i] as number, (terms[i] as number) + 1, dtype, accumulate);
    }
  }
  return { shape, dtype, values, bounds: integers || half ? undefined : bounds };
}
