/** `halftone convert`: an ONNX file in another precision. */

import {
  type Conversion,
  type ConvertOptions,
  Model,
  type NodeCompute,
  type OutOfRange,
  type Precision,
  type PrecisionProfile,
} from '../index';
import { type Feeds, readFeeds } from './feeds';
import type { PictureOptions } from './pictures';
import { colors, counted, formatBytes, formatNumber, Progress, table } from './output';

export interface ConvertCommandOptions extends PictureOptions {
  readonly precision: Precision | 'mixed' | 'auto';
  readonly low?: 'float16' | 'bfloat16';
  readonly profile?: PrecisionProfile;
  readonly keep?: readonly string[];
  readonly outOfRange?: OutOfRange;
  readonly compute?: NodeCompute;
  readonly io?: boolean;
  readonly opset?: number;
  readonly data?: readonly string[];
  readonly samples: number;
  readonly tolerance?: number;
  readonly device?: string;
  readonly json?: boolean;
}

function print(conversion: Conversion, before: number, after: number, output: string): void {
  const { nodes, casts, outOfRange, loss, search } = conversion;
  const counts = new Map<string, number>();
  for (const { precision } of nodes) counts.set(precision, (counts.get(precision) ?? 0) + 1);
  const rows = [
    ['nodes', [...counts].map(([precision, n]) => `${n} ${precision}`).join(', ')],
    ['casts inserted', String(casts)],
    ['weights', `${formatBytes(before)} before, ${formatBytes(after)} now`],
    [
      'rounding',
      `${loss.values} weights: ${loss.overflowed} became infinite, ${loss.underflowed} zero, ${loss.subnormal} subnormal`,
    ],
  ];
  for (const { name, values, largest } of outOfRange) {
    rows.push(['out of range', `${name}: ${values} values, the largest ${formatNumber(largest)}`]);
  }
  if (search) {
    rows.push([
      'error',
      `${formatNumber(search.error)} of ${search.tolerance} allowed, ${formatNumber(search.errorAllLow)} with all nodes low; ${counted(search.tried, 'model')} tried`,
    ]);
  }
  console.log(colors.bold(output));
  console.log(table([], ['left', 'left'], rows));
  const wide = nodes.filter(({ precision }) => precision === 'float32');
  if (wide.length > 0 && wide.length < nodes.length) {
    const list = wide.map(({ name, op, why }) => [name, op, why]);
    console.log(table(['stays float32', 'operator', 'why'], ['left', 'left', 'left'], list));
  }
}

/** Runs the command. */
export async function convert(
  input: string,
  output: string,
  options: ConvertCommandOptions,
): Promise<void> {
  const {
    precision,
    low,
    profile,
    keep,
    outOfRange,
    compute,
    opset,
    tolerance,
    data = [],
  } = options;
  const progress = new Progress();
  const model = await Model.load(input, {
    device: options.device,
    onProgress: ({ phase, done, total }) => progress.bar(phase, done, total),
  });
  let feeds: Feeds | undefined;
  try {
    if (data.length > 0) feeds = await readFeeds(model, data, options.samples, options);
    const asked: ConvertOptions = {
      precision,
      low,
      profile,
      keep,
      outOfRange,
      compute,
      keepIo: options.io,
      opset,
      data: feeds?.runs,
      tolerance,
      onProgress: ({ tried, kept, undecided }) =>
        progress.update(
          `${counted(tried, 'model')} tried, ${counted(kept, 'node')} stay float32, ${undecided} undecided`,
        ),
    };
    const converted = await model.convert(asked);
    await converted.save(output);
    progress.clear();
    const { conversion } = converted;
    if (conversion && options.json) {
      const report = { output, weightBytes: converted.weightBytes, ...conversion };
      console.log(JSON.stringify(report, undefined, 2));
    } else if (conversion) {
      print(conversion, model.weightBytes, converted.weightBytes, output);
    }
    converted.dispose();
  } finally {
    feeds?.[Symbol.dispose]();
    model.dispose();
  }
}
