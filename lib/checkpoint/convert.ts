/** Checkpoints in another floating-point type: file to file, one tensor in memory at a time. */

import path from 'node:path';
import { type FloatDType, finfo, isFloatDType } from '../dtype';
import { ParamError, UnsupportedError } from '../errors';
import { writeWhole } from '../io/write';
import { checkRequired, type OptionKinds } from '../options';
import { openNpz, writeNpz } from './npz';
import { noCounts, roundValues } from './round';
import { openSafetensors, writeSafetensors } from './safetensors';
import {
  byteLengthOf,
  type CheckpointCounts,
  type CheckpointDType,
  type CheckpointReport,
  type CheckpointTensor,
  type ConvertCheckpointOptions,
  type OutputTensor,
  type Source,
  type StoredTensor,
  type StoredType,
} from './types';

type Format = 'safetensors' | 'npz';

const TARGETS: Readonly<Record<CheckpointDType, StoredType>> = {
  float16: { name: 'float16', size: 2, dtype: 'float16' },
  bfloat16: { name: 'bfloat16', size: 2, dtype: 'bfloat16' },
  float32: { name: 'float32', size: 4, dtype: 'float32' },
};

const CHOICES = {
  dtype: Object.keys(TARGETS),
  onOverflow: ['infinity', 'clamp', 'keep', 'error'],
  onUnderflow: ['round', 'keep', 'error'],
  onSubnormal: ['round', 'keep', 'error'],
} as const;

/** What rounding may do to values, the option that says whether it may, and how an error names it. The first decides. */
const LOSSES = [
  { count: 'overflow', option: 'onOverflow', becomes: 'are too large for' },
  { count: 'underflow', option: 'onUnderflow', becomes: 'become zero in' },
  { count: 'subnormal', option: 'onSubnormal', becomes: 'become subnormal in' },
] as const;

const OPTIONS: OptionKinds<ConvertCheckpointOptions> = {
  dtype: 'any',
  onOverflow: 'any',
  onUnderflow: 'any',
  onSubnormal: 'any',
  include: 'any',
  exclude: 'any',
  rename: 'any',
  maxTensorBytes: 'any',
  signal: 'signal',
  onProgress: 'function',
};

const DEFAULT_MAX_TENSOR_BYTES = 2 ** 32;

const fail = (what: string) => new ParamError(`convertCheckpoint: ${what}`);

function checkValues(options: ConvertCheckpointOptions): void {
  for (const [name, choices] of Object.entries(CHOICES)) {
    const value = options[name as keyof typeof CHOICES];
    if (value === undefined && name !== 'dtype') continue;
    if (!(choices as readonly unknown[]).includes(value)) {
      throw fail(`${name} must be one of ${choices.join(', ')}, got ${String(value)}`);
    }
  }
  for (const name of ['include', 'exclude'] as const) {
    if (options[name] !== undefined && !(options[name] instanceof RegExp)) {
      throw fail(`${name} must be a regular expression, got ${String(options[name])}`);
    }
  }
  const { maxTensorBytes: most = 1 } = options;
  if (!Number.isSafeInteger(most) || most < 1) {
    throw fail(`maxTensorBytes must be a whole number from 1 on, got ${String(most)}`);
  }
}

function formatOf(file: string, which: string): Format {
  const extension = path.extname(file).toLowerCase();
  if (extension === '.safetensors') return 'safetensors';
  if (extension === '.npz') return 'npz';
  throw fail(`${which} must be named .safetensors or .npz, got ${file}`);
}

/** Whether a name matches, whatever flags and state the expression has. */
function matcher(pattern: RegExp): (name: string) => boolean {
  const own = new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ''));
  return (name) => own.test(name);
}

function renamer(
  rename: ConvertCheckpointOptions['rename'],
  names: ReadonlySet<string>,
): (name: string) => string {
  if (rename === undefined) return (name) => name;
  if (typeof rename === 'function') return rename;
  const unknown = Object.keys(rename).find((name) => !names.has(name));
  if (unknown !== undefined) {
    throw fail(`rename: there is no tensor ${JSON.stringify(unknown)}`);
  }
  return (name) => (Object.hasOwn(rename, name) ? (rename[name] as string) : name);
}

/** What is to happen to a tensor, and in the end what did. */
interface Plan {
  readonly tensor: StoredTensor;
  readonly index: number;
  readonly outputName: string;
  action: CheckpointTensor['action'];
  reason?: NonNullable<CheckpointTensor['reason']>;
  counts?: CheckpointCounts;
}

