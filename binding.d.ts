// The native binding, as lib/binding.ts sees it.
// Written by "npm run generate" from the schema in the addon: edit scripts/binding.head.d.ts or the operator's header instead.

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
  | 'float64';

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
  readonly dtype: DType;
  readonly shape: number[];
  readonly device: string;
}

/** dtype and shape without data. */
export interface TensorDesc {
  readonly dtype: DType;
  readonly shape: readonly number[];
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
    readonly values?: readonly string[];
  }[];
  readonly hash: string;
}

export interface NativeBinding {
  readonly version: string;
  initialize(createError: (code: string, message: string) => Error): void;

  run<Op extends keyof OpParams>(
    op: Op,
    inputs: readonly (NativeTensor | null)[],
    params: OpParams[Op],
    device?: string,
  ): NativeTensor[];
  infer<Op extends keyof OpParams>(
    op: Op,
    inputs: readonly (TensorDesc | null)[],
    params: OpParams[Op],
  ): TensorDesc[];
  fromData(
    dtype: DType,
    shape: readonly number[],
    data: ArrayBufferView | ArrayBuffer,
    device?: string,
  ): NativeTensor;

  dispose(tensor: NativeTensor): void;
  reshape(tensor: NativeTensor, shape: readonly number[]): NativeTensor;
  /** `widen`: 16-bit floats as float32. */
  read(tensor: NativeTensor, widen: boolean): Promise<ArrayBuffer>;
  readSync(tensor: NativeTensor, widen: boolean): ArrayBuffer;
  explain(tensor: NativeTensor): Promise<Provenance>;
  explainSync(tensor: NativeTensor): Provenance;

  sync(device: string): Promise<void>;
  memory(): MemoryEntry[];
  trim(): void;
  loadBackend(path: string): string;
  describeOps(): OpDescription[];
  backends(): BackendsInfo;
  cpu(): CpuInfo;
}

// ---- enumerations ----

export type Activation = 'none' | 'relu';
export type Compute = 'float32' | 'float16' | 'tf32' | 'int32';
export type FilterLayout = 'OIHW' | 'OHWI' | 'HWIO';
export type Layout = 'NCHW' | 'NHWC';

// ---- parameters of each operator ----

/** relu: max(x, 0); NaN stays NaN. ONNX Relu-14. */
export type ReluParams = Readonly<Record<string, never>>;

/** conv2d: 2-D convolution with optional bias and activation. ONNX Conv-11. */
export interface Conv2dParams {
  /**
   * Axes of the images.
   * @default "NCHW"
   */
  readonly layout?: Layout | undefined;
  /**
   * Axes of the filter; i is the input channels of one group.
   * @default "OIHW"
   */
  readonly filterLayout?: FilterLayout | undefined;
  /**
   * Step of the windows [rows, columns]. At least 1.
   * @default [1,1]
   */
  readonly stride?: number | readonly [number, number] | undefined;
  /**
   * 'valid', 'same', 'same-lower' or [top, bottom, left, right].
   * @default "valid"
   */
  readonly padding?: Padding | undefined;
  /**
   * Distance of the taps [rows, columns]. At least 1.
   * @default [1,1]
   */
  readonly dilation?: number | readonly [number, number] | undefined;
  /**
   * Channels are split into this many independent convolutions. At least 1.
   * @default 1
   */
  readonly groups?: number | bigint | undefined;
  /**
   * Applied before the result is stored.
   * @default "none"
   */
  readonly activation?: Activation | undefined;
  /**
   * Type of the sums; null: int32 for integers, float32 for others.
   * @default null
   */
  readonly compute?: Compute | null | undefined;
  /**
   * Null: int32 for integers, the dtype of x for others.
   * @default null
   */
  readonly outputDType?: DType | null | undefined;
}

