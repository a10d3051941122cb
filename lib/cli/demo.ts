/** `halftone demo`: the same numbers computed in several arithmetics, and what each gives, costs and says about itself. */

import {
  cast,
  conv2d,
  dequantize,
  explain,
  type Provenance,
  quantize,
  sync,
  type Tensor,
  tensor,
} from '../index';
import {
  errors,
  type PictureProblem,
  pictureProblem,
  reference,
  type Sample,
} from './demo-picture';
import { colors, formatBytes, formatNumber, Progress, table } from './output';

/** How one result was computed, out of its provenance. */
type Made = Pick<Provenance, 'kernel' | 'storage' | 'multiply' | 'accumulate'>;

/** One result of the first part. */
export interface OverflowResult extends Made {
  readonly compute: 'float32' | 'float16';
  readonly values: readonly number[];
}

/** One row of the second part. */
export interface PictureResult extends Made {
  readonly dtype: string;
  readonly compute: string;
  /** Largest and root mean square difference from float64, over the sampled outputs. */
  readonly maxError: number;
  readonly rmsError: number;
  /** Bytes of picture, filter and what the convolution wrote. */
  readonly bytes: number;
  /** Median milliseconds of the convolution alone, and how often it was timed. */
  readonly milliseconds: number;
  readonly runs: number;
  /** 10^9 multiplications and additions per second. */
  readonly gigaOps: number;
}

const NHWC = { layout: 'NHWC', filterLayout: 'HWIO' } as const;

function made(y: Tensor): Made {
  const { kernel, storage, multiply, accumulate } = explain(y);
  return { kernel, storage, multiply, accumulate };
}

/** Two products of +-65504^2: their sum is 0, but neither fits into float16. */
async function overflow(): Promise<OverflowResult[]> {
  const x = tensor([65519, 65519, 65519, 65519], { shape: [1, 1, 4, 1], dtype: 'float16' });
  const w = tensor([65519, -65519], { shape: [1, 2, 1, 1], dtype: 'float16' });
  const results: OverflowResult[] = [];
  for (const compute of ['float32', 'float16'] as const) {
    const y = conv2d(x, w, { ...NHWC, compute });
    results.push({ compute, values: Array.from((await y.data()) as Float32Array), ...made(y) });
  }
  return results;
}

type Timing = Pick<PictureResult, 'milliseconds' | 'runs'>;

/** Milliseconds that one call takes until its result is there. */
async function time(call: () => Tensor): Promise<number> {
  const start = process.hrtime.bigint();
  const y = call();
  await sync();
  const elapsed = since(start);
  y.dispose();
  return elapsed;
}

const since = (start: bigint): number => Number(process.hrtime.bigint() - start) / 1e6;

/** Milliseconds that timing one row may take. */
const BUDGET = 600;
const MOST_RUNS = 15;

/** The first run is not counted unless it alone takes the whole time. */
async function median(first: number, call: () => Tensor): Promise<Timing> {
  const times = first < BUDGET ? [] : [first];
  for (let spent = first; spent < BUDGET && times.length < MOST_RUNS; ) {
    const elapsed = await time(call);
    times.push(elapsed);
    spent += elapsed;
  }
  times.sort((a, b) => a - b);
  return { milliseconds: times[times.length >> 1] as number, runs: times.length };
}

interface Row {
  readonly dtype: string;
  readonly compute: string;
  readonly x: Tensor;
  readonly w: Tensor;
  /** From the convolution's result to real numbers. */
  toReal(y: Tensor): Tensor;
}

/** The picture as uint8 with one scale, the filter as int8 with one scale per output channel. */
function quantized(problem: PictureProblem, x: Tensor, w: Tensor): Row {
  const { filters } = problem;
  const xScale = problem.x.reduce((most, v) => Math.max(most, v), 0) / 255;
  const largest = new Float32Array(filters);
  for (const [i, v] of problem.w.entries()) {
    largest[i % filters] = Math.max(largest[i % filters] as number, Math.abs(v));
  }
  const wScale = largest.map((v) => v / 127);
  const yScale = tensor(wScale.map((s) => s * xScale));
  return {
    dtype: 'uint8 x int8',
    compute: 'int32',
    x: quantize(x, { scale: xScale, dtype: 'uint8' }),
    w: quantize(w, { scale: [...wScale], axis: 3, narrowRange: true }),
    toReal: (y) => dequantize(y, { scale: yScale, axis: 3 }),
  };
}

