/** Whole models beside ONNX Runtime: the same files, inputs and numbers of threads in one process, taking turns. */

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type * as Ort from 'onnxruntime-node';
import { type DType, Model, random, type Tensor, tensor } from '../lib';
import { binding } from '../lib/binding';
import { commit, deviceName, withoutPaths } from './machine';
import { quantile } from './measure';
import type { ModelColumn, ModelReport, ModelRow, ModelTime } from './models-report';

/** How models are measured. */
export interface ModelMethod {
  readonly samples: number;
  /** A sample has so many runs that it takes this long: short, so that some are left alone by what else the machine does. */
  readonly minSampleSeconds: number;
  /** Between samples: the threads of the other side have gone to sleep by then. */
  readonly pauseSeconds: number;
}

export const MODEL_METHODS: Readonly<Record<'full' | 'quick', ModelMethod>> = {
  full: { samples: 40, minSampleSeconds: 0.005, pauseSeconds: 0.01 },
  quick: { samples: 1, minSampleSeconds: 0, pauseSeconds: 0 },
};

/** Something that runs one model: `run` resolves when the values of all outputs are there. */
interface Side {
  run(): Promise<readonly ArrayLike<number | bigint>[]>;
  end(): Promise<void>;
}

type Feeds = Readonly<Record<string, { dtype: DType; shape: number[]; data: Float32Array }>>;

/** Random values: [0, 1) for floats, else whole numbers in [0, 255); open sizes are `batch`. */
async function feedsOf(model: Model, batch: number): Promise<Feeds> {
  const feeds: Record<string, Feeds[string]> = {};
  for (const { name, dtype, shape } of model.inputs) {
    if (dtype === null || dtype === 'string') throw new Error(`the input ${name} has no dtype`);
    const sizes = (shape ?? []).map((size) => (typeof size === 'number' ? size : batch));
    using values = random(sizes, { seed: 1, low: 0, high: dtype === 'float32' ? 1 : 255 });
    feeds[name] = { dtype, shape: sizes, data: (await values.data()) as Float32Array };
  }
  return feeds;
}

async function halftone(model: Model, feeds: Feeds): Promise<Side> {
  const inputs: Record<string, Tensor> = {};
  for (const [name, { dtype, shape, data }] of Object.entries(feeds))
    inputs[name] = tensor(dtype === 'float32' ? data : Array.from(data, Math.trunc), {
      shape,
      dtype,
    });
  return {
    async run() {
      const outputs = Object.values(await model.run(inputs));
      const values = await Promise.all(outputs.map((t) => t.data()));
      for (const t of outputs) t.dispose();
      return values as readonly ArrayLike<number | bigint>[];
    },
    async end() {
      for (const t of Object.values(inputs)) t.dispose();
      model.dispose();
    },
  };
}

async function onnxRuntime(
  ort: typeof Ort,
  bytes: Uint8Array,
  feeds: Feeds,
  threads: number,
): Promise<Side> {
  const session = await ort.InferenceSession.create(bytes, {
    executionProviders: ['cpu'],
    intraOpNumThreads: threads,
    logSeverityLevel: 3, // errors, which throw anyway
  });
  const inputs = Object.fromEntries(
    Object.entries(feeds).map(([name, { dtype, shape, data }]) => [
      name,
      new ort.Tensor(
        dtype as 'float32',
        dtype === 'float32' ? data : (Uint8Array.from(data) as unknown as Float32Array),
        shape,
      ),
    ]),
  );
  return {
    run: async () =>
      Object.values(await session.run(inputs)).map(({ data }) => data as Float32Array),
    end: () => session.release(),
  };
}

const failure = (error: unknown): string => withoutPaths((error as Error).message);

/** One sample of each side in turn, again and again. */
async function timed(
  sides: readonly Side[],
  { samples, minSampleSeconds, pauseSeconds }: ModelMethod,
): Promise<ModelTime[]> {
  const sample = async (side: Side, runs: number): Promise<{ wall: number; cpu: number }> => {
    const [start, before] = [process.hrtime.bigint(), process.cpuUsage()];
    for (let i = 0; i < runs; i++) await side.run();
    const { user, system } = process.cpuUsage(before);
    return {
      wall: Number(process.hrtime.bigint() - start) / 1e9 / runs,
      cpu: (user + system) / 1e6 / runs,
    };
  };
  const runs: number[] = [];
  for (const side of sides) {
    const once = Math.min((await sample(side, 3)).wall, (await sample(side, 3)).wall);
    runs.push(Math.max(1, Math.ceil(minSampleSeconds / once)));
  }
  const all: { wall: number; cpu: number }[][] = sides.map(() => []);
  for (let n = 0; n < samples; n++)
    for (const [i, side] of sides.entries()) {
      await pause(pauseSeconds * 1e3);
      await side.run();
      all[i]?.push(await sample(side, runs[i] as number));
    }
  return all.map((list) => {
    const sorted = (of: 'wall' | 'cpu') => list.map((one) => one[of]).sort((a, b) => a - b);
    const wall = sorted('wall');
    return {
      median: quantile(wall, 0.5),
      least: wall[0] as number,
      cpu: quantile(sorted('cpu'), 0.5),
    };
  });
}

