/**
 * Halftone: low-precision tensor compute whose arithmetic the caller chooses.
 *
 * @packageDocumentation
 */

export type {
  Compute,
  DeviceEntry,
  DeviceMemory,
  MemoryEntry,
  Padding,
  Provenance,
} from '../binding';
export { CapturedGraph, type CaptureOptions, capture, type ReplayOptions } from './capture';
export { convertCheckpoint } from './checkpoint/convert';
export type {
  CheckpointCounts,
  CheckpointDType,
  CheckpointProgress,
  CheckpointReport,
  CheckpointTensor,
  ConvertCheckpointOptions,
} from './checkpoint/types';
export {
  type DTypeOf,
  type NestedArray,
  type TensorData,
  type TensorOptions,
  tensor,
} from './create';
export {
  autoDevice,
  backends,
  configure,
  type DeviceChoice,
  type DeviceName,
  type DeviceSettings,
  deviceMemory,
  devices,
  loadBackend,
  memory,
  sync,
  trimMemory,
} from './device';
export {
  type DType,
  type FloatInfo,
  finfo,
  type IntInfo,
  iinfo,
  promoteTypes,
} from './dtype';
export {
  AbortedError,
  BackendUnavailableError,
  DeviceError,
  DisposedError,
  DtypeError,
  type ErrorCode,
  HalftoneError,
  InternalError,
  ModelError,
  type ModelErrorOptions,
  OutOfMemoryError,
  ParamError,
  ShapeError,
  UnsupportedError,
} from './errors';
export {
  type Attribute,
  type AuditProgress,
  type AuditReport,
  type BatchState,
  type CastLoss,
  type Constant,
  type Conversion,
  type ConvertOptions,
  type Dim,
  type ErrorStatistics,
  type Integer,
  type ListEdit,
  type ListEdits,
  type LoadOptions,
  type LoadProgress,
  Model,
  type ModelAuditOptions,
  type ModelInput,
  type ModelNode,
  type ModelSource,
  type NodeAudit,
  type NodeCallAudit,
  type NodeCompute,
  type NodePrecision,
  type NodeReport,
  type NodeTime,
  type OutOfRange,
  type OutOfRangeConstant,
  type Precision,
  type PrecisionList,
  type PrecisionOptions,
  type PrecisionProfile,
  type PrecisionSearch,
  type ProfileOptions,
  type ProfileReport,
  type RangeStatistics,
  type RunOptions,
  type SearchProgress,
  type TensorCoreFit,
  type ValueInfo,
} from './model';
export { auditPage } from './audit/page';
export * from './ops';
export {
  chooseQParams,
  chooseQParamsPerAxis,
  codeRange,
  type QParams,
  type QParamsOptions,
  type QuantizeTensorOptions,
  type QuantScheme,
  quantizeTensor,
} from './quant/scheme';
export {
  type DequantizeV2Options,
  dequantizeV2,
  type QuantizedMatMulOptions,
  type QuantizedReluOptions,
  type QuantizeV2Options,
  quantizedMatMul,
  quantizedRelu,
  quantizeV2,
  type RangedCodes,
  type RangeEnd,
  type RangeMode,
  type RangeRounding,
  requantizeV2,
} from './quant/tensorflow';
export { keep, scope } from './scope';
export { Stream, StreamEvent } from './stream';
export { type DataOf, explain, explainAsync, type Quantization, Tensor } from './tensor';
