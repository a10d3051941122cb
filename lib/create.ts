/** Tensors out of JavaScript values. */

import { inspect } from 'node:util';
import type { NativeTensor } from '../binding';
import { binding } from './binding';
import { workContext } from './context';
import { type DeviceName, resolveDevice } from './device';
import {
  ARRAY_TYPES,
  DTYPES,
  type DType,
  floatToBfloat16Bits,
  floatToHalfBits,
  type IntDType,
  iinfo,
  isDType,
  isIntDType,
  isStoredDType,
  type StoredDType,
  type TypedArrayOf,
} from './dtype';
import { DtypeError, ParamError, ShapeError } from './errors';
import { runOp } from './run';
import { findForeign, isNarrowFloat, storedRange } from './stored';
import { Tensor } from './tensor';
import { checkOptions, type OptionKinds } from './options';

/** Numbers, bigints and booleans, nested to any depth. */
export type NestedArray = readonly (number | bigint | boolean | NestedArray)[];

/** What {@link tensor} takes. */
export type TensorData =
  | number
  | bigint
  | boolean
  | NestedArray
  | ArrayBufferView
  | ArrayBuffer
  | SharedArrayBuffer;

/** Options of {@link tensor}. */
export interface TensorOptions<D extends DType = DType> {
  /** Sizes of the axes; default: the nesting of the arrays, or one axis for a typed array. */
  readonly shape?: readonly number[];
  /** Element type; default: float32 for numbers, int64 for bigints, bool for booleans, the array's own type. */
  readonly dtype?: D;
  /** Default: HALFTONE_DEVICE, else the CPU. */
  readonly device?: DeviceName;
}

const TENSOR_OPTIONS: OptionKinds<TensorOptions> = { shape: 'any', dtype: 'any', device: 'any' };

/** Dtypes by what `Object.prototype.toString` says of a typed array. */
interface TaggedDTypes {
  readonly Float32Array: 'float32';
  readonly Float64Array: 'float64';
  readonly Float16Array: 'float16';
  readonly Int8Array: 'int8';
  readonly Uint8Array: 'uint8';
  readonly Uint8ClampedArray: 'uint8';
  readonly Int16Array: 'int16';
  readonly Uint16Array: 'uint16';
  readonly Int32Array: 'int32';
  readonly BigInt64Array: 'int64';
  readonly Uint32Array: 'uint32';
  readonly BigUint64Array: 'uint64';
}

/** What arrays nested to at most 8 levels hold. */
type Innermost<T, Depth extends readonly 0[] = []> = Depth['length'] extends 9
  ? unknown
  : T extends readonly (infer U)[]
    ? Innermost<U, [...Depth, 0]>
    : T;

/** The dtype of a tensor for which none is given: that of its data, as far as their type tells. */
export type DTypeOf<T> = T extends { readonly [Symbol.toStringTag]: infer Tag }
  ? Tag extends keyof TaggedDTypes
    ? TaggedDTypes[Tag]
    : DType
  : Innermost<T> extends number
    ? 'float32'
    : Innermost<T> extends bigint
      ? 'int64'
      : Innermost<T> extends boolean
        ? 'bool'
        : DType;

const VIEW_DTYPES: Readonly<Record<string, DType>> = {
  Float32Array: 'float32',
  Float64Array: 'float64',
  Int8Array: 'int8',
  Uint8Array: 'uint8',
  Uint8ClampedArray: 'uint8',
  Int16Array: 'int16',
  Uint16Array: 'uint16',
  Int32Array: 'int32',
  BigInt64Array: 'int64',
  Uint32Array: 'uint32',
  BigUint64Array: 'uint64',
};

interface TypedArrayLike {
  readonly buffer: ArrayBuffer;
  readonly byteOffset: number;
  readonly length: number;
}

/**
 * A Float16Array, native or of the package @petamoriken/float16 (a proxy, for which ArrayBuffer.isView is false). It is
 * viewed as Uint16Array before it goes further: Node-API reports the native class wrongly on several versions of Node.
 */
function viewFloat16(data: object): Uint16Array | undefined {
  if (Object.prototype.toString.call(data) !== '[object Float16Array]') return undefined;
  const { buffer, byteOffset, length } = data as TypedArrayLike;
  return new Uint16Array(buffer, byteOffset, length);
}

/** As many axes as a tensor can have. */
const MAX_RANK = 8;

/** The nesting of arrays; all of one level must be equally long. */
function nestedShape(data: NestedArray): number[] {
  const shape: number[] = [];
  for (let level: unknown = data; Array.isArray(level); level = level[0]) {
    // An array that contains itself would never end.
    if (shape.length === MAX_RANK) {
      throw new ShapeError(`tensor: data must be nested to at most ${MAX_RANK} levels`);
    }
    shape.push(level.length);
  }
  return shape;
}