function makePlans(source: Source, options: ConvertCheckpointOptions, format: Format): Plan[] {
  const { dtype, include, exclude } = options;
  const wanted = include ? matcher(include) : () => true;
  const unwanted = exclude ? matcher(exclude) : () => false;
  const toName = renamer(options.rename, new Set(source.tensors.map(({ name }) => name)));
  const taken = new Map<string, string>();
  return source.tensors.map((tensor, index) => {
    const { name, type } = tensor;
    const outputName: unknown = toName(name);
    if (typeof outputName !== 'string' || outputName === '') {
      throw fail(`rename of ${JSON.stringify(name)} must give a name, got ${String(outputName)}`);
    }
    checkName(outputName, format);
    const other = taken.get(outputName);
    if (other !== undefined) {
      const both = `${JSON.stringify(other)} and ${JSON.stringify(name)}`;
      throw fail(`tensors ${both} would both be named ${JSON.stringify(outputName)}`);
    }
    taken.set(outputName, name);
    const plan: Plan = { tensor, index, outputName, action: 'copied' };
    if (!type.dtype || !isFloatDType(type.dtype)) plan.reason = 'not a float';
    else if (!wanted(name) || unwanted(name)) plan.reason = 'excluded';
    else if (type.dtype === dtype) plan.reason = 'same type';
    else plan.action = 'converted';
    return plan;
  });
}

function checkName(name: string, format: Format): void {
  if (format === 'safetensors' && name === '__metadata__') {
    throw fail('no tensor of a .safetensors file can be named "__metadata__"');
  }
  const parts = name.split('/');
  if (format === 'npz' && (/^[a-zA-Z]:|^\/|\\|\0/.test(name) || parts.includes('..'))) {
    throw fail(`no tensor of a .npz file can be named ${JSON.stringify(name)}`);
  }
}

const outputType = ({ action, tensor }: Plan, dtype: CheckpointDType): StoredType =>
  action === 'converted' ? TARGETS[dtype] : tensor.type;

function checkTypes(plans: readonly Plan[], dtype: CheckpointDType, format: Format): void {
  if (format !== 'npz') return;
  for (const plan of plans) {
    const type = outputType(plan, dtype);
    if (type.dtype && type.dtype !== 'bfloat16') continue;
    throw new UnsupportedError(
      `convertCheckpoint: tensor ${JSON.stringify(plan.outputName)}: a .npz file cannot hold ${type.name}; a .safetensors file can`,
    );
  }
}

/** Throws what the policies `error` ask for. */
function enforce({ tensor }: Plan, counts: CheckpointCounts, o: ConvertCheckpointOptions): void {
  for (const { count, option, becomes } of LOSSES) {
    if (counts[count] === 0 || o[option] !== 'error') continue;
    const type = count === 'overflow' ? `${o.dtype} (${finfo(o.dtype).max})` : o.dtype;
    throw fail(
      `tensor ${JSON.stringify(tensor.name)}: ${counts[count]} of ${counts.elements} values ${becomes} ${type}, and ${option} is 'error'`,
    );
  }
}

/** One conversion: what its steps share. */
class Conversion {
  readonly #source: Source;
  readonly #plans: readonly Plan[];
  readonly #options: ConvertCheckpointOptions;
  readonly #total: number;
  #done = 0;

  constructor(source: Source, plans: readonly Plan[], options: ConvertCheckpointOptions) {
    this.#source = source;
    this.#plans = plans;
    this.#options = options;
    this.#total = plans.reduce((n, { tensor }) => n + tensor.byteLength, 0);
  }

  async #round(plan: Plan, countOnly: boolean): Promise<Uint8Array[]> {
    const { dtype, onOverflow, signal } = this.#options;
    const from = plan.tensor.type.dtype as FloatDType;
    const bytes = await this.#source.read(plan.index, signal);
    const clamp = onOverflow === 'clamp';
    const { chunks, counts } = await roundValues(bytes, from, dtype, { clamp, countOnly, signal });
    enforce(plan, counts, this.#options);
    plan.counts = counts;
    return chunks;
  }

  async #copy(index: number, sameFormat: boolean) {
    const { signal } = this.#options;
    const { readRaw } = this.#source;
    if (sameFormat && readRaw) return { chunks: [await readRaw(index, signal)], raw: true };
    return { chunks: [await this.#source.read(index, signal)] };
  }

  #report(phase: 'check' | 'convert', { tensor }: Plan): void {
    this.#done += tensor.byteLength;
    const { name } = tensor;
    this.#options.onProgress?.({ phase, name, done: this.#done, total: this.#total });
  }

