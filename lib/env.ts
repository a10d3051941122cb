/**
 * The environment variables. Each is read when it matters, and an option in code wins over it.
 *
 * | variable | values | meaning |
 * |---|---|---|
 * | HALFTONE_DEVICE | `cpu`, `cuda`, `cuda:1`, `auto` | where tensors are made when no device is given; default `cpu` |
 * | HALFTONE_FP16_CONV_USE_FP32_COMPUTE | 1, 0 | default compute of float16 convolutions: float32 (1, default) or float16 |
 * | HALFTONE_FP16_MATMUL_USE_FP32_COMPUTE | 1, 0 | the same for matrix products |
 * | HALFTONE_ALLOW_TF32 | 0, 1 | default compute of float32 convolutions and matrix products: float32 (0, default) or tf32 |
 * | HALFTONE_NUM_THREADS | 1 ... 1024 | threads of the CPU backend; read by native code at first use |
 * | HALFTONE_CPU_ISA | `baseline`, `avx2`, `avx512`, `avx512fp16` | upper bound for the CPU kernels' instruction sets |
 */

import type { Compute } from '../binding';
import type { DType } from './dtype';
import { ParamError } from './errors';

const YES = new Set(['1', 'true', 'on', 'yes']);
const NO = new Set(['0', 'false', 'off', 'no']);

/**
 * A switch: undefined when the variable is not set or empty.
 *
 * @throws ParamError when it holds anything but yes or no.
 */
export function envSwitch(name: string): boolean | undefined {
  const text = process.env[name]?.trim().toLowerCase();
  if (!text) return undefined;
  if (YES.has(text)) return true;
  if (NO.has(text)) return false;
  throw new ParamError(`${name} must be 1 or 0, got "${text}"`);
}

function defaultCompute(dtype: DType, useFp32Variable: string): Compute | undefined {
  if (dtype === 'float16' && envSwitch(useFp32Variable) === false) return 'float16';
  if (dtype === 'float32' && envSwitch('HALFTONE_ALLOW_TF32') === true) return 'tf32';
  return undefined;
}

/** The compute type that the environment asks for when a convolution of `dtype` names none; undefined: the op's own default. */
export function defaultConvCompute(dtype: DType): Compute | undefined {
  return defaultCompute(dtype, 'HALFTONE_FP16_CONV_USE_FP32_COMPUTE');
}

/** The same for matrix products. */
export function defaultMatmulCompute(dtype: DType): Compute | undefined {
  return defaultCompute(dtype, 'HALFTONE_FP16_MATMUL_USE_FP32_COMPUTE');
}
