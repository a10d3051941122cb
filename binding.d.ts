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

// ---- enumerations ----

/** The type in which a reduction of 16-bit floats adds. */
export type Accumulate = 'float32' | 'float16';
/** What a convolution applies to its result. */
export type Activation = 'none' | 'relu';
/** The arithmetic of a convolution or matrix product: the type in which products are summed. */
export type Compute = 'float32' | 'float16' | 'tf32' | 'int32';
/** What random numbers are drawn from. */
export type Distribution = 'uniform' | 'normal';
/** Order of the axes of filters: output channels, input channels of a group, rows, columns. */
export type FilterLayout = 'OIHW' | 'OHWI' | 'HWIO';
/** The formula of gelu(): by erf, or by tanh. */
export type GeluApproximation = 'none' | 'tanh';
/** What lies outside of an image: zeros, its outermost elements, or its mirror images. */
export type GridPadding = 'zeros' | 'border' | 'reflection';
/** The instructions of an int8 product: four products at a time on ordinary cores, or tensor cores. */
export type Int8Kernel = 'auto' | 'dp4a' | 'imma';
/** How values between elements are found: the nearest one, or linear or cubic interpolation. */
export type Interpolation = 'nearest' | 'linear' | 'cubic';
/** Order of the axes of images: batch, channels, rows (height), columns (width). */
export type Layout = 'NCHW' | 'NHWC';
/** A function applied to the result of a fully connected layer before it is stored. */
export type LinearActivation = 'none' | 'relu' | 'gelu-tanh';
/** What stands in the margins: one value, the nearest element, the mirror image, or the tensor again from its other end. */
export type PadMode = 'constant' | 'edge' | 'reflect' | 'wrap';
/** How float8e8m0 rounds: to the power of two away from zero, toward zero, or the nearest. */
export type PowerRounding = 'up' | 'down' | 'nearest';
/** How quantize() rounds: ties to the even code (ONNX), or away from zero (TensorFlow). */
export type QuantizeRounding = 'half-even' | 'half-away';
/** How quantize() scales: by dividing by `scale` (ONNX), or by multiplying with it (TensorFlow). */
export type QuantizeScaling = 'divide' | 'multiply';
/** How TensorFlow's quantized types map a range to codes. */
export type RangeMode = 'MIN_COMBINED' | 'MIN_FIRST' | 'SCALED';
/** How TensorFlow's QuantizeV2 rounds in SCALED mode. */
export type RangeRounding = 'HALF_AWAY_FROM_ZERO' | 'HALF_TO_EVEN';
/** How requantize() rounds: docs/quantization.md compares the variants. */
export type RequantizeVariant = 'half-even' | 'tflite-double' | 'tosa' | 'half-away';
/** How the samples of a bin become one value. */
export type RoiPooling = 'average' | 'max';
/** How an update meets the element that it is for: it takes its place, or is combined with it. */
export type ScatterReduction = 'none' | 'add' | 'mul' | 'max' | 'min';

// ---- parameters of each operator ----

/** dequantize: Real numbers of codes: (q - zeroPoint) * scale. ONNX DequantizeLinear-25. */
export interface DequantizeParams {
  /**
   * Of the result: float32, float16 or bfloat16.
   * @default "float32"
   */
  readonly dtype?: DType | undefined;
  /**
   * Along which scales differ; null: one scale for all.
   * @default null
   */
  readonly axis?: number | bigint | null | undefined;
  /**
   * As many neighbours along axis share a scale; 0: all of an index. At least 0.
   * @default 0
   */
  readonly blockSize?: number | bigint | undefined;
}

/** minMax: Least and greatest element, of all or of each index of an axis. */
export interface MinMaxParams {
  /**
   * Results for each index of this axis; null: of all elements.
   * @default null
   */
  readonly axis?: number | bigint | null | undefined;
}

/** absHistogram: Counts (int64) of |x| in bins of equal width over [0, max], of finite numbers beyond, and of NaN and infinities. */
export interface AbsHistogramParams {
  /**
   * Number of bins. In [1, 1048576].
   * @default 2048
   */
  readonly bins?: number | bigint | undefined;
}

/** quantize: Codes: saturate(round(x / scale) + zeroPoint). ONNX QuantizeLinear-25 with a float32 division. */
export interface QuantizeParams {
  /**
   * Of the codes: int8, uint8, int16, uint16, int32, int4, uint4, int2, uint2, float8 (not e8m0) or float4e2m1.
   * @default "int8"
   */
  readonly dtype?: DType | undefined;
  /**
   * Along which scales differ; null: one scale for all.
   * @default null
   */
  readonly axis?: number | bigint | null | undefined;
  /**
   * Where x / scale lies half-way between two integers.
   * @default "half-even"
   */
  readonly rounding?: QuantizeRounding | undefined;
  /**
   * Whether scale is a divisor or a factor (TensorFlow).
   * @default "divide"
   */
  readonly scaling?: QuantizeScaling | undefined;
  /**
   * Leave out the least code: [-127, 127] for int8.
   * @default false
   */
  readonly narrowRange?: boolean | undefined;
  /**
   * Float8: too large numbers give the largest one, else infinity or NaN.
   * @default true
   */
  readonly saturate?: boolean | undefined;
  /**
   * As many neighbours along axis share a scale; 0: all of an index. At least 0.
   * @default 0
   */
  readonly blockSize?: number | bigint | undefined;
}

/** quantizeV2: TensorFlow's QuantizeV2: codes of the numbers in a range. */
export interface QuantizeV2Params {
  /**
   * Of the codes: int8, uint8, int16, uint16 or int32.
   * @default "int8"
   */
  readonly dtype?: DType | undefined;
  /**
   * How the range is laid over the codes.
   * @default "MIN_COMBINED"
   */
  readonly mode?: RangeMode | undefined;
  /**
   * HALF_TO_EVEN is for SCALED only.
   * @default "HALF_AWAY_FROM_ZERO"
   */
  readonly roundMode?: RangeRounding | undefined;
  /**
   * Leave out the least code; for SCALED only.
   * @default false
   */
  readonly narrowRange?: boolean | undefined;
  /**
   * Along which ranges differ; null: one range for all.
   * @default null
   */
  readonly axis?: number | bigint | null | undefined;
  /**
   * Least width of the range, relative to its larger end and at least to 1. At least 0.
   * @default 0.01
   */
  readonly ensureMinimumRange?: number | undefined;
  /**
   * As TensorFlow's x86 builds with oneDNN compute SCALED with HALF_TO_EVEN (8 bits) and MIN_FIRST (uint8).
   * @default false
   */
  readonly onednn?: boolean | undefined;
}

