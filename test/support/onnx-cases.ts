/** ONNX's backend cases: folders with a model, its inputs and the outputs that it must give. */

import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { bfloat16BitsToFloat, halfBitsToFloat, isStoredDType } from '../../lib/dtype';
import type { Constant, Strings, ValueInfo } from '../../lib/graph/ir';
import { TensorEngine } from '../../lib/graph/tensor-engine';
import { isStrings, release, type RunValue } from '../../lib/graph/values';
import { Model, ModelError, type ModelOutputs, Tensor } from '../../lib/index';
import { storedValue } from '../../lib/stored';
import { difference } from './compare';
import { type CaseValue, readValue } from './onnx-values';
import { type Spectra, spectraOf, spectrumBounds } from './spectra';
import { onnxCaseBound } from './tolerance';

/** What became of a case. Skipped: Halftone refuses the model by a ModelError, `why`; `op` is the operator it names. */
export type CaseResult =
  | { readonly name: string; readonly status: 'passed' }
  | { readonly name: string; readonly status: 'failed'; readonly why: string }
  | {
      readonly name: string;
      readonly status: 'skipped';
      readonly why: string;
      readonly op: string | undefined;
    };

/** Folders of cases below `folder`, which holds cases or such folders, by name. */
export function findCases(folder: string): string[] {
  const isCase = (name: string) => existsSync(path.join(name, 'model.onnx'));
  const below = (name: string) =>
    readdirSync(name, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => path.join(name, entry.name))
      .sort();
  if (isCase(folder)) return [folder];
  return below(folder).flatMap((name) => (isCase(name) ? [name] : below(name).filter(isCase)));
}

/** Loads the model of a case and compares what it gives for each data set. */
export async function runCase(folder: string, device = 'cpu'): Promise<CaseResult> {
  const name = path.basename(folder);
  try {
    using model = await Model.load(path.join(folder, 'model.onnx'), { freeBatch: false, device });
    const sets = readdirSync(folder).filter((set) => set.startsWith('test_data_set_'));
    if (sets.length === 0) return { name, status: 'failed', why: 'it has no data' };
    for (const set of sets.sort()) {
      const why = await runSet(path.join(folder, set), model);
      if (why !== undefined) return { name, status: 'failed', why: `${set}: ${why}` };
    }
    return { name, status: 'passed' };
  } catch (error) {
    if (!(error instanceof ModelError)) return { name, status: 'failed', why: String(error) };
    return { name, status: 'skipped', why: error.message, op: error.op };
  }
}

/** undefined when the model gives the outputs of the set, else what is wrong. */
async function runSet(folder: string, model: Model): Promise<string | undefined> {
  const engine = new TensorEngine(model.device);
  const read = (kind: string, k: number, info: ValueInfo) =>
    readValue(path.join(folder, `${kind}_${k}.pb`), info);
  const upload = (value: CaseValue): RunValue => {
    if (value === null || isStrings(value)) return value;
    return Array.isArray(value) ? value.map(upload) : engine.upload(value as Constant);
  };
  const inputs: Record<string, RunValue> = {};
  let outputs: ModelOutputs = {};
  try {
    for (const [k, info] of model.inputs.entries())
      inputs[info.name] = upload(read('input', k, info));
    const spectra = spectraOf(model, inputs);
    outputs = await model.run<ModelOutputs>(inputs as Parameters<Model['run']>[0]);
    for (const [k, info] of model.outputs.entries()) {
      const actual = outputs[info.name] as RunValue;
      const wrong = await compare(actual, read('output', k, info), spectra);
      if (wrong) return `${info.name} ${wrong}`;
    }
    return undefined;
  } finally {
    release([...Object.values(inputs), ...Object.values(outputs)]);
  }
}

/** undefined where a value is what it must be, else what is wrong. */
async function compare(
  actual: RunValue,
  expected: CaseValue,
  spectra: Spectra | undefined,
): Promise<string | undefined> {
  if (Array.isArray(expected)) {
    const elements = actual as readonly RunValue[];
    if (!Array.isArray(elements) || elements.length !== expected.length) {
      return `must be a sequence of ${expected.length}`;
    }
    for (const [i, element] of expected.entries()) {
      const wrong = await compare(elements[i] as RunValue, element, spectra);
      if (wrong) return `[${i}] ${wrong}`;
    }
    return undefined;
  }
  if (expected === null || isStrings(expected)) {
    const got = JSON.stringify(isStrings(actual) ? ordered(actual) : actual);
    const wanted = JSON.stringify(expected && ordered(expected));
    return got === wanted ? undefined : `must be ${wanted}, got ${got}`;
  }
  const wanted = expected as Constant;
  if (!(actual instanceof Tensor)) return 'must be a tensor';
  const values = toNumbers(wanted);
  const noise = spectra && spectrumBounds(spectra, wanted.shape, values);
  return difference(
    { shape: actual.shape, dtype: actual.dtype, values: await actual.data() },
    {
      shape: wanted.shape,
      dtype: wanted.dtype,
      values,
      bounds: values.map((y, i) => onnxCaseBound(y) + (noise?.[i] ?? 0)),
    },
  );
}

const ordered = ({ strings, shape }: Strings) => ({ strings, shape });

function toNumbers({ dtype, data }: Constant): number[] {
  if (dtype === 'float16') return Array.from(data as Uint16Array, halfBitsToFloat);
  if (dtype === 'bfloat16') return Array.from(data as Uint16Array, bfloat16BitsToFloat);
  if (isStoredDType(dtype)) return Array.from(data as Uint8Array, (c) => storedValue(c, dtype));
  return Array.from<number | bigint, number>(data, Number);
}

/** How many cases were skipped for each operator, the most frequent first, with the reasons. */
export function groupSkips(
  results: readonly CaseResult[],
): { readonly op: string; readonly count: number; readonly reasons: Map<string, number> }[] {
  const groups = new Map<string, Map<string, number>>();
  for (const result of results) {
    if (result.status !== 'skipped') continue;
    const op = result.op ?? '(model)';
    const reasons = groups.get(op) ?? new Map<string, number>();
    groups.set(op, reasons);
    // The name of the node says nothing that the operator does not.
    const why = result.why
      .replace(/^node "[^"]*" \([^)]*\): /, '')
      .replace(/\. (Supported: |The nearest names |docs\/operators).*/s, '');
    reasons.set(why, (reasons.get(why) ?? 0) + 1);
  }
  return [...groups]
    .map(([op, reasons]) => ({
      op,
      reasons,
      count: [...reasons.values()].reduce((n, count) => n + count, 0),
    }))
    .sort((a, b) => b.count - a.count);
}
