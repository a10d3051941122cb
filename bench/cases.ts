/** What is measured: matrix products, the convolutions of ResNet-50 and MobileNet v2, the products of BERT-base, memory-bound operators. */

import { readFileSync } from 'node:fs';
import path from 'node:path';
import {
  add,
  cast,
  conv2d,
  type DType,
  dequantize,
  exp,
  gemmInt8,
  haxpy,
  matmul,
  mul,
  quantize,
  random,
  reduceSum,
  relu,
  softmax,
  type Tensor,
} from '../lib';

/** One thing to measure. Exactly one of `flop` (operations; a product with its sum is two) and `bytes` (read and written) is set. */
export interface BenchCase {
  readonly group: string;
  readonly name: string;
  /** How often a layer occurs in its model. */
  readonly count?: number;
  readonly flop?: number;
  readonly bytes?: number;
  /** Makes the inputs and returns the call. Inputs belong to the scope of the caller. */
  setup(device: string): () => Tensor;
}

/** Storage and compute types that convolutions and products are measured in. */
const ARITHMETIC = [
  { dtype: 'float32', compute: 'float32' },
  { dtype: 'float16', compute: 'float32' },
  { dtype: 'float16', compute: 'float16' },
  { dtype: 'bfloat16', compute: 'float32' },
  { dtype: 'int8', compute: 'int32' },
] as const;
type Arithmetic = (typeof ARITHMETIC)[number];

const label = ({ dtype, compute }: Arithmetic) =>
  dtype === compute || dtype === 'int8' ? dtype : `${dtype}(${compute})`;

function input(dtype: DType, shape: readonly number[], device: string): Tensor {
  if (dtype !== 'int8') return random(shape, { dtype, seed: 1, device, low: -1, high: 1 });
  const real = random(shape, { seed: 1, device, low: -127, high: 127 });
  const q = cast(real, 'int8');
  real.dispose();
  return q;
}

/** Lines of bench/shapes/<file>: a name, how often it occurs, then whole numbers. */
function shapes(file: string): { name: string; count: number; sizes: number[] }[] {
  const text = readFileSync(path.resolve(__dirname, '../../bench/shapes', file), 'utf8');
  return text
    .split('\n')
    .filter((line) => line.trim() && !line.startsWith('#'))
    .map((line) => {
      const [name = '', count, ...sizes] = line.trim().split(/\s+/);
      return { name, count: Number(count), sizes: sizes.map(Number) };
    });
}

function* products(): Iterable<BenchCase> {
  const n = 1024;
  for (const arithmetic of ARITHMETIC) {
    yield {
      group: 'matmul',
      name: `${n}^3 ${label(arithmetic)}`,
      flop: 2 * n ** 3,
      setup(device) {
        const [a, b] = [0, 1].map(() => input(arithmetic.dtype, [n, n], device)) as [
          Tensor,
          Tensor,
        ];
        if (arithmetic.dtype === 'int8') return () => gemmInt8(a, b);
        return () => matmul(a, b, { compute: arithmetic.compute as 'float32' });
      },
    };
  }
}

