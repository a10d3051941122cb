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
import type { Dim, ValueInfo } from './ir';

/** What a model takes as an input. Nested arrays have the shape that they show. */
export type ModelInput = Tensor | ArrayBufferView | NestedArray;

const show = (shape: readonly Dim[]) => `[${shape.map((size) => size ?? '?').join(', ')}]`;

/** Why a model takes a fixed number of images, for messages. */
export interface FixedBatch {
  readonly free: boolean;
  readonly why?: string;
}

/**
 * Tensors of all inputs, checked against what the model declares. `temporary` are those made here, to be disposed of.
 *
 * @throws ParamError, DtypeError or ShapeError naming the input.
 */
export function bindInputs(
  declared: readonly ValueInfo[],
  given: Readonly<Record<string, ModelInput>>,
  device: string,
  batch: FixedBatch,
): { tensors: Map<string, Tensor>; temporary: Tensor[] } {
  checkNames(declared, given);
  const tensors = new Map<string, Tensor>();
  const temporary: Tensor[] = [];
  try {
    for (const info of declared) {
      const value = given[info.name] as ModelInput;
      if (value instanceof Tensor) {
        tensors.set(info.name, value);
        continue;
      }
      const made = upload(info, value, device);
      temporary.push(made);
      tensors.set(info.name, made);
    }
    checkTensors(declared, tensors, batch);
  } catch (error) {
    for (const made of temporary) made.dispose();
    throw error;
  }
  return { tensors, temporary };
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

function checkTensors(
  declared: readonly ValueInfo[],
  tensors: ReadonlyMap<string, Tensor>,
  batch: FixedBatch,
): void {
  const sizes = new Map<string, { readonly size: number; readonly by: string }>();
  for (const { name, dtype, shape } of declared) {
    const value = tensors.get(name) as Tensor;
    if (value.disposed) throw new DisposedError(`run: input "${name}" was disposed`);
    if (value.dtype !== dtype) {
      throw new DtypeError(`run: input "${name}" must be ${dtype}, got ${value.dtype}`);
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
  if (!dtype || !shape) throw new TypeError(`input "${name}" has no type`);
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
function fillShape(name: string, shape: readonly Dim[], length: number): number[] {
  const open = shape.filter((size) => typeof size !== 'number').length;
  const known = shape.reduce<number>((n, size) => n * (typeof size === 'number' ? size : 1), 1);
  if (open > 1) {
    throw new ShapeError(`run: input "${name}" has the shape ${show(shape)}: give it as a Tensor`);
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