/** dequantizeV2: TensorFlow's Dequantize: numbers of the codes in a range. */
export interface DequantizeV2Params {
  /**
   * Float32, or bfloat16 with MIN_COMBINED.
   * @default "float32"
   */
  readonly dtype?: DType | undefined;
  /**
   * How the range is laid over the codes.
   * @default "MIN_COMBINED"
   */
  readonly mode?: RangeMode | undefined;
  /**
   * The least code was left out; for SCALED only.
   * @default false
   */
  readonly narrowRange?: boolean | undefined;
  /**
   * Along which ranges differ; null: one range for all.
   * @default null
   */
  readonly axis?: number | bigint | null | undefined;
}

/** quantizedRelu: TensorFlow's QuantizedRelu and QuantizedReluX: codes clamped to those of 0 and maxValue. */
export interface QuantizedReluParams {
  /**
   * Upper end, 6 for QuantizedRelu6; Infinity: none. At least 0.
   * @default null
   */
  readonly maxValue?: number | undefined;
}

/** requantizeV2: TensorFlow's Requantize: int32 codes of one range as uint8 codes of another, in 16-bit fixed point. */
export type RequantizeV2Params = Readonly<Record<string, never>>;

/** requantize: Narrower codes of int32 sums: clamp(round(x * scale) + zeroPoint, min, max). */
export interface RequantizeParams {
  /**
   * Of the codes: int8, uint8, int16 or uint16.
   * @default "int8"
   */
  readonly dtype?: DType | undefined;
  /**
   * Along which scales differ; null: one scale for all.
   * @default null
   */
  readonly axis?: number | bigint | null | undefined;
  /**
   * How x * scale is computed and rounded.
   * @default "half-even"
   */
  readonly variant?: RequantizeVariant | undefined;
  /**
   * Least code, for a fused relu (then the zero point); null: the dtype's. In [-32768, 65535].
   * @default null
   */
  readonly min?: number | bigint | null | undefined;
  /**
   * Greatest code; null: the dtype's. In [-32768, 65535].
   * @default null
   */
  readonly max?: number | bigint | null | undefined;
}

/** neg: -x. Flips the sign of zeros too; integers wrap. ONNX Neg-13. */
export type NegParams = Readonly<Record<string, never>>;

/** abs: |x|. abs(-0) is +0; the smallest integer stays as it is. ONNX Abs-13. */
export type AbsParams = Readonly<Record<string, never>>;

/** sqrt: Square root. sqrt(-0) is -0, of other negative numbers NaN. ONNX Sqrt-13. */
export type SqrtParams = Readonly<Record<string, never>>;

/** exp: e to the power x. ONNX Exp-13. */
export type ExpParams = Readonly<Record<string, never>>;

/** log: Natural logarithm. log(0) is -Infinity, of negative numbers NaN. ONNX Log-13. */
export type LogParams = Readonly<Record<string, never>>;

/** tanh: Hyperbolic tangent; tanh(-0) is -0. ONNX Tanh-13. */
export type TanhParams = Readonly<Record<string, never>>;

/** sigmoid: 1 / (1 + exp(-x)). ONNX Sigmoid-13. */
export type SigmoidParams = Readonly<Record<string, never>>;

/** relu: max(x, 0): NaN stays NaN, relu(-0) is +0. ONNX Relu-14. */
export type ReluParams = Readonly<Record<string, never>>;

/** erf: Gauss error function; erf(-0) is -0. ONNX Erf-13. */
export type ErfParams = Readonly<Record<string, never>>;

/** floor: Largest integer not above x; keeps -0. ONNX Floor-13. */
export type FloorParams = Readonly<Record<string, never>>;

/** ceil: Smallest integer not below x; ceil(-0.5) is -0. ONNX Ceil-13. */
export type CeilParams = Readonly<Record<string, never>>;

/** round: Nearest integer, ties to even; round(-0.5) is -0. ONNX Round-22. */
export type RoundParams = Readonly<Record<string, never>>;

/** reciprocal: 1 / x; of zero an infinity with its sign. ONNX Reciprocal-13. */
export type ReciprocalParams = Readonly<Record<string, never>>;

/** sign: -1, 0 or 1. sign of both zeros is +0, of NaN NaN. ONNX Sign-13. */
export type SignParams = Readonly<Record<string, never>>;

/** sin: Sine of radians; sin(-0) is -0, of infinities NaN. ONNX Sin-22. */
export type SinParams = Readonly<Record<string, never>>;

/** cos: Cosine of radians; of infinities NaN. ONNX Cos-22. */
export type CosParams = Readonly<Record<string, never>>;

/** tan: Tangent of radians; tan(-0) is -0, of infinities NaN. ONNX Tan-22. */
export type TanParams = Readonly<Record<string, never>>;

/** asin: Arcsine in radians; NaN outside [-1, 1]. ONNX Asin-22. */
export type AsinParams = Readonly<Record<string, never>>;

/** acos: Arccosine in radians; NaN outside [-1, 1]. ONNX Acos-22. */
export type AcosParams = Readonly<Record<string, never>>;

/** atan: Arctangent in radians. ONNX Atan-22. */
export type AtanParams = Readonly<Record<string, never>>;

/** sinh: Hyperbolic sine; sinh(-0) is -0. ONNX Sinh-22. */
export type SinhParams = Readonly<Record<string, never>>;

/** cosh: Hyperbolic cosine. ONNX Cosh-22. */
export type CoshParams = Readonly<Record<string, never>>;

/** asinh: Inverse hyperbolic sine; asinh(-0) is -0. ONNX Asinh-22. */
export type AsinhParams = Readonly<Record<string, never>>;

/** acosh: Inverse hyperbolic cosine; NaN below 1. ONNX Acosh-22. */
export type AcoshParams = Readonly<Record<string, never>>;

/** atanh: Inverse hyperbolic tangent; of -1 and 1 infinities, NaN outside. ONNX Atanh-22. */
export type AtanhParams = Readonly<Record<string, never>>;

/** bitwiseNot: Every bit of an integer flipped. ONNX BitwiseNot-18. */
export type BitwiseNotParams = Readonly<Record<string, never>>;

