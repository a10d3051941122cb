import { elementCount } from '../../graph/ir';
import type { NodeCall, OpDefinition, Value } from '../../graph/op-set';
import { asImages, fromImages, perImageBatch, WINDOW_ATTRIBUTES, windowOptions } from './common';
import { algebra, cast, wideType } from './scalar';
import { reshape } from './shape';
import { maxPoolVolume } from './volume';
import { perAxis, type WindowAxis, windowAxes } from './windows';

function kernelOf(call: NodeCall): readonly number[] {
  const kernel = call.ints('kernel_shape');
  if (!kernel) throw call.error('attribute "kernel_shape" is missing');
  return kernel;
}

/** Input 0 must be rows [n, c, w], images [n, c, h, w] or volumes [n, c, d, h, w]. */
function poolAxes(call: NodeCall): readonly WindowAxis[] {
  const { shape } = call.input(0).desc;
  if (shape.length < 3 || shape.length > 5) {
    throw call.error(
      `only [n, c, w], [n, c, h, w] and [n, c, d, h, w] are supported, got input 0 [${shape.join(', ')}]`,
    );
  }
  return windowAxes(call, kernelOf(call));
}

/** The options of poolings over any number of axes. */
const poolOptions = (call: NodeCall, axes: readonly WindowAxis[]) => ({
  kernel: axes.map(({ kernel }) => kernel),
  stride: axes.map(({ stride }) => stride),
  dilation: axes.map(({ dilation }) => dilation),
  padding: [...axes.map(({ before }) => before), ...axes.map(({ after }) => after)],
  ceilMode: call.int('ceil_mode') === 1,
});

/** MaxPool-1, 8, 10, 11, 12, 22. */
const maxPool: Omit<OpDefinition, 'since'> = {
  op: 'MaxPool',
  inputs: [1, 1],
  lower(call) {
    const x = call.input(0);
    const axes = poolAxes(call);
    const y = axes.length === 3 ? maxPoolVolume(call, x, axes) : maxPoolImages(call, x);
    if ((call.node.outputs[1] ?? '') === '') return y;
    const columnMajor = call.int('storage_order') === 1;
    return [y, call.emit('maxPoolIndices', [x], { ...poolOptions(call, axes), columnMajor })];
  },
  batch: (query) =>
    (query.node.outputs[1] ?? '') === ''
      ? perImageBatch(query)
      : { ok: false, why: 'its indices count through all images' },
};

function maxPoolImages(call: NodeCall, x: Value): Value {
  const kernel = kernelOf(call);
  const y = call.emit('maxPool2d', [asImages(call, x)], {
    layout: 'NCHW',
    kernel: kernel.length === 1 ? [1, ...kernel] : kernel,
    ...windowOptions(call),
    ceilMode: call.int('ceil_mode') === 1,
  });
  return fromImages(call, x, y);
}

/** AveragePool-1, 7, 10, 11, 19, 22. */
const averagePool: Omit<OpDefinition, 'since'> = {
  op: 'AveragePool',
  inputs: [1, 1],
  lower: (call) =>
    call.emit('averagePool', [call.input(0)], {
      ...poolOptions(call, poolAxes(call)),
      countIncludePad: (call.int('count_include_pad') ?? 0) !== 0,
    }),
  batch: perImageBatch,
};

/** LpPool-2, 11, 18, 22. */
const lpPool: Omit<OpDefinition, 'since'> = {
  op: 'LpPool',
  inputs: [1, 1],
  lower: (call) =>
    call.emit('lpPool', [call.input(0)], {
      ...poolOptions(call, poolAxes(call)),
      p: call.int('p') ?? 2,
    }),
  batch: perImageBatch,
};

