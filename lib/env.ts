/**
 * The environment variables. Each is read when it matters, and an option in code wins over it.
 *
 * | variable | values | meaning |
 * |---|---|---|
 * | HALFTONE_DEVICE | `cpu`, `cuda`, `cuda:1`, `auto` | where tensors are made when no device is given; default `cpu` |
 * | HALFTONE_FP16_CONV_USE_FP32_COMPUTE | 1, 0 | default compute of float16 convolutions: float32 (1, default) or float16 |
 * | HALFTONE_FP16_MATMUL_USE_FP32_COMPUTE | 1, 0 | the same for matrix products |
 * | HALFTONE_ALLOW_TF32 | 0, 1 | default compute of float32 convolutions and matrix products: float32 (0, default) or tf32 |
 * | HALFTONE_AUTO_MIXED_PRECISION | 1, 0 | models are converted to mixed precision as they load (`model.convert` with its defaults) |
 * | HALFTONE_NUM_THREADS | 1 ... 1024 | threads of the CPU backend; read by native code at first use |
 * | HALFTONE_CPU_ISA | `baseline`, `avx2`, `avx512`, `avx512fp16` | upper bound for the CPU kernels' instruction sets |
 * | HALFTONE_CUDA_LIB_DIR | folders, separated as in PATH | searched first, for `halftone_cuda.so` and for NVIDIA's libraries |
 * | HALFTONE_CUDA_PLAN_CACHE | a folder | plans of cuDNN are kept there for the next process; default: none are |
 * | HALFTONE_CUDA_AUTOTUNE | 1, 0 | convolutions and products on a GPU: time the candidates at the first call, keep the fastest (0) |
 * | HALFTONE_CUDA_PROBE | seconds | how long the first look at a GPU, in a process of its own, may take (60); 0: none is made |
 * | HALFTONE_CUDA_MEMORY_LIMIT | bytes | the most that tensors and workspaces may take on each CUDA device |
 * | HALFTONE_DEBUG | 1, 0 | the command `halftone` prints stacks |
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

/** Whether models are converted to mixed precision as they load: HALFTONE_AUTO_MIXED_PRECISION=1. */
export const autoMixedPrecision = (): boolean =>
  envSwitch('HALFTONE_AUTO_MIXED_PRECISION') === true;

const SWITCH = /^(1|true|on|yes|0|false|off|no)?$/i;

/** Every variable that is read somewhere, with the form of its values. */
const VARIABLES: readonly (readonly [name: RegExp, values: RegExp, rule: string])[] = [
  [/^DEVICE$/, /^(cpu|auto|[a-z]\w*(:\d+)?)?$/, 'a device such as cpu, cuda:1 or auto'],
  [
    /^FP16_(CONV|MATMUL)_USE_FP32_COMPUTE$|^ALLOW_TF32$|^AUTO_MIXED_PRECISION$|^CUDA_AUTOTUNE$|^DEBUG$/,
    SWITCH,
    '1 or 0',
  ],
  [/^NUM_THREADS$/, /^([1-9]\d{0,2}|10[01]\d|102[0-4])?$/, 'a number in [1, 1024]'],
  [/^CUDA_PROBE$/, /^(\d{1,6}(\.\d+)?)?$/, 'a number of seconds, or 0'],
  [/^CPU_ISA$/, /^(baseline|avx2|avx512|avx512fp16)?$/, 'baseline, avx2, avx512 or avx512fp16'],
  [/^CUDA_MEMORY_LIMIT$/, /^\d*$/, 'a number of bytes'],
  [
    /^(CUDA_LIB_DIR|CUDA_PLAN_CACHE|CUDA|CUDA_ARCHS|JOBS|EXHAUSTIVE|REQUIRE_\w+|BUNDLE_\w+|TEST_\w+|EMU_\w+)$/,
    /^/,
    'anything',
  ],
];

/** @throws ParamError for variables of native code, which has no way to refuse a value. */
export function checkNativeVariables(): void {
  const own = ['HALFTONE_NUM_THREADS', 'HALFTONE_CPU_ISA'].map((name) => [name, process.env[name]]);
  const [problem] = envProblems(Object.fromEntries(own));
  if (problem !== undefined) throw new ParamError(problem);
}

/** What is wrong with the variables that begin with HALFTONE_: unknown names, and values that are not understood. */
export function envProblems(env: Readonly<Record<string, string | undefined>>): string[] {
  return Object.entries(env).flatMap(([name, value]) => {
    if (!name.startsWith('HALFTONE_')) return [];
    const rest = name.slice('HALFTONE_'.length);
    const known = VARIABLES.find(([names]) => names.test(rest));
    if (!known) return [`${name} is no variable that Halftone reads`];
    return known[1].test(value ?? '') ? [] : [`${name} must be ${known[2]}, got "${value}"`];
  });
}
