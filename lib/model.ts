/** Models: ONNX files, loaded, checked, converted and run. */

import { type DeviceName, resolveDevice } from './device';
import { refuseAutoMixedPrecision } from './env';
import { DisposedError, ParamError } from './errors';
import { type CastLoss, type Precision, PRECISIONS } from './graph/passes/cast-constant';
import { checkFreed, freeBatch } from './graph/passes/batch';
import { convertPrecision } from './graph/passes/convert-precision';
import { ConstantTensors, Executor, type NodeReport } from './graph/executor';
import type { Constant, Graph, Node, NodeCompute, ValueInfo } from './graph/ir';
import { castConstants } from './graph/cast-constants';
import { bindInputs, type ModelInput, settleShapes } from './graph/inputs';
import { messageOf, modelError } from './graph/model-error';
import type { Desc } from './graph/op-set';
import { makePlan, type Plan } from './graph/plan';
import { TensorEngine } from './graph/tensor-engine';
import { readBytes } from './io/bytes';
import { decodeModel } from './onnx/decode';
import { dataTypeCode, dtypeOf } from './onnx/decode-tensor';
import { importModel } from './onnx/import';
import { ONNX_OPS } from './onnx/op-table';
import type { Tensor } from './tensor';

export type { NodeReport } from './graph/executor';
export type { ModelInput } from './graph/inputs';
export type {
  Attribute,
  Constant,
  Dim,
  Integer,
  Node as ModelNode,
  NodeCompute,
  ValueInfo,
} from './graph/ir';
export type { CastLoss, Precision } from './graph/passes/cast-constant';

/** How far loading has come: `done` of `total` bytes are read; the rest takes as long as reading, or less. */
export interface LoadProgress {
  readonly phase: 'read' | 'decode' | 'check';
  readonly done: number;
  readonly total: number;
}

/** Options of {@link Model.load}. */
export interface LoadOptions {
  /** Where the model runs. Default: HALFTONE_DEVICE, else the CPU. */
  readonly device?: DeviceName | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called as loading goes on. */
  readonly onProgress?: ((progress: LoadProgress) => void) | undefined;
  /**
   * Lets a model that was saved for a fixed number of images take any number, where that is shown to be the same for each
   * node (see `Model.batch`). Default true.
   */
  readonly freeBatch?: boolean | undefined;
}

/** Options of {@link Model.run}. */
export interface RunOptions {
  /** Names of the outputs to make; nothing else is computed. Default: all. */
  readonly outputs?: readonly string[] | undefined;
  /** Stops between nodes; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Called for each call of a Halftone op, in order, after it ran: what a node was computed by. */
  readonly onNode?: ((report: NodeReport) => void) | undefined;
}

/** Options of {@link Model.convert}. */
export interface ConvertOptions {
  /** Storage of weights and intermediates. */
  readonly precision: Precision;
  /** The type in which convolutions and matrix products sum. Default: that of the ops, float32. */
  readonly compute?: NodeCompute | undefined;
  /** Inputs and outputs keep their dtypes; they are cast inside the model. Default true. */
  readonly keepIo?: boolean | undefined;
}

/** Whether the number of images per run is free, and if not, why. */
export type BatchState = { readonly free: true } | { readonly free: false; readonly why: string };

/** A model's plans for this many different input shapes are kept. */
const MAX_PLANS = 8;

interface CachedPlan {
  readonly executor: Executor<Tensor>;
  running: number;
}

/**
 * A model on a device.
 *
 * @example
 * const model = await Model.load('mnist-8.onnx');
 * const { Plus214_Output_0: y } = await model.run({ Input3: zeros([1, 1, 28, 28]) });
 * console.log(y); // float32 [1, 10]
 * const half = await model.convert({ precision: 'float16', compute: 'float16' });
 */
