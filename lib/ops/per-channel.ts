/** Scales and zero points as quantized operators take them: one number, or one per channel. */

import { tensor } from '../create';
import { ARRAY_TYPES, iinfo, isStoredDType, type StoredDType } from '../dtype';
import { ParamError } from '../errors';
import { isNarrowFloat, storedRange } from '../stored';
import { Tensor } from '../tensor';

/** The types of integer codes. */
export type CodeDType = 'int8' | 'uint8' | 'int16' | 'uint16' | 'int32';

/** What real numbers are quantized to: integer codes, also those of four and two bits, and narrow floats. */
export type QuantizedDType = CodeDType | Exclude<StoredDType, 'float8e8m0'>;

/** A number for the whole tensor, or one for each index of an axis. */
export type PerChannel = number | readonly number[] | Tensor;

/** The numbers as a tensor beside `like`: [] for a number, [n] for an array. */
export function channelTensor(
  op: string,
  name: string,
  value: PerChannel,
  dtype: 'float32' | 'float64' | QuantizedDType,
  like: Tensor,
): Tensor {
  if (value instanceof Tensor) return value;
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  const isScale = dtype === 'float32' || dtype === 'float64';
  for (const [i, v] of values.entries()) {
    const where = Array.isArray(value) ? `${name}[${i}]` : name;
    if (isScale) {
      const stored = dtype === 'float32' ? Math.fround(Number(v)) : v;
      if (typeof v !== 'number' || !(v > 0) || stored === 0 || stored === Infinity) {
        throw new ParamError(`${op}: ${where} must be a positive ${dtype}, got ${String(v)}`);
      }
    } else if (!isNarrowFloat(dtype)) {
      const { min, max } = isStoredDType(dtype) ? storedRange(dtype) : iinfo(dtype);
      if (typeof v !== 'number' || !Number.isInteger(v) || v < min || v > max) {
        throw new ParamError(
          `${op}: ${where} must be a whole number in [${min}, ${max}] for ${dtype}, got ${String(v)}`,
        );
      }
    }
  }
  const shape = Array.isArray(value) ? [values.length] : [];
  if (isStoredDType(dtype)) {
    return tensor(values as number[], { shape, dtype, device: like.device });
  }
  const data = (ARRAY_TYPES[dtype] as Float64ArrayConstructor).from(values as number[]);
  return tensor(data, { shape, device: like.device });
}

export function requireTensor(op: string, name: string, value: unknown): void {
  if (!(value instanceof Tensor)) {
    throw new ParamError(`${op}: ${name} must be a Tensor, got ${String(value)}`);
  }
}

export function requireScale(
  op: string,
  options: { readonly scale?: PerChannel | undefined } | undefined,
) {
  if (options?.scale === undefined) {
    throw new ParamError(`${op}: scale must be given, got undefined`);
  }
  return options.scale;
}
