/** `halftone run`: images through a model, and how many of them it recognizes. */

import type { Model, NodeReport } from '../index';
import { inputSource } from './batches';
import { type Evaluation, evaluateSource, loadModel, readLabels } from './evaluate';
import { readInputs } from './inputs';
import {
  colors,
  counted,
  describeValues,
  formatBytes,
  formatNumber,
  Progress,
  table,
} from './output';
import type { PictureOptions } from './pictures';
import { holdsOne, outputFormat, writeResults } from './results';

export interface RunCommandOptions extends PictureOptions {
  readonly input: readonly string[];
  readonly labels?: string;
  readonly limit?: number;
  readonly batch: number;
  readonly precision?: string;
  readonly compute?: string;
  readonly device?: string;
  readonly outputName?: string;
  readonly output?: string;
  readonly json?: boolean;
}

function printModel(model: Model): void {
  const { castLoss: loss } = model;
  const rows = [
    ['inputs', describeValues(model.inputs)],
    ['outputs', describeValues(model.outputs)],
    ['nodes', `${model.nodes.length}, operator set ${model.opsets.get('') ?? 'none'}`],
    ['weights', formatBytes(model.weightBytes)],
  ];
  if (loss && loss.constants > 0) {
    const { values: count, overflowed, underflowed, subnormal } = loss;
    rows.push([
      'converted',
      `${count} weights: ${overflowed} became infinite, ${underflowed} zero, ${subnormal} subnormal`,
    ]);
  }
  if (!model.batch.free) rows.push(['one size only', model.batch.why]);
  console.log(`${colors.bold(model.name || 'model')} on ${model.device}`);
  console.log(table([], ['left', 'left'], rows));
}

const how = ({ storage, multiply, accumulate }: NodeReport['provenance']) =>
  accumulate === 'none'
    ? `${storage} stored`
    : `${storage} stored, ${multiply} products, ${accumulate} sums`;

function printNodes(nodes: readonly NodeReport[]): void {
  const rows = nodes.map(({ node, op, provenance: p }) => [node, op, p.kernel ?? '', how(p)]);
  console.log(table(['node', 'operator', 'kernel', 'how'], ['left', 'left', 'left', 'left'], rows));
}

function printResult(result: Evaluation, count: number): void {
  const { correct, seconds, values } = result;
  if (correct !== undefined) {
    const percent = ((100 * correct) / count).toFixed(2);
    console.log(colors.bold(`${correct} of ${count} right: ${percent} %`));
  } else if (count > 0 && count <= 8) {
    const each = values.length / count;
    for (let i = 0; i < count; i++) {
      const numbers = Array.from(values.subarray(i * each, i * each + Math.min(each, 10)), Number);
      const more = each > 10 ? ', ...' : '';
      console.log(`  image ${i}: [${numbers.map(formatNumber).join(', ')}${more}]`);
    }
  }
  const speed = formatNumber(count / seconds);
  console.log(`${counted(count, 'image')} in ${seconds.toFixed(2)} s, ${speed} per second`);
}

/** Runs the command. */
export async function run(file: string, options: RunCommandOptions): Promise<void> {
  const progress = new Progress();
  const { output, limit, json } = options;
  if (output !== undefined) outputFormat(output); // before the work
  const model = await loadModel(file, { ...options, onProgress: (text) => progress.update(text) });
  const arrays = await readInputs(model, '--input', options.input, {
    ...options,
    onProgress: (done, total) => progress.bar('reading pictures', done, total),
  });
  const source = inputSource(model, arrays, limit);
  const { count } = source;
  const labels =
    options.labels === undefined
      ? undefined
      : await readLabels(options.labels, source.entries, limit !== undefined);
  const result = await evaluateSource(model, source, labels, {
    batch: options.batch,
    output: options.outputName,
    all: options.outputName === undefined && output !== undefined && !holdsOne(output),
    onProgress: (done) => progress.bar(`${done} of ${count}`, done, count),
  });
  progress.clear();
  let files: string[] = [];
  if (output !== undefined) {
    const { outputs, output: name } = result;
    const one = [...outputs].filter(([made]) => made === name);
    files = await writeResults(output, new Map(holdsOne(output) ? one : outputs), options);
  }
  if (json) {
    const { correct, seconds, output, shape, dtype, predictions, nodes } = result;
    const accuracy = correct === undefined ? undefined : correct / count;
    const { device, castLoss, batch } = model;
    const images = count;
    const report = {
      device,
      batch,
      castLoss,
      images,
      correct,
      accuracy,
      seconds,
      output,
      shape,
      dtype,
      predictions: labels && predictions,
      files,
      nodes,
    };
    console.log(JSON.stringify(report, undefined, 2));
  } else {
    printModel(model);
    printNodes(result.nodes);
    printResult(result, count);
    const names = [...result.outputs.keys()];
    const are = names.length === 1 ? 'is' : 'are';
    if (files.length > 0) console.log(`${names.join(', ')} ${are} in ${files.join(', ')}`);
  }
  model.dispose();
}
