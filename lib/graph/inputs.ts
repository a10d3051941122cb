import { type NestedArray, tensor } from '../create';
import { ARRAY_TYPES } from '../dtype';
import {
  DisposedError,
  DtypeError,
  HalftoneError,
  createError,
  ParamError,
  ShapeError,
} from '../errors';
import { shown } from '../options';
import { Tensor } from '../tensor';
import { type Dim, elementCount, type Strings, type ValueInfo } from './ir';
import { isStrings, type RunValue } from './values';

/**
 * What a model takes as an input that is one tensor, or one element of a sequence: a tensor on the model's device, a typed
 * array of its element type, or an array of numbers, where nested ones have the shape that they show; of strings an array of
 * them, or one with a shape.
 */
export type ElementInput = Tensor | ArrayBufferView | NestedArray | readonly string[] | Strings;

/** What a model takes as an input: for a sequence an array of what its elements take, for an optional value also null. */
export type ModelInput = ElementInput | readonly ElementInput[] | null;

const show = (shape: readonly Dim[]) => `[${shape.map((size) => size ?? '?').join(', ')}]`;

/** Why a model takes a fixed number of images, for messages. */
export interface FixedBatch {
  readonly free: boolean;
  readonly why?: string;
}

/**
 * All inputs, checked against what the model declares. `temporary` are tensors made here, to be disposed of.
 *
 * @throws ParamError, DtypeError or ShapeError naming the input.
 */
export function bindInputs(
  declared: readonly ValueInfo[],
  given: Readonly<Record<string, ModelInput>>,
  device: string,
  batch: FixedBatch,
): { values: Map<string, RunValue>; temporary: Tensor[] } {
  checkNames(declared, given);
  const values = new Map<string, RunValue>();
  const temporary: Tensor[] = [];
  const bind = (info: ValueInfo, value: unknown): RunValue => {
    if (value instanceof Tensor) return value;
    if (info.dtype === 'string') return bindStrings(info, value);
    const made = upload(info, value, device);
    temporary.push(made);
    return made;
  };
  try {
    for (const info of declared) {
      const value = given[info.name] as ModelInput;
      if (info.optional && value === null) values.set(info.name, null);
      else if (info.sequence) values.set(info.name, bindSequence(info, value, bind));
      else values.set(info.name, bind(info, value));
    }
    checkShapes(declared, values, batch);
  } catch (error) {
    for (const made of temporary) made.dispose();
    throw error;
  }
  return { values, temporary };
}

function bindSequence(
  { sequence: _, optional: __, ...info }: ValueInfo,
  value: unknown,
  bind: (info: ValueInfo, value: unknown) => RunValue,
): RunValue {
  if (!Array.isArray(value)) {
    throw new ParamError(
      `run: input "${info.name}" is a sequence: it must be an array, got ${shown(value)}`,
    );
  }
  return (value as readonly unknown[]).map((element, i) => {
    const named = { ...info, name: `${info.name}[${i}]` };
    const bound = bind(named, element);
    // Elements may differ in the sizes that have names.
    checkShapes([named], new Map([[named.name, bound]]), { free: true });
    return bound;
  });
}

/** Strings with their shape; that of an array is the declared one, of which one size may be open. */
function bindStrings({ name, shape }: ValueInfo, value: unknown): Strings {
  const strings: unknown = isStrings(value) ? value.strings : value;
  if (!Array.isArray(strings) || !strings.every((text) => typeof text === 'string')) {
    throw new DtypeError(
      `run: input "${name}" must be an array of strings, or { strings, shape }, got ${shown(value)}`,
    );
  }
  if (!isStrings(value))
    return { strings: [...strings], shape: fillShape(name, shape, strings.length) };
  const own = value.shape;
  const isShape =
    Array.isArray(own) && own.every((size) => Number.isSafeInteger(size) && size >= 0);
  if (!isShape || elementCount(own) !== strings.length) {
    throw new ShapeError(
      `run: input "${name}": the shape [${String(own)}] does not fit ${strings.length} strings`,
    );
  }
  return { strings: [...strings], shape: [...own] };
}

/** All inputs are given, and nothing else. */
function checkNames(declared: readonly ValueInfo[], given: unknown): void {
  const names = declared.map(({ name }) => name);
  const expected = names.map((name) => `"${name}"`).join(', ') || 'none';
  if (typeof given !== 'object' || given === null || given instanceof Tensor) {
    throw new ParamError(`run: inputs must be an object with ${expected}, got ${shown(given)}`);
  }
  const all = Object.keys(given).filter(
    (name) => (given as Record<string, unknown>)[name] !== undefined,
  );
  if (all.some((name) => !names.includes(name)) || names.some((name) => !all.includes(name))) {
    const got = all.map((name) => `"${name}"`).join(', ') || 'none';
    throw new ParamError(`run: inputs must be ${expected}, got ${got}`);
  }
}

