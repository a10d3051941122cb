import type { DType } from '../../binding';
import { col2im, deformPatches, type Tensor } from '../../lib';
import { describeOp, type HostTensor, host, type OpCase, toDevice } from '../support/op-info';
import { Rng } from '../support/rng';
import { boxSum, eighths, linear, wide } from '../support/sampling';
import { sumBound } from '../support/tolerance';
import {
  drawWindows,
  eachTap,
  eachTapAt,
  product,
  type Windows,
  windowCounts,
} from '../support/windows-nd';

const FLOATS: readonly DType[] = ['float32', 'float16', 'bfloat16', 'float64'];

interface DeformCase extends Windows {
  readonly offsetGroups: number;
}

describeOp<DeformCase>({
  name: 'deformPatches',
  run: ([x, offset, mask], { before, after, ...options }) =>
    deformPatches(x as Tensor, offset as Tensor, mask, {
      ...options,
      padding: [before[0], before[1], after[0], after[1]] as [number, number, number, number],
      kernel: options.kernel as [number, number],
      stride: options.stride as [number, number],
      dilation: options.dilation as [number, number],
    }),
  *cases(rng): Iterable<OpCase<DeformCase>> {
    for (let i = 0; i < 60; ) {
      const dtype = rng.pick(['float32', 'float64'] as const);
      const offsetGroups = rng.int(1, 2);
      const { ceilMode: _, ...windows } = drawWindows(rng, 2);
      const sizes = [rng.int(1, 6), rng.int(1, 6)];
      const out = windowCounts(windows, sizes);
      if (out.some((count) => count < 1)) continue;
      i++;
      const n = rng.pick([0, 1, 2]);
      const taps = offsetGroups * product(windows.kernel);
      yield {
        inputs: [
          host(dtype, [n, offsetGroups * rng.int(1, 2), ...sizes], rng),
          host(dtype, [n, 2 * taps, ...out], eighths(rng, n * 2 * taps * product(out), -2, 2)),
          rng.int(0, 1) === 1 ? host(dtype, [n, taps, ...out], rng) : undefined,
        ],
        params: { ...windows, offsetGroups },
      };
    }
  },
  reference([given, offset, mask], p) {
    const x = given as HostTensor;
    const [n = 0, c = 0, ...sizes] = x.shape;
    const out = offset?.shape.slice(2) ?? [];
    const taps = product(p.kernel);
    const shape = [n, c * taps, product(out)];
    const values = new Float64Array(product(shape));
    const bounds = new Float64Array(values.length);
    for (let image = 0; image < n; image++)
      for (let channel = 0; channel < c; channel++) {
        const group = image * p.offsetGroups + Math.floor(channel / (c / p.offsetGroups));
        eachTapAt(p, out, (window, tap, at) => {
          const lists = at.map((place, axis) => {
            const moved = (group * taps + tap) * 2 + axis;
            const by = offset?.values[moved * product(out) + window] as number;
            return linear(place + by, sizes[axis] as number);
          });
          const { sum, magnitude } = boxSum(x, [image, channel], lists);
          const factor = mask
            ? (mask.values[(group * taps + tap) * product(out) + window] as number)
            : 1;
          const i = ((image * c + channel) * taps + tap) * product(out) + window;
          values[i] = sum * factor;
          bounds[i] = sumBound(
            sum * factor,
            magnitude * Math.abs(factor),
            8,
            x.dtype,
            wide(x.dtype),
          );
        });
      }
    return { shape, dtype: x.dtype, values, bounds };
  },
  refuses: [
    {
      label: 'offsets of another shape',
      code: 'ERR_SHAPE',
      message: 'deformPatches: offset must be [1, 2, 2, 2], got [1, 2, 1, 2]',
      run: (device) =>
        deformPatches(
          toDevice(host('float32', [1, 1, 2, 2], new Rng()), device),
          toDevice(host('float32', [1, 2, 1, 2], new Rng()), device),
          undefined,
          { kernel: [1, 1] },
        ),
    },
    {
      label: 'a mask of another type',
      code: 'ERR_DTYPE',
      message: 'deformPatches: mask must have the dtype of x, got float64 and float32',
      run: (device) =>
        deformPatches(
          toDevice(host('float32', [1, 1, 2, 2], new Rng()), device),
          toDevice(host('float32', [1, 2, 2, 2], new Rng()), device),
          toDevice(host('float64', [1, 1, 2, 2], new Rng()), device),
          { kernel: [1, 1] },
        ),
    },
    {
      label: 'channels that cannot be split',
      code: 'ERR_SHAPE',
      message: 'deformPatches: x.shape[1] must be a multiple of offsetGroups 2, got x [1, 1, 2, 2]',
      run: (device) =>
        deformPatches(
          toDevice(host('float32', [1, 1, 2, 2], new Rng()), device),
          toDevice(host('float32', [1, 4, 2, 2], new Rng()), device),
          undefined,
          { kernel: [1, 1], offsetGroups: 2 },
        ),
    },
    {
      label: '16-bit floats',
      code: 'ERR_DTYPE',
      message: 'deformPatches: x must be float32 or float64, got float16',
      run: (device) =>
        deformPatches(
          toDevice(host('float16', [1, 1, 2, 2], new Rng()), device),
          toDevice(host('float16', [1, 2, 2, 2], new Rng()), device),
          undefined,
          { kernel: [1, 1] },
        ),
    },
  ],
});

