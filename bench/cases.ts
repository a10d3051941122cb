/** What is measured: matrix products, the layers of ResNet-50, MobileNet v2, BERT-base and Llama 3, memory-bound operators. */

import path from 'node:path';
import { conv2d, gemmInt8, matmul, type Tensor } from '../lib';
import {
  type Arithmetic,
  arithmetics,
  type BenchCase,
  bytesOf,
  elements,
  input,
  label,
  type PeerWork,
  type Profile,
  shapes,
} from './case';
import { memoryBound } from './cases-memory';

/** PyTorch's product of the same shapes. Its float16 and bfloat16 sums are float32's, whatever ours are. */
function peerProduct(
  arithmetic: Arithmetic,
  a: readonly number[],
  b: readonly number[],
): { peer?: PeerWork } {
  const { dtype, compute } = arithmetic;
  const tf32 = compute === 'tf32';
  if (dtype !== 'int8') return { peer: { op: 'matmul', a, b, dtype, tf32 } };
  // torch._int_mm has no batches.
  return a.length === 2 ? { peer: { op: 'int_mm', a, b, dtype, tf32 } } : {};
}

/** One product a [..., m, k] times b [..., k, n]. */
function product(
  arithmetic: Arithmetic,
  about: { group: string; name: string; count?: number },
  a: readonly number[],
  b: readonly number[],
  call: (a: Tensor, b: Tensor) => Tensor,
): BenchCase {
  const out = [...a.slice(0, -1), b.at(-1) as number];
  const outBytes = arithmetic.dtype === 'int8' ? 4 : bytesOf(arithmetic.dtype);
  return {
    ...about,
    flop: 2 * elements(out) * (a.at(-1) as number),
    bytes: (elements(a) + elements(b)) * bytesOf(arithmetic.dtype) + elements(out) * outBytes,
    ceiling: `gemm ${label(arithmetic)}`,
    goal: 'peer',
    inputs: (device) => [a, b].map((shape) => input(arithmetic.dtype, shape, device)),
    call: ([x, y]) => call(x as Tensor, y as Tensor),
    ...peerProduct(arithmetic, a, b),
  };
}

const matmulIn = ({ compute }: Arithmetic) => {
  return (a: Tensor, b: Tensor): Tensor => matmul(a, b, { compute });
};

/** A square product, as the ceilings are measured with. */
export function square(arithmetic: Arithmetic, n: number): BenchCase {
  const call =
    arithmetic.dtype === 'int8'
      ? (a: Tensor, b: Tensor) => gemmInt8(a, b) as Tensor
      : matmulIn(arithmetic);
  const about = { group: 'matmul', name: `${n}^3 ${label(arithmetic)}` };
  return product(arithmetic, about, [n, n], [n, n], call);
}

const INT8: Arithmetic = { dtype: 'int8', compute: 'int32' };

function* squares(profile: Profile): Iterable<BenchCase> {
  for (const n of profile.squares) {
    for (const arithmetic of arithmetics(profile)) yield square(arithmetic, n);
    if (profile.name === 'cpu') continue;
    const call = (a: Tensor, b: Tensor) => gemmInt8(a, b, { kernel: 'dp4a' });
    const about = { group: 'dp4a', name: `${n}^3 int8` };
    const one = { ...product(INT8, about, [n, n], [n, n], call), ceiling: 'dp4a' };
    // 1024^3 is 64 tiles of 128 x 128: too few to fill a large device.
    const fills = n >= 4096 || profile.name === 'quick';
    const { goal: _, ...free } = one;
    yield fills ? { ...one, goal: 'dp4a' } : free;
  }
}

/** The convolutions of a file of bench/shapes. */
function* convolutions(
  file: string,
  layout: 'NCHW' | 'NHWC',
  batch: number,
  profile: Profile,
): Iterable<BenchCase> {
  const model = path.parse(file).name + (batch === 1 ? '' : ` x${batch}`);
  for (const { name, count, sizes } of shapes(file, profile)) {
    const [, cin, h, w, cout, kh, kw, stride, pad, groups] = sizes as [
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
    const nchw = layout === 'NCHW';
    const per = cin / groups;
    const x = nchw ? [batch, cin, h, w] : [batch, h, w, cin];
    const filter = nchw ? [cout, per, kh, kw] : [cout, kh, kw, per];
    const filterLayout = nchw ? 'OIHW' : 'OHWI';
    const outputs = batch * outH * outW * cout;
    for (const arithmetic of arithmetics(profile)) {
      const { dtype, compute } = arithmetic;
      const options = { layout, filterLayout, stride, padding: pad, groups, compute } as const;
      yield {
        group: `${model} ${layout} ${label(arithmetic)}`,
        name,
        count,
        flop: 2 * outputs * kh * kw * per,
        bytes:
          (elements(x) + elements(filter)) * bytesOf(dtype) +
          outputs * (dtype === 'int8' ? 4 : bytesOf(dtype)),
        ceiling: `gemm ${label(arithmetic)}`,
        goal: 'peer',
        inputs: (device) => [input(dtype, x, device), input(dtype, filter, device)],
        call: ([a, b]) => conv2d(a as Tensor, b as Tensor, options),
        ...(dtype === 'int8'
          ? {}
          : {
              peer: {
                op: 'conv2d',
                x: [batch, cin, h, w],
                w: [cout, per, kh, kw],
                dtype,
                tf32: compute === 'tf32',
                channelsLast: !nchw,
                stride,
                padding: pad,
                groups,
              },
            }),
      };
    }
  }
}

/** `sequences` at a time: the products with weights see all their tokens at once, those of attention stay apart. */
function* bertBase(sequences: number, profile: Profile): Iterable<BenchCase> {
  const model = `bert-base${sequences === 1 ? '' : ` x${sequences}`}`;
  for (const { name, count, sizes } of shapes('bert-base.txt', profile)) {
    const [batch, m, n, k] = sizes as [number, number, number, number];
    const weights = batch === 1;
    const a = weights ? [sequences * m, k] : [sequences * batch, m, k];
    const b = weights ? [k, n] : [sequences * batch, k, n];
    for (const arithmetic of arithmetics(profile)) {
      const about = { group: `${model} ${label(arithmetic)}`, name, count };
      yield product(arithmetic, about, a, b, matmulIn(arithmetic));
    }
  }
}

/** A language model that writes a few tokens at a time: as fast as its weights can be read. */
function* tokens(profile: Profile): Iterable<BenchCase> {
  const measured = arithmetics(profile).filter(
    ({ dtype, compute }) => dtype !== 'float32' && compute !== 'float16',
  );
  for (const m of profile.tokens) {
    for (const { name, count, sizes } of shapes('llama-3-8b.txt', profile)) {
      const [n, k] = sizes as [number, number];
      for (const arithmetic of measured) {
        const about = { group: `llama-3-8b m=${m} ${label(arithmetic)}`, name, count };
        yield product(arithmetic, about, [m, k], [k, n], matmulIn(arithmetic));
      }
    }
  }
}

/** All cases, in the order of the report. */
export function* cases(profile: Profile): Iterable<BenchCase> {
  yield* squares(profile);
  yield* memoryBound(profile);
  for (const batch of profile.imageBatches) {
    for (const file of ['resnet50.txt', 'mobilenet-v2-depthwise.txt']) {
      for (const layout of profile.layouts) {
        yield* convolutions(file, layout, batch, profile);
      }
    }
  }
  for (const sequences of profile.sequences) yield* bertBase(sequences, profile);
  yield* tokens(profile);
}
