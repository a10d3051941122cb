/** `halftone inspect`: what is in an ONNX file, without running it. */

import { Model } from '../index';
import { colors, describeValues, formatBytes, Progress, table } from './output';

export interface InspectCommandOptions {
  readonly nodes?: boolean;
  readonly json?: boolean;
}

/** Runs the command. */
export async function inspect(file: string, options: InspectCommandOptions): Promise<void> {
  const progress = new Progress();
  const model = await Model.load(file, {
    onProgress: ({ phase, done, total }) => progress.bar(phase, done, total),
  });
  progress.clear();
  const operators = new Map<string, number>();
  for (const { op } of model.nodes) operators.set(op, (operators.get(op) ?? 0) + 1);
  const counted = [...operators].sort(([a, n], [b, m]) => m - n || a.localeCompare(b));
  if (options.json) {
    const { name, inputs, outputs, opsets, weightBytes, batch } = model;
    const nodes = model.nodes.map((node) => ({
      name: node.name,
      op: node.op,
      inputs: node.inputs,
      outputs: node.outputs,
      compute: node.compute,
    }));
    const report = {
      name,
      opsets: Object.fromEntries(opsets),
      inputs,
      outputs,
      weightBytes,
      batch,
      operators: Object.fromEntries(counted),
      nodes,
    };
    console.log(JSON.stringify(report, undefined, 2));
  } else {
    console.log(colors.bold(model.name || 'model'));
    const rows = [
      ['inputs', describeValues(model.inputs)],
      ['outputs', describeValues(model.outputs)],
      ['operator sets', [...model.opsets].map(([d, v]) => `${d || 'ONNX'} ${v}`).join(', ')],
      ['weights', formatBytes(model.weightBytes)],
      ['nodes', `${model.nodes.length}: ${counted.map(([op, n]) => `${n} ${op}`).join(', ')}`],
      ['images per run', model.batch.free ? 'any number' : `fixed: ${model.batch.why}`],
    ];
    console.log(table([], ['left', 'left'], rows));
    if (options.nodes) {
      const list = model.nodes.map(({ name, op, outputs }) => [name, op, outputs.join(', ')]);
      console.log(table(['node', 'operator', 'outputs'], ['left', 'left', 'left'], list));
    }
  }
  model.dispose();
}