function rows(problem: PictureProblem): Row[] {
  const { height, width, channels, filters } = problem;
  const x = tensor(problem.x, { shape: [1, height, width, channels] });
  const w = tensor(problem.w, { shape: [3, 3, channels, filters] });
  const stored = (dtype: 'float32' | 'float16' | 'bfloat16', compute: string): Row => ({
    dtype,
    compute,
    x: cast(x, dtype),
    w: cast(w, dtype),
    toReal: (y) => y,
  });
  return [
    stored('float32', 'float32'),
    stored('float16', 'float32'),
    stored('float16', 'float16'),
    stored('bfloat16', 'float32'),
    quantized(problem, x, w),
  ];
}

async function measure(row: Row, problem: PictureProblem, exact: Sample): Promise<PictureResult> {
  const { height, width, channels, filters } = problem;
  const compute = row.compute as 'float32' | 'float16' | 'int32';
  const call = () => conv2d(row.x, row.w, { ...NHWC, padding: 'same', compute });
  await sync(); // so that no time of preparing the inputs is counted
  const start = process.hrtime.bigint();
  const y = call();
  await sync();
  const timing = await median(since(start), call);
  const { max, rms } = errors((await row.toReal(y).data()) as Float32Array, exact, filters);
  return {
    dtype: row.dtype,
    compute: row.compute,
    ...made(y),
    maxError: max,
    rmsError: rms,
    bytes: row.x.byteLength + row.w.byteLength + y.byteLength,
    ...timing,
    gigaOps: (2 * height * width * 9 * channels * filters) / timing.milliseconds / 1e6,
  };
}

function printOverflow(results: readonly OverflowResult[]): void {
  console.log(colors.bold('1. The same numbers, two kinds of sums'));
  console.log('   conv2d of four float16 values 65519 with the filter [65519, -65519]; 65519 is');
  console.log('   stored as 65504, and 65504 * 65504 is beyond the range of float16.\n');
  const shown = results.map((r) => [
    r.compute,
    `[${r.values.join(', ')}]`,
    r.kernel ?? '',
    `${r.storage} stored, ${r.multiply} products, ${r.accumulate} sums`,
  ]);
  console.log(
    table(['compute', 'result', 'kernel', 'how'], ['left', 'left', 'left', 'left'], shown),
  );
}

function printPicture(
  { height, width, channels, filters }: PictureProblem,
  exact: Sample,
  results: readonly PictureResult[],
): void {
  const rms = Math.sqrt(exact.values.reduce((sum, v) => sum + v * v, 0) / exact.values.length);
  console.log(`\n${colors.bold('2. One convolution in five arithmetics')}`);
  console.log(
    `   ${height} x ${width} picture of ${channels} channels (made up: gradients, edges, texture),`,
  );
  console.log(
    `   3x3 filters, ${filters} outputs. Errors are against float64 on the float32 data, over`,
  );
  console.log(
    `   ${exact.values.length} of ${height * width * filters} outputs, whose root mean square is ${formatNumber(rms)}.\n`,
  );
  const shown = results.map((r) => [
    r.dtype,
    r.compute,
    r.kernel ?? '',
    formatNumber(r.maxError),
    formatNumber(r.rmsError),
    formatBytes(r.bytes),
    r.milliseconds.toFixed(1),
    formatNumber(r.gigaOps),
  ]);
  const head = ['stored', 'sums', 'kernel', 'max error', 'rms error', 'memory', 'ms', 'Gop/s'];
  const right = 'right' as const;
  console.log(table(head, ['left', 'left', 'left', right, right, right, right, right], shown));
  console.log(
    '\n   memory: picture, filter and output. ms: median of the convolution alone, without',
  );
  console.log('   quantize and dequantize. The int8 output is int32 until it is dequantized.');
}

/** Runs the demo and prints it. */
export async function demo({ json }: { json?: boolean }): Promise<void> {
  const progress = new Progress();
  const overflowed = await overflow();
  if (!json) printOverflow(overflowed);
  progress.update('computing the float64 reference');
  const problem = pictureProblem(224, 32, 64);
  const exact = reference(problem, 1000);
  const results: PictureResult[] = [];
  for (const row of rows(problem)) {
    progress.update(`${row.dtype}, ${row.compute} sums`);
    results.push(await measure(row, problem, exact));
  }
  progress.clear();
  if (!json) return printPicture(problem, exact, results);
  // JSON has no infinities: they are strings.
  const finite = (_: string, v: unknown) =>
    typeof v === 'number' && !Number.isFinite(v) ? String(v) : v;
  console.log(JSON.stringify({ overflow: overflowed, picture: results }, finite, 2));
}