function flatten(data: NestedArray, shape: readonly number[]): (number | bigint | boolean)[] {
  const flat: (number | bigint | boolean)[] = [];
  const walk = (value: unknown, axis: number, path: string): void => {
    if (axis === shape.length) {
      if (Array.isArray(value)) {
        throw new ShapeError(
          `tensor: data${path} must be a number, got an array of ${value.length}`,
        );
      }
      if (typeof value !== 'number' && typeof value !== 'bigint' && typeof value !== 'boolean') {
        throw new ParamError(
          `tensor: data${path} must be a number, bigint or boolean, got ${value === null ? 'null' : typeof value}`,
        );
      }
      flat.push(value);
      return;
    }
    if (!Array.isArray(value) || value.length !== shape[axis]) {
      const got = Array.isArray(value) ? `an array of ${value.length}` : String(value);
      throw new ShapeError(`tensor: data${path} must be an array of ${shape[axis]}, got ${got}`);
    }
    for (let i = 0; i < value.length; i++) walk(value[i], axis + 1, `${path}[${i}]`);
  };
  walk(data, 0, '');
  return flat;
}

/** Whole numbers in range: what is written down as an int8 is meant to be one. */
function checkIntegers(values: readonly (number | bigint | boolean)[], dtype: DType): void {
  const stored = isStoredDType(dtype) ? storedRange(dtype) : undefined;
  if (!stored && !isIntDType(dtype)) return;
  const { min, max } = stored ?? iinfo(dtype as IntDType);
  for (const [i, value] of values.entries()) {
    const v = typeof value === 'boolean' ? Number(value) : value;
    if ((typeof v === 'number' && !Number.isInteger(v)) || v < min || v > max) {
      throw new ParamError(
        `tensor: data[${i}] must be a whole number in [${min}, ${max}] for ${dtype}, got ${String(value)}`,
      );
    }
  }
}

/** On the stream that is current here, where that is of `device`. */
function upload(
  dtype: DType,
  shape: readonly number[],
  data: ArrayBufferView,
  device: string,
): NativeTensor {
  return binding.fromData(dtype, shape, data, device, workContext().stream);
}

function fromValues(
  values: readonly (number | bigint | boolean)[],
  shape: readonly number[],
  dtype: DType | undefined,
  device: string,
): Tensor {
  const kinds = new Set(values.map((v) => typeof v));
  const guess =
    kinds.has('number') || kinds.size === 0 ? 'float32' : kinds.has('bigint') ? 'int64' : 'bool';
  const target = dtype ?? guess;
  if (isNarrowFloat(target)) {
    return convert(upload('float64', shape, Float64Array.from(values, Number), device), target);
  }
  checkIntegers(values, target);
  return new Tensor(upload(target, shape, toElements(values, target), device));
}

/** The elements of `dtype` that `values` are, each rounded once. */
function toElements(
  values: readonly (number | bigint | boolean)[],
  dtype: DType,
): TypedArrayOf<DType> {
  switch (dtype) {
    case 'int64':
      return BigInt64Array.from(values, BigInt);
    case 'uint64':
      return BigUint64Array.from(values, BigInt);
    case 'float16':
      return Uint16Array.from(values, (v) => floatToHalfBits(Number(v)));
    case 'bfloat16':
      return Uint16Array.from(values, (v) => floatToBfloat16Bits(Number(v)));
    case 'bool':
      return Uint8Array.from(values, (v) => (v ? 1 : 0));
    default: {
      const type = ARRAY_TYPES[dtype] as Float64ArrayConstructor;
      return type.from(values, Number);
    }
  }
}

function convert(handle: NativeTensor, dtype: DType): Tensor {
  const source = new Tensor(handle);
  if (source.dtype === dtype) return source;
  try {
    return runOp('cast', [source], { to: dtype });
  } finally {
    source.dispose();
  }
}

function fromView(
  view: ArrayBufferView,
  viewDtype: DType,
  { shape, dtype }: TensorOptions,
  device: string,
): Tensor {
  const target = dtype ?? viewDtype;
  const length = view.byteLength / DTYPES[viewDtype].size;
  // A Uint16Array for a 16-bit float holds its bits, as a Uint8Array does for a float8 or float4.
  const isBits =
    (viewDtype === 'uint16' && (target === 'float16' || target === 'bfloat16')) ||
    (viewDtype === 'uint8' && isNarrowFloat(target));
  if (isBits && isStoredDType(target)) checkCodes(view, target);
  return convert(
    upload(isBits ? target : viewDtype, shape ?? [length], view as Uint8Array, device),
    target,
  );
}

/** Refuses bytes that are no element of a type of less than 8 bits. */
function checkCodes(bytes: ArrayBufferView, dtype: StoredDType): void {
  const { buffer, byteOffset, byteLength } = bytes;
  const codes = new ARRAY_TYPES[dtype](buffer, byteOffset, byteLength);
  const at = findForeign(codes, dtype);
  if (at < 0) return;
  const { min, max } = storedRange(dtype);
  throw new ParamError(
    `tensor: data[${at}] must be a code in [${min}, ${max}] for ${dtype}, got ${codes[at]}`,
  );
}

