/**
 * The errors of Halftone. All derive from {@link HalftoneError} and carry a stable `code`; messages name
 * the operator, the rule and the values that break it.
 */

/** The codes of all errors, with the class that carries each. docs/errors.md explains them. */
export type ErrorCode =
  | 'ERR_SHAPE'
  | 'ERR_DTYPE'
  | 'ERR_PARAM'
  | 'ERR_UNSUPPORTED'
  | 'ERR_BACKEND_UNAVAILABLE'
  | 'ERR_DEVICE'
  | 'ERR_DEVICE_LOST'
  | 'ERR_OUT_OF_MEMORY'
  | 'ERR_DISPOSED'
  | 'ERR_ABORTED'
  | 'ERR_MODEL'
  | 'ERR_INTERNAL';

/** Base of all errors that Halftone throws on purpose. */
export class HalftoneError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  static {
    // On the prototype, as for the built-in errors: `String(error)` and stacks begin with it.
    Object.defineProperty(HalftoneError.prototype, 'name', { value: 'HalftoneError' });
  }
}

/** A shape does not fit: to the data, to another input, or to a parameter. */
export class ShapeError extends HalftoneError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_SHAPE', message, options);
  }
}

/** An input has an element type that the operator does not take. */
export class DtypeError extends HalftoneError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_DTYPE', message, options);
  }
}

/** An option or argument is unknown, of the wrong type or out of range. */
export class ParamError extends HalftoneError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_PARAM', message, options);
  }
}

/** All is well formed, but this backend cannot compute it as asked. The message names the nearest that it can. */
export class UnsupportedError extends HalftoneError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_UNSUPPORTED', message, options);
  }
}

/** No such backend or device here. The message lists what was tried. */
export class BackendUnavailableError extends HalftoneError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_BACKEND_UNAVAILABLE', message, options);
  }
}

/** A device or its library failed. With code `ERR_DEVICE_LOST` nothing on that device works any more. */
export class DeviceError extends HalftoneError {
  constructor(
    message: string,
    options?: ErrorOptions,
    code: 'ERR_DEVICE' | 'ERR_DEVICE_LOST' = 'ERR_DEVICE',
  ) {
    super(code, message, options);
  }
}

/** There is no memory for a tensor or a workspace. The message says how many bytes were asked for. */
export class OutOfMemoryError extends HalftoneError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_OUT_OF_MEMORY', message, options);
  }
}

/** A tensor was used after `dispose()`. */
export class DisposedError extends HalftoneError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_DISPOSED', message, options);
  }
}

/** Work was given up because the environment that asked for it is shutting down. */
export class AbortedError extends HalftoneError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_ABORTED', message, options);
  }
}

/** Where in a model something is wrong. */
export interface ModelErrorOptions extends ErrorOptions {
  /** Name of the node. */
  readonly node?: string | undefined;
  /** Its operator: `Conv`. */
  readonly op?: string | undefined;
  /** The version of its operator set that the model imports. */
  readonly opset?: number | undefined;
}

/** A model cannot be read, holds what is not supported, or failed to run. Names the node, its operator and opset. */
export class ModelError extends HalftoneError {
  readonly node: string | undefined;
  readonly op: string | undefined;
  readonly opset: number | undefined;

  constructor(message: string, options: ModelErrorOptions = {}) {
    super('ERR_MODEL', message, options.cause === undefined ? undefined : { cause: options.cause });
    this.node = options.node;
    this.op = options.op;
    this.opset = options.opset;
  }
}

/** Our bug: please report it. */
export class InternalError extends HalftoneError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_INTERNAL', `${message} (this is a bug in Halftone; please report it)`, options);
  }
}

const CLASSES = {
  ERR_SHAPE: ShapeError,
  ERR_DTYPE: DtypeError,
  ERR_PARAM: ParamError,
  ERR_UNSUPPORTED: UnsupportedError,
  ERR_BACKEND_UNAVAILABLE: BackendUnavailableError,
  ERR_DEVICE: DeviceError,
  ERR_OUT_OF_MEMORY: OutOfMemoryError,
  ERR_DISPOSED: DisposedError,
  ERR_ABORTED: AbortedError,
  ERR_MODEL: ModelError,
  ERR_INTERNAL: InternalError,
} as const;

for (const type of Object.values(CLASSES)) {
  Object.defineProperty(type.prototype, 'name', { value: type.name });
}

/** The error for a code, such as one that native code reports. */
export function createError(code: string, message: string, options?: ErrorOptions): HalftoneError {
  if (code === 'ERR_DEVICE_LOST') return new DeviceError(message, options, 'ERR_DEVICE_LOST');
  const type = CLASSES[code as keyof typeof CLASSES] ?? InternalError;
  return new type(message, options);
}
