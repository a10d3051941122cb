/**
 * Halftone: low-precision tensor compute whose arithmetic the caller chooses.
 *
 * @packageDocumentation
 */

export type { Compute, DeviceEntry, MemoryEntry, Padding, Provenance } from '../binding';
export { type NestedArray, type TensorData, type TensorOptions, tensor } from './create';
export {
  autoDevice,
  backends,
  type DeviceChoice,
  type DeviceName,
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
  type BatchState,
  type CastLoss,
  type Constant,
  type ConvertOptions,
  type Dim,
  type Integer,
  type LoadOptions,
  type LoadProgress,
  Model,
  type ModelInput,
  type ModelNode,
  type NodeCompute,
  type NodeReport,
  type Precision,
  type RunOptions,
  type ValueInfo,
} from './model';
export * from './ops';
export { keep, scope } from './scope';
export { type DataOf, explain, explainAsync, type Quantization, Tensor } from './tensor';
