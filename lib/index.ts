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
export { Model, type ModelOutputs, type RunOptions } from './model';
export type {
  Attribute,
  AuditProgress,
  AuditReport,
  BatchState,
  CastLoss,
  Constant,
  Conversion,
  ConvertOptions,
  Dim,
  ElementInput,
  ElementType,
  ErrorStatistics,
  GraphPolicy,
  GraphState,
  Integer,
  LayoutPolicy,
  ListEdit,
  ListEdits,
  LoadOptions,
  LoadProgress,
  ModelAuditOptions,
  ModelInput,
  ModelNode,
  ModelOutput,
  ModelSource,
  NodeAudit,
  NodeCallAudit,
  NodeCompute,
  NodePrecision,
  NodeReport,
  NodeTime,
  OutOfRange,
  OutOfRangeConstant,
  PlannedMemory,
  PlanReport,
  Precision,
  PrecisionList,
  PrecisionOptions,
  PrecisionProfile,
  PrecisionSearch,
  ProfileOptions,
  ProfileReport,
  RangeStatistics,
  SearchProgress,
  Strings,
  TensorCoreFit,
  ValueInfo,
  ValueType,
} from './model/types';
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
