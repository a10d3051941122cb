/** Tensors: dense arrays of one element type on one device. */

import { inspect } from 'node:util';
import * as workers from 'node:worker_threads';
import type { NativeTensor, Provenance, TensorDescription } from '../binding';
import { binding } from './binding';
import { refuseInCapture } from './context';
import { ARRAY_TYPES, DTYPES, type DType, type ArrayTypes, type StoredDType } from './dtype';
import { isNarrowFloat } from './stored';
import {
  DisposedError,
  OutOfMemoryError,
  ParamError,
  ShapeError,
  UnsupportedError,
} from './errors';
import { formatTensor } from './format';
import { track } from './scope';

/** How an integer tensor stands for real numbers: real = (q - zeroPoint) * scale. */
export interface Quantization {
  /** float32: one value, or one for each index of `axis`. */
  readonly scale: Tensor;
  /** Of the quantized type and of the shape of `scale`; absent: 0. */
  readonly zeroPoint?: Tensor;
  /** The axis along which scale and zero point vary; null: one for the whole tensor. */
  readonly axis: number | null;
  /** As many neighbours along `axis` share a scale; absent: all of an index. */
  readonly blockSize?: number;
}

type Widened = 'float16' | 'bfloat16' | Extract<StoredDType, `float${string}`>;

interface DataTypes extends Omit<ArrayTypes, Widened | 'int64' | 'uint64'> {
  float16: Float32Array;
  bfloat16: Float32Array;
  float8e4m3fn: Float32Array;
  float8e4m3fnuz: Float32Array;
  float8e5m2: Float32Array;
  float8e5m2fnuz: Float32Array;
  float8e8m0: Float32Array;
  float4e2m1: Float32Array;
  // Bigints; not in the type where others are possible, or no tensor of unknown type could be read as numbers.
  int64: never;
  uint64: never;
}

/**
 * What {@link Tensor.data} gives: floats of 16 bits and less widened to float32, all else in its own typed array. Where TypeScript does not
 * know the type of a tensor, arrays of numbers are assumed: say `Tensor<'int64'>` where bigints are meant.
 */
export type DataOf<D extends DType> = [D] extends ['int64']
  ? BigInt64Array
  : [D] extends ['uint64']
    ? BigUint64Array
    : DataTypes[D];

interface Float16ArrayConstructor {
  new (buffer: ArrayBuffer): ArrayLike<number> & { readonly buffer: ArrayBuffer };
}

/** Runtimes that have the class natively: Node 24 and later. */
const NativeFloat16Array = (globalThis as { Float16Array?: Float16ArrayConstructor }).Float16Array;

/** Node 22.10 and later. A tensor belongs to its thread: a clone would have the shape but no elements. */
const { markAsUncloneable } = workers as { markAsUncloneable?: (object: object) => void };

/**
 * A dense, row-major array of `shape` and `dtype` on `device`.
 *
 * Made by `tensor()`, `zeros()` and the operators. Operators return at once; their results are computed in order on the
 * device's own thread, and `await t.data()` waits for them. An error while computing rejects there.
 *
 * Memory is given back by `dispose()`, by `using`, at the end of a `scope()`, or when the object is collected.
 */
export class Tensor<D extends DType = DType> {
  /** Set on results of `quantize()`. */
  quantization: Quantization | undefined;
  readonly #handle: NativeTensor;
  /** Asked for on first use: most results of a chain of operators are never looked at. */
  #description: Readonly<TensorDescription> | undefined;
  #disposed = false;

  /** @internal Tensors are made by functions, not by `new`. */
  constructor(handle: NativeTensor) {
    this.#handle = handle;
    markAsUncloneable?.(this);
    track(this);
  }

  /** @internal Whether `value` is a tensor itself, not a proxy of one or an object that inherits from one. */
  static is(value: unknown): value is Tensor {
    return typeof value === 'object' && value !== null && #handle in value;
  }

  get #described(): Readonly<TensorDescription> {
    if (this.#description === undefined) {
      this.#description = binding.describe(this.#handle);
      Object.freeze(this.#description.shape);
    }
    return this.#description;
  }

  get dtype(): D {
    return this.#described.dtype as D;
  }

  get shape(): readonly number[] {
    return this.#described.shape;
  }

  get device(): string {
    return this.#described.device;
  }

  /** Number of axes. */
  get rank(): number {
    return this.shape.length;
  }

  /** Number of elements. */
  get size(): number {
    return this.shape.reduce((n, d) => n * d, 1);
  }

  /** Bytes of the elements. */
  get byteLength(): number {
    return this.size * DTYPES[this.dtype].size;
  }

  get disposed(): boolean {
    return this.#disposed;
  }

  /** @internal The native tensor, for `who`, which the error names when it is gone. */
  handle(who: string): NativeTensor {
    if (this.#disposed) {
      throw new DisposedError(
        `${who}: the tensor [${this.shape.join(', ')}] of ${this.dtype} was disposed`,
      );
    }
    return this.#handle;
  }