/** GlobalLpPool-2, 22: (sum of |x|^p)^(1/p) over all axes behind the channels. */
const globalLpPool: OpDefinition = {
  op: 'GlobalLpPool',
  since: 2,
  inputs: [1, 1],
  attributes: { p: 'int' },
  lower(call) {
    const x = call.input(0);
    const p = call.int('p') ?? 2;
    if (p < 1) throw call.error(`p must be at least 1, got ${p}`);
    const type = wideType(x.desc.dtype);
    const a = algebra(call, type);
    const axes = x.desc.shape.map((_, axis) => axis).slice(2);
    const size = a.abs(cast(call, x, type));
    const sum = (terms: Value) => a.reduce('reduceSum', terms, axes);
    const norm =
      p === 1
        ? sum(size)
        : p === 2
          ? a.sqrt(sum(a.mul(size, size)))
          : a.pow(sum(a.pow(size, p)), 1 / p);
    return cast(call, norm, x.desc.dtype);
  },
  batch: perImageBatch,
};

/** MaxUnpool-9, 11, 22: values back among zeros, at their positions in what was pooled: output_shape, or what the windows tell. */
const maxUnpool: OpDefinition = {
  op: 'MaxUnpool',
  since: 9,
  inputs: [2, 3],
  attributes: { kernel_shape: 'ints', pads: 'ints', strides: 'ints' },
  lower(call) {
    const [x, indices] = [call.input(0), call.input(1)];
    const [n = 0, c = 0, ...sizes] = x.desc.shape;
    const kernel = kernelOf(call);
    const count = sizes.length;
    if (kernel.length !== count || count === 0 || kernel.some((size) => size < 1)) {
      throw call.error(
        `kernel_shape must have one size for each axis behind the channels, got [${kernel.join(', ')}] for [${x.desc.shape.join(', ')}]`,
      );
    }
    if (indices.desc.shape.join() !== x.desc.shape.join()) {
      throw call.error(
        `the indices must have the shape of x, got [${indices.desc.shape.join(', ')}] and [${x.desc.shape.join(', ')}]`,
      );
    }
    const strides = perAxis(call, 'strides', count);
    const pads = perAxis(call, 'pads', 2 * count);
    const pooled = sizes.map((size, axis) => {
      const cut = (pads?.[axis] ?? 0) + (pads?.[axis + count] ?? 0);
      return (size - 1) * (strides?.[axis] ?? 1) + (kernel[axis] as number) - cut;
    });
    const shape = [n, c, ...pooled];
    const wanted = call.knownInts(2) ?? shape;
    const fits = wanted.length === shape.length && wanted[0] === n && wanted[1] === c;
    if (!fits || wanted.some((size) => size < 0)) {
      throw call.error(
        `the result must be [${n}, ${c}, ...] with ${shape.length} axes, got [${wanted.join(', ')}]`,
      );
    }
    const zeros = call.emit('full', [], {
      shape: [elementCount(wanted)],
      value: 0,
      dtype: x.desc.dtype,
    });
    const flat = (value: Value) => reshape(call, value, [elementCount(x.desc.shape)]);
    const placed = call.emit('scatterElements', [zeros, flat(indices), flat(x)], { axis: 0 });
    return reshape(call, placed, wanted);
  },
};

const { auto_pad, kernel_shape, pads, strides, dilations } = WINDOW_ATTRIBUTES;
const WINDOW_1 = { auto_pad, kernel_shape, pads, strides } as const;
const CEIL = { ceil_mode: 'int' } as const;

export const POOL: readonly OpDefinition[] = [
  { ...averagePool, since: 1, attributes: WINDOW_1 },
  { ...averagePool, since: 7, attributes: { ...WINDOW_1, count_include_pad: 'int' } },
  { ...averagePool, since: 10, attributes: { ...WINDOW_1, ...CEIL, count_include_pad: 'int' } },
  {
    ...averagePool,
    since: 19,
    attributes: { ...WINDOW_1, ...CEIL, count_include_pad: 'int', dilations },
  },
  globalLpPool,
  { ...lpPool, since: 2, attributes: { ...WINDOW_1, p: 'int' } },
  { ...lpPool, since: 18, attributes: { ...WINDOW_1, ...CEIL, dilations, p: 'int' } },
  maxUnpool,
  { ...maxPool, since: 1, attributes: WINDOW_1 },
  { ...maxPool, since: 8, outputs: 2, attributes: { ...WINDOW_1, storage_order: 'int' } },
  {
    ...maxPool,
    since: 10,
    outputs: 2,
    attributes: { ...WINDOW_1, ...CEIL, dilations, storage_order: 'int' },
  },
];
