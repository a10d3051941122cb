/** `halftone demo --model`: one model in several arithmetics, and what each gives and costs. */

import { Model } from '../index';
import { type Evaluation, evaluate, readDataSet } from './evaluate';
import { colors, formatBytes, formatNumber, Progress, table } from './output';

export interface DemoModelOptions {
  readonly model: string;
  readonly images: string;
  readonly labels?: string | undefined;
  readonly limit?: number | undefined;
  readonly batch?: number | undefined;
  readonly device?: string | undefined;
  readonly json?: boolean | undefined;
}

/** One row: the model in one arithmetic. */
export interface DemoModelRow {
  readonly precision: string;
  readonly compute: string;
  /** Predictions that are the label; null without labels. */
  readonly correct: number | null;
  /** Predictions that are not those of float32. */
  readonly changed: number;
  /** Largest difference of an output from float32; Infinity when an output is not finite. */
  readonly maxDifference: number;
  /** Outputs that are infinite or NaN. */
  readonly notFinite: number;
  readonly weightBytes: number;
  readonly seconds: number;
  /** Kernels of the nodes that sum products. */
  readonly kernels: readonly string[];
}

const ARITHMETICS = [
  ['float32', 'float32'],
  ['float16', 'float32'],
  ['float16', 'float16'],
  ['bfloat16', 'float32'],
] as const;

function compare(
  [precision, compute]: (typeof ARITHMETICS)[number],
  result: Evaluation,
  reference: Evaluation,
  weightBytes: number,
): DemoModelRow {
  let maxDifference = 0;
  let notFinite = 0;
  for (let i = 0; i < result.values.length; i++) {
    const value = Number(result.values[i]);
    if (!Number.isFinite(value)) notFinite += 1;
    const difference = Math.abs(value - Number(reference.values[i]));
    maxDifference = Math.max(maxDifference, Number.isNaN(difference) ? Infinity : difference);
  }
  const sums = result.nodes.filter(({ provenance }) => provenance.accumulate === compute);
  const products = sums.filter(({ call }) => ['conv2d', 'matmul', 'gemmEx'].includes(call));
  return {
    precision,
    compute,
    correct: result.correct ?? null,
    changed: result.predictions.filter((p, i) => p !== reference.predictions[i]).length,
    maxDifference,
    notFinite,
    weightBytes,
    seconds: result.seconds,
    kernels: [...new Set(products.map(({ provenance }) => provenance.kernel ?? ''))],
  };
}

/** Runs the demo and prints it. */
export async function demoModel(options: DemoModelOptions): Promise<void> {
  const progress = new Progress();
  const data = await readDataSet(options);
  const model = await Model.load(options.model, { device: options.device });
  const rows: DemoModelRow[] = [];
  let reference: Evaluation | undefined;
  for (const arithmetic of ARITHMETICS) {
    const [precision, compute] = arithmetic;
    const name = `${precision}, ${compute} sums`;
    const converted = await model.convert({ precision, compute });
    const result = await evaluate(converted, data, {
      batch: options.batch ?? 250,
      onProgress: (done) => progress.bar(`${name}: ${done} of ${data.count}`, done, data.count),
    });
    reference ??= result;
    rows.push(compare(arithmetic, result, reference, converted.weightBytes));
    converted.dispose();
  }
  model.dispose();
  progress.clear();
  if (options.json) {
    const text = (_: string, v: unknown) => (v === Infinity ? 'Infinity' : v);
    console.log(JSON.stringify({ images: data.count, rows }, text, 2));
  } else {
    print(options.model, data.count, rows);
  }
}

function print(file: string, count: number, rows: readonly DemoModelRow[]): void {
  console.log(colors.bold(`${file}: ${count} images in ${rows.length} arithmetics`));
  const shown = rows.map((row) => [
    row.precision,
    row.compute,
    row.correct === null ? '' : `${((100 * row.correct) / count).toFixed(2)} %`,
    String(row.changed),
    formatNumber(row.maxDifference),
    String(row.notFinite),
    formatBytes(row.weightBytes),
    formatNumber(count / row.seconds),
    row.kernels.join(' '),
  ]);
  const right = 'right' as const;
  console.log(
    table(
      [
        'stored',
        'sums',
        'right',
        'changed',
        'largest diff',
        'inf/NaN',
        'weights',
        'images/s',
        'kernels',
      ],
      ['left', 'left', right, right, right, right, right, right, 'left'],
      shown,
    ),
  );
  console.log(
    'changed: images whose prediction is not that of float32. largest diff: of any output, from float32.',
  );
}