  /** Finds the tensors that a policy keeps. */
  async check(): Promise<void> {
    const kept = LOSSES.filter(({ option }) => this.#options[option] === 'keep');
    if (kept.length === 0) return;
    for (const plan of this.#plans) {
      if (plan.action === 'converted') {
        await this.#round(plan, true);
        const loss = kept.find(({ count }) => (plan.counts?.[count] ?? 0) > 0);
        if (loss) plan.reason = loss.count;
        if (plan.reason) plan.action = 'kept';
      }
      this.#report('check', plan);
    }
    this.#done = 0;
  }

  /** The tensors of the output, whose values are made when they are asked for. */
  outputs(sameFormat: boolean): OutputTensor[] {
    const { dtype, signal } = this.#options;
    return this.#plans.map((plan) => {
      const { tensor, index, outputName } = plan;
      const type = outputType(plan, dtype);
      const values: OutputTensor['values'] = async () => {
        signal?.throwIfAborted();
        const result =
          plan.action === 'converted'
            ? { chunks: await this.#round(plan, false) }
            : await this.#copy(index, sameFormat);
        this.#report('convert', plan);
        return result;
      };
      const byteLength = byteLengthOf(type, tensor.shape);
      return { name: outputName, type, shape: tensor.shape, byteLength, values };
    });
  }
}

function makeReport(
  plans: readonly Plan[],
  dtype: CheckpointDType,
  droppedMetadata: readonly string[],
): CheckpointReport {
  const sums = noCounts();
  let inputBytes = 0;
  let outputBytes = 0;
  const tensors = plans.map((plan): CheckpointTensor => {
    const { tensor, outputName, action, reason, counts } = plan;
    const type = outputType(plan, dtype);
    inputBytes += tensor.byteLength;
    outputBytes += byteLengthOf(type, tensor.shape);
    if (counts && action === 'converted') {
      for (const key of Object.keys(sums) as (keyof CheckpointCounts)[]) sums[key] += counts[key];
    }
    return {
      name: tensor.name,
      outputName,
      shape: tensor.shape,
      from: tensor.type.name,
      to: type.name,
      action,
      ...(reason && { reason }),
      ...(counts && { counts }),
    };
  });
  const of = (action: Plan['action']) => plans.filter((plan) => plan.action === action).length;
  return {
    dtype,
    tensors,
    converted: of('converted'),
    copied: of('copied'),
    kept: of('kept'),
    counts: sums,
    inputBytes,
    outputBytes,
    droppedMetadata,
  };
}

/**
 * Converts the floating-point tensors of a checkpoint to another type, from file to file: .safetensors or .npz, by the names of
 * the files, also from one to the other.
 *
 * - Each value is rounded once, to nearest, ties to even, by {@link cast}. What that does is counted for each tensor.
 * - Tensors that are no floats, that `include` and `exclude` leave out, or that have the type already are copied byte for byte.
 * - One tensor is in memory at a time, with its result.
 * - The output appears, or is replaced, when it is complete. After an error or an abort nothing is left of it. It may be the
 *   input.
 * - The metadata of a .safetensors file is kept where the output is one too.
 *
 * @param input a .safetensors file, or a .npz file of arrays that Halftone has types for
 * @param output the file to write
 * @throws ParamError when an option is wrong, the input is damaged, two tensors would get one name, or a policy says `error`;
 *   UnsupportedError when the output is a .npz file and would hold bfloat16 or another type that NumPy has not; the reason of
 *   `signal` when that is aborted.
 */
export async function convertCheckpoint(
  input: string,
  output: string,
  options: ConvertCheckpointOptions,
): Promise<CheckpointReport> {
  checkRequired('convertCheckpoint', options, OPTIONS);
  checkValues(options);
  const { dtype, signal, maxTensorBytes = DEFAULT_MAX_TENSOR_BYTES } = options;
  const [from, to] = [formatOf(input, 'input'), formatOf(output, 'output')];
  signal?.throwIfAborted();
  const source = await (from === 'npz' ? openNpz(input, maxTensorBytes) : openSafetensors(input));
  try {
    const large = source.tensors.find((tensor) => tensor.byteLength > maxTensorBytes);
    if (large) {
      const what = `has ${large.byteLength} bytes, maxTensorBytes allows ${maxTensorBytes}`;
      throw fail(`${input}: tensor ${JSON.stringify(large.name)} ${what}`);
    }
    const plans = makePlans(source, options, to);
    const conversion = new Conversion(source, plans, options);
    await conversion.check();
    checkTypes(plans, dtype, to);
    const outputs = conversion.outputs(from === to);
    await writeWhole(output, signal, (handle) =>
      to === 'npz' ? writeNpz(handle, outputs) : writeSafetensors(handle, outputs, source.metadata),
    );
    return makeReport(plans, dtype, to === 'npz' ? Object.keys(source.metadata) : []);
  } finally {
    await source.close();
  }
}
