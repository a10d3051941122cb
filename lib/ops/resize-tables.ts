/**
 * The arithmetic of Resize on the host: for each axis, which elements make which results, with which weights. Backends get tables
 * and know nothing of the modes (see `resample`). ONNX Resize-19, whose reference implementation computes in float64 as this does.
 */

import { ParamError, ShapeError } from '../errors';

/** Where output o lies in the input: see ONNX Resize, `coordinate_transformation_mode`. */
export type ResizeCoordinates =
  | 'half-pixel'
  | 'half-pixel-symmetric'
  | 'pytorch-half-pixel'
  | 'align-corners'
  | 'asymmetric'
  | 'tf-half-pixel-for-nn'
  | 'tf-crop-and-resize';

/** Options of `resize`. */
export interface ResizeOptions {
  /** Sizes of the resized axes; or `scales`. */
  readonly sizes?: readonly number[] | undefined;
  /** Factors of the resized axes; a size is their product as float32, rounded down: 5 by 2.6 is 13. */
  readonly scales?: readonly number[] | undefined;
  /** The resized axes; default: all. */
  readonly axes?: readonly number[] | undefined;
  /** Default: 'nearest'. */
  readonly mode?: 'nearest' | 'linear' | 'cubic' | undefined;
  /** Default: 'half-pixel'. */
  readonly coordinates?: ResizeCoordinates | undefined;
  /** Which neighbour is the nearest one. Default: 'round-prefer-floor'. */
  readonly nearestMode?: 'round-prefer-floor' | 'round-prefer-ceil' | 'floor' | 'ceil' | undefined;
  /** a of Keys' cubic convolution. Default: -0.75. */
  readonly cubicCoeff?: number | undefined;
  /** Elements outside have the weight 0, and the others are scaled up; else the outermost elements stand for them. */
  readonly excludeOutside?: boolean | undefined;
  /** Widens the kernels of 'linear' and 'cubic' by how much an axis shrinks. */
  readonly antialias?: boolean | undefined;
  /** With `sizes`: one factor for all axes, so that no axis is larger, or smaller, than asked for. */
  readonly keepAspectRatio?: 'stretch' | 'not-larger' | 'not-smaller' | undefined;
  /** For 'tf-crop-and-resize': starts of the resized axes, then their ends, from 0 to 1. */
  readonly roi?: readonly number[] | undefined;
  /** For 'tf-crop-and-resize': what lies outside of the input. Default: 0. */
  readonly extrapolationValue?: number | undefined;
}

/** One axis: result o is the sum of weights[o, t] times the element indices[o, t]; -1 is none. */
export interface ResizeTable {
  readonly axis: number;
  readonly size: number;
  readonly taps: number;
  readonly indices: Int32Array;
  /** Absent: one tap, copied. */
  readonly weights?: Float64Array;
  /** With 'tf-crop-and-resize': 1 for results that lie outside of the input. */
  readonly outside?: Uint8Array;
}

/** Longer results would need tables that are larger than most tensors. */
const MAX_SIZE = 2 ** 26;

interface Axis {
  readonly axis: number;
  readonly size: number;
  readonly scale: number;
  /** The result's length before it is rounded down. */
  readonly length: number;
  readonly out: number;
  readonly roi: readonly [number, number];
}

/** Tables for the axes that change, those that shrink most first. @throws ShapeError, ParamError naming `resize`. */
export function resizeTables(shape: readonly number[], options: ResizeOptions): ResizeTable[] {
  const { mode = 'nearest', coordinates = 'half-pixel', antialias = false } = options;
  if (mode === 'nearest' && antialias)
    throw new ParamError("resize: antialias needs mode 'linear' or 'cubic', got 'nearest'");
  const changed = resizedAxes(shape, options).filter(({ out, size, scale, roi: [start, end] }) => {
    const whole = coordinates !== 'tf-crop-and-resize' || (start === 0 && end === 1);
    return out !== size || Math.abs(scale - 1) > 1e-9 || !whole;
  });
  const result = shape.map((size, axis) => changed.find((one) => one.axis === axis)?.out ?? size);
  if (result.includes(0)) return changed.map(emptyTable);
  const empty = changed.find(({ size }) => size === 0);
  if (empty) {
    throw new ShapeError(
      `resize: axis ${empty.axis} has no element to make ${empty.out} of, got x [${shape.join(', ')}]`,
    );
  }
  return changed
    .sort((a, b) => a.out / a.size - b.out / b.size || a.axis - b.axis)
    .map((axis) => (mode === 'nearest' ? nearestTable(axis, options) : weightTable(axis, options)));
}

