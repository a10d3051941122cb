/** What `run` and `demo --model` share: images and labels from files, put through a model batch by batch. */

import type { TypedArrayOf } from '../dtype';
import { type DType, Model, type NodeReport, ParamError } from '../index';
import type { HostArray } from '../io/array';
import { readArray } from '../io/read';
import { type BatchOutput, type InputSource, inputSource, runBatches } from './batches';

/** Images of one size, as a file holds them, with or without what they show. */
export interface DataSet {
  readonly images: HostArray;
  readonly labels?: readonly number[];
  /** How many images there are to run. */
  readonly count: number;
}

export interface DataSetOptions {
  readonly images: string;
  readonly labels?: string | undefined;
  /** At most this many images. */
  readonly limit?: number | undefined;
}

/** Reads .npy or idx files. @throws ParamError when there are more or fewer labels than images. */
export async function readDataSet(options: DataSetOptions): Promise<DataSet> {
  const images = await readArray(options.images);
  const all = images.shape[0];
  if (all === undefined)
    throw new ParamError(`${options.images}: holds a single number, no images`);
  const count = Math.min(all, options.limit ?? all);
  if (options.labels === undefined) return { images, count };
  return { images, labels: await readLabels(options.labels, all), count };
}

/** One label for each of `count` images; more may follow where only the `first` images were read. */
export async function readLabels(name: string, count: number, first = false): Promise<number[]> {
  const { shape, data } = await readArray(name);
  const [labels = 0] = shape;
  if (shape.length !== 1 || labels < count || (labels > count && !first)) {
    throw new ParamError(
      `${name}: must hold one label for each of ${count} images, got the shape [${shape.join(', ')}]`,
    );
  }
  return Array.from<number | bigint, number>(data, Number);
}

/** How one output was made for all images. */
export interface Evaluation {
  /** Name of the output. */
  readonly output: string;
  readonly shape: readonly number[];
  readonly dtype: DType;
  /** The output for all images; 16-bit floats widened to float32. */
  readonly values: TypedArrayOf;
  /** Index of the largest value of each image. */
  readonly predictions: readonly number[];
  /** How many predictions are the label; undefined without labels. */
  readonly correct: number | undefined;
  /** From the first batch to the last, with copying data in and out. */
  readonly seconds: number;
  /** The calls of the first batch. */
  readonly nodes: readonly NodeReport[];
  /** All outputs that were made, this one among them. */
  readonly outputs: ReadonlyMap<string, BatchOutput>;
}

export interface EvaluateOptions {
  /** Images per run. */
  readonly batch: number;
  /** Name of the output to look at. Default: the first one. */
  readonly output?: string | undefined;
  /** Make the other outputs as well. */
  readonly all?: boolean | undefined;
  readonly onProgress?: (done: number) => void;
}

/** Runs all images of a data set through a model with one input. */
export async function evaluate(
  model: Model,
  data: DataSet,
  options: EvaluateOptions,
): Promise<Evaluation> {
  const [input] = model.inputs;
  if (!input || model.inputs.length !== 1) {
    const names = model.inputs.map(({ name }) => name).join(', ');
    throw new ParamError(
      `the model must have one input for images, it has ${model.inputs.length}: ${names}`,
    );
  }
  const source = inputSource(model, new Map([[input.name, data.images]]), data.count);
  return await evaluateSource(model, source, data.labels, options);
}

/** Runs all entries through a model and looks at one output. */
export async function evaluateSource(
  model: Model,
  source: InputSource,
  labels: readonly number[] | undefined,
  options: EvaluateOptions,
): Promise<Evaluation> {
  const output = options.output ?? model.outputs[0]?.name ?? '';
  const outputs = options.all ? undefined : [output];
  const result = await runBatches(model, source, { ...options, outputs });
  const made = result.outputs.get(output);
  if (!made) {
    const names = model.outputs.map(({ name }) => name).join(', ');
    throw new ParamError(`run: outputs must be among ${names}, got "${output}"`);
  }
  const predictions = argMax(made.data, source.count);
  return {
    output,
    shape: made.shape,
    dtype: made.made,
    values: made.data,
    predictions,
    correct: labels && predictions.filter((prediction, i) => prediction === labels[i]).length,
    seconds: result.seconds,
    nodes: result.nodes,
    outputs: result.outputs,
  };
}

/** The index of the largest of each image's values; the first of equal ones. NaN is never the largest. */
function argMax(values: TypedArrayOf, count: number): number[] {
  const classes = count === 0 ? 0 : values.length / count;
  return Array.from({ length: count }, (_, i) => {
    let best = 0;
    let most = -Infinity;
    for (let k = 0; k < classes; k++) {
      const value = Number(values[i * classes + k]);
      if (value > most) [best, most] = [k, value];
    }
    return best;
  });
}

/** The model of a file, converted when a precision or a type of sums is asked for. */
export async function loadModel(
  file: string,
  options: {
    readonly device?: string | undefined;
    readonly precision?: string | undefined;
    readonly compute?: string | undefined;
    readonly onProgress?: (text: string) => void;
  },
): Promise<Model> {
  const { device, precision, compute } = options;
  const model = await Model.load(file, {
    device,
    onProgress: ({ phase, done, total }) =>
      options.onProgress?.(
        phase === 'read' ? `reading ${Math.round((100 * done) / total)} %` : phase,
      ),
  });
  if (precision === undefined && compute === undefined) return model;
  try {
    return await model.convert({
      precision: (precision ?? 'float32') as 'float32',
      compute: compute as 'float32',
    });
  } finally {
    model.dispose();
  }
}
