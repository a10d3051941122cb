import type { Engine } from './engine';
import type { Constant } from './ir';
import type { Value } from './op-set';
import type { Plan, Step } from './plan';
import { keptValues, readConstants } from './schedule';

/**
 * Tensors of a model's constants, uploaded when they are first needed, and what follows from them alone, computed once. All
 * plans of the model share them.
 */
export class ConstantTensors<T> {
  readonly #tensors = new Map<Constant, T>();
  readonly #results = new Map<string, T>();
  /** Numbers of constants, and of the texts that say how results were made. */
  readonly #ids = new Map<Constant | string, number>();

  /** `members`: the constants to hold; absent: all that are asked for. */
  constructor(
    readonly engine: Engine<T>,
    readonly members?: ReadonlySet<Constant>,
  ) {}

  has(constant: Constant): boolean {
    return this.members?.has(constant) ?? true;
  }

  get(constant: Constant): T {
    let tensor = this.#tensors.get(constant);
    if (tensor === undefined) {
      tensor = this.engine.upload(constant);
      this.#tensors.set(constant, tensor);
    }
    return tensor;
  }

  /** Lets go of a tensor that nobody is expected to ask for again. */
  release(constant: Constant): void {
    const tensor = this.#tensors.get(constant);
    if (tensor === undefined) return;
    this.#tensors.delete(constant);
    this.engine.dispose(tensor);
  }

  /** What is the same for the same constant or text, and short. */
  id(of: Constant | string): number {
    const id = this.#ids.get(of) ?? this.#ids.size;
    this.#ids.set(of, id);
    return id;
  }

  /** Results by keys that say how they are made. */
  get results(): Map<string, T> {
    return this.#results;
  }

  dispose(): void {
    for (const tensor of this.#tensors.values()) this.engine.dispose(tensor);
    for (const tensor of this.#results.values()) this.engine.dispose(tensor);
    this.#tensors.clear();
    this.#results.clear();
  }
}

/** Constants that a plan has made itself are known by their values up to this many bytes. */
const MAX_KEY_BYTES = 256;

/** JSON that tells all numbers apart. */
const exact = (params: unknown): string =>
  JSON.stringify(params, (_, value: unknown) => {
    const plain = typeof value !== 'bigint' && typeof value !== 'number';
    if (plain || (Number.isFinite(value) && !Object.is(value, -0))) return value;
    return Object.is(value, -0) ? '#-0' : `#${typeof value} ${String(value)}`;
  });

/** The results that one plan keeps from run to run: of steps that depend on nothing that the caller gives. */
export class FixedResults<T> {
  /** Those that other plans cannot share. */
  readonly #own = new Map<Value, T>();
  readonly #ownConstants: ConstantTensors<T>;
  readonly #kept: ReadonlySet<Value>;
  readonly #keys = new Map<Value, string | undefined>();
  readonly #spent: readonly Constant[];

  constructor(
    plan: Plan,
    readonly engine: Engine<T>,
    readonly constants: ConstantTensors<T>,
  ) {
    this.#ownConstants = new ConstantTensors(engine);
    this.#kept = keptValues(plan);
    for (const step of plan.steps) if (step.once) this.#name(step);
    const read = readConstants(plan);
    const once = plan.steps.filter((step) => step.once).flatMap(({ inputs }) => inputs);
    this.#spent = [...new Set(once.map((value) => value?.constant))].filter(
      (constant) => constant !== undefined && !read.has(constant),
    ) as Constant[];
  }

  /** How the results of a step are made, where other plans may make the same. */
  #name({ op, inputs, params, outputs }: Step): void {
    const keys = inputs.map((value) => (value ? this.#keyOf(value) : ''));
    const known = keys.every((key) => key !== undefined);
    const id = known && this.constants.id(`${op} ${exact(params)} ${keys.join()}`);
    for (const [i, value] of outputs.entries()) {
      this.#keys.set(value, known ? `${id}.${i}` : undefined);
    }
  }

  #keyOf(value: Value): string | undefined {
    const { constant } = value;
    if (!constant) return this.#keys.get(value);
    if (this.constants.members?.has(constant)) return `c${this.constants.id(constant)}`;
    const { dtype, shape, data } = constant;
    if (data.byteLength > MAX_KEY_BYTES) return undefined;
    const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('hex');
    return `v${dtype} ${shape.join(' ')} ${bytes}`;
  }

  /** The tensor of a constant, of the model or of the plan. */
  constant(constant: Constant): T {
    return (this.constants.has(constant) ? this.constants : this.#ownConstants).get(constant);
  }

  /** Whether a result is kept; what only other steps that run once read is not. */
  keeps(value: Value): boolean {
    return this.#kept.has(value);
  }

  get(value: Value): T | undefined {
    const key = this.#keys.get(value);
    return key === undefined ? this.#own.get(value) : this.constants.results.get(key);
  }

  set(value: Value, tensor: T): void {
    const key = this.#keys.get(value);
    if (key === undefined) this.#own.set(value, tensor);
    else this.constants.results.set(key, tensor);
  }

  forget(value: Value): void {
    const tensor = this.get(value);
    const key = this.#keys.get(value);
    if (key === undefined) this.#own.delete(value);
    else this.constants.results.delete(key);
    if (tensor !== undefined) this.engine.dispose(tensor);
  }

  /** Lets go of constants that only steps which run once have read, now that these have run. */
  releaseSpent(): void {
    for (const constant of this.#spent) {
      (this.constants.has(constant) ? this.constants : this.#ownConstants).release(constant);
    }
  }

  /** Lets go of what other plans do not share. */
  dispose(): void {
    for (const tensor of this.#own.values()) this.engine.dispose(tensor);
    this.#own.clear();
    this.#ownConstants.dispose();
  }
}
