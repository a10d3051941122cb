import { elementCount } from '../../graph/ir';
import type { NodeCall, OpDefinition } from '../../graph/op-set';
import { computeOption, perImageBatch } from './common';
import { cast, numbers, wideType } from './scalar';
import { reshape } from './shape';
import { perAxis } from './windows';

const show = (shape: readonly number[]) => `[${shape.join(', ')}]`;

function named<T extends string>(
  call: NodeCall,
  name: string,
  among: Readonly<Record<string, T>>,
  fallback: T,
): T {
  const value = call.string(name);
  if (value === undefined) return fallback;
  if (!Object.hasOwn(among, value))
    throw call.error(`${name} must be ${Object.keys(among).join(', ')}, got "${value}"`);
  return among[value] as T;
}

/** GridSample-16, 20, 22. `modes`: ONNX's names of the interpolations. */
const gridSample = (since: number, modes: Readonly<Record<string, string>>): OpDefinition => ({
  op: 'GridSample',
  since,
  inputs: [2, 2],
  attributes: { align_corners: 'int', mode: 'string', padding_mode: 'string' },
  lower(call) {
    const [x, grid] = [call.input(0), call.input(1)];
    return call.emit('gridSample', [x, cast(call, grid, wideType(x.desc.dtype))], {
      mode: named(call, 'mode', modes, 'linear'),
      paddingMode: named(
        call,
        'padding_mode',
        { zeros: 'zeros', border: 'border', reflection: 'reflection' },
        'zeros',
      ),
      alignCorners: call.int('align_corners') === 1,
    });
  },
  batch: ({ batched }) =>
    batched[0] && batched[1] ? { ok: true } : { ok: false, why: 'not both inputs have images' },
});

/** Coordinates of `size` places along an axis, from -1 to 1. */
const along = (size: number, alignCorners: boolean): number[] =>
  Array.from({ length: size }, (_, i) => {
    if (!alignCorners) return (2 * i + 1) / size - 1;
    return size === 1 ? -1 : (2 * i) / (size - 1) - 1;
  });

/** Places of an affine grid: beyond this the table of them would be larger than what it is for. */
const MAX_PLACES = 2 ** 26;

/** AffineGrid-20: places, homogeneous, times each matrix. */
const affineGrid: OpDefinition = {
  op: 'AffineGrid',
  since: 20,
  inputs: [2, 2],
  attributes: { align_corners: 'int' },
  lower(call) {
    const theta = call.input(0);
    const [n = 0, , ...sizes] = call.knownInts(1) ?? [];
    const rank = sizes.length;
    const { shape, dtype } = theta.desc;
    if ((rank !== 2 && rank !== 3) || shape.join() !== [n, rank, rank + 1].join()) {
      throw call.error(
        `theta must be [n, 2, 3] for [n, c, h, w] or [n, 3, 4] for [n, c, d, h, w], got ${show(shape)} for ${show(call.knownInts(1) ?? [])}`,
      );
    }
    const places = elementCount(sizes);
    if (!(places >= 0 && places <= MAX_PLACES))
      throw call.error(`grids of at most ${MAX_PLACES} places are supported, got ${places}`);
    const axes = sizes.map((size) => along(size, call.int('align_corners') === 1));
    const table = new Float64Array(places * (rank + 1));
    for (let i = 0; i < places; i++) {
      let rest = i;
      // The last axis is the first coordinate.
      for (let axis = rank - 1; axis >= 0; axis--) {
        const size = sizes[axis] as number;
        table[i * (rank + 1) + rank - 1 - axis] = axes[axis]?.[rest % size] as number;
        rest = Math.floor(rest / size);
      }
      table[i * (rank + 1) + rank] = 1;
    }
    const type = wideType(dtype);
    const base = numbers(call, type, [1, places, rank + 1], table);
    const turned = call.emit('transpose', [cast(call, theta, type)], { perm: [0, 2, 1] });
    const grid = call.emit('matmul', [base, turned], computeOption(call));
    return cast(call, reshape(call, grid, [n, ...sizes, rank]), dtype);
  },
};

const roiAlign: Omit<OpDefinition, 'since'> = {
  op: 'RoiAlign',
  inputs: [3, 3],
  lower(call) {
    const [x, rois, images] = [call.input(0), call.input(1), call.input(2)];
    const halfPixel = call.opset >= 16;
    return call.emit('roiAlign', [x, cast(call, rois, wideType(x.desc.dtype)), images], {
      mode: named(call, 'mode', { avg: 'average', max: 'max' } as const, 'average'),
      outputHeight: call.int('output_height') ?? 1,
      outputWidth: call.int('output_width') ?? 1,
      samplingRatio: call.int('sampling_ratio') ?? 0,
      spatialScale: call.float('spatial_scale') ?? 1,
      halfPixel:
        named(
          call,
          'coordinate_transformation_mode',
          { half_pixel: 'half', output_half_pixel: 'output' } as const,
          halfPixel ? 'half' : 'output',
        ) === 'half',
    });
  },
};

