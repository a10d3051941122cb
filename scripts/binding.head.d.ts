/** Element types. */
export type DType =
  | 'float32'
  | 'float16'
  | 'bfloat16'
  | 'int8'
  | 'uint8'
  | 'int16'
  | 'uint16'
  | 'int32'
  | 'int64'
  | 'bool'
  | 'float64'
  | 'uint32'
  | 'uint64'
  | 'float8e4m3fn'
  | 'float8e4m3fnuz'
  | 'float8e5m2'
  | 'float8e5m2fnuz'
  | 'float8e8m0'
  | 'float4e2m1'
  | 'int4'
  | 'uint4'
  | 'int2'
  | 'uint2';

/** 'valid': none; 'same': ceil(size / stride) outputs, the odd pixel after; 'same-lower': the odd pixel before; or pixels. */
export type Padding =
  | 'valid'
  | 'same'
  | 'same-lower'
  | number
  | readonly [vertical: number, horizontal: number]
  | readonly [top: number, bottom: number, left: number, right: number];

/** One reference to a native tensor. */
export interface NativeTensor {
  readonly [tensorBrand]: never;
}
declare const tensorBrand: unique symbol;

/** dtype and shape without data. */
export interface TensorDesc {
  readonly dtype: DType;
  readonly shape: readonly number[];
}

/** What a native tensor is. */
export interface TensorDescription extends TensorDesc {
  readonly device: string;
}

/** How a tensor was made. Fields are null for data that came from JavaScript. */
export interface Provenance {
  readonly backend: string;
  readonly device: string;
  readonly library: string | null;
  readonly version: string | null;
  /** Kernel or engine. */
  readonly kernel: string | null;
  /** dtype of the inputs in memory. */
  readonly storage: string | null;
  /** Type of the products. */
  readonly multiply: string | null;
  /** Type of the sums. */
  readonly accumulate: string | null;
  readonly tensorCores: boolean;
  readonly workspaceBytes: number;
}

/** A device of a backend. */
export interface DeviceEntry {
  /** As in the `device` option. */
  readonly device: string;
  readonly name?: string;
  readonly detail?: string;
  readonly totalBytes?: number;
  readonly freeBytes?: number;
  /** Why the device cannot be asked. */
  readonly error?: string;
}

export interface BackendsInfo {
  readonly loaded: readonly {
    readonly name: string;
    readonly version: string;
    /** null for the one that is built in. */
    readonly path: string | null;
    readonly devices: readonly DeviceEntry[];
    /** What the backend uses; null where it is not known. */
    readonly libraries: readonly {
      readonly name: string;
      readonly version: string | null;
      readonly path: string | null;
    }[];
  }[];
  readonly refused: readonly { readonly path: string; readonly reason: string }[];
}

export interface CpuInfo {
  /** The level that kernels use. */
  readonly isa: string;
  /** The highest level of this CPU and build. */
  readonly bestIsa: string;
  readonly threads: number;
  readonly features: Readonly<Record<string, boolean>>;
  /** HALFTONE_CPU_ISA when it names no level. */
  readonly unknownIsaRequest?: string;
}

/**
 * What of a device is measured: bytes read and written per second by copies in its memory; operations per second of
 * multiply-adds (two each) in registers, without tensor cores; of dp4a (eight).
 */
export type PeakKind = 'copy' | 'fma-float32' | 'fma-float16' | 'dot4-int8';

/** What the whole process holds on a device, in bytes: see `deviceMemory()`. */
export interface DeviceMemory {
  /** Handed out: tensors of all threads, and workspaces. */
  readonly used: number;
  readonly usedPeak: number;
  /** Taken from the device: what is used and what is kept for reuse. */
  readonly reserved: number;
  readonly reservedPeak: number;
  /** The most that `used` may be; null: what the device has. */
  readonly limit: number | null;
  /** Of the device, with all processes on it. */
  readonly free: number;
  readonly total: number;
  /** Page-locked host memory that is kept for copies. */
  readonly staging: number;
}

/** A queue of work: see `Stream`. */
export interface NativeStream {
  readonly device: string;
}

/** A point in the work of a stream. */
export interface NativeEvent {
  readonly [eventBrand]: never;
}
declare const eventBrand: unique symbol;

/** Work that is being captured, with its own copies of the inputs. */
export interface NativeTape {
  readonly inputs: NativeTensor[];
}

/** Work that can be replayed. */
export interface NativeGraph {
  readonly [graphBrand]: never;
}
declare const graphBrand: unique symbol;

/** The memory that the tensors of one device hold: see `memory()`. */
export interface MemoryEntry {
  readonly device: string;
  readonly tensors: number;
  readonly live: number;
  readonly allocated: number;
  readonly peak: number;
  readonly cached: number;
}