/** The convolutions of a file of bench/shapes. */
function* convolutions(file: string, layout: 'NCHW' | 'NHWC'): Iterable<BenchCase> {
  const model = path.parse(file).name;
  for (const { name, count, sizes } of shapes(file)) {
    const [n, cin, h, w, cout, kh, kw, stride, pad, groups] = sizes as [
      number,
      number,
      number,
      number,
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    const outH = Math.floor((h + 2 * pad - kh) / stride) + 1;
    const outW = Math.floor((w + 2 * pad - kw) / stride) + 1;
    for (const arithmetic of ARITHMETIC) {
      yield {
        group: `${model} ${layout} ${label(arithmetic)}`,
        name,
        count,
        flop: (2 * n * outH * outW * cout * kh * kw * cin) / groups,
        setup(device) {
          const nchw = layout === 'NCHW';
          const x = input(arithmetic.dtype, nchw ? [n, cin, h, w] : [n, h, w, cin], device);
          const filter = nchw ? [cout, cin / groups, kh, kw] : [cout, kh, kw, cin / groups];
          const f = input(arithmetic.dtype, filter, device);
          const filterLayout = nchw ? 'OIHW' : 'OHWI';
          const { compute } = arithmetic;
          return () =>
            conv2d(x, f, { layout, filterLayout, stride, padding: pad, groups, compute });
        },
      };
    }
  }
}

function* bertBase(): Iterable<BenchCase> {
  for (const { name, count, sizes } of shapes('bert-base.txt')) {
    const [batch, m, n, k] = sizes as [number, number, number, number];
    for (const arithmetic of ARITHMETIC) {
      yield {
        group: `bert-base ${label(arithmetic)}`,
        name,
        count,
        flop: 2 * batch * m * n * k,
        setup(device) {
          const a = input(arithmetic.dtype, [batch, m, k], device);
          const b = input(arithmetic.dtype, [batch, k, n], device);
          return () => matmul(a, b, { compute: arithmetic.compute });
        },
      };
    }
  }
}

const MEMORY_BYTES = 64 << 20; // of the first input: well beyond the second-level caches

function* memoryBound(): Iterable<BenchCase> {
  const unary = (
    name: string,
    dtype: DType,
    outBytes: number,
    call: (x: Tensor) => Tensor,
  ): BenchCase => {
    const size = dtype === 'float32' ? 4 : dtype === 'int8' ? 1 : 2;
    const elements = MEMORY_BYTES / size;
    return {
      group: 'memory',
      name: `${name} ${dtype}`,
      bytes: elements * (size + outBytes),
      setup(device) {
        const x = input(dtype, [elements / 1024, 1024], device);
        return () => call(x);
      },
    };
  };
  const binary = (
    name: string,
    dtype: 'float32' | 'float16',
    call: (x: Tensor, y: Tensor) => Tensor,
  ): BenchCase => {
    const elements = MEMORY_BYTES / (dtype === 'float32' ? 4 : 2);
    return {
      group: 'memory',
      name: `${name} ${dtype}`,
      bytes: MEMORY_BYTES * 3,
      setup(device) {
        const [x, y] = [0, 1].map(() => input(dtype, [elements], device)) as [Tensor, Tensor];
        return () => call(x, y);
      },
    };
  };
  yield unary('relu', 'float32', 4, (x) => relu(x));
  yield unary('relu', 'float16', 2, (x) => relu(x));
  yield binary('add', 'float32', (x, y) => add(x, y));
  yield binary('add', 'float16', (x, y) => add(x, y));
  yield binary('mul', 'float16', (x, y) => mul(x, y));
  yield binary('haxpy', 'float16', (x, y) =>
    haxpy(2, x as Tensor<'float16'>, y as Tensor<'float16'>),
  );
  yield unary('exp', 'float32', 4, (x) => exp(x));
  yield unary('cast to float16', 'float32', 2, (x) => cast(x, 'float16'));
  yield unary('cast to float32', 'float16', 4, (x) => cast(x, 'float32'));
  yield unary('cast to bfloat16', 'float32', 2, (x) => cast(x, 'bfloat16'));
  yield unary('quantize to int8', 'float32', 1, (x) => quantize(x, { scale: 1 / 127 }));
  yield unary('dequantize', 'int8', 4, (x) => dequantize(x, { scale: 1 / 127 }));
  yield unary('reduceSum of rows', 'float32', 0, (x) => reduceSum(x, { axes: [1] }));
  yield unary('softmax of rows', 'float32', 4, (x) => softmax(x));
}

/** All cases, in the order of the report. */
export function* cases(): Iterable<BenchCase> {
  yield* products();
  yield* memoryBound();
  for (const file of ['resnet50.txt', 'mobilenet-v2-depthwise.txt']) {
    yield* convolutions(file, 'NCHW');
    yield* convolutions(file, 'NHWC');
  }
  yield* bertBase();
}
