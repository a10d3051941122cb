/** What the parts of the checkpoint converter share: options, the report, and tensors as files hold them. */

import type { DType } from '../dtype';

/** What a checkpoint's floating-point tensors can be converted to. */
export type CheckpointDType = 'float16' | 'bfloat16' | 'float32';

/** How far {@link convertCheckpoint} is, in bytes of the input. */
export interface CheckpointProgress {
  /** `check`: values are counted before anything is written, for the policies that keep tensors. */
  readonly phase: 'check' | 'convert';
  /** The tensor that is done. */
  readonly name: string;
  readonly done: number;
  readonly total: number;
}

/** Options of {@link convertCheckpoint}. */
export interface ConvertCheckpointOptions {
  /** The type that floating-point tensors get. */
  readonly dtype: CheckpointDType;
  /** Converts only tensors whose name (before renaming) matches; default: all. */
  readonly include?: RegExp | undefined;
  /** Copies tensors whose name (before renaming) matches, also those that `include` names. */
  readonly exclude?: RegExp | undefined;
  /** New names by old ones, or a function from the old to the new name. */
  readonly rename?: Readonly<Record<string, string>> | ((name: string) => string) | undefined;
  /**
   * Finite values that are too large for `dtype`: become infinite (default), become the largest finite number of their sign
   * (`clamp`), leave the whole tensor as it is (`keep`), or throw (`error`).
   */
  readonly onOverflow?: 'infinity' | 'clamp' | 'keep' | 'error' | undefined;
  /** Values other than zero that become zero: are rounded so (default), leave the whole tensor as it is, or throw. */
  readonly onUnderflow?: 'round' | 'keep' | 'error' | undefined;
  /** Values that become subnormal, with fewer digits than others: are rounded so (default), leave the whole tensor as it is, or throw. */
  readonly onSubnormal?: 'round' | 'keep' | 'error' | undefined;
  /** A tensor, read or unfolded, may have at most this many bytes; default 2^32. */
  readonly maxTensorBytes?: number | undefined;
  /** Stops the conversion; it rejects with the reason. */
  readonly signal?: AbortSignal | undefined;
  /** Called after each tensor. */
  readonly onProgress?: ((progress: CheckpointProgress) => void) | undefined;
}

/** What a conversion did to the values of a tensor, or of all. */
export interface CheckpointCounts {
  /** Values that were rounded. */
  readonly elements: number;
  /** Finite values beyond the largest number of the type; `onOverflow` says what became of them. */
  readonly overflow: number;
  /** Values other than zero that became zero. */
  readonly underflow: number;
  /** Results that are subnormal: they have fewer digits than others. `onSubnormal` may refuse them. */
  readonly subnormal: number;
  /** NaNs of the input; they stay NaN. */
  readonly nan: number;
  /** Infinities of the input; they stay infinite. */
  readonly infinity: number;
}

/** What became of one tensor. */
export interface CheckpointTensor {
  readonly name: string;
  /** The name in the output. */
  readonly outputName: string;
  readonly shape: readonly number[];
  /** Type in the input, such as `float32` or `uint64`. */
  readonly from: string;
  /** Type in the output. */
  readonly to: string;
  /** `copied`: byte for byte, without a look at the values. `kept`: the same, because a policy said so. */
  readonly action: 'converted' | 'copied' | 'kept';
  /** Why it was not converted. */
  readonly reason?:
    | 'excluded'
    | 'not a float'
    | 'same type'
    | 'overflow'
    | 'underflow'
    | 'subnormal';
  /** What the conversion did, or would have done to a kept tensor; none for copied ones. */
  readonly counts?: CheckpointCounts;
}

/** What {@link convertCheckpoint} did. */
export interface CheckpointReport {
  readonly dtype: CheckpointDType;
  /** In the order of the input. */
  readonly tensors: readonly CheckpointTensor[];
  readonly converted: number;
  readonly copied: number;
  readonly kept: number;
  /** Sums over the converted tensors. */
  readonly counts: CheckpointCounts;
  /** Bytes of all values in the input. */
  readonly inputBytes: number;
  /** Bytes of all values in the output. */
  readonly outputBytes: number;
  /** Keys of the input's metadata that the output's format has no place for. */
  readonly droppedMetadata: readonly string[];
}

/** An element type of a file. */
export interface StoredType {
  /** `float32`; types that Halftone computes nothing with have names too, such as `uint64`. */
  readonly name: string;
  /** Bytes per element. */
  readonly size: number;
  /** The type as Halftone knows it. */
  readonly dtype?: DType;
}

/** A tensor of an input file. */
export interface StoredTensor {
  readonly name: string;
  readonly type: StoredType;
  readonly shape: readonly number[];
  /** Bytes of its values. */
  readonly byteLength: number;
}

/** An input file, opened and checked. */
export interface Source {
  readonly tensors: readonly StoredTensor[];
  readonly metadata: Readonly<Record<string, string>>;
  /** The values of a tensor: dense, row-major, little-endian, at the start of their buffer. */
  read(index: number, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>>;
  /** The bytes by which a format of this name holds a tensor, when this file has them as they are. */
  readRaw?(index: number, signal?: AbortSignal): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** A tensor to be written; `values` are asked for when it is its turn, one tensor after another. */
export interface OutputTensor extends StoredTensor {
  /** `raw`: the bytes are a whole entry of the output's format. */
  values(): Promise<{ readonly chunks: readonly Uint8Array[]; readonly raw?: boolean }>;
}

/** The product of the sizes, times the bytes per element; Infinity or beyond 2^53 for shapes that no file holds. */
export const byteLengthOf = (type: StoredType, shape: readonly number[]): number =>
  shape.includes(0) ? 0 : shape.reduce((n, d) => n * d, type.size);