export interface OpDescription {
  readonly name: keyof OpParams;
  readonly doc: string;
  readonly inputs: readonly {
    readonly name: string;
    readonly doc: string;
    readonly optional: boolean;
    readonly variadic: boolean;
  }[];
  readonly outputs: readonly string[];
  readonly params: readonly {
    readonly name: string;
    readonly kind: string;
    readonly doc: string;
    readonly required: boolean;
    readonly nullable: boolean;
    readonly default?: unknown;
    readonly min?: number;
    readonly max?: number;
    readonly count?: number;
    readonly enumName?: string;
    readonly enumDoc?: string;
    readonly values?: readonly string[];
  }[];
  readonly hash: string;
}

/** What a library's own function must say of its version, in [least, below). */
export interface VersionCheck {
  /** `size_t function()`; where `pair`: `int function(int* major, int* minor)`, read as 1000 * major + minor. */
  readonly function: string;
  readonly pair: boolean;
  readonly least: number;
  readonly below: number;
}

export interface LibraryRequest {
  readonly checks: readonly VersionCheck[];
  /** Open only what this process has loaded already. */
  readonly onlyLoaded: boolean;
}

export interface LibraryFound {
  readonly path: string;
  /** By the first check; -1 without one. */
  readonly version: number;
}

export interface NativeBinding {
  readonly version: string;
  initialize(createError: (code: string, message: string) => Error): void;

  run<Op extends keyof OpParams>(
    op: Op,
    inputs: readonly (NativeTensor | null)[],
    params: OpParams[Op],
    device?: string,
    stream?: NativeStream,
    tape?: NativeTape,
  ): NativeTensor[];
  infer<Op extends keyof OpParams>(
    op: Op,
    inputs: readonly (TensorDesc | null)[],
    params: OpParams[Op],
  ): TensorDesc[];
  /**
   * null when run() would take the call on that device; the message of the UnsupportedError that it would throw,
   * otherwise. Throws what else run() would throw before it enqueues.
   */
  supports<Op extends keyof OpParams>(
    op: Op,
    inputs: readonly (TensorDesc | null)[],
    params: OpParams[Op],
    device: string,
  ): string | null;
  fromData(
    dtype: DType,
    shape: readonly number[],
    data: ArrayBufferView | ArrayBuffer,
    device?: string,
    stream?: NativeStream,
  ): NativeTensor;

  /** Of a disposed tensor, too. */
  describe(tensor: NativeTensor): TensorDescription;
  dispose(tensor: NativeTensor): void;
  reshape(tensor: NativeTensor, shape: readonly number[]): NativeTensor;
  /** Fills `into`, of the bytes that the elements take. `widen`: 16-bit floats as float32. */
  read(tensor: NativeTensor, widen: boolean, into: ArrayBuffer): Promise<ArrayBuffer>;
  readSync(tensor: NativeTensor, widen: boolean, into: ArrayBuffer): ArrayBuffer;
  explain(tensor: NativeTensor): Promise<Provenance>;
  explainSync(tensor: NativeTensor): Provenance;

  sync(device: string): Promise<void>;
  memory(): MemoryEntry[];
  deviceMemory(device: string): DeviceMemory;
  configure(device: string, key: string, value: string): void;
  trim(): void;

  streamCreate(device: string): NativeStream;
  streamDispose(stream: NativeStream): void;
  streamSync(stream: NativeStream): Promise<void>;
  streamRecord(stream: NativeStream): NativeEvent;
  streamWait(stream: NativeStream, event: NativeEvent): void;
  eventDone(event: NativeEvent): boolean;
  eventWait(event: NativeEvent): Promise<void>;
  /** Milliseconds between two events that are reached. */
  eventElapsed(first: NativeEvent, last: NativeEvent): number;
  tapeBegin(inputs: readonly NativeTensor[], device: string, stream?: NativeStream): NativeTape;
  /** The tape takes no more work. */
  graphCreate(tape: NativeTape, outputs: readonly NativeTensor[]): NativeGraph;
  graphReady(graph: NativeGraph): Promise<void>;
  graphReplay(graph: NativeGraph, inputs: readonly NativeTensor[], copy: boolean): NativeTensor[];
  graphInfo(graph: NativeGraph): {
    readonly device: string;
    readonly steps: number;
    readonly bytes: number;
    readonly launched: boolean;
  };
  graphDispose(graph: NativeGraph): void;

  loadBackend(path: string): string;
  /** Opens a shared library for the rest of the process; throws BackendUnavailableError with the reason. */
  openLibrary(file: string, request: LibraryRequest): LibraryFound;
  describeOps(): OpDescription[];
  backends(): BackendsInfo;
  cpu(): CpuInfo;
  /**
   * What a device can do at most per second, for benchmarks: the best of a few runs of about `seconds` each. Blocks.
   * Throws UnsupportedError where that kind is not measured.
   */
  peak(device: string, kind: PeakKind, seconds: number): number;
}