/** Element types and shapes of tensors and strings; those of sequences were checked one by one. */
function checkShapes(
  declared: readonly ValueInfo[],
  values: ReadonlyMap<string, RunValue>,
  batch: FixedBatch,
): void {
  const sizes = new Map<string, { readonly size: number; readonly by: string }>();
  for (const { name, dtype, shape } of declared) {
    const value = values.get(name);
    if (!(value instanceof Tensor) && !isStrings(value)) continue;
    if (value instanceof Tensor && value.disposed) {
      throw new DisposedError(`run: input "${name}" was disposed`);
    }
    const type = isStrings(value) ? 'string' : value.dtype;
    if (type !== dtype) {
      throw new DtypeError(`run: input "${name}" must be ${dtype}, got ${type}`);
    }
    const got = value.shape;
    const expected = shape ?? got;
    const sameRank = expected.length === got.length;
    const wrong = expected.findIndex((size, i) => typeof size === 'number' && size !== got[i]);
    if (!sameRank || wrong >= 0) {
      const fixed = sameRank && wrong === 0 && batch.why !== undefined;
      const why = fixed ? ` (the number of images is fixed: ${batch.why})` : '';
      throw new ShapeError(
        `run: input "${name}" must have the shape ${show(expected)}, got ${show(got)}${why}`,
      );
    }
    for (const [i, symbol] of expected.entries()) {
      if (typeof symbol !== 'string') continue;
      const size = got[i] as number;
      const other = sizes.get(symbol);
      if (other && other.size !== size) {
        throw new ShapeError(
          `run: size ${symbol} must be the same everywhere, got ${other.size} in "${other.by}" and ${size} in "${name}"`,
        );
      }
      sizes.set(symbol, { size, by: name });
    }
  }
}

function upload({ name, dtype, shape }: ValueInfo, value: unknown, device: string): Tensor {
  if (!dtype || dtype === 'string') throw new TypeError(`input "${name}" has no type`);
  const isArray = Array.isArray(value);
  const type = ARRAY_TYPES[dtype];
  if (!isArray && !(ArrayBuffer.isView(value) && value.constructor === type)) {
    const got = ArrayBuffer.isView(value) ? `a ${value.constructor.name}` : shown(value);
    throw new DtypeError(
      `run: input "${name}" must be a Tensor, a ${(type as { name?: string }).name} or an array of numbers for ${dtype}, got ${got}`,
    );
  }
  const { length, [0]: first } = value as ArrayLike<unknown>;
  const options = { dtype, device };
  try {
    return Array.isArray(first)
      ? tensor(value as NestedArray, options)
      : tensor(value as Float32Array, { ...options, shape: fillShape(name, shape, length) });
  } catch (cause) {
    if (!(cause instanceof HalftoneError) || cause.message.startsWith('run:')) throw cause;
    throw createError(cause.code, `run: input "${name}": ${cause.message}`, { cause });
  }
}

/** The shape that `length` elements have: one size may be open. */
function fillShape(name: string, shape: readonly Dim[] | null, length: number): number[] {
  if (!shape) throw new ShapeError(`run: input "${name}" has no declared shape: give one with it`);
  const open = shape.filter((size) => typeof size !== 'number').length;
  const known = shape.reduce<number>((n, size) => n * (typeof size === 'number' ? size : 1), 1);
  if (open > 1) {
    throw new ShapeError(
      `run: input "${name}" has the shape ${show(shape)}: give it as a Tensor, or strings with a shape`,
    );
  }
  const rest = known === 0 ? 0 : length / known;
  if (open === 0 ? length !== known : !Number.isInteger(rest)) {
    throw new ShapeError(
      `run: input "${name}" must have the shape ${show(shape)}, got ${length} values`,
    );
  }
  return shape.map((size) => (typeof size === 'number' ? size : rest));
}

/** A declared shape with `batch` for an open first size; undefined when other sizes are open too. */
export function settleShapes(shape: readonly Dim[], batch: number): number[] | undefined {
  const sizes = shape.map((size, axis) => (axis === 0 && typeof size !== 'number' ? batch : size));
  return sizes.every((size): size is number => typeof size === 'number') ? sizes : undefined;
}