  /**
   * A copy of the elements in row-major order. Floats of 16 bits and less come as a `Float32Array` (exact); int64 as a
   * `BigInt64Array`, uint64 as a `BigUint64Array`; bool as a `Uint8Array` of 0 and 1. Rejects when an operator that led to this tensor failed.
   */
  async data(): Promise<DataOf<D>> {
    const bytes = await this.#read('data', true);
    return new (this.#dataType())(bytes) as DataOf<D>;
  }

  /** Like {@link data}, but blocks the thread until the elements are there. For scripts and worker threads. */
  dataSync(): DataOf<D> {
    return new (this.#dataType())(this.#readSync()) as DataOf<D>;
  }

  #read(who: string, widen: boolean): Promise<ArrayBuffer> {
    refuseInCapture(who);
    const handle = this.handle(who);
    return binding.read(handle, widen, this.#target(who, widen));
  }

  #readSync(): ArrayBuffer {
    refuseInCapture('dataSync');
    const handle = this.handle('dataSync');
    return binding.readSync(handle, true, this.#target('dataSync', true));
  }

  /** Host memory for the elements. Where there is none the constructor throws; native code would end the process. */
  #target(who: string, widen: boolean): ArrayBuffer {
    const bytes = this.size * (widen && this.#isWidened() ? 4 : DTYPES[this.dtype].size);
    try {
      return new ArrayBuffer(bytes);
    } catch (cause) {
      throw new OutOfMemoryError(`${who}: no host memory for ${bytes} bytes`, { cause });
    }
  }

  #dataType() {
    return this.#isWidened() ? Float32Array : ARRAY_TYPES[this.dtype];
  }

  #isWidened(): boolean {
    return this.#isHalf() || isNarrowFloat(this.dtype);
  }

  #isHalf(): boolean {
    return this.dtype === 'float16' || this.dtype === 'bfloat16';
  }

  /** The bits of a float16, bfloat16 or uint16 tensor. @throws UnsupportedError for other types. */
  async asUint16(): Promise<Uint16Array> {
    if (!this.#isHalf() && this.dtype !== 'uint16') {
      throw new UnsupportedError(
        `asUint16: dtype must be float16, bfloat16 or uint16, got ${this.dtype}; cast() first`,
      );
    }
    return new Uint16Array(await this.#read('asUint16', false));
  }

  /**
   * The elements of a float16 tensor as a `Float16Array`.
   *
   * @throws UnsupportedError for other types, and where the runtime has no Float16Array (before Node 24).
   */
  async asFloat16(): Promise<ArrayLike<number>> {
    if (this.dtype !== 'float16') {
      throw new UnsupportedError(
        `asFloat16: dtype must be float16, got ${this.dtype}; cast() first`,
      );
    }
    if (!NativeFloat16Array) {
      throw new UnsupportedError(
        `asFloat16: Node ${process.version} has no Float16Array; use asUint16() for the bits or data() for float32`,
      );
    }
    return new NativeFloat16Array(await this.#read('asFloat16', false));
  }

  /** The elements as nested arrays of numbers (bigints for int64, booleans for bool). */
  async toArray(): Promise<unknown> {
    const flat: ArrayLike<number | bigint> = await this.data();
    const isBool = this.dtype === 'bool';
    const build = (axis: number, offset: number, count: number): unknown => {
      if (axis === this.rank) return isBool ? flat[offset] !== 0 : flat[offset];
      const size = this.shape[axis] ?? 0;
      const step = size === 0 ? 0 : count / size;
      return Array.from({ length: size }, (_, i) => build(axis + 1, offset + i * step, step));
    };
    return build(0, 0, this.size);
  }

  /**
   * The same elements under another shape, without a copy. One size may be -1: it is what remains.
   *
   * @throws ShapeError when the number of elements differs.
   */
  reshape(shape: readonly number[]): Tensor<D> {
    if (!Array.isArray(shape) || shape.some((d) => typeof d !== 'number')) {
      throw new ShapeError(
        `reshape: the new shape must be an array of integers, got ${inspect(shape, { depth: 0 }).slice(0, 60)}`,
      );
    }
    if (shape.filter((d) => d === -1).length > 1) {
      throw new ShapeError(`reshape: only one size may be -1, got [${shape.join(', ')}]`);
    }
    const known = shape.reduce((n, d) => (d === -1 ? n : n * d), 1);
    const filled = shape.map((d) => (d === -1 && known > 0 ? this.size / known : d));
    return new Tensor<D>(binding.reshape(this.handle('reshape'), filled));
  }

  /** Gives the memory back once the work that needs it is done. Calling it again does nothing. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    binding.dispose(this.#handle);
  }

  /** For `using`: the same as {@link dispose}. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  /** The values as NumPy prints them. Blocks until they are there. */
  toString(): string {
    if (this.#disposed) return `Tensor(disposed, ${this.dtype} [${this.shape.join(', ')}])`;
    return formatTensor(this.dataSync(), this.shape, this.dtype);
  }

  /** For console.log: type, shape and device, without waiting for the values. */
  [inspect.custom](): string {
    if (!Tensor.is(this)) return 'Tensor { itself not one: a proxy, an heir or the prototype }';
    return `Tensor { ${this.dtype} [${this.shape.join(', ')}] on ${this.device}${this.disposed ? ', disposed' : ''} }`;
  }
}

/**
 * How a tensor was made: backend, library and version, kernel or engine, the types of storage, products and sums.
 * `kernel` is null for data that came from JavaScript. Waits (blocking) until the operator has run; see
 * {@link explainAsync}.
 */
export function explain(tensor: Tensor): Provenance {
  return binding.explainSync(explainable(tensor));
}

function explainable(tensor: unknown): NativeTensor {
  if (Tensor.is(tensor)) return tensor.handle('explain');
  throw new ParamError(
    `explain: a Tensor was expected, got ${inspect(tensor, { depth: 0, breakLength: Infinity }).slice(0, 60)}`,
  );
}

/** Like {@link explain}, without blocking. */
export async function explainAsync(tensor: Tensor): Promise<Provenance> {
  return await binding.explain(explainable(tensor));
}