/** conv2dBackwardInput: Gradient of conv2d with respect to its input; also the transposed convolution. */
export interface Conv2dBackwardInputParams {
  /**
   * [height, width] of conv2d's input. At least 0.
   */
  readonly inputSize: number | readonly [number, number];
  /**
   * Axes of the images.
   * @default "NCHW"
   */
  readonly layout?: Layout | undefined;
  /**
   * Axes of the filter; i is the input channels of one group.
   * @default "OIHW"
   */
  readonly filterLayout?: FilterLayout | undefined;
  /**
   * Step of the windows [rows, columns]. At least 1.
   * @default [1,1]
   */
  readonly stride?: number | readonly [number, number] | undefined;
  /**
   * 'valid', 'same', 'same-lower' or [top, bottom, left, right].
   * @default "valid"
   */
  readonly padding?: Padding | undefined;
  /**
   * Distance of the taps [rows, columns]. At least 1.
   * @default [1,1]
   */
  readonly dilation?: number | readonly [number, number] | undefined;
  /**
   * Channels are split into this many independent convolutions. At least 1.
   * @default 1
   */
  readonly groups?: number | bigint | undefined;
  /**
   * Type of the sums; null: float32.
   * @default null
   */
  readonly compute?: Compute | null | undefined;
  /**
   * Null: the dtype of dy.
   * @default null
   */
  readonly outputDType?: DType | null | undefined;
}

/** conv2dBackwardFilter: Gradient of conv2d with respect to its filter. */
export interface Conv2dBackwardFilterParams {
  /**
   * [rows, columns] of the kernel. At least 1.
   */
  readonly filterSize: number | readonly [number, number];
  /**
   * Axes of the images.
   * @default "NCHW"
   */
  readonly layout?: Layout | undefined;
  /**
   * Axes of the filter; i is the input channels of one group.
   * @default "OIHW"
   */
  readonly filterLayout?: FilterLayout | undefined;
  /**
   * Step of the windows [rows, columns]. At least 1.
   * @default [1,1]
   */
  readonly stride?: number | readonly [number, number] | undefined;
  /**
   * 'valid', 'same', 'same-lower' or [top, bottom, left, right].
   * @default "valid"
   */
  readonly padding?: Padding | undefined;
  /**
   * Distance of the taps [rows, columns]. At least 1.
   * @default [1,1]
   */
  readonly dilation?: number | readonly [number, number] | undefined;
  /**
   * Channels are split into this many independent convolutions. At least 1.
   * @default 1
   */
  readonly groups?: number | bigint | undefined;
  /**
   * Type of the sums; null: float32.
   * @default null
   */
  readonly compute?: Compute | null | undefined;
  /**
   * Null: the dtype of x.
   * @default null
   */
  readonly outputDType?: DType | null | undefined;
}

/** maxPool2d: Largest value of each window. ONNX MaxPool-12. */
export interface MaxPool2dParams {
  /**
   * Window [rows, columns]. At least 1.
   */
  readonly kernel: number | readonly [number, number];
  /**
   * Axes of the images.
   * @default "NCHW"
   */
  readonly layout?: Layout | undefined;
  /**
   * Step of the windows [rows, columns]. At least 1.
   * @default [1,1]
   */
  readonly stride?: number | readonly [number, number] | undefined;
  /**
   * 'valid', 'same', 'same-lower' or [top, bottom, left, right].
   * @default "valid"
   */
  readonly padding?: Padding | undefined;
  /**
   * Distance of the taps [rows, columns]. At least 1.
   * @default [1,1]
   */
  readonly dilation?: number | readonly [number, number] | undefined;
  /**
   * Round the number of windows up.
   * @default false
   */
  readonly ceilMode?: boolean | undefined;
}

/** The parameters of all operators, by name. */
export interface OpParams {
  relu: ReluParams;
  conv2d: Conv2dParams;
  conv2dBackwardInput: Conv2dBackwardInputParams;
  conv2dBackwardFilter: Conv2dBackwardFilterParams;
  maxPool2d: MaxPool2dParams;
}

/** The inputs of all operators, by name. */
export interface OpInputs {
  relu: [x: NativeTensor];
  conv2d: [x: NativeTensor, w: NativeTensor, bias?: NativeTensor | null];
  conv2dBackwardInput: [dy: NativeTensor, w: NativeTensor];
  conv2dBackwardFilter: [x: NativeTensor, dy: NativeTensor];
  maxPool2d: [x: NativeTensor];
}
