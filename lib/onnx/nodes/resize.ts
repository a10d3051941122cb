import {
  attributeOf,
  BATCH,
  type BatchAnswer,
  type BatchQuery,
  type NodeCall,
  type OpDefinition,
  type Value,
} from '../../graph/op-set';
import { applyTables, type ResizeCalls } from '../../ops/resize';
import { type ResizeCoordinates, type ResizeOptions, resizeTables } from '../../ops/resize-tables';
import { knownFloats, numbers } from './scalar';

/** ONNX's names of coordinate modes, with the operator sets that have them. */
const COORDINATES: Readonly<Record<string, readonly [first: number, last: number]>> = {
  half_pixel: [11, Infinity],
  half_pixel_symmetric: [19, Infinity],
  pytorch_half_pixel: [11, Infinity],
  align_corners: [11, Infinity],
  asymmetric: [11, Infinity],
  tf_half_pixel_for_nn: [11, 12],
  tf_crop_and_resize: [11, Infinity],
};

/** Steps of a resize as calls of a node. */
const callsOf = (call: NodeCall): ResizeCalls<Value> => ({
  dtypeOf: (x) => x.desc.dtype,
  constant: (dtype, shape, values) => numbers(call, dtype, shape, values),
  emit: (op, inputs, params) => call.emit(op, inputs, params),
});

function resizeValue(call: NodeCall, options: ResizeOptions): Value {
  const x = call.input(0);
  const { shape } = x.desc;
  const tables = resizeTables(shape, options);
  return applyTables(callsOf(call), x, shape, tables, options.extrapolationValue);
}

/** One of some names that an attribute may have. */
function choice<T extends string>(
  call: NodeCall,
  name: string,
  among: Readonly<Record<string, T>>,
): T | undefined {
  const value = call.string(name);
  if (value === undefined) return undefined;
  if (!Object.hasOwn(among, value)) {
    throw call.error(`${name} must be ${Object.keys(among).join(', ')}, got "${value}"`);
  }
  return among[value];
}

function coordinatesOf(call: NodeCall): ResizeCoordinates | undefined {
  const name = call.string('coordinate_transformation_mode');
  if (name === undefined) return undefined;
  const [first, last] = (Object.hasOwn(COORDINATES, name) && COORDINATES[name]) || [1, 0];
  if (call.opset < first || call.opset > last) {
    throw call.error(
      `coordinate_transformation_mode "${name}" is not one of operator set ${call.opset}`,
    );
  }
  return name.replaceAll('_', '-') as ResizeCoordinates;
}

const MODES = { nearest: 'nearest', linear: 'linear', cubic: 'cubic' } as const;
const NEAREST = {
  round_prefer_floor: 'round-prefer-floor',
  round_prefer_ceil: 'round-prefer-ceil',
  floor: 'floor',
  ceil: 'ceil',
} as const;
const POLICIES = {
  stretch: 'stretch',
  not_larger: 'not-larger',
  not_smaller: 'not-smaller',
} as const;

/** A list that is given: in the forms of operator set 11, an empty one stands for none. */
const given = <T>(list: readonly T[] | undefined): readonly T[] | undefined =>
  list && list.length > 0 ? list : undefined;

function resize11(call: NodeCall): Value {
  const scales = given(knownFloats(call, 2));
  const sizes = given(call.knownInts(3));
  if (!scales === !sizes) throw call.error('one of scales and sizes must be given');
  const coordinates = coordinatesOf(call);
  return resizeValue(call, {
    ...(scales ? { scales } : { sizes }),
    axes: call.ints('axes'),
    mode: choice(call, 'mode', MODES),
    coordinates,
    nearestMode: choice(call, 'nearest_mode', NEAREST),
    cubicCoeff: call.float('cubic_coeff_a'),
    excludeOutside: call.int('exclude_outside') === 1,
    antialias: call.int('antialias') === 1,
    keepAspectRatio: choice(call, 'keep_aspect_ratio_policy', POLICIES),
    extrapolationValue: call.float('extrapolation_value') ?? 0,
    ...(coordinates === 'tf-crop-and-resize' ? { roi: knownFloats(call, 1) } : {}),
  });
}

/** Resize-10 and Upsample: the elements below, counted from the first. */
function upsample(call: NodeCall, scales: readonly number[] | undefined): Value {
  return resizeValue(call, {
    scales: scales ?? [],
    mode: choice(call, 'mode', { nearest: 'nearest', linear: 'linear' }),
    coordinates: 'asymmetric',
    nearestMode: 'floor',
  });
}

/** Each image alone, when the factor of their axis is known to be 1, or the axis is not among those resized. */
function resizeBatch(query: BatchQuery, scalesAt: number): BatchAnswer {
  if (query.batched.indexOf(true, 1) >= 1)
    return { ok: false, why: 'its sizes depend on the images' };
  const rank = query.shapes[0]?.length ?? 0;
  const axes = query.ints('axes')?.map((axis) => (axis < 0 ? axis + rank : axis));
  if (axes && !axes.includes(0)) return { ok: true };
  const at = axes ? axes.indexOf(0) : 0;
  const asked = query.sizes[3] ?? [];
  if (asked.indexOf(BATCH) === at && asked.lastIndexOf(BATCH) === at) return { ok: true };
  const scale = query.known[scalesAt]?.data[at];
  return scale === 1 ? { ok: true } : { ok: false, why: 'it may resize along the images' };
}

const RESIZE_11 = {
  coordinate_transformation_mode: 'string',
  cubic_coeff_a: 'float',
  exclude_outside: 'int',
  extrapolation_value: 'float',
  mode: 'string',
  nearest_mode: 'string',
} as const;

export const RESIZE: readonly OpDefinition[] = [
  {
    op: 'Resize',
    since: 10,
    inputs: [2, 2],
    attributes: { mode: 'string' },
    lower: (call) => upsample(call, knownFloats(call, 1)),
    batch: (query) => resizeBatch(query, 1),
  },
  {
    op: 'Resize',
    since: 11,
    inputs: [1, 4],
    attributes: RESIZE_11,
    lower: resize11,
    sizesAt: 3,
    batch: (query) => resizeBatch(query, 2),
  },
  {
    op: 'Resize',
    since: 18,
    inputs: [1, 4],
    attributes: {
      ...RESIZE_11,
      antialias: 'int',
      axes: 'ints',
      keep_aspect_ratio_policy: 'string',
    },
    lower: resize11,
    sizesAt: 3,
    batch: (query) => resizeBatch(query, 2),
  },
  {
    op: 'Upsample',
    since: 7,
    inputs: [1, 1],
    attributes: { mode: 'string', scales: 'floats' },
    lower: (call) => upsample(call, attributeOf(call.node, 'scales', 'floats')),
  },
  {
    op: 'Upsample',
    since: 9,
    inputs: [2, 2],
    attributes: { mode: 'string' },
    lower: (call) => upsample(call, knownFloats(call, 1)),
    batch: (query) => resizeBatch(query, 1),
  },
];