export class Model {
  readonly #graph: Graph;
  readonly #engine: TensorEngine;
  readonly #constants: ConstantTensors<Tensor>;
  /** By input shapes; the least recently used one first. */
  readonly #plans = new Map<string, CachedPlan>();
  /** Inputs whose values say how to compute: a plan is made for each. Found when the first plan is made. */
  readonly #late = new Set<string>();
  readonly #batch: BatchState;
  readonly #loss: CastLoss | undefined;
  #running = 0;
  #disposed = false;

  private constructor(graph: Graph, engine: TensorEngine, batch: BatchState, loss?: CastLoss) {
    this.#graph = graph;
    this.#engine = engine;
    this.#batch = batch;
    this.#loss = loss;
    this.#constants = new ConstantTensors<Tensor>(engine, new Set(graph.initializers.values()));
  }

  /**
   * Reads and checks an ONNX model: a path, or its bytes.
   *
   * Everything that can be known before the model runs is checked here: operators, attributes and operator sets, and,
   * unless sizes other than the first are symbolic, every shape and dtype.
   *
   * @throws ModelError saying what is wrong, with the node's name, operator and operator set; UnsupportedError where
   * HALFTONE_AUTO_MIXED_PRECISION=1 asks for what this version cannot do.
   */
  static async load(source: string | URL | Uint8Array, options: LoadOptions = {}): Promise<Model> {
    const { signal, onProgress } = options;
    refuseAutoMixedPrecision();
    const engine = new TensorEngine(resolveDevice(options.device));
    const bytes = await readSource(source, options);
    const step = (phase: 'decode' | 'check') => {
      signal?.throwIfAborted();
      onProgress?.({ phase, done: bytes.length, total: bytes.length });
    };
    step('decode');
    const read = importModel(decodeModel(bytes), ONNX_OPS);
    step('check');
    const plan = planDeclared(read, engine);
    const graph = plan ? completeOutputs(read, plan) : read;
    const { graph: final, batch } = tryFreeBatch(graph, plan, engine, options.freeBatch ?? true);
    return new Model(final, engine, batch);
  }

  /** The device that the model runs on. */
  get device(): string {
    return this.#engine.device;
  }

  /** The name of the graph in the file. */
  get name(): string {
    return this.#graph.name;
  }

  /** What `run` takes. A size is a number, or a name where any size will do (the same for equal names), or null. */
  get inputs(): readonly ValueInfo[] {
    return this.#graph.inputs;
  }

  /** What `run` gives. */
  get outputs(): readonly ValueInfo[] {
    return this.#graph.outputs;
  }

  /** In the order in which they run. */
  get nodes(): readonly Node[] {
    return this.#graph.nodes;
  }

  /** Version of each operator set that the model imports, by domain; '' is ONNX's own. */
  get opsets(): ReadonlyMap<string, number> {
    return this.#graph.opsets;
  }

