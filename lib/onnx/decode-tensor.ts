import { ARRAY_TYPES, DTYPES, type DType, isStoredDType, type TypedArrayOf } from '../dtype';
import { type Constant, type ElementType, elementCount, type Strings } from '../graph/ir';
import { modelError } from '../graph/model-error';
import { type ExternalData, externalReference, referenceKey } from './external';
import { fileBytes, unpack } from '../stored';
import { type Int64, type TensorProto, toBigInt } from './proto';

/** TensorProto.DataType by number. Those without a Halftone dtype are known by name only. */
const DATA_TYPES = [
  'undefined',
  'float32',
  'uint8',
  'int8',
  'uint16',
  'int16',
  'int32',
  'int64',
  'string',
  'bool',
  'float16',
  'float64',
  'uint32',
  'uint64',
  'complex64',
  'complex128',
  'bfloat16',
  'float8e4m3fn',
  'float8e4m3fnuz',
  'float8e5m2',
  'float8e5m2fnuz',
  'uint4',
  'int4',
  'float4e2m1',
  'float8e8m0',
  'uint2',
  'int2',
] as const;

/** The number of the element type of strings. */
export const STRING = DATA_TYPES.indexOf('string');

/** What the number of an element type is called; "element type 99" when ONNX has none of that number. */
export const dataTypeName = (code: number): string => DATA_TYPES[code] ?? `element type ${code}`;

/** The dtype of an ONNX element type, or undefined when Halftone has none. */
export function dtypeOf(code: number): DType | undefined {
  const name = dataTypeName(code);
  return Object.hasOwn(DTYPES, name) ? (name as DType) : undefined;
}

/** The same with strings, which no tensor of Halftone's holds. */
export const elementTypeOf = (code: number): ElementType | undefined =>
  code === STRING ? 'string' : dtypeOf(code);

/** The number of a dtype in ONNX files: `Cast`'s `to`, TensorProto's `data_type`. */
export const dataTypeCode = (dtype: ElementType): number =>
  (DATA_TYPES as readonly string[]).indexOf(dtype);

/** Ranks above this are refused, as in native/core/shape.h. */
export const MAX_RANK = 8;

/**
 * The sizes of a tensor of a file. Refuses negative sizes and shapes with more elements than a buffer could hold.
 * `what` names the tensor in errors.
 */
export function decodeDims(dims: readonly Int64[], what: string): number[] {
  if (dims.length > MAX_RANK) {
    throw modelError(`${what} has rank ${dims.length}, at most ${MAX_RANK} is supported`);
  }
  const shape = dims.map((d) => Number(toBigInt(d)));
  let bytes = 8;
  for (const size of shape) {
    bytes *= Math.max(1, size);
    if (!(size >= 0) || !(bytes <= Number.MAX_SAFE_INTEGER)) {
      throw modelError(`${what} has the impossible shape [${shape.join(', ')}]`);
    }
  }
  return shape;
}

/**
 * The values of a tensor, copied out of the file. What is allocated never exceeds what the file itself holds.
 *
 * @throws ModelError naming the tensor: an element type that Halftone does not have, data that do not match the shape,
 *   values outside the element type, segmented data, external data that are not in `external`.
 */
export function decodeTensor(
  tensor: TensorProto,
  what: string,
  external: ExternalData = new Map(),
): Constant {
  const shape = decodeDims(tensor.dims, what);
  const dtype = dtypeOf(tensor.data_type);
  if (!dtype) {
    throw modelError(
      `${what} holds ${dataTypeName(tensor.data_type)}, which is not supported`,
      tensor.data_type > 0
        ? { suggestion: `Supported element types: ${Object.keys(DTYPES).join(', ')}` }
        : {},
    );
  }
  if (tensor.segment) throw modelError(`${what} is stored in segments, which is not supported`);
  const elements = shape.reduce((n, d) => n * d, 1);
  const reference = externalReference(tensor, what);
  if (reference) {
    const bytes = external.get(referenceKey(reference));
    if (!bytes)
      throw modelError(`${what} keeps its data in another file ("${reference.location}")`);
    const data = decodeRaw(bytes, dtype, elements, shape, what);
    if (dtype === 'bool') checkBools(data as Uint8Array, what);
    return { dtype, shape, data };
  }
  const raw = tensor.raw_data;
  const data =
    raw && (raw.length > 0 || fieldLength(tensor) === 0)
      ? decodeRaw(raw, dtype, elements, shape, what)
      : decodeField(tensor, dtype, elements, shape, what);
  if (dtype === 'bool') checkBools(data as Uint8Array, what);
  return { dtype, shape, data };
}