/** gelu: Gaussian error linear unit, exact (erf) or by tanh. gelu(-Infinity) is NaN, as the formula says. ONNX Gelu-20. */
export interface GeluParams {
  /**
   * 'tanh': the approximation that many published models use.
   * @default "none"
   */
  readonly approximate?: GeluApproximation | undefined;
}

/** clip: min(max(x, min), max): where min > max all elements become max. NaN stays NaN. ONNX Clip-13. */
export interface ClipParams {
  /**
   * Smallest result; not NaN.
   * @default null
   */
  readonly min?: number | undefined;
  /**
   * Largest result; not NaN.
   * @default null
   */
  readonly max?: number | undefined;
}

/** add: a + b. Integers wrap. ONNX Add-14. */
export type AddParams = Readonly<Record<string, never>>;

/** sub: a - b. Integers wrap. ONNX Sub-14. */
export type SubParams = Readonly<Record<string, never>>;

/** mul: a * b. Integers wrap. ONNX Mul-14. */
export type MulParams = Readonly<Record<string, never>>;

/** div: a / b. Integers: truncated toward zero, and 0 where b is 0. ONNX Div-14. */
export type DivParams = Readonly<Record<string, never>>;

/** min: The smaller one; NaN if either is NaN, and -0 is less than +0 (IEEE 754-2019 minimum). ONNX Min-13 of two. */
export type MinParams = Readonly<Record<string, never>>;

/** max: The greater one; NaN if either is NaN, and +0 is greater than -0 (IEEE 754-2019 maximum). ONNX Max-13 of two. */
export type MaxParams = Readonly<Record<string, never>>;

/** pow: a to the power b; pow(x, 0) is 1, also of NaN. Integers wrap, and negative exponents give 1 / a^|b| truncated (0 where a is 0). ONNX Pow-15, but the result has the promoted dtype. */
export type PowParams = Readonly<Record<string, never>>;

/** fmod: What division leaves, with the sign of a: a - trunc(a / b) b, exactly. Floats: NaN for an infinite a or a b of 0; integers: a where b is 0. ONNX Mod-13, fmod 1. */
export type FmodParams = Readonly<Record<string, never>>;

/** equal: a == b: false where either is NaN; the zeros are equal. ONNX Equal-19. */
export type EqualParams = Readonly<Record<string, never>>;

/** notEqual: a != b: true where either is NaN. */
export type NotEqualParams = Readonly<Record<string, never>>;

/** less: a < b: false where either is NaN. ONNX Less-13. */
export type LessParams = Readonly<Record<string, never>>;

/** lessEqual: a <= b: false where either is NaN. ONNX LessOrEqual-16. */
export type LessEqualParams = Readonly<Record<string, never>>;

/** greater: a > b: false where either is NaN. ONNX Greater-13. */
export type GreaterParams = Readonly<Record<string, never>>;

/** greaterEqual: a >= b: false where either is NaN. ONNX GreaterOrEqual-16. */
export type GreaterEqualParams = Readonly<Record<string, never>>;

/** logicalAnd: a and b. ONNX And-7. */
export type LogicalAndParams = Readonly<Record<string, never>>;

/** logicalOr: a or b. ONNX Or-7. */
export type LogicalOrParams = Readonly<Record<string, never>>;

/** logicalXor: a or b, not both. ONNX Xor-7. */
export type LogicalXorParams = Readonly<Record<string, never>>;

/** bitwiseAnd: The bits that both integers have. ONNX BitwiseAnd-18. */
export type BitwiseAndParams = Readonly<Record<string, never>>;

/** bitwiseOr: The bits that either integer has. ONNX BitwiseOr-18. */
export type BitwiseOrParams = Readonly<Record<string, never>>;

/** bitwiseXor: The bits that one of the integers has. ONNX BitwiseXor-18. */
export type BitwiseXorParams = Readonly<Record<string, never>>;

/** shiftLeft: a with its bits moved up by b, zeros behind them; 0 where b is not in [0, bits). ONNX BitShift-11, LEFT. */
export type ShiftLeftParams = Readonly<Record<string, never>>;

/** shiftRight: a with its bits moved down by b, its sign before them; only signs where b is not in [0, bits). ONNX BitShift-11, RIGHT. */
export type ShiftRightParams = Readonly<Record<string, never>>;

/** where: a where condition is true, else b; the three are broadcast. ONNX Where-16. */
export type WhereParams = Readonly<Record<string, never>>;

/** haxpy: alpha * x + y in true float16: one fused multiply-add per element, rounded once to nearest even; subnormals are kept. BLAS axpy for halves. */
export interface HaxpyParams {
  /**
   * The factor, first rounded to float16.
   * @default 1
   */
  readonly alpha?: number | undefined;
}

/** weightedSum: Sum of weights[i] * xs[i], in float32 (float64 for float64) and in the order of i, rounded once. Caffe2 WeightedSum. */
export type WeightedSumParams = Readonly<Record<string, never>>;

/** reduceSum: Sum over axes; 0 over nothing. ONNX ReduceSum-13. */
export interface ReduceSumParams {
  /**
   * Axes to reduce, negative ones from the end; empty: all.
   * @default []
   */
  readonly axes?: readonly number[] | undefined;
  /**
   * Keep reduced axes with size 1.
   * @default false
   */
  readonly keepDims?: boolean | undefined;
  /**
   * Type of the running sum; default float32 (float64 for float64, int64 for integers).
   * @default null
   */
  readonly accumulate?: Accumulate | null | undefined;
}

/** reduceMean: Mean over axes: the sum divided by the number of terms; NaN over nothing. ONNX ReduceMean-18. */
export interface ReduceMeanParams {
  /**
   * Axes to reduce, negative ones from the end; empty: all.
   * @default []
   */
  readonly axes?: readonly number[] | undefined;
  /**
   * Keep reduced axes with size 1.
   * @default false
   */
  readonly keepDims?: boolean | undefined;
  /**
   * Type of the running sum; default float32 (float64 for float64, int64 for integers).
   * @default null
   */
  readonly accumulate?: Accumulate | null | undefined;
}

/** reduceSumSquare: Sum of squares over axes; 0 over nothing. ONNX ReduceSumSquare-18. */
export interface ReduceSumSquareParams {
  /**
   * Axes to reduce, negative ones from the end; empty: all.
   * @default []
   */
  readonly axes?: readonly number[] | undefined;
  /**
   * Keep reduced axes with size 1.
   * @default false
   */
  readonly keepDims?: boolean | undefined;
  /**
   * Type of the running sum; default float32 (float64 for float64, int64 for integers).
   * @default null
   */
  readonly accumulate?: Accumulate | null | undefined;
}

