/** Operators that are as fast as memory: elements, reductions of rows, softmax. */

import {
  add,
  cast,
  type DType,
  dequantize,
  exp,
  full,
  haxpy,
  mul,
  quantize,
  reduceSum,
  relu,
  softmax,
  type Tensor,
} from '../lib';
import { type BenchCase, bytesOf, input, type PeerWork, type Profile } from './case';

type Shaped = Extract<PeerWork, { readonly shape: unknown }>;

/** A call with one input of [n, 1024], written with `outBytes` for each element. */
function unary(
  { memoryBytes }: Profile,
  name: string,
  dtype: DType,
  outBytes: number,
  call: (x: Tensor) => Tensor,
  peer?: { op: Shaped['op']; to?: DType },
): BenchCase {
  const elements = memoryBytes / bytesOf(dtype);
  const shape = [elements / 1024, 1024];
  return {
    group: 'memory',
    name: `${name} ${dtype}`,
    bytes: elements * (bytesOf(dtype) + outBytes),
    goal: 'copy',
    inputs: (device) => [input(dtype, shape, device)],
    call: ([x]) => call(x as Tensor),
    ...(peer ? { peer: { ...peer, shape, dtype } } : {}),
  };
}

/** The same sizes for a call that takes a scale, which lies on the device already. */
function withScale(
  one: BenchCase,
  call: (x: Tensor, options: { scale: Tensor }) => Tensor,
): BenchCase {
  return {
    ...one,
    inputs: (device) => [...one.inputs(device), full([], 1 / 127, { device })],
    call: ([x, scale]) => call(x as Tensor, { scale: scale as Tensor }),
  };
}

function binary(
  { memoryBytes }: Profile,
  name: string,
  dtype: 'float32' | 'float16',
  op: Shaped['op'],
  call: (x: Tensor, y: Tensor) => Tensor,
): BenchCase {
  const shape = [memoryBytes / bytesOf(dtype)];
  return {
    group: 'memory',
    name: `${name} ${dtype}`,
    bytes: memoryBytes * 3,
    goal: 'copy',
    inputs: (device) => [input(dtype, shape, device), input(dtype, shape, device)],
    call: ([x, y]) => call(x as Tensor, y as Tensor),
    peer: { op, shape, dtype },
  };
}

export function* memoryBound(p: Profile): Iterable<BenchCase> {
  yield unary(p, 'relu', 'float32', 4, (x) => relu(x), { op: 'relu' });
  yield unary(p, 'relu', 'float16', 2, (x) => relu(x), { op: 'relu' });
  yield binary(p, 'add', 'float32', 'add', (x, y) => add(x, y));
  yield binary(p, 'add', 'float16', 'add', (x, y) => add(x, y));
  yield binary(p, 'mul', 'float16', 'mul', (x, y) => mul(x, y));
  yield binary(p, 'haxpy', 'float16', 'axpy', (x, y) =>
    haxpy(2, x as Tensor<'float16'>, y as Tensor<'float16'>),
  );
  yield unary(p, 'exp', 'float32', 4, (x) => exp(x), { op: 'exp' });
  const casts = [
    ['float32', 'float16'],
    ['float16', 'float32'],
    ['float32', 'bfloat16'],
  ] as const;
  for (const [from, to] of casts) {
    const peer = { op: 'cast', to } as const;
    yield unary(p, `cast to ${to}`, from, bytesOf(to), (x) => cast(x, to), peer);
  }
  yield withScale(unary(p, 'quantize to int8', 'float32', 1, relu), quantize);
  yield withScale(unary(p, 'dequantize', 'int8', 4, relu), dequantize);
  yield unary(p, 'reduceSum of rows', 'float32', 0, (x) => reduceSum(x, { axes: [1] }), {
    op: 'sum',
  });
  yield unary(p, 'softmax of rows', 'float32', 4, (x) => softmax(x), { op: 'softmax' });
  if (p.name === 'cpu') return;
  yield unary(p, 'reduceSum of rows', 'float16', 0, (x) => reduceSum(x, { axes: [1] }), {
    op: 'sum',
  });
  yield unary(p, 'softmax of rows', 'float16', 2, (x) => softmax(x), { op: 'softmax' });
}