interface BlockCase extends Windows {
  readonly imageShape: readonly number[];
}

describeOp<BlockCase>({
  name: 'col2im',
  run: ([x], { kernel, before, after, imageShape, stride, dilation }) =>
    col2im(x as Tensor, {
      imageShape,
      blockShape: kernel,
      stride,
      dilation,
      padding: [...before, ...after],
    }),
  *cases(rng): Iterable<OpCase<BlockCase>> {
    for (let i = 0; i < 100; ) {
      const axes = rng.int(1, 3);
      const { ceilMode: _, ...windows } = drawWindows(rng, axes);
      const imageShape = Array.from({ length: axes }, () => rng.int(1, 6));
      const out = windowCounts(windows, imageShape);
      if (out.some((count) => count < 1)) continue;
      const dtype = FLOATS[i++ % FLOATS.length] as DType;
      const channels = rng.int(0, 3) * product(windows.kernel);
      const x = host(dtype, [rng.pick([0, 1, 2]), channels, product(out)], rng);
      yield { inputs: [x], params: { ...windows, imageShape } };
    }
  },
  reference([given], p) {
    const x = given as HostTensor;
    const out = windowCounts(p, p.imageShape);
    const [n = 0, channels = 0, blocks = 0] = x.shape;
    const taps = product(p.kernel);
    const shape = [n, channels / taps, ...p.imageShape];
    const values = new Float64Array(product(shape));
    const sizes = new Float64Array(values.length);
    for (let plane = 0; plane < (n * channels) / taps; plane++)
      eachTap(p, p.imageShape, out, (window, tap, at) => {
        const value = x.values[(plane * taps + tap) * blocks + window] as number;
        (values[plane * product(p.imageShape) + at] as number) += value;
        (sizes[plane * product(p.imageShape) + at] as number) += Math.abs(value);
      });
    const bounds = values.map((y, i) =>
      sumBound(y, sizes[i] as number, taps, x.dtype, wide(x.dtype)),
    );
    return { shape, dtype: x.dtype, values, bounds };
  },
  refuses: [
    {
      label: 'another number of blocks',
      code: 'ERR_SHAPE',
      message: 'col2im: x must have a multiple of 2 channels and 3 blocks, got [1, 2, 4]',
      run: (device) =>
        col2im(toDevice(host('float32', [1, 2, 4], new Rng()), device), {
          imageShape: [4],
          blockShape: [2],
        }),
    },
    {
      label: 'another rank',
      code: 'ERR_SHAPE',
      message: 'col2im: x must be [n, c * positions, blocks], got [2, 4]',
      run: (device) =>
        col2im(toDevice(host('float32', [2, 4], new Rng()), device), {
          imageShape: [4],
          blockShape: [2],
        }),
    },
    {
      label: 'blocks of other axes',
      code: 'ERR_PARAM',
      message: 'col2im: blockShape must have 1 values, got 2',
      run: (device) =>
        col2im(toDevice(host('float32', [1, 2, 4], new Rng()), device), {
          imageShape: [4],
          blockShape: [2, 1],
        }),
    },
    {
      label: 'blocks whose sizes overflow',
      code: 'ERR_SHAPE',
      message: 'col2im: x must have a multiple of',
      run: (device) =>
        col2im(toDevice(host('float32', [1, 2, 4], new Rng()), device), {
          imageShape: [2 ** 31 - 1, 2 ** 31 - 1, 2 ** 31 - 1, 2 ** 31 - 1],
          blockShape: [2 ** 30, 2 ** 30, 2 ** 30, 2 ** 30],
        }),
    },
    {
      label: 'integers',
      code: 'ERR_DTYPE',
      message: 'col2im: x must be a float, got int32',
      run: (device) =>
        col2im(toDevice(host('int32', [1, 2, 3], new Rng()), device), {
          imageShape: [4],
          blockShape: [2],
        }),
    },
  ],
});