/** reduceProd: Product over axes; 1 over nothing. ONNX ReduceProd-18. */
export interface ReduceProdParams {
  /**
   * Axes to reduce, negative ones from the end; empty: all.
   * @default []
   */
  readonly axes?: readonly number[] | undefined;
  /**
   * Keep reduced axes with size 1.
   * @default false
   */
  readonly keepDims?: boolean | undefined;
  /**
   * Type of the running sum; default float32 (float64 for float64, int64 for integers).
   * @default null
   */
  readonly accumulate?: Accumulate | null | undefined;
}

/** reduceMax: Greatest element over axes; NaN if any is NaN, +0 above -0; over nothing -Infinity or the smallest integer. ONNX ReduceMax-20. */
export interface ReduceMaxParams {
  /**
   * Axes to reduce, negative ones from the end; empty: all.
   * @default []
   */
  readonly axes?: readonly number[] | undefined;
  /**
   * Keep reduced axes with size 1.
   * @default false
   */
  readonly keepDims?: boolean | undefined;
}

/** reduceMin: Smallest element over axes; NaN if any is NaN, -0 below +0; over nothing Infinity or the largest integer. ONNX ReduceMin-20. */
export interface ReduceMinParams {
  /**
   * Axes to reduce, negative ones from the end; empty: all.
   * @default []
   */
  readonly axes?: readonly number[] | undefined;
  /**
   * Keep reduced axes with size 1.
   * @default false
   */
  readonly keepDims?: boolean | undefined;
}

/** argMax: Index (int64) of the first greatest element along an axis; the first NaN if there is one. ONNX ArgMax-13, select_last_index 0. */
export interface ArgMaxParams {
  /**
   * Axis to search, negative from the end.
   * @default -1
   */
  readonly axis?: number | bigint | undefined;
  /**
   * Keep that axis with size 1.
   * @default false
   */
  readonly keepDims?: boolean | undefined;
}

/** argMin: Index (int64) of the first smallest element along an axis; the first NaN if there is one. ONNX ArgMin-13, select_last_index 0. */
export interface ArgMinParams {
  /**
   * Axis to search, negative from the end.
   * @default -1
   */
  readonly axis?: number | bigint | undefined;
  /**
   * Keep that axis with size 1.
   * @default false
   */
  readonly keepDims?: boolean | undefined;
}

/** transpose: Axes in another order: axis k of y is axis perm[k] of x. ONNX Transpose-21. */
export interface TransposeParams {
  /**
   * Each axis of x once, negative ones from the end; empty: reversed.
   * @default []
   */
  readonly perm?: readonly number[] | undefined;
}

/** softmax: exp(x - max) / sum(exp(x - max)) along one axis, in float32 (float64 for float64), rounded once. ONNX Softmax-13. */
export interface SoftmaxParams {
  /**
   * Axis along which the results sum to 1, negative from the end.
   * @default -1
   */
  readonly axis?: number | bigint | undefined;
}

/** cumSum: Running sums along an axis, from its first element on; float16 and bfloat16 in float32, integers wrap. ONNX CumSum-14. */
export interface CumSumParams {
  /**
   * Axis to go along, negative from the end.
   * @default 0
   */
  readonly axis?: number | bigint | undefined;
  /**
   * Each result without its own element: the first is 0 or 1.
   * @default false
   */
  readonly exclusive?: boolean | undefined;
  /**
   * From the last element to the first.
   * @default false
   */
  readonly reverse?: boolean | undefined;
}

/** cumProd: Running products along an axis, from its first element on; float16 and bfloat16 in float32, integers wrap. ONNX CumProd-26. */
export interface CumProdParams {
  /**
   * Axis to go along, negative from the end.
   * @default 0
   */
  readonly axis?: number | bigint | undefined;
  /**
   * Each result without its own element: the first is 0 or 1.
   * @default false
   */
  readonly exclusive?: boolean | undefined;
  /**
   * From the last element to the first.
   * @default false
   */
  readonly reverse?: boolean | undefined;
}

/** concat: Tensors one after the other along an axis. ONNX Concat-13. */
export interface ConcatParams {
  /**
   * Axis along which they follow one another, negative from the end.
   * @default 0
   */
  readonly axis?: number | bigint | undefined;
}

/** slice: Indices start, start + step, ... up to but without end along each of the axes; ends beyond the tensor are moved to it. ONNX Slice-13. */
export interface SliceParams {
  /**
   * First index along each of the axes, negative from the end.
   */
  readonly starts: readonly number[];
  /**
   * Index after the last, negative from the end.
   */
  readonly ends: readonly number[];
  /**
   * Empty: the first ones.
   * @default []
   */
  readonly axes?: readonly number[] | undefined;
  /**
   * Not 0; negative: backwards; empty: 1.
   * @default []
   */
  readonly steps?: readonly number[] | undefined;
}

/** gather: Slices of x along one axis, chosen by indices at run time. ONNX Gather-13. */
export interface GatherParams {
  /**
   * Axis that the indices count along, negative from the end.
   * @default 0
   */
  readonly axis?: number | bigint | undefined;
}

/** gatherElements: Single elements of x: the index along one axis is replaced by the one that indices holds at this place. ONNX GatherElements-13. */
export interface GatherElementsParams {
  /**
   * Axis that the indices count along, negative from the end.
   * @default 0
   */
  readonly axis?: number | bigint | undefined;
}

/** gatherNd: Slices of x, each named by a tuple of indices for its first axes. ONNX GatherND-13. */
export interface GatherNdParams {
  /**
   * Leading axes that x and indices share. In [0, 7].
   * @default 0
   */
  readonly batchDims?: number | bigint | undefined;
}

/** scatterElements: x with single elements updated: along one axis, indices say which. ONNX ScatterElements-18. */
export interface ScatterElementsParams {
  /**
   * Axis that the indices count along, negative from the end.
   * @default 0
   */
  readonly axis?: number | bigint | undefined;
  /**
   * How an update meets its element.
   * @default "none"
   */
  readonly reduction?: ScatterReduction | undefined;
}

/** scatterNd: x with slices updated, each named by a tuple of indices for its first axes. ONNX ScatterND-18. */
export interface ScatterNdParams {
  /**
   * How an update meets its element.
   * @default "none"
   */
  readonly reduction?: ScatterReduction | undefined;
}