const ROI_ALIGN_10 = {
  mode: 'string',
  output_height: 'int',
  output_width: 'int',
  sampling_ratio: 'int',
  spatial_scale: 'float',
} as const;

/** Col2Im-18. */
const col2im: OpDefinition = {
  op: 'Col2Im',
  since: 18,
  inputs: [3, 3],
  attributes: { dilations: 'ints', pads: 'ints', strides: 'ints' },
  lower: (call) =>
    call.emit('col2im', [call.input(0)], {
      imageShape: call.knownInts(1),
      blockShape: call.knownInts(2),
      stride: call.ints('strides') ?? [],
      dilation: call.ints('dilations') ?? [],
      padding: call.ints('pads') ?? [],
    }),
  batch: perImageBatch,
};

/** DeformConv-19, 22 of images: moved patches times the filters of their group, in one sum. */
const deformConv: OpDefinition = {
  op: 'DeformConv',
  since: 19,
  inputs: [3, 5],
  attributes: {
    dilations: 'ints',
    group: 'int',
    kernel_shape: 'ints',
    offset_group: 'int',
    pads: 'ints',
    strides: 'ints',
  },
  sums: true,
  lower(call) {
    const [x, w, offset] = [call.input(0), call.input(1), call.input(2)];
    const [bias, mask] = [call.optional(3), call.optional(4)];
    const [outputs = 0, perGroup = 0, ...kernel] = w.desc.shape;
    if (x.desc.shape.length !== 4 || kernel.length !== 2) {
      throw call.error(
        `only images [n, c, h, w] are supported, got ${show(x.desc.shape)} and a filter ${show(w.desc.shape)}`,
      );
    }
    const said = perAxis(call, 'kernel_shape', 2);
    if (said && said.join() !== kernel.join())
      throw call.error(`kernel_shape ${show(said)} differs from the filter's ${show(kernel)}`);
    const group = call.int('group') ?? 1;
    const [n = 0, channels = 0] = x.desc.shape;
    if (group < 1 || channels !== perGroup * group || outputs % group !== 0) {
      throw call.error(
        `group ${group} does not fit x ${show(x.desc.shape)} and the filter ${show(w.desc.shape)}`,
      );
    }
    const type = wideType(x.desc.dtype);
    const [places, factors] = [cast(call, offset, type), mask && cast(call, mask, type)];
    const columns = call.emit('deformPatches', [cast(call, x, type), places, factors], {
      kernel,
      stride: perAxis(call, 'strides', 2) ?? [1, 1],
      dilation: perAxis(call, 'dilations', 2) ?? [1, 1],
      padding: perAxis(call, 'pads', 4) ?? [0, 0, 0, 0],
      offsetGroups: call.int('offset_group') ?? 1,
    });
    const terms = perGroup * elementCount(kernel);
    const [, , rows = 0, wide = 0] = offset.desc.shape;
    const filter = reshape(call, cast(call, w, type), [1, group, outputs / group, terms]);
    const patches = reshape(call, columns, [n, group, terms, rows * wide]);
    const product = call.emit('matmul', [filter, patches], computeOption(call));
    const y = reshape(call, product, [n, outputs, rows, wide]);
    const biased = bias
      ? call.emit('add', [y, reshape(call, cast(call, bias, type), [1, outputs, 1, 1])])
      : y;
    return cast(call, biased, x.desc.dtype);
  },
  batch: ({ batched }) =>
    batched[0] && batched[2] && batched[4] !== false
      ? { ok: true }
      : { ok: false, why: 'its offsets are not those of the images' },
};

export const SAMPLE: readonly OpDefinition[] = [
  affineGrid,
  col2im,
  deformConv,
  gridSample(16, { bilinear: 'linear', nearest: 'nearest', bicubic: 'cubic' }),
  gridSample(20, { linear: 'linear', nearest: 'nearest', cubic: 'cubic' }),
  { ...roiAlign, since: 10, attributes: ROI_ALIGN_10 },
  {
    ...roiAlign,
    since: 16,
    attributes: { ...ROI_ALIGN_10, coordinate_transformation_mode: 'string' },
  },
];