/** The largest difference of two sets of outputs, to the largest value of the second. */
function difference(
  ours: readonly ArrayLike<number | bigint>[],
  theirs: readonly ArrayLike<number | bigint>[],
): number {
  let [most, distance] = [0, 0];
  for (const [i, values] of theirs.entries())
    for (let k = 0; k < values.length; k++) {
      const [a, b] = [Number(ours[i]?.[k]), Number(values[k])];
      most = Math.max(most, Math.abs(b));
      // NaN where the two are not both one is the largest difference there is.
      const apart = Object.is(a, b) ? 0 : Math.abs(a - b);
      distance = Number.isNaN(apart) ? Infinity : Math.max(distance, apart);
    }
  return distance === 0 ? 0 : distance / most;
}

const CONVERTED = ['float16', 'mixed'] as const;

async function measureModel(
  file: string,
  ort: typeof Ort | undefined,
  { batch, threads, method }: { batch: number; threads: number; method: ModelMethod },
): Promise<ModelRow> {
  const name = path.basename(file, '.onnx');
  const sides = new Map<ModelColumn, Side>();
  const errors: Partial<Record<ModelColumn, string>> = {};
  const attempt = async (column: ModelColumn, make: () => Promise<Side>): Promise<void> => {
    try {
      const side = await make();
      sides.set(column, side);
      await side.run();
    } catch (error) {
      await sides.get(column)?.end();
      sides.delete(column);
      errors[column] = failure(error);
    }
  };
  const bytes = readFileSync(file);
  let feeds: Feeds;
  let model: Model;
  try {
    model = await Model.load(bytes);
    feeds = await feedsOf(model, batch);
  } catch (error) {
    return { name, times: {}, errors: { float32: failure(error) } };
  }
  await attempt('float32', () => halftone(model, feeds));
  if (errors.float32) return { name, times: {}, errors };
  await attempt('nodes', async () => halftone(await Model.load(bytes, { graphs: false }), feeds));
  for (const precision of CONVERTED)
    await attempt(precision, async () => halftone(await model.convert({ precision }), feeds));
  if (ort) await attempt('peer', () => onnxRuntime(ort, bytes, feeds, threads));
  try {
    const [ours, theirs] = [sides.get('float32'), sides.get('peer')];
    const apart = ours && theirs ? difference(await ours.run(), await theirs.run()) : undefined;
    const times = await timed([...sides.values()], method);
    return {
      name,
      times: Object.fromEntries([...sides.keys()].map((column, i) => [column, times[i]])),
      ...(apart === undefined ? {} : { difference: apart }),
      errors,
    };
  } finally {
    for (const side of sides.values()) await side.end();
  }
}

/** Measures all models of a folder, or one file, whose paths match. */
export async function benchModels(
  at: string,
  options: { filter: RegExp; batch: number; method: ModelMethod },
): Promise<ModelReport> {
  const files = at.endsWith('.onnx')
    ? [at]
    : readdirSync(at)
        .filter((name) => name.endsWith('.onnx'))
        .sort()
        .map((name) => path.join(at, name));
  const selected = files.filter((file) => options.filter.test(path.basename(file)));
  if (selected.length === 0)
    throw new Error(`no model in ${path.basename(at)} matches ${options.filter.source}`);
  const { threads, isa } = binding.cpu();
  let ort: typeof Ort | undefined;
  let unavailable: string | undefined;
  try {
    ort = await import('onnxruntime-node');
  } catch (error) {
    unavailable = failure(error);
  }
  const rows: ModelRow[] = [];
  for (const file of selected) {
    if (process.stderr.isTTY)
      process.stderr.write(`\r${rows.length + 1}/${selected.length} ${path.basename(file)}\x1b[K`);
    rows.push(await measureModel(file, ort, { ...options, threads }));
  }
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
  return {
    machine: deviceName('cpu').name,
    halftone: binding.version,
    node: process.version,
    commit: commit(),
    date: new Date().toISOString().slice(0, 10),
    isa,
    threads,
    batch: options.batch,
    method: options.method,
    ...(ort ? { peer: `ONNX Runtime ${ort.env.versions.node ?? ort.env.versions.common}` } : {}),
    ...(unavailable === undefined ? {} : { unavailable }),
    rows,
  };
}