/** oneHot: A new axis on which the place that an index names is on and all others are off; an index out of range turns none on. ONNX OneHot-11. */
export interface OneHotParams {
  /**
   * Size of the new axis. At least 0.
   */
  readonly depth: number | bigint;
  /**
   * Where the new axis is in y, negative from the end.
   * @default -1
   */
  readonly axis?: number | bigint | undefined;
}

/** topK: The k greatest (or smallest) elements along an axis in descending (ascending) order, and their indices (int64). Equal ones, the zeros among them, keep their order; NaN counts as greater than all others. ONNX TopK-11, sorted. */
export interface TopKParams {
  /**
   * Number of elements. At least 0.
   */
  readonly k: number | bigint;
  /**
   * Axis to search, negative from the end.
   * @default -1
   */
  readonly axis?: number | bigint | undefined;
  /**
   * False: the smallest ones.
   * @default true
   */
  readonly largest?: boolean | undefined;
}

/** det: Determinants of square matrices, by elimination in float64 with row pivots, rounded once. Of a matrix without rows 1. ONNX Det-22. */
export type DetParams = Readonly<Record<string, never>>;

/** pad: A tensor with margins: of one value, of the nearest element, mirrored at the outermost elements, or continued from the other end. ONNX Pad-19, with margins of 0 or more. */
export interface PadParams {
  /**
   * Elements before the first, for each axis. At least 0.
   */
  readonly before: readonly number[];
  /**
   * Elements after the last, for each axis. At least 0.
   */
  readonly after: readonly number[];
  /**
   * What stands in the margins.
   * @default "constant"
   */
  readonly mode?: PadMode | undefined;
  /**
   * For 'constant': rounded once to a float dtype; whole for integers; 0 or 1 for bool.
   * @default 0
   */
  readonly value?: number | undefined;
}

/** conv2d: 2-D convolution with optional bias, addend and activation. ONNX Conv-11. */
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

