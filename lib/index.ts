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
export * from './ops';
export { keep, scope } from './scope';
export { type DataOf, explain, explainAsync, type Quantization, Tensor } from './tensor';
