/** Inputs of models from files, one run each: what `convert --precision auto` and `audit` measure with. */

import type { Model, Tensor } from '../index';
import { inputSource } from './batches';
import { type ReadInputsOptions, readInputs } from './inputs';

/** Inputs of one run each. */
export interface Feeds extends Disposable {
  readonly runs: readonly Readonly<Record<string, Tensor>>[];
}

/** The first `limit` runs: one entry each, unless the model takes a fixed number. */
export async function readFeeds(
  model: Model,
  given: readonly string[],
  limit: number,
  options: ReadInputsOptions,
): Promise<Feeds> {
  const source = inputSource(model, await readInputs(model, '--data', given, options));
  const step = source.step(1);
  const runs: Record<string, Tensor>[] = [];
  for (let first = 0; first < source.count && runs.length < limit; first += step) {
    runs.push(source.tensors(first, step));
  }
  return {
    runs,
    [Symbol.dispose]: () => {
      for (const run of runs) for (const value of Object.values(run)) value.dispose();
    },
  };
}