/** conv2dInt8: 2-D convolution of int8 or uint8 with bias, activation and requantization of its int32 sums. */
export interface Conv2dInt8Params {
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
   * Subtracted from x; within its dtype. In [-128, 255].
   * @default 0
   */
  readonly xZeroPoint?: number | bigint | undefined;
  /**
   * Added to codes; within their dtype. In [-128, 255].
   * @default 0
   */
  readonly yZeroPoint?: number | bigint | undefined;
  /**
   * Of the output: int8, uint8, float16 or float32.
   * @default "int8"
   */
  readonly dtype?: DType | undefined;
  /**
   * How acc * scale is computed and rounded to codes.
   * @default "half-even"
   */
  readonly variant?: RequantizeVariant | undefined;
  /**
   * Applied before the result is stored.
   * @default "none"
   */
  readonly activation?: Activation | undefined;
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

/** averagePool: Average of each window. ONNX AveragePool-22. */
export interface AveragePoolParams {
  /**
   * Size of the windows along each axis behind the channels. At least 1.
   */
  readonly kernel: readonly number[];
  /**
   * Step of the windows; empty: 1. At least 1.
   * @default []
   */
  readonly stride?: readonly number[] | undefined;
  /**
   * Distance of the taps; empty: 1. At least 1.
   * @default []
   */
  readonly dilation?: readonly number[] | undefined;
  /**
   * Positions before each axis, then those after each; empty: none. At least 0.
   * @default []
   */
  readonly padding?: readonly number[] | undefined;
  /**
   * Round the number of windows up.
   * @default false
   */
  readonly ceilMode?: boolean | undefined;
  /**
   * Padding counts as zeros.
   * @default false
   */
  readonly countIncludePad?: boolean | undefined;
}

/** lpPool: Lp norm of each window. ONNX LpPool-22. */
export interface LpPoolParams {
  /**
   * Size of the windows along each axis behind the channels. At least 1.
   */
  readonly kernel: readonly number[];
  /**
   * Step of the windows; empty: 1. At least 1.
   * @default []
   */
  readonly stride?: readonly number[] | undefined;
  /**
   * Distance of the taps; empty: 1. At least 1.
   * @default []
   */
  readonly dilation?: readonly number[] | undefined;
  /**
   * Positions before each axis, then those after each; empty: none. At least 0.
   * @default []
   */
  readonly padding?: readonly number[] | undefined;
  /**
   * Round the number of windows up.
   * @default false
   */
  readonly ceilMode?: boolean | undefined;
  /**
   * Exponent. At least 1.
   * @default 2
   */
  readonly p?: number | bigint | undefined;
}

/** maxPoolIndices: Position in x of the largest value of each window. ONNX MaxPool-22, second output. */
export interface MaxPoolIndicesParams {
  /**
   * Size of the windows along each axis behind the channels. At least 1.
   */
  readonly kernel: readonly number[];
  /**
   * Step of the windows; empty: 1. At least 1.
   * @default []
   */
  readonly stride?: readonly number[] | undefined;
  /**
   * Distance of the taps; empty: 1. At least 1.
   * @default []
   */
  readonly dilation?: readonly number[] | undefined;
  /**
   * Positions before each axis, then those after each; empty: none. At least 0.
   * @default []
   */
  readonly padding?: readonly number[] | undefined;
  /**
   * Round the number of windows up.
   * @default false
   */
  readonly ceilMode?: boolean | undefined;
  /**
   * Count positions of a plane with the first axis fastest.
   * @default false
   */
  readonly columnMajor?: boolean | undefined;
}

/** resample: Weighted sums of elements along one axis: interpolation by a table. */
export interface ResampleParams {
  /**
   * The axis; negative ones count from the last.
   * @default -1
   */
  readonly axis?: number | bigint | undefined;
}

/** gridSample: Values of images or volumes at the places of a grid. ONNX GridSample-20. */
export interface GridSampleParams {
  /**
   * Between the elements.
   * @default "linear"
   */
  readonly mode?: Interpolation | undefined;
  /**
   * Outside of x.
   * @default "zeros"
   */
  readonly paddingMode?: GridPadding | undefined;
  /**
   * -1 and 1 are the centres of the outermost elements.
   * @default false
   */
  readonly alignCorners?: boolean | undefined;
}

/** col2im: Sums blocks into the image that they overlap in. ONNX Col2Im-18. */
export interface Col2imParams {
  /**
   * Sizes of the image. At least 0.
   */
  readonly imageShape: readonly number[];
  /**
   * Sizes of a block. At least 1.
   */
  readonly blockShape: readonly number[];
  /**
   * From block to block; empty: 1. At least 1.
   * @default []
   */
  readonly stride?: readonly number[] | undefined;
  /**
   * Between the positions of a block; empty: 1. At least 1.
   * @default []
   */
  readonly dilation?: readonly number[] | undefined;
  /**
   * Positions before each axis, then those after each; empty: none. At least 0.
   * @default []
   */
  readonly padding?: readonly number[] | undefined;
}

/** roiAlign: Regions of images at one size. ONNX RoiAlign-22. */
export interface RoiAlignParams {
  /**
   * Bins over the height. At least 1.
   * @default 1
   */
  readonly outputHeight?: number | bigint | undefined;
  /**
   * Bins over the width. At least 1.
   * @default 1
   */
  readonly outputWidth?: number | bigint | undefined;
  /**
   * Samples of a bin along each axis; 0: about one for each element. In [0, 1024].
   * @default 0
   */
  readonly samplingRatio?: number | bigint | undefined;
  /**
   * Factor from the regions' coordinates to x's.
   * @default 1
   */
  readonly spatialScale?: number | undefined;
  /**
   * What becomes of a bin's samples.
   * @default "average"
   */
  readonly mode?: RoiPooling | undefined;
  /**
   * Coordinates are those of elements' corners; else of centres, regions at least 1.
   * @default true
   */
  readonly halfPixel?: boolean | undefined;
}

/** deformPatches: Patches of images at moved places: deformable convolution before its filter. ONNX DeformConv-22. */
export interface DeformPatchesParams {
  /**
   * Window [rows, columns]. At least 1.
   */
  readonly kernel: number | readonly [number, number];
  /**
   * Step of the windows [rows, columns]. At least 1.
   * @default [1,1]
   */
  readonly stride?: number | readonly [number, number] | undefined;
  /**
   * Distance of the taps [rows, columns]. At least 1.
   * @default [1,1]
   */
  readonly dilation?: number | readonly [number, number] | undefined;
  /**
   * [top, left, bottom, right]. At least 0.
   * @default [0,0,0,0]
   */
  readonly padding?: number | readonly [number, number, number, number] | undefined;
  /**
   * Channels are split into so many groups with offsets of their own. At least 1.
   * @default 1
   */
  readonly offsetGroups?: number | bigint | undefined;
}

/** cast: The same numbers in another dtype. To a float: rounded once to nearest even. Float to integer: toward zero. Integers out of range wrap modulo 2^bits, or are clamped with saturate, as float8 are. ONNX Cast-25. */
export interface CastParams {
  /**
   * Dtype of the result.
   */
  readonly to: DType;
  /**
   * Clamp to the range of an integer target instead of wrapping, NaN giving 0; to the largest number of a float8 instead of infinity or NaN.
   * @default false
   */
  readonly saturate?: boolean | undefined;
  /**
   * To float8e8m0: which power of two.
   * @default "up"
   */
  readonly powerRounding?: PowerRounding | undefined;
}

/** bitcast: The same bits as another dtype with as many bits per element. ONNX BitCast-26. */
export interface BitcastParams {
  /**
   * Dtype of the result, of as many bits as x.
   */
  readonly to: DType;
}

/** full: A tensor with one value everywhere. ONNX ConstantOfShape-9. */
export interface FullParams {
  /**
   * Sizes of the axes. At least 0.
   */
  readonly shape: readonly number[];
  /**
   * Of each element.
   */
  readonly value: number;
  /**
   * Dtype of the result.
   * @default "float32"
   */
  readonly dtype?: DType | undefined;
}

/** arange: start, start + step, ... up to but without stop, computed in float64. ONNX Range-11. */
export interface ArangeParams {
  /**
   * First value.
   * @default 0
   */
  readonly start?: number | undefined;
  /**
   * End, not included.
   */
  readonly stop: number;
  /**
   * Difference of two neighbours, not 0.
   * @default 1
   */
  readonly step?: number | undefined;
  /**
   * Dtype of the result.
   * @default "float32"
   */
  readonly dtype?: DType | undefined;
}

/** random: Random numbers that depend on seed and position alone (Philox-4x32-10). */
export interface RandomParams {
  /**
   * Sizes of the axes. At least 0.
   */
  readonly shape: readonly number[];
  /**
   * Dtype of the result; normal: floats only.
   * @default "float32"
   */
  readonly dtype?: DType | undefined;
  /**
   * The same seed gives the same numbers.
   */
  readonly seed: number | bigint;
  /**
   * Shape of the density.
   * @default "uniform"
   */
  readonly distribution?: Distribution | undefined;
  /**
   * Uniform: least value.
   * @default 0
   */
  readonly low?: number | undefined;
  /**
   * Uniform: end, not included.
   * @default 1
   */
  readonly high?: number | undefined;
  /**
   * Normal: centre.
   * @default 0
   */
  readonly mean?: number | undefined;
  /**
   * Normal: standard deviation, >= 0. At least 0.
   * @default 1
   */
  readonly std?: number | undefined;
}

/** matmul: Matrix product with NumPy's broadcasting. ONNX MatMul-13. */
export interface MatmulParams {
  /**
   * Exchange the last two axes of a first.
   * @default false
   */
  readonly transA?: boolean | undefined;
  /**
   * Exchange the last two axes of b first.
   * @default false
   */
  readonly transB?: boolean | undefined;
  /**
   * Type of the sums; null: int32 for integers, float32 for others.
   * @default null
   */
  readonly compute?: Compute | null | undefined;
  /**
   * Null: int32 for integers, the dtype of a for others.
   * @default null
   */
  readonly outputDType?: DType | null | undefined;
}

/** hgemm: alpha * op(a) * op(b) + beta * c, all in float16. cublasHgemm. */
export interface HgemmParams {
  /**
   * Exchange the last two axes of a first.
   * @default false
   */
  readonly transA?: boolean | undefined;
  /**
   * Exchange the last two axes of b first.
   * @default false
   */
  readonly transB?: boolean | undefined;
  /**
   * Factor of the product, rounded to float16.
   * @default 1
   */
  readonly alpha?: number | undefined;
  /**
   * Factor of c, rounded to float16; c is not read when it is 0.
   * @default 1
   */
  readonly beta?: number | undefined;
}

/** gemmEx: alpha * op(a) * op(b) + beta * c with separate types of inputs, sums and result. cublasGemmEx. */
export interface GemmExParams {
  /**
   * Exchange the last two axes of a first.
   * @default false
   */
  readonly transA?: boolean | undefined;
  /**
   * Exchange the last two axes of b first.
   * @default false
   */
  readonly transB?: boolean | undefined;
  /**
   * Factor of the product.
   * @default 1
   */
  readonly alpha?: number | undefined;
  /**
   * Factor of c; c is not read when it is 0.
   * @default 1
   */
  readonly beta?: number | undefined;
  /**
   * Type of the sums; null: int32 for int8, float32 for others.
   * @default null
   */
  readonly compute?: Compute | null | undefined;
  /**
   * Null: int32 for int8, the dtype of a for others.
   * @default null
   */
  readonly outputDType?: DType | null | undefined;
}

/** gemmInt8: Exact product of int8 or uint8 matrices with int32 sums. */
export interface GemmInt8Params {
  /**
   * 'dp4a': groups of four products; 'imma': integer tensor cores; 'auto': the fastest.
   * @default "auto"
   */
  readonly kernel?: Int8Kernel | undefined;
  /**
   * Exchange the last two axes of a first.
   * @default false
   */
  readonly transA?: boolean | undefined;
  /**
   * Exchange the last two axes of b first.
   * @default false
   */
  readonly transB?: boolean | undefined;
  /**
   * Subtracted from a; within a's dtype. In [-128, 255].
   * @default 0
   */
  readonly aZeroPoint?: number | bigint | undefined;
  /**
   * Subtracted from b; within b's dtype. In [-128, 255].
   * @default 0
   */
  readonly bZeroPoint?: number | bigint | undefined;
}

/** dot4: c + the sum of four products of 8-bit integers, in int32. CUDA __dp4a. */
export type Dot4Params = Readonly<Record<string, never>>;

/** linear: Fully connected layer: x times a matrix of weights, plus a bias, through an activation. Caffe2 FC. */
export interface LinearParams {
  /**
   * W is [k, n], as the second matrix of matmul.
   * @default false
   */
  readonly transW?: boolean | undefined;
  /**
   * Applied before the result is stored.
   * @default "none"
   */
  readonly activation?: LinearActivation | undefined;
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

/** The parameters of all operators, by name. */
export interface OpParams {
  dequantize: DequantizeParams;
  minMax: MinMaxParams;
  absHistogram: AbsHistogramParams;
  quantize: QuantizeParams;
  quantizeV2: QuantizeV2Params;
  dequantizeV2: DequantizeV2Params;
  quantizedRelu: QuantizedReluParams;
  requantizeV2: RequantizeV2Params;
  requantize: RequantizeParams;
  neg: NegParams;
  abs: AbsParams;
  sqrt: SqrtParams;
  exp: ExpParams;
  log: LogParams;
  tanh: TanhParams;
  sigmoid: SigmoidParams;
  relu: ReluParams;
  erf: ErfParams;
  floor: FloorParams;
  ceil: CeilParams;
  round: RoundParams;
  reciprocal: ReciprocalParams;
  sign: SignParams;
  sin: SinParams;
  cos: CosParams;
  tan: TanParams;
  asin: AsinParams;
  acos: AcosParams;
  atan: AtanParams;
  sinh: SinhParams;
  cosh: CoshParams;
  asinh: AsinhParams;
  acosh: AcoshParams;
  atanh: AtanhParams;
  bitwiseNot: BitwiseNotParams;
  gelu: GeluParams;
  clip: ClipParams;
  add: AddParams;
  sub: SubParams;
  mul: MulParams;
  div: DivParams;
  min: MinParams;
  max: MaxParams;
  pow: PowParams;
  fmod: FmodParams;
  equal: EqualParams;
  notEqual: NotEqualParams;
  less: LessParams;
  lessEqual: LessEqualParams;
  greater: GreaterParams;
  greaterEqual: GreaterEqualParams;
  logicalAnd: LogicalAndParams;
  logicalOr: LogicalOrParams;
  logicalXor: LogicalXorParams;
  bitwiseAnd: BitwiseAndParams;
  bitwiseOr: BitwiseOrParams;
  bitwiseXor: BitwiseXorParams;
  shiftLeft: ShiftLeftParams;
  shiftRight: ShiftRightParams;
  where: WhereParams;
  haxpy: HaxpyParams;
  weightedSum: WeightedSumParams;
  reduceSum: ReduceSumParams;
  reduceMean: ReduceMeanParams;
  reduceSumSquare: ReduceSumSquareParams;
  reduceProd: ReduceProdParams;
  reduceMax: ReduceMaxParams;
  reduceMin: ReduceMinParams;
  argMax: ArgMaxParams;
  argMin: ArgMinParams;
  transpose: TransposeParams;
  softmax: SoftmaxParams;
  cumSum: CumSumParams;
  cumProd: CumProdParams;
  concat: ConcatParams;
  slice: SliceParams;
  gather: GatherParams;
  gatherElements: GatherElementsParams;
  gatherNd: GatherNdParams;
  scatterElements: ScatterElementsParams;
  scatterNd: ScatterNdParams;
  oneHot: OneHotParams;
  topK: TopKParams;
  det: DetParams;
  pad: PadParams;
  conv2d: Conv2dParams;
  conv2dBackwardInput: Conv2dBackwardInputParams;
  conv2dBackwardFilter: Conv2dBackwardFilterParams;
  conv2dInt8: Conv2dInt8Params;
  maxPool2d: MaxPool2dParams;
  averagePool: AveragePoolParams;
  lpPool: LpPoolParams;
  maxPoolIndices: MaxPoolIndicesParams;
  resample: ResampleParams;
  gridSample: GridSampleParams;
  col2im: Col2imParams;
  roiAlign: RoiAlignParams;
  deformPatches: DeformPatchesParams;
  cast: CastParams;
  bitcast: BitcastParams;
  full: FullParams;
  arange: ArangeParams;
  random: RandomParams;
  matmul: MatmulParams;
  hgemm: HgemmParams;
  gemmEx: GemmExParams;
  gemmInt8: GemmInt8Params;
  dot4: Dot4Params;
  linear: LinearParams;
}

/** The inputs of all operators, by name. */
export interface OpInputs {
  dequantize: [q: NativeTensor, scale: NativeTensor, zeroPoint?: NativeTensor | null];
  minMax: [x: NativeTensor];
  absHistogram: [x: NativeTensor, max: NativeTensor];
  quantize: [x: NativeTensor, scale: NativeTensor, zeroPoint?: NativeTensor | null];
  quantizeV2: [x: NativeTensor, minRange: NativeTensor, maxRange: NativeTensor];
  dequantizeV2: [q: NativeTensor, minRange: NativeTensor, maxRange: NativeTensor];
  quantizedRelu: [x: NativeTensor, minRange: NativeTensor, maxRange: NativeTensor];
  requantizeV2: [x: NativeTensor, minRange: NativeTensor, maxRange: NativeTensor, requestedMin: NativeTensor, requestedMax: NativeTensor];
  requantize: [x: NativeTensor, scale: NativeTensor, zeroPoint?: NativeTensor | null];
  neg: [x: NativeTensor];
  abs: [x: NativeTensor];
  sqrt: [x: NativeTensor];
  exp: [x: NativeTensor];
  log: [x: NativeTensor];
  tanh: [x: NativeTensor];
  sigmoid: [x: NativeTensor];
  relu: [x: NativeTensor];
  erf: [x: NativeTensor];
  floor: [x: NativeTensor];
  ceil: [x: NativeTensor];
  round: [x: NativeTensor];
  reciprocal: [x: NativeTensor];
  sign: [x: NativeTensor];
  sin: [x: NativeTensor];
  cos: [x: NativeTensor];
  tan: [x: NativeTensor];
  asin: [x: NativeTensor];
  acos: [x: NativeTensor];
  atan: [x: NativeTensor];
  sinh: [x: NativeTensor];
  cosh: [x: NativeTensor];
  asinh: [x: NativeTensor];
  acosh: [x: NativeTensor];
  atanh: [x: NativeTensor];
  bitwiseNot: [x: NativeTensor];
  gelu: [x: NativeTensor];
  clip: [x: NativeTensor];
  add: [a: NativeTensor, b: NativeTensor];
  sub: [a: NativeTensor, b: NativeTensor];
  mul: [a: NativeTensor, b: NativeTensor];
  div: [a: NativeTensor, b: NativeTensor];
  min: [a: NativeTensor, b: NativeTensor];
  max: [a: NativeTensor, b: NativeTensor];
  pow: [a: NativeTensor, b: NativeTensor];
  fmod: [a: NativeTensor, b: NativeTensor];
  equal: [a: NativeTensor, b: NativeTensor];
  notEqual: [a: NativeTensor, b: NativeTensor];
  less: [a: NativeTensor, b: NativeTensor];
  lessEqual: [a: NativeTensor, b: NativeTensor];
  greater: [a: NativeTensor, b: NativeTensor];
  greaterEqual: [a: NativeTensor, b: NativeTensor];
  logicalAnd: [a: NativeTensor, b: NativeTensor];
  logicalOr: [a: NativeTensor, b: NativeTensor];
  logicalXor: [a: NativeTensor, b: NativeTensor];
  bitwiseAnd: [a: NativeTensor, b: NativeTensor];
  bitwiseOr: [a: NativeTensor, b: NativeTensor];
  bitwiseXor: [a: NativeTensor, b: NativeTensor];
  shiftLeft: [a: NativeTensor, b: NativeTensor];
  shiftRight: [a: NativeTensor, b: NativeTensor];
  where: [condition: NativeTensor, a: NativeTensor, b: NativeTensor];
  haxpy: [x: NativeTensor, y: NativeTensor];
  weightedSum: [weights: NativeTensor, ...xs: NativeTensor[]];
  reduceSum: [x: NativeTensor];
  reduceMean: [x: NativeTensor];
  reduceSumSquare: [x: NativeTensor];
  reduceProd: [x: NativeTensor];
  reduceMax: [x: NativeTensor];
  reduceMin: [x: NativeTensor];
  argMax: [x: NativeTensor];
  argMin: [x: NativeTensor];
  transpose: [x: NativeTensor];
  softmax: [x: NativeTensor];
  cumSum: [x: NativeTensor];
  cumProd: [x: NativeTensor];
  concat: [...xs: NativeTensor[]];
  slice: [x: NativeTensor];
  gather: [x: NativeTensor, indices: NativeTensor];
  gatherElements: [x: NativeTensor, indices: NativeTensor];
  gatherNd: [x: NativeTensor, indices: NativeTensor];
  scatterElements: [x: NativeTensor, indices: NativeTensor, updates: NativeTensor];
  scatterNd: [x: NativeTensor, indices: NativeTensor, updates: NativeTensor];
  oneHot: [indices: NativeTensor, values: NativeTensor];
  topK: [x: NativeTensor];
  det: [x: NativeTensor];
  pad: [x: NativeTensor];
  conv2d: [x: NativeTensor, w: NativeTensor, bias?: NativeTensor | null, residual?: NativeTensor | null];
  conv2dBackwardInput: [dy: NativeTensor, w: NativeTensor];
  conv2dBackwardFilter: [x: NativeTensor, dy: NativeTensor];
  conv2dInt8: [x: NativeTensor, w: NativeTensor, scale: NativeTensor, bias?: NativeTensor | null];
  maxPool2d: [x: NativeTensor];
  averagePool: [x: NativeTensor];
  lpPool: [x: NativeTensor];
  maxPoolIndices: [x: NativeTensor];
  resample: [x: NativeTensor, indices: NativeTensor, weights?: NativeTensor | null];
  gridSample: [x: NativeTensor, grid: NativeTensor];
  col2im: [x: NativeTensor];
  roiAlign: [x: NativeTensor, rois: NativeTensor, images: NativeTensor];
  deformPatches: [x: NativeTensor, offset: NativeTensor, mask?: NativeTensor | null];
  cast: [x: NativeTensor];
  bitcast: [x: NativeTensor];
  full: [];
  arange: [];
  random: [];
  matmul: [a: NativeTensor, b: NativeTensor];
  hgemm: [a: NativeTensor, b: NativeTensor, c?: NativeTensor | null];
  gemmEx: [a: NativeTensor, b: NativeTensor, c?: NativeTensor | null];
  gemmInt8: [a: NativeTensor, b: NativeTensor];
  dot4: [a: NativeTensor, b: NativeTensor, c?: NativeTensor | null];
  linear: [x: NativeTensor, w: NativeTensor, bias?: NativeTensor | null];
}