/**
 * As ONNX's shape inference: the product of a size and of a float32 such as 2.6f = 2.5999999 is rounded to float32 first, as long
 * as that holds all whole numbers.
 */
const floorSize = (exact: number): number =>
  Math.floor(exact < 2 ** 24 ? Math.fround(exact) : exact);

const emptyTable = ({ axis, size, out }: Axis): ResizeTable => ({
  axis,
  size: out,
  taps: 1,
  indices: new Int32Array(out).fill(size === 0 ? -1 : 0),
});

/** The shape of what `resizeTables` makes of `shape`. */
export const resizedShape = (
  shape: readonly number[],
  tables: readonly ResizeTable[],
): readonly number[] =>
  shape.map((size, axis) => tables.find((table) => table.axis === axis)?.size ?? size);

function resizedAxes(shape: readonly number[], options: ResizeOptions): Axis[] {
  const { sizes, scales, roi, keepAspectRatio = 'stretch', coordinates } = options;
  const rank = shape.length;
  const axes = (options.axes ?? shape.map((_, axis) => axis)).map((axis) =>
    axis < 0 ? axis + rank : axis,
  );
  const text = `x [${shape.join(', ')}]`;
  if (
    new Set(axes).size !== axes.length ||
    axes.some((axis) => !Number.isInteger(axis) || axis < 0 || axis >= rank)
  )
    throw new ParamError(`resize: axes must be different axes of ${text}, got [${options.axes}]`);
  const given = sizes ?? scales;
  if (!given || (sizes && scales))
    throw new ParamError('resize: either sizes or scales must be given');
  if (given.length !== axes.length) {
    throw new ParamError(
      `resize: ${sizes ? 'sizes' : 'scales'} must have ${axes.length} values, got [${given.join(', ')}]`,
    );
  }
  if (sizes?.some((size) => !Number.isInteger(size) || size < 0))
    throw new ParamError(`resize: sizes must be whole and at least 0, got [${sizes.join(', ')}]`);
  if (scales?.some((scale) => !(scale > 0 && scale < Number.POSITIVE_INFINITY)))
    throw new ParamError(`resize: scales must be positive numbers, got [${scales.join(', ')}]`);
  const crops = coordinates === 'tf-crop-and-resize';
  if (crops && roi?.length !== 2 * axes.length) {
    throw new ParamError(
      `resize: roi must have ${2 * axes.length} values, got ${roi ? `[${roi.join(', ')}]` : 'none'}`,
    );
  }
  const sizeOf = (axis: number) => shape[axis] as number;
  const factors = scales ?? axes.map((axis, i) => (sizes?.[i] as number) / sizeOf(axis));
  const one = keepAspectRatio === 'not-larger' ? Math.min(...factors) : Math.max(...factors);
  const keeps = sizes !== undefined && keepAspectRatio !== 'stretch';
  return axes.map((axis, i): Axis => {
    const size = sizeOf(axis);
    const scale = keeps ? one : (factors[i] as number);
    const exact = scale * size;
    const out = scales ? floorSize(exact) : keeps ? Math.floor(exact + 0.5) : (sizes?.[i] ?? 0);
    if (!(out <= MAX_SIZE))
      throw new ShapeError(`resize: sizes of at most ${MAX_SIZE} are supported, got ${out}`);
    const region = [roi?.[i] ?? 0, roi?.[i + axes.length] ?? 1] as const;
    return { axis, size, scale, length: scales || keeps ? exact : out, out, roi: region };
  });
}

/**
 * Where result o lies in the input. ONNX's length_resized is the result's, but for align_corners, whose cases take the size before
 * it is rounded down.
 */
