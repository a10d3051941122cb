/** Inputs of models from files: what `convert --precision auto` and `audit` measure with. */

import { type Model, type ModelInput, ParamError, type Tensor, tensor } from '../index';
import type { HostArray } from '../io/array';
import { readArray } from '../io/read';

/** Inputs of one run. */
export interface Feeds extends Disposable {
  readonly runs: readonly Readonly<Record<string, ModelInput>>[];
}

/** Entries "name=file", or one file for the only input of a model. */
function filesOf(model: Model, given: readonly string[]): Map<string, string> {
  const names = model.inputs.map(({ name }) => name);
  const files = new Map<string, string>();
  for (const text of given) {
    const named = names.find((name) => text.startsWith(`${name}=`));
    const name = named ?? (names.length === 1 ? names[0] : undefined);
    if (name === undefined) {
      throw new ParamError(
        `--data must be NAME=FILE for inputs ${names.join(', ')}, got "${text}"`,
      );
    }
    if (files.has(name)) throw new ParamError(`--data names the input "${name}" twice`);
    files.set(name, named === undefined ? text : text.slice(named.length + 1));
  }
  const missing = names.find((name) => !files.has(name));
  if (missing !== undefined)
    throw new ParamError(`--data names no file for the input "${missing}"`);
  return files;
}

/** One entry along axis 0 of an array, in the shape and dtype of an input. */
function entry(
  model: Model,
  name: string,
  { dtype, shape, data }: HostArray,
  index: number,
): Tensor {
  const info = model.inputs.find((input) => input.name === name);
  const count = shape[0] ?? 1;
  const each = data.length / count;
  const declared = info?.shape ?? shape;
  const sizes = declared.map((size, axis) =>
    typeof size === 'number' ? size : (shape[axis] ?? 1),
  );
  // The number of images: one.
  if (sizes.length > 0 && typeof declared[0] !== 'number') sizes[0] = 1;
  const wanted = sizes.reduce((n, d) => n * d, 1);
  const values = data.subarray(index * each, (index + 1) * each);
  if (wanted !== each) {
    throw new ParamError(
      `an entry of ${dtype} [${shape.slice(1).join(', ')}] does not fit the input "${name}" [${sizes.join(', ')}]`,
    );
  }
  return tensor(values as Float32Array, {
    shape: sizes,
    dtype: info?.dtype ?? dtype,
    device: model.device,
  });
}

/** The first `limit` entries of each file, one per run. @throws ParamError when the files have different numbers. */
export async function readFeeds(
  model: Model,
  given: readonly string[],
  limit: number,
): Promise<Feeds> {
  const arrays = new Map<string, HostArray>();
  for (const [name, file] of filesOf(model, given)) arrays.set(name, await readArray(file));
  const counts = [...arrays].map(([name, { shape }]) => ({ name, count: shape[0] ?? 1 }));
  const [first] = counts;
  const other = counts.find(({ count }) => count !== first?.count);
  if (first && other) {
    throw new ParamError(
      `the files must hold equally many entries, got ${first.count} for "${first.name}" and ${other.count} for "${other.name}"`,
    );
  }
  const made: Tensor[] = [];
  const runs = Array.from({ length: Math.min(limit, first?.count ?? 0) }, (_, i) => {
    const inputs: Record<string, ModelInput> = {};
    for (const [name, array] of arrays) {
      const value = entry(model, name, array, i);
      made.push(value);
      inputs[name] = value;
    }
    return inputs;
  });
  return {
    runs,
    [Symbol.dispose]: () => {
      for (const value of made) value.dispose();
    },
  };
}