function fromBytes(
  bytes: Uint8Array,
  dtype: DType,
  shape: readonly number[] | undefined,
  device: string,
): Tensor {
  const { size } = DTYPES[dtype];
  if (!shape && bytes.byteLength % size !== 0) {
    throw new ShapeError(
      `tensor: the number of bytes must be a multiple of ${size} for ${dtype}, got ${bytes.byteLength}`,
    );
  }
  if (isStoredDType(dtype)) checkCodes(bytes, dtype);
  return new Tensor(upload(dtype, shape ?? [bytes.byteLength / size], bytes, device));
}

/**
 * A tensor with a copy of `data`.
 *
 * - Numbers (nested arrays give the shape) are rounded once to `dtype`, default float32. For integer types they must be whole
 *   and in range.
 * - Typed arrays keep their type, or are converted like `cast` when `dtype` differs. A `Uint16Array` with dtype float16 or
 *   bfloat16 holds the bits, as does a `Uint8Array` with a float8 or float4. A `Float16Array` may be the native class or that of @petamoriken/float16.
 * - A `Buffer` is bytes: uint8, or with `dtype` the little-endian bytes of that type, one for each int4 or int2. So are an `ArrayBuffer` and a
 *   `DataView`, for which `dtype` must be given.
 *
 * @throws ShapeError when the shape does not fit the data, DtypeError for an unknown dtype, ParamError for other data.
 * @example
 * tensor([[1, 2], [3, 4]]); // float32 [2, 2]
 * tensor([65519], { dtype: 'float16' }); // 65504
 * tensor(new Uint16Array([0x3c00]), { dtype: 'float16' }); // 1
 */
export function tensor<T extends TensorData, D extends DType = DTypeOf<T>>(
  data: T,
  options: TensorOptions<D> = {},
): Tensor<D> {
  checkOptions('tensor', options, TENSOR_OPTIONS);
  const { shape, dtype } = options;
  if (dtype !== undefined && !isDType(dtype)) {
    throw new DtypeError(
      `tensor: dtype must be one of ${Object.keys(DTYPES).join(', ')}, got ${String(dtype)}`,
    );
  }
  if (shape !== undefined && !isShape(shape)) {
    throw new ShapeError(
      `tensor: shape must be an array of integers >= 0, got ${inspect(shape, { depth: 0 }).slice(0, 60)}`,
    );
  }
  const device = resolveDevice(options.device);
  return build(data, options, device) as Tensor<D>;
}

/** Whether this is an array of numbers; native code checks their values. */
function isShape(shape: unknown): boolean {
  return Array.isArray(shape) && Array.from(shape).every((size) => typeof size === 'number');
}

function build(data: TensorData, options: TensorOptions, device: string): Tensor {
  const { shape, dtype } = options;
  if (typeof data === 'number' || typeof data === 'bigint' || typeof data === 'boolean') {
    return fromValues([data], shape ?? [], dtype, device);
  }
  if (Array.isArray(data)) {
    const nesting = nestedShape(data);
    const values = flatten(data, nesting);
    const size = (shape ?? nesting).reduce((n, d) => n * d, 1);
    if (size !== values.length) {
      throw new ShapeError(
        `tensor: shape must have as many elements as data, got [${(shape ?? nesting).join(', ')}] and ${values.length} values`,
      );
    }
    return fromValues(values, shape ?? nesting, dtype, device);
  }
  if (typeof data === 'object' && data !== null) {
    const half = viewFloat16(data);
    if (half) {
      const bits = upload('float16', shape ?? [half.length], half, device);
      return convert(bits, dtype ?? 'float16');
    }
    const view = ArrayBuffer.isView(data) ? data : undefined;
    const kind = view && (VIEW_DTYPES[view.constructor.name] ?? typedArrayDtype(view));
    const isRaw =
      view === undefined
        ? data instanceof ArrayBuffer || data instanceof SharedArrayBuffer
        : kind === undefined || Buffer.isBuffer(view);
    if (isRaw) {
      const bytes = view
        ? new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
        : new Uint8Array(data as ArrayBuffer);
      const target = dtype ?? (Buffer.isBuffer(view) ? 'uint8' : undefined);
      if (!target)
        throw new ParamError('tensor: dtype must be given for an ArrayBuffer or DataView');
      return fromBytes(bytes, target, shape, device);
    }
    if (view && kind) return fromView(view, kind, options, device);
  }
  throw new ParamError(
    `tensor: data must be a number, (nested) array, typed array or buffer, got ${data === null ? 'null' : typeof data}`,
  );
}

/** The element type of a subclass of a typed array (such as Buffer); undefined for a DataView. */
function typedArrayDtype(view: ArrayBufferView): DType | undefined {
  if (view instanceof DataView) return undefined;
  const found = Object.keys(VIEW_DTYPES).find((name) => {
    const type = (globalThis as unknown as Record<string, new () => object>)[name];
    return type !== undefined && view instanceof type;
  });
  if (found) return VIEW_DTYPES[found];
  throw new ParamError(
    `tensor: a ${view.constructor.name} cannot be taken; supported are ${Object.keys(VIEW_DTYPES).join(', ')}, Float16Array`,
  );
}
