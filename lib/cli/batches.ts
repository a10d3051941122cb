/** Arrays cut into runs of a model, and the outputs of these runs put together. */

import type { TypedArrayOf } from '../dtype';
import { type DType, type Model, type NodeReport, ParamError, type Tensor, tensor } from '../index';
import type { HostArray } from '../io/array';
import { runOp } from '../run';

/** Arrays one after the other along axis 0; the other sizes are equal. */
export function concatArrays(parts: readonly HostArray[]): HostArray {
  const [first] = parts;
  if (!first) throw new ParamError('there is nothing to put together');
  const { dtype } = first;
  const [, ...rest] = first.shape;
  const count = parts.reduce((n, { shape }) => n + (shape[0] ?? 1), 0);
  return { dtype, shape: [count, ...rest], data: concat(parts.map(({ data }) => data)) };
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

const product = (sizes: readonly number[]) => sizes.reduce((n, d) => n * d, 1);
const show = (shape: readonly unknown[]) => `[${shape.map((d) => d ?? '?').join(', ')}]`;

type Info = Model['inputs'][number];

/** How one array goes into the runs. */
interface Way {
  /** Entries along axis 0 of the array; undefined: all of it goes into one run. */
  readonly count?: number;
  /** Entries that each run must have; undefined: any number. */
  readonly fixed?: number | undefined;
  /** Shape of an entry, or of the whole array. */
  readonly shape: readonly number[];
  /** Whether an entry is a whole input, without an axis that counts them. */
  readonly whole?: boolean;
}

/** Sizes for `declared` that hold as many values as `stored`: those of the model where they are all known. */
function settle(declared: readonly unknown[], stored: readonly number[]): number[] | undefined {
  const known = declared.filter((size) => typeof size === 'number') as number[];
  if (known.length === declared.length) {
    return product(known) === product(stored) ? known : undefined;
  }
  const same =
    declared.length === stored.length &&
    declared.every((size, i) => typeof size !== 'number' || size === stored[i]);
  return same ? [...stored] : undefined;
}

/** Axis 0 of the array is axis 0 of the input. */
function cut({ shape: declared }: Info, { shape: stored }: HostArray): Way | undefined {
  const [first, ...rest] = declared ?? [];
  const [count, ...each] = stored;
  if (first === undefined || count === undefined) return undefined;
  const shape = settle(rest, each);
  const fixed = typeof first === 'number' ? first : undefined;
  return shape && { count, fixed, shape };
}

/** Each entry along axis 0 of the array is an input of its own. */
function stack({ shape: declared }: Info, { shape: stored }: HostArray): Way | undefined {
  const [count, ...each] = stored;
  const shape = count === undefined ? undefined : settle(declared ?? [], each);
  return shape && { count: count as number, fixed: 1, shape, whole: true };
}

/** The array is the input. */
function whole({ shape: declared }: Info, { shape: stored }: HostArray): Way | undefined {
  const shape = settle(declared ?? [], stored);
  return shape && { shape };
}

/** The ways of all inputs, when each has one and they agree. */
function agree(
  inputs: readonly Info[],
  arrays: ReadonlyMap<string, HostArray>,
  way: typeof cut,
): Map<string, Way> | undefined {
  const ways = new Map<string, Way>();
  for (const input of inputs) {
    const found = way(input, arrays.get(input.name) as HostArray);
    if (!found) return undefined;
    ways.set(input.name, found);
  }
  const all = [...ways.values()];
  const equal = (of: (w: Way) => unknown) => new Set(all.map(of)).size <= 1;
  const fixed = all.filter((w) => w.fixed !== undefined);
  const divides = fixed.every((w) => w.fixed === fixed[0]?.fixed);
  return equal((w) => w.count) && divides ? ways : undefined;
}

/** The inputs of a model, run by run. */
export interface InputSource {
  /** How many entries there are to run; 1 when the arrays go into one run as they are. */
  readonly count: number;
  /** How many the files hold: more than `count` where that is limited. */
  readonly entries: number;
  /** Entries of each run but the last. */
  step(wanted: number): number;
  /** The inputs of a run, on the model's device. */
  tensors(first: number, count: number): Record<string, Tensor>;
}

function describeMisfit(inputs: readonly Info[], arrays: ReadonlyMap<string, HostArray>): never {
  for (const input of inputs) {
    const array = arrays.get(input.name) as HostArray;
    if (cut(input, array) ?? stack(input, array) ?? whole(input, array)) continue;
    throw new ParamError(
      `an array ${show(array.shape)} does not fit the input "${input.name}" ${show(input.shape ?? [])}, neither as it is nor its entries along axis 0`,
    );
  }
  const counts = inputs.map(({ name, shape }) => {
    const fixed = typeof shape?.[0] === 'number' ? ` (${shape[0]} per run)` : '';
    return `${arrays.get(name)?.shape[0] ?? 1} for "${name}"${fixed}`;
  });
  throw new ParamError(`the files must hold equally many entries, got ${counts.join(' and ')}`);
}

/**
 * Decides how arrays, one for each input, become runs: cut along axis 0, one run for each entry, or all in one run.
 *
 * @throws ParamError when an array does not fit its input, or they hold different numbers of entries.
 */
export function inputSource(
  model: Model,
  arrays: ReadonlyMap<string, HostArray>,
  limit = Number.POSITIVE_INFINITY,
): InputSource {
  const { inputs, device } = model;
  const other = inputs.find(
    ({ dtype, sequence, optional }) => dtype === 'string' || sequence || optional,
  );
  if (other) {
    const kind = other.sequence ? 'a sequence' : other.optional ? 'an optional value' : 'strings';
    throw new ParamError(`input "${other.name}" is ${kind}, the commands give models tensors only`);
  }
  const cuts = agree(inputs, arrays, cut);
  const ways = cuts ?? agree(inputs, arrays, stack) ?? agree(inputs, arrays, whole);
  if (!ways) return describeMisfit(inputs, arrays);
  const all = [...ways.values()];
  const entries = all[0]?.count;
  const count = entries === undefined ? 1 : Math.min(entries, limit);
  const fixed = all.find((way) => way.fixed !== undefined)?.fixed;
  return {
    count,
    entries: entries ?? 1,
    step(wanted) {
      if (entries === undefined) return 1;
      if (fixed === undefined) return Math.max(1, Math.min(wanted, count));
      if (fixed > 0 && count % fixed === 0) return fixed;
      const why = model.batch.free ? '' : ` (${model.batch.why})`;
      throw new ParamError(
        `the model takes ${fixed} images at a time${why}, and ${count} are no multiple`,
      );
    },
    tensors(first, n) {
      const made: Record<string, Tensor> = {};
      for (const { name, dtype } of inputs) {
        const array = arrays.get(name) as HostArray;
        const way = ways.get(name) as Way;
        const each = product(way.shape);
        const values =
          way.count === undefined
            ? array.data
            : array.data.subarray(first * each, (first + n) * each);
        const shape = way.count === undefined || way.whole ? way.shape : [n, ...way.shape];
        const held = tensor(values, { shape: [...shape], device, dtype: array.dtype });
        if (dtype === null || dtype === 'string' || held.dtype === dtype) {
          made[name] = held;
          continue;
        }
        made[name] = runOp('cast', [held], { to: dtype });
        held.dispose();
      }
      return made;
    },
  };
}

/** One output for all runs. */
export interface BatchOutput extends HostArray {
  /** Of the model's output; 16-bit floats were widened to float32, and `dtype` says so. */
  readonly made: DType;
}

/** What all runs gave. */
export interface BatchResult {
  readonly outputs: ReadonlyMap<string, BatchOutput>;
  /** From the first run to the last, with copying data in and out. */
  readonly seconds: number;
  /** The calls of the first run. */
  readonly nodes: readonly NodeReport[];
}

export interface BatchOptions {
  /** Entries per run, where the model leaves that open. */
  readonly batch: number;
  /** Names of the outputs. Default: all. */
  readonly outputs?: readonly string[] | undefined;
  readonly onProgress?: ((done: number) => void) | undefined;
}

/** The outputs of several runs along axis 0; of single values, a list. */
function join(name: string, parts: readonly BatchOutput[]): BatchOutput {
  const [first] = parts as [BatchOutput];
  if (parts.length === 1) return first;
  const lists = parts.map((part) => (part.shape.length === 0 ? { ...part, shape: [1] } : part));
  const other = lists.find(
    ({ shape }) => String(shape.slice(1)) !== String(lists[0]?.shape.slice(1)),
  );
  if (other) {
    throw new ParamError(
      `the output "${name}" is ${show(first.shape)} in one run and ${show(other.shape)} in another; --output-name chooses another one`,
    );
  }
  return { ...concatArrays(lists), made: first.made };
}

/** Runs a model over all of its inputs. */
export async function runBatches(
  model: Model,
  source: InputSource,
  options: BatchOptions,
): Promise<BatchResult> {
  const step = source.step(options.batch);
  const nodes: NodeReport[] = [];
  const parts = new Map<string, BatchOutput[]>();
  const start = process.hrtime.bigint();
  // Once at least: without entries the outputs have shapes and types, too.
  for (let first = 0; first < source.count || first === 0; first += step) {
    const inputs = source.tensors(first, Math.min(step, source.count - first));
    const onNode = first === 0 ? (report: NodeReport) => nodes.push(report) : undefined;
    const outputs = await model.run(inputs, { outputs: options.outputs, onNode });
    for (const input of Object.values(inputs)) input.dispose();
    for (const [name, output] of Object.entries(outputs)) {
      const data = (await output.data()) as TypedArrayOf;
      const dtype = data instanceof Float32Array ? 'float32' : output.dtype;
      const part = { dtype, made: output.dtype, shape: output.shape, data };
      parts.set(name, [...(parts.get(name) ?? []), part]);
      output.dispose();
    }
    options.onProgress?.(Math.min(source.count, first + step));
  }
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  const outputs = new Map([...parts].map(([name, all]) => [name, join(name, all)]));
  return { outputs, seconds, nodes };
}
