/** What a case is: inputs, the call, what bounds it, and the same work for PyTorch. */

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { cast, type DType, random, type Tensor } from '../lib';

/** The same work in PyTorch: bench/torch_peer.py knows these. */
export type PeerWork =
  | {
      readonly op: 'matmul' | 'int_mm';
      readonly a: readonly number[];
      readonly b: readonly number[];
      readonly dtype: DType;
      readonly tf32: boolean;
    }
  | {
      readonly op: 'conv2d';
      /** [n, c, h, w] and [k, c / groups, r, s]. */
      readonly x: readonly number[];
      readonly w: readonly number[];
      readonly dtype: DType;
      readonly tf32: boolean;
      readonly channelsLast: boolean;
      readonly stride: number;
      readonly padding: number;
      readonly groups: number;
    }
  | {
      readonly op: 'relu' | 'exp' | 'add' | 'mul' | 'axpy' | 'cast' | 'sum' | 'softmax';
      readonly shape: readonly number[];
      readonly dtype: DType;
      readonly to?: DType;
    };

/** What a result is held against. */
export type GoalName = 'peer' | 'dp4a' | 'copy';

/** One thing to measure. At least one of `flop` (operations; a product with its sum is two) and `bytes` (read and written) is set. */
export interface BenchCase {
  readonly group: string;
  readonly name: string;
  /** How often a layer occurs in its model. */
  readonly count?: number;
  readonly flop?: number;
  readonly bytes?: number;
  /** The ceiling of the operations, by its name in the report. That of the bytes is 'copy'. */
  readonly ceiling?: string;
  readonly goal?: GoalName;
  /** New inputs; the caller disposes them. */
  inputs(device: string): Tensor[];
  call(inputs: readonly Tensor[]): Tensor;
  readonly peer?: PeerWork;
}

/** How large and how many the cases are. */
export interface Profile {
  readonly name: 'cpu' | 'gpu' | 'quick';
  /** Sizes of square products. */
  readonly squares: readonly number[];
  /** Bytes of the first input of memory-bound cases: well beyond the second-level caches. */
  readonly memoryBytes: number;
  /** Rows of a in the products of a language model. */
  readonly tokens: readonly number[];
  readonly imageBatches: readonly number[];
  readonly layouts: readonly ('NCHW' | 'NHWC')[];
  readonly sequences: readonly number[];
  readonly tf32: boolean;
  /** No size of a layer is larger than this, and no more than this many layers of a file. */
  readonly most: { readonly size: number; readonly layers: number };
}

const ALL = { size: Infinity, layers: Infinity };

export const PROFILES: Readonly<Record<Profile['name'], Profile>> = {
  cpu: {
    name: 'cpu',
    squares: [1024],
    memoryBytes: 64 << 20,
    tokens: [],
    imageBatches: [1],
    layouts: ['NCHW', 'NHWC'],
    sequences: [1],
    tf32: false,
    most: ALL,
  },
  gpu: {
    name: 'gpu',
    squares: [1024, 2048, 4096, 8192],
    memoryBytes: 256 << 20,
    tokens: [1, 2, 4, 8, 16],
    imageBatches: [1, 32],
    layouts: ['NHWC'],
    sequences: [1, 32],
    tf32: true,
    most: ALL,
  },
  /** Everything once, tiny: for tests. */
  quick: {
    name: 'quick',
    squares: [32],
    memoryBytes: 1 << 14,
    tokens: [1],
    imageBatches: [1],
    layouts: ['NHWC'],
    sequences: [1],
    tf32: true,
    most: { size: 16, layers: 1 },
  },
};

/** Storage and compute types that convolutions and products are measured in. */
export interface Arithmetic {
  readonly dtype: 'float32' | 'float16' | 'bfloat16' | 'int8';
  readonly compute: 'float32' | 'tf32' | 'float16' | 'int32';
}

export function arithmetics({ tf32 }: Profile): readonly Arithmetic[] {
  return [
    { dtype: 'float32', compute: 'float32' },
    ...(tf32 ? [{ dtype: 'float32', compute: 'tf32' } as const] : []),
    { dtype: 'float16', compute: 'float32' },
    { dtype: 'float16', compute: 'float16' },
    { dtype: 'bfloat16', compute: 'float32' },
    { dtype: 'int8', compute: 'int32' },
  ];
}

export const label = ({ dtype, compute }: Arithmetic): string =>
  dtype === compute || dtype === 'int8' ? dtype : `${dtype}(${compute})`;

export const BYTES: Readonly<Partial<Record<DType, number>>> = {
  float32: 4,
  float16: 2,
  bfloat16: 2,
  int8: 1,
  int32: 4,
};
export const bytesOf = (dtype: DType): number => BYTES[dtype] ?? 8;

export const elements = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1);

/** Random values: [-1, 1), or the codes from -127 to 126. */
export function input(dtype: DType, shape: readonly number[], device: string): Tensor {
  if (dtype !== 'int8') return random(shape, { dtype, seed: 1, device, low: -1, high: 1 });
  const real = random(shape, { seed: 1, device, low: -127, high: 127 });
  const q = cast(real, 'int8');
  real.dispose();
  return q;
}

/** The repository: dist/bench/case.js is two below it. */
export const REPO = path.resolve(__dirname, '../..');

/** Lines of bench/shapes/<file>: a name, how often it occurs, then whole numbers. */
export function shapes(
  file: string,
  { most }: Profile,
): { name: string; count: number; sizes: number[] }[] {
  const text = readFileSync(path.join(REPO, 'bench/shapes', file), 'utf8');
  return text
    .split('\n')
    .filter((line) => line.trim() && !line.startsWith('#'))
    .slice(0, Math.min(most.layers, 1e9))
    .map((line) => {
      const [name = '', count, ...sizes] = line.trim().split(/\s+/);
      return {
        name,
        count: Number(count),
        sizes: sizes.map((size) => Math.min(Number(size), most.size)),
      };
    });
}