const UTF8 = new TextDecoder();

/** The strings of a tensor that holds strings. @throws ModelError naming the tensor where they do not match the shape. */
export function decodeStrings(tensor: TensorProto, what: string): Strings {
  const shape = decodeDims(tensor.dims, what);
  const { string_data: data } = tensor;
  const elements = elementCount(shape);
  if (data.length !== elements) {
    throw modelError(
      `${what} of shape [${shape.join(', ')}] and string needs ${elements} values, string_data has ${data.length}`,
    );
  }
  return { shape, strings: data.map((bytes) => UTF8.decode(bytes)) };
}

const fieldLength = (t: TensorProto): number =>
  t.float_data.length +
  t.int32_data.length +
  t.int64_data.length +
  t.double_data.length +
  t.uint64_data.length;

function decodeRaw(
  raw: Uint8Array,
  dtype: DType,
  elements: number,
  shape: readonly number[],
  what: string,
): TypedArrayOf {
  const expected = fileBytes(dtype, elements);
  if (raw.length !== expected) {
    throw modelError(
      `${what} of shape [${shape.join(', ')}] and ${dtype} needs ${expected} bytes, its data have ${raw.length}`,
    );
  }
  if (isStoredDType(dtype)) return unpack(raw, dtype, elements);
  // A copy of its own: the file's bytes are not aligned, and are let go. Files are little-endian, as all hosts here.
  return new ARRAY_TYPES[dtype](new Uint8Array(raw).buffer, 0, elements);
}

/** The field that holds the values of each dtype when they are not raw bytes. */
const FIELDS = {
  float32: 'float_data',
  float64: 'double_data',
  int64: 'int64_data',
  uint32: 'uint64_data',
  uint64: 'uint64_data',
} as const;

function decodeField(
  tensor: TensorProto,
  dtype: DType,
  elements: number,
  shape: readonly number[],
  what: string,
): TypedArrayOf {
  const field = dtype in FIELDS ? FIELDS[dtype as keyof typeof FIELDS] : 'int32_data';
  const values = tensor[field];
  // Elements of less than a byte are packed here too, the bytes as one int32 each.
  const expected = isStoredDType(dtype) ? fileBytes(dtype, elements) : elements;
  if (values.length !== expected) {
    throw modelError(
      `${what} of shape [${shape.join(', ')}] and ${dtype} needs ${expected} values, ${field} has ${values.length}`,
    );
  }
  if (isStoredDType(dtype)) {
    const bytes = Uint8Array.from(values as number[]);
    checkValues(bytes, values as number[], what, dtype);
    return unpack(bytes, dtype, elements);
  }
  const data = new ARRAY_TYPES[dtype](elements);
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    for (let i = 0; i < elements; i++) data[i] = toBigInt(values[i] as Int64);
    return data;
  }
  const numbers = field === 'uint64_data' ? values.map(Number) : (values as number[]);
  (data as Float64Array).set(numbers);
  if (field === 'int32_data' || field === 'uint64_data') checkValues(data, numbers, what, dtype);
  return data;
}

/** Refuses values of a file that are not those of their type. */
function checkValues(
  data: TypedArrayOf,
  values: readonly number[],
  what: string,
  dtype: DType,
): void {
  const wrong = values.findIndex((value, i) => data[i] !== value);
  if (wrong >= 0) {
    throw modelError(`${what} holds ${values[wrong]} at ${wrong}, which is no ${dtype}`);
  }
}

function checkBools(data: Uint8Array, what: string): void {
  const wrong = data.findIndex((value) => value > 1);
  if (wrong >= 0) throw modelError(`${what} holds ${data[wrong]} at ${wrong}, which is no bool`);
}
