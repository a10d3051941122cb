/** What `run` and `demo --model` share: images and labels from files, put through a model batch by batch. */

import type { TypedArrayOf } from '../dtype';
import {
  type DType,
  Model,
  ModelError,
  type NodeReport,
  ParamError,
  type Tensor,
  tensor,
} from '../index';
import type { HostArray } from '../io/array';
import { readArray } from '../io/read';
import { runOp } from '../run';

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
  const file = await readArray(options.labels);
  if (file.shape.length !== 1 || file.shape[0] !== all) {
    throw new ParamError(
      `${options.labels}: must hold one label for each of ${all} images, got the shape [${file.shape.join(', ')}]`,
    );
  }
  return { images, labels: Array.from<number | bigint, number>(file.data, Number), count };
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
}

export interface EvaluateOptions {
  /** Images per run. */
  readonly batch: number;
  /** Name of the output to look at. Default: the first one. */
  readonly output?: string | undefined;
  readonly onProgress?: (done: number) => void;
}

/** Runs all images of a data set through a model. */
export async function evaluate(
  model: Model,
  data: DataSet,
  options: EvaluateOptions,
): Promise<Evaluation> {
  const output = options.output ?? model.outputs[0]?.name ?? '';
  const makeInput = imageInput(model, data);
  const step = batchSize(model, data, options.batch);
  const nodes: NodeReport[] = [];
  const parts: TypedArrayOf[] = [];
  let made: Tensor | undefined;
  const start = process.hrtime.bigint();
  for (let first = 0; first < data.count || made === undefined; first += step) {
    const x = makeInput.tensor(first, Math.min(step, data.count - first));
    const onNode = first === 0 ? (report: NodeReport) => nodes.push(report) : undefined;
    const outputs = await model.run({ [makeInput.name]: x }, { outputs: [output], onNode });
    x.dispose();
    made = outputs[output] as Tensor;
    parts.push(await made.data());
    made.dispose();
    options.onProgress?.(Math.min(data.count, first + step));
  }
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  const values = concat(parts);
  const predictions = argMax(values, data.count);
  const { labels } = data;
  return {
    output,
    shape: [data.count, ...made.shape.slice(1)],
    dtype: made.dtype,
    values,
    predictions,
    correct: labels && predictions.filter((prediction, i) => prediction === labels[i]).length,
    seconds,
    nodes,
  };
}

interface ImageInput {
  readonly name: string;
  tensor(first: number, count: number): Tensor;
}

/** How images become the model's input: their values as they are, in its element type and shape. */
function imageInput(model: Model, { images }: DataSet): ImageInput {
  const [input] = model.inputs;
  if (!input || model.inputs.length !== 1) {
    const names = model.inputs.map(({ name }) => name).join(', ');
    throw new ParamError(
      `the model must have one input for images, it has ${model.inputs.length}: ${names}`,
    );
  }
  const { name, dtype, shape } = input;
  const [, ...sizes] = shape ?? [];
  const [, ...stored] = images.shape;
  const open = sizes.filter((size) => typeof size !== 'number').length;
  const elements = stored.reduce((n, d) => n * d, 1);
  const known = sizes.reduce<number>((n, size) => n * (typeof size === 'number' ? size : 1), 1);
  const fits = open === 0 ? known === elements : sizes.length === stored.length;
  if (!dtype || !fits) {
    throw new ParamError(
      `images of [${stored.join(', ')}] do not fit the input "${name}" [${(shape ?? []).map((d) => d ?? '?').join(', ')}]`,
    );
  }
  const target = open === 0 ? (sizes as number[]) : stored;
  return {
    name,
    tensor(first, count) {
      const part = images.data.subarray(first * elements, (first + count) * elements);
      const { device } = model;
      const held = tensor(part, { shape: [count, ...target], device, dtype: images.dtype });
      if (held.dtype === dtype) return held;
      const converted = runOp('cast', [held], { to: dtype });
      held.dispose();
      return converted;
    },
  };
}

/** Images per run: what was asked for, unless the model takes a fixed number. */
function batchSize(model: Model, { count }: DataSet, wanted: number): number {
  const size = model.inputs[0]?.shape?.[0];
  if (typeof size !== 'number') return Math.max(1, Math.min(wanted, count));
  if (size > 0 && count % size === 0) return size;
  const why = model.batch.free ? '' : ` (${model.batch.why})`;
  throw new ParamError(
    `the model takes ${size} images at a time${why}, and ${count} are no multiple`,
  );
}

function concat(parts: readonly TypedArrayOf[]): TypedArrayOf {
  const [first] = parts;
  if (!first || parts.length === 1) return first ?? new Float32Array(0);
  const length = parts.reduce((n, part) => n + part.length, 0);
  const all = new (first.constructor as new (length: number) => TypedArrayOf)(length);
  let at = 0;
  for (const part of parts) {
    all.set(part as never, at);
    at += part.length;
  }
  return all;
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
  }).catch((cause: unknown) => {
    if (!(cause instanceof ModelError)) throw cause;
    const { message, node, op, opset } = cause;
    throw new ModelError(message.startsWith(file) ? message : `${file}: ${message}`, {
      node,
      op,
      opset,
      cause,
    });
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