function placeOf(coordinates: ResizeCoordinates, a: Axis, o: number): number {
  const { size, scale, length, out, roi } = a;
  switch (coordinates) {
    case 'half-pixel':
      return (o + 0.5) / scale - 0.5;
    case 'half-pixel-symmetric':
      return (size / 2) * (1 - out / length) + (o + 0.5) / scale - 0.5;
    case 'pytorch-half-pixel':
      return out === 1 ? 0 : (o + 0.5) / scale - 0.5;
    case 'align-corners':
      return length === 1 ? 0 : (o * (size - 1)) / (length - 1);
    case 'asymmetric':
      return o / scale;
    case 'tf-half-pixel-for-nn':
      return (o + 0.5) / scale;
    case 'tf-crop-and-resize': {
      const [start, end] = roi;
      const moved =
        out === 1 ? ((end - start) * (size - 1)) / 2 : (o * (end - start) * (size - 1)) / (out - 1);
      return moved + start * (size - 1);
    }
    default:
      throw new ParamError(`resize: coordinates must be a known mode, got '${coordinates}'`);
  }
}

/** Calls f(o, place) for the results that have one; the others are marked, for 'tf-crop-and-resize' alone. */
function eachPlace(
  a: Axis,
  { coordinates = 'half-pixel' }: ResizeOptions,
  f: (o: number, place: number) => void,
): Uint8Array | undefined {
  const crops = coordinates === 'tf-crop-and-resize';
  const outside = crops ? new Uint8Array(a.out) : undefined;
  for (let o = 0; o < a.out; o++) {
    const place = placeOf(coordinates, a, o);
    if (outside && !(place >= 0 && place <= a.size - 1)) outside[o] = 1;
    else f(o, place);
  }
  return outside;
}

const clamp = (i: number, size: number) => Math.max(0, Math.min(size - 1, i));

function nearestTable(a: Axis, options: ResizeOptions): ResizeTable {
  const indices = new Int32Array(a.out).fill(-1);
  const { nearestMode = 'round-prefer-floor' } = options;
  const rounds = {
    'round-prefer-floor': (x: number) => Math.ceil(x - 0.5),
    'round-prefer-ceil': (x: number) => Math.floor(x + 0.5),
    floor: Math.floor,
    ceil: Math.ceil,
  };
  if (!Object.hasOwn(rounds, nearestMode)) {
    const names = Object.keys(rounds).join("', '");
    throw new ParamError(`resize: nearestMode must be '${names}', got '${nearestMode}'`);
  }
  const outside = eachPlace(a, options, (o, place) => {
    indices[o] = clamp(rounds[nearestMode](place), a.size);
  });
  return { axis: a.axis, size: a.out, taps: 1, indices, ...(outside && { outside }) };
}

/** Keys' cubic convolution at the distance d. */
function keys(d: number, a: number): number {
  const x = Math.abs(d);
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

function weightTable(a: Axis, options: ResizeOptions): ResizeTable {
  const { mode, cubicCoeff = -0.75, excludeOutside = false, antialias = false } = options;
  if (mode !== 'linear' && mode !== 'cubic')
    throw new ParamError(`resize: mode must be 'nearest', 'linear' or 'cubic', got '${mode}'`);
  const radius = mode === 'linear' ? 1 : 2;
  const weightOf =
    mode === 'linear'
      ? (d: number) => Math.max(0, 1 - Math.abs(d))
      : (d: number) => keys(d, cubicCoeff);
  // Kernels are as wide as the axis shrinks; each has an element more before than behind.
  const narrow = antialias ? Math.min(a.scale, 1) : 1;
  const first = Math.floor(-radius / narrow) + 1;
  const taps = 2 - 2 * first;
  const indices = new Int32Array(a.out * taps).fill(-1);
  const weights = new Float64Array(a.out * taps);
  const outside = eachPlace(a, options, (o, place) => {
    const base = Math.ceil(place) - 1; // of two elements at the same distance, the one before
    let sum = 0;
    for (let t = 0; t < taps; t++) {
      const i = base + first + t;
      const isInside = i >= 0 && i < a.size;
      const weight = excludeOutside && !isInside ? 0 : weightOf((i - place) * narrow);
      weights[o * taps + t] = weight;
      sum += weight;
      // No tap rather than zero times an element, which may be infinite.
      if (weight !== 0) indices[o * taps + t] = clamp(i, a.size);
    }
    if ((antialias || excludeOutside) && sum !== 0)
      for (let t = 0; t < taps; t++) (weights[o * taps + t] as number) /= sum;
  });
  return { axis: a.axis, size: a.out, taps, indices, weights, ...(outside && { outside }) };
}
