/** `halftone convert-checkpoint`: a checkpoint in another type, and what rounding did to each tensor. */

import {
  type CheckpointReport,
  type CheckpointTensor,
  type ConvertCheckpointOptions,
  convertCheckpoint,
} from '../index';
import { type Align, colors, formatBytes, Progress, table } from './output';

export interface ConvertCheckpointCommandOptions
  extends Omit<ConvertCheckpointOptions, 'rename' | 'signal' | 'onProgress'> {
  readonly rename?: Readonly<Record<string, string>>;
  readonly json?: boolean;
}

const HEAD = ['tensor', 'shape', 'type', 'overflow', 'underflow', 'subnormal', 'NaN', 'infinite'];
const ALIGN: readonly Align[] = [
  ...(['left', 'left', 'left'] as const),
  ...(['right', 'right', 'right', 'right', 'right'] as const),
];

function row({ name, outputName, shape, from, to, action, reason, counts }: CheckpointTensor) {
  const { overflow, underflow, subnormal, nan, infinity } = counts ?? {};
  const type = action === 'converted' ? `${from} to ${to}` : `${from}, ${action}: ${reason}`;
  return [
    name === outputName ? name : `${name} as ${outputName}`,
    `[${shape.join(', ')}]`,
    type,
    ...[overflow, underflow, subnormal, nan, infinity].map((n) => (n === undefined ? '' : `${n}`)),
  ];
}

function print(report: CheckpointReport, output: string): void {
  const { tensors, converted, copied, kept, inputBytes, outputBytes, droppedMetadata } = report;
  if (tensors.length > 0) console.log(table(HEAD, ALIGN, tensors.map(row)));
  console.log(
    colors.bold(
      `${converted} tensors converted to ${report.dtype}, ${copied} copied, ${kept} kept`,
    ),
  );
  if (droppedMetadata.length > 0) {
    console.log(`metadata that .npz has no place for: ${droppedMetadata.join(', ')}`);
  }
  console.log(`${formatBytes(inputBytes)} became ${formatBytes(outputBytes)} in ${output}`);
}

/** Runs the command. */
export async function convert(
  input: string,
  output: string,
  { json, ...options }: ConvertCheckpointCommandOptions,
): Promise<void> {
  const progress = new Progress();
  const interrupted = new AbortController();
  // Once: a second signal ends the program at once.
  const stop = () => interrupted.abort(new Error('interrupted'));
  process.once('SIGINT', stop);
  try {
    const report = await convertCheckpoint(input, output, {
      ...options,
      signal: interrupted.signal,
      onProgress: ({ phase, name, done, total }) =>
        progress.update(`${phase} ${formatBytes(done)} of ${formatBytes(total)}: ${name}`),
    });
    progress.clear();
    if (json) console.log(JSON.stringify(report, undefined, 2));
    else print(report, output);
  } finally {
    progress.clear();
    process.removeListener('SIGINT', stop);
  }
}