  /** Bytes of all weights and other constants. */
  get weightBytes(): number {
    let bytes = 0;
    for (const { data } of this.#graph.initializers.values()) bytes += data.byteLength;
    return bytes;
  }

  /** Whether the number of images per run is free. */
  get batch(): BatchState {
    return this.#batch;
  }

  /** What `convert` did to the weights of this model; undefined for a model that was loaded. */
  get castLoss(): CastLoss | undefined {
    return this.#loss;
  }

  /**
   * Runs the model. Inputs are tensors on the model's device, typed arrays of the input's element type (`Uint16Array`: the
   * bits of 16-bit floats) or arrays of numbers; for the latter two the shape is that of the input, of which one size may
   * be open. The caller owns the results, whose values are there when this resolves.
   *
   * @throws ParamError, DtypeError or ShapeError for inputs that do not fit; ModelError naming the node that failed.
   */
  async run(
    inputs: Readonly<Record<string, ModelInput>>,
    options: RunOptions = {},
  ): Promise<Record<string, Tensor>> {
    this.#check('run');
    const { outputs, signal } = options;
    signal?.throwIfAborted();
    this.#checkOutputs(outputs);
    const { tensors, temporary } = bindInputs(this.inputs, inputs, this.device, this.#batch);
    this.#running += 1;
    try {
      const cached = await this.#plan(tensors);
      cached.running += 1;
      try {
        return Object.fromEntries(await cached.executor.run(tensors, options));
      } finally {
        cached.running -= 1;
      }
    } finally {
      this.#running -= 1;
      for (const tensor of temporary) tensor.dispose();
      this.#releaseUnused();
    }
  }

  /**
   * A new model with the weights and intermediates in another precision, and with another type of sums.
   *
   * Weights are rounded once, to nearest, ties to even; `castLoss` of the result counts what that did to them.
   *
   * @throws ModelError naming the first node that cannot compute as asked; its cause is the op's error.
   */
  async convert(options: ConvertOptions): Promise<Model> {
    this.#check('convert');
    const { precision, compute, keepIo } = options;
    checkChoice('precision', precision, PRECISIONS);
    if (compute !== undefined) checkChoice('compute', compute, COMPUTES);
    const { cast, loss } = await castConstants(this.#graph, precision, this.device);
    const graph = convertPrecision(this.#graph, ONNX_OPS, {
      precision,
      compute,
      keepIo,
      cast,
      dataType: { code: dataTypeCode, dtype: dtypeOf },
    });
    planDeclared(graph, this.#engine);
    return new Model(graph, this.#engine, this.#batch, loss);
  }

  /** Gives back the memory of the weights, once running calls have ended. */
  dispose(): void {
    this.#disposed = true;
    this.#releaseUnused();
  }

  /** `using model = await Model.load(...)` calls it. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  #check(what: string): void {
    if (this.#disposed) throw new DisposedError(`${what}: the model "${this.name}" was disposed`);
  }

  #checkOutputs(wanted: readonly string[] | undefined): void {
    const names = this.#graph.outputs.map(({ name }) => name);
    const unknown = wanted?.find((name) => !names.includes(name));
    if (unknown !== undefined) {
      throw new ParamError(`run: outputs must be among ${names.join(', ')}, got "${unknown}"`);
    }
  }

  /** The plan for inputs of these shapes, and of these values where shapes follow from them. */
  async #plan(tensors: ReadonlyMap<string, Tensor>): Promise<CachedPlan> {
    const values = new Map<string, Constant>();
    for (const name of this.#late) {
      values.set(name, await readLate(name, tensors.get(name) as Tensor));
    }
    for (;;) {
      const key = planKey(this.inputs, tensors, values);
      const missing = new Set<string>();
      try {
        let cached = this.#plans.get(key);
        if (!cached) {
          const late = { values, missing };
          const plan = makePlan(this.#graph, ONNX_OPS, tensors, this.#engine, late);
          const executor = new Executor<Tensor>(plan, this.#engine, this.#constants);
          cached = { executor, running: 0 };
        }
        this.#plans.delete(key);
        this.#plans.set(key, cached);
        return cached;
      } catch (error) {
        if (missing.size === 0) throw error;
        for (const name of missing) {
          this.#late.add(name);
          values.set(name, await readLate(name, tensors.get(name) as Tensor));
        }
      }
    }
  }

  #releaseUnused(): void {
    if (this.#disposed && this.#running === 0) {
      for (const { executor } of this.#plans.values()) executor.dispose();
      this.#plans.clear();
      this.#constants.dispose();
      return;
    }
    for (const [key, { executor, running }] of this.#plans) {
      if (this.#plans.size <= MAX_PLANS) break;
      if (running > 0) continue;
      executor.dispose();
      this.#plans.delete(key);
    }
  }
}

const COMPUTES: readonly string[] = ['float32', 'float16', 'tf32', 'int32'] satisfies NodeCompute[];

function checkChoice(name: string, value: unknown, choices: readonly string[]): void {
  if (!choices.includes(value as string)) {
    throw new ParamError(`convert: ${name} must be ${choices.join(', ')}, got ${String(value)}`);
  }
}

async function readSource(
  source: string | URL | Uint8Array,
  { signal, onProgress }: LoadOptions,
): Promise<Uint8Array> {
  if (source instanceof Uint8Array) return source;
  if (typeof source !== 'string' && !(source instanceof URL)) {
    throw new ParamError(`Model.load: source must be a path or bytes, got ${typeof source}`);
  }
  return readBytes(source, {
    signal,
    onProgress: (done, total) => onProgress?.({ phase: 'read', done, total }),
  });
}

/** An input whose values are shapes or axes has at most this many. */
const MAX_LATE = 1024;

async function readLate(name: string, value: Tensor): Promise<Constant> {
  if (value.size > MAX_LATE) {
    throw modelError(
      `shapes depend on the ${value.size} values of input "${name}", at most ${MAX_LATE} are supported`,
    );
  }
  const { dtype, shape } = value;
  if (dtype === 'float16' || dtype === 'bfloat16') {
    return { dtype, shape, data: await (value as Tensor<'float16'>).asUint16() };
  }
  // Booleans come as bytes, all others as they are.
  return { dtype, shape, data: (await value.data()) as Constant['data'] };
}

function planKey(
  inputs: readonly ValueInfo[],
  tensors: ReadonlyMap<string, Tensor>,
  values: ReadonlyMap<string, Constant>,
): string {
  const shapes = inputs.map(({ name }) => tensors.get(name)?.shape);
  const late = [...values].map(([name, { data }]) => [
    name,
    Array.from<unknown, string>(data, String),
  ]);
  return JSON.stringify([shapes, late]);
}

/**
 * Checks a graph for the shapes that it declares; undefined when these leave more than the first size open, or when
 * shapes follow from the values of an input.
 */
function planDeclared(graph: Graph, engine: TensorEngine, batch = 1): Plan | undefined {
  const inputs = new Map<string, Desc>();
  for (const { name, dtype, shape } of graph.inputs) {
    const sizes = shape && settleShapes(shape, batch);
    if (!dtype || !sizes) return undefined;
    inputs.set(name, { dtype, shape: sizes });
  }
  const missing = new Set<string>();
  try {
    return makePlan(graph, ONNX_OPS, inputs, engine, { values: new Map(), missing });
  } catch (error) {
    if (missing.size > 0) return undefined;
    throw error;
  }
}

/** Element types and shapes of outputs that the file leaves open, where they follow from the inputs. */
function completeOutputs(graph: Graph, plan: Plan): Graph {
  const isFixed = graph.inputs.every(({ shape }) => shape?.every((d) => typeof d === 'number'));
  const outputs = graph.outputs.map((output): ValueInfo => {
    const desc = plan.outputs.get(output.name)?.desc;
    if (!desc) return output;
    const shape = output.shape ?? (isFixed ? desc.shape : null);
    return { name: output.name, dtype: output.dtype ?? desc.dtype, shape };
  });
  return { ...graph, outputs };
}

/** No size that other axes often have, so that a mix-up shows. */
const TRIED_BATCH = 13;

function tryFreeBatch(
  graph: Graph,
  plan: Plan | undefined,
  engine: TensorEngine,
  wanted: boolean,
): { graph: Graph; batch: BatchState } {
  const first = graph.inputs.map(({ shape }) => shape?.[0]);
  if (first.length > 0 && first.every((size) => typeof size !== 'number')) {
    return { graph, batch: { free: true } };
  }
  const fixed = (why: string) => ({ graph, batch: { free: false as const, why } });
  if (!wanted) return fixed('it was loaded with freeBatch: false');
  if (!plan) return fixed('sizes other than the number of images are open, or follow from values');
  const result = freeBatch(graph, ONNX_OPS, plan);
  if ('why' in result) return fixed(result.why);
  try {
    // The rules of the operators say that this works; see that it does.
    const wide = planDeclared(result.graph, engine, TRIED_BATCH);
    const wrong = wide ? checkFreed(result.batched, plan, wide, TRIED_BATCH) : 'no plan';
    if (wrong !== undefined) return fixed(wrong);
  } catch (error) {
    return fixed(messageOf(error));
  }
  return { graph: result.graph, batch: { free: true } };
}
