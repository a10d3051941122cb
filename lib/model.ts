/** Models: ONNX files, loaded, checked, converted and run. */

import { fileURLToPath } from 'node:url';
import { backends, resolveDevice } from './device';
import { autoMixedPrecision } from './env';
import { DisposedError, ParamError } from './errors';
import type { NodeReport } from './graph/executor';
import { bindInputs, type ModelInput } from './graph/inputs';
import type { RunValue } from './graph/values';
import type { Graph, Node, ValueInfo } from './graph/ir';
import type { CastLoss } from './graph/passes/cast-constant';
import { optimize, simplify } from './graph/passes/fold';
import type { Plan } from './graph/plan';
import { fuseSteps } from './graph/plans/fuse';
import { TensorEngine } from './graph/tensor-engine';
import { writeWhole } from './io/write';
import type { AuditReport } from './audit/audit';
import { AUDIT_OPTIONS, type AuditSide, auditModels, type ModelAuditOptions } from './model/audit';
import { CONVERT_OPTIONS, type ConvertOptions, convertAuto } from './model/auto';
import { type Conversion, convertGraph } from './model/convert';
import type { PlanReport } from './model/plan-cache';
import { type BatchState, completeOutputs, planDeclared, tryFreeBatch } from './model/plans';
import { Program } from './model/program';
import { type ProfileOptions, type ProfileReport, profileModel } from './model/profile';
import {
  type LoadOptions,
  type ModelSource,
  type RunPolicy,
  readModel,
  runPolicy,
  withFile,
} from './model/source';
import { encodeModel } from './onnx/encode';
import { checkOptions, checkRequired, type OptionKinds, shown } from './options';
import type { Tensor } from './tensor';

/** Options of {@link Model.run}. */
export interface RunOptions {
  /** Names of the outputs to make; nothing else is computed. Default: all. */
  readonly outputs?: readonly string[] | undefined;
  /** Stops between nodes, a replay at its end; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Waits for each op before the next one, and reports how long each took. Default false. */
  readonly profile?: boolean | undefined;
  /** Called for each call of a Halftone op, in order, after it ran: what a node was computed by. */
  readonly onNode?: ((report: NodeReport) => void) | undefined;
}

const RUN_OPTIONS: OptionKinds<RunOptions> = {
  outputs: 'array',
  signal: 'signal',
  profile: 'boolean',
  onNode: 'function',
};

/** What a run gives, by name: mostly tensors. */
export type ModelOutputs = Record<string, RunValue>;

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
  /** As the file has it, or as a conversion made it: what is described, converted and saved. */
  readonly #graph: Graph;
  /** What is run: fewer nodes that compute the same. */
  readonly #runGraph: Graph;
  readonly #policy: RunPolicy;
  readonly #engine: TensorEngine;
  readonly #program: Program;
  readonly #batch: BatchState;
  readonly #conversion: Conversion | undefined;
  #running = 0;
  #disposed = false;

  private constructor(
    graph: Graph,
    engine: TensorEngine,
    batch: BatchState,
    policy: RunPolicy,
    conversion?: Conversion,
  ) {
    this.#graph = graph;
    this.#policy = policy;
    this.#runGraph = policy.optimize ? optimize(graph) : graph;
    this.#engine = engine;
    this.#batch = batch;
    this.#conversion = conversion;
    this.#program = new Program(this.#runGraph, engine, policy);
  }

  /**
   * Reads and checks an ONNX model: a path, or its bytes.
   *
   * Everything that can be known before the model runs is checked here: operators, attributes and operator sets, and,
   * unless sizes other than the first are symbolic, every shape and dtype.
   *
   * @throws ModelError saying what is wrong, with the file, the node's name, operator and operator set; with
   * HALFTONE_AUTO_MIXED_PRECISION=1 the model is converted to mixed precision.
   */
  static async load(source: ModelSource, options: LoadOptions = {}): Promise<Model> {
    const policy = runPolicy(options);
    return Model.#load(source, options, policy).catch((error) => {
      throw withFile(source, error);
    });
  }

  static async #load(source: ModelSource, options: LoadOptions, policy: RunPolicy): Promise<Model> {
    const engine = new TensorEngine(resolveDevice(options.device));
    const read = await readModel(source, options);
    const plan = planDeclared(read, engine);
    const graph = plan ? completeOutputs(read, plan) : read;
    const { graph: final, batch } = tryFreeBatch(graph, plan, engine, options.freeBatch ?? true);
    const model = new Model(final, engine, batch, policy);
    if (!autoMixedPrecision()) return model;
    const { graph: mixed, conversion } = await convertGraph(
      model.#base(),
      'mixed',
      {},
      engine.device,
    );
    return model.#derive(mixed, conversion);
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

  /** How `convert` made this model, node by node; undefined for a model that was loaded as it is. */
  get conversion(): Conversion | undefined {
    return this.#conversion;
  }

  /** What `convert` did to the weights of this model; undefined for a model that was loaded as it is. */
  get castLoss(): CastLoss | undefined {
    return this.#conversion?.loss;
  }

  /**
   * Runs the model. Inputs are tensors on the model's device, typed arrays of the input's element type (`Uint16Array`: the
   * bits of 16-bit floats) or arrays of numbers; for the latter two the shape is that of the input, of which one size may
   * be open. Strings are arrays of strings, or `{ strings, shape }`; a sequence is an array of what its elements may be, and
   * null stands for an optional value that is left out. The caller owns the results, whose values are there when this
   * resolves: tensors, but where the model gives strings (`{ strings, shape }`), sequences (arrays) or optional values. Of
   * such a model the type parameter says which is which: `run<{ label: Strings; scores: Tensor }>(...)`.
   *
   * @throws ParamError, DtypeError or ShapeError for inputs that do not fit; ModelError naming the node that failed.
   */
  async run<Outputs extends ModelOutputs = Record<string, Tensor>>(
    inputs: Readonly<Record<string, ModelInput>>,
    options: RunOptions = {},
  ): Promise<Outputs> {
    this.#checkRun('run', options);
    const { values, temporary } = bindInputs(this.inputs, inputs, this.device, this.#batch);
    this.#running += 1;
    try {
      return Object.fromEntries(await this.#program.run(values, options)) as Outputs;
    } finally {
      this.#running -= 1;
      for (const tensor of temporary) tensor.dispose();
      this.#releaseUnused();
    }
  }

  /**
   * `run` on this thread, which waits: for workers and scripts. In a service it would stop everything else.
   *
   * @throws what `run` rejects with.
   */
  runSync<Outputs extends ModelOutputs = Record<string, Tensor>>(
    inputs: Readonly<Record<string, ModelInput>>,
    options: RunOptions = {},
  ): Outputs {
    this.#checkRun('runSync', options);
    const { values, temporary } = bindInputs(this.inputs, inputs, this.device, this.#batch);
    try {
      return Object.fromEntries(this.#program.runSync(values, options)) as Outputs;
    } finally {
      for (const tensor of temporary) tensor.dispose();
      this.#releaseUnused();
    }
  }

  /**
   * A new model with the weights and intermediates in another precision, and with another type of sums.
   *
   * Weights are rounded once, to nearest, ties to even; the statistics of BatchNormalization stay float32.
   * `conversion` of the result says what became of each node and of the constants.
   *
   * @throws ModelError naming the first node that cannot compute as asked; its cause is the op's error. ParamError where
   * HALFTONE_AUTO_MIXED_PRECISION=1 has converted this model already: one of the two must be chosen.
   */
  async convert(options: ConvertOptions): Promise<Model> {
    this.#check('convert');
    checkRequired('convert', options, CONVERT_OPTIONS);
    const { precision } = options;
    if (this.#conversion?.precision === 'mixed' && autoMixedPrecision()) {
      throw new ParamError(
        'convert: HALFTONE_AUTO_MIXED_PRECISION=1 has made this model mixed already; unset it to choose in code',
      );
    }
    if (precision === 'auto') {
      const { graph, conversion } = await convertAuto(
        this.#base(),
        this,
        options,
        (graph, conversion) => this.#derive(graph, conversion),
      );
      return this.#derive(graph, conversion);
    }
    if ((options.data ?? options.tolerance) !== undefined) {
      throw new ParamError(
        `convert: data and tolerance are for precision 'auto', got '${precision}'`,
      );
    }
    const { graph, conversion } = await convertGraph(this.#base(), precision, options, this.device);
    return this.#derive(graph, conversion);
  }

  /** What conversions start from: weights that will be multiplied together are, before they are rounded. */
  #base(): Graph {
    return this.#policy.optimize ? simplify(this.#graph) : this.#graph;
  }

  /** A model of a changed graph, checked as on loading. */
  #derive(graph: Graph, conversion: Conversion): Model {
    planDeclared(graph, this.#engine);
    return new Model(graph, this.#engine, this.#batch, this.#policy, conversion);
  }

  /**
   * Compares this model with another one of the same graph, usually the float32 model that it was converted from, on
   * inputs as `run` takes them: for each node the precision that it really had, where its values lie, the error of the
   * node alone and of all that came before, tensor core sizes, bytes and time. Nodes that a run joins are one entry, with what
   * a run rounds and nothing else; convolutions have channels first here. See docs/precision.md.
   */
  async audit(options: ModelAuditOptions): Promise<AuditReport> {
    this.#check('audit');
    checkRequired('audit', options, AUDIT_OPTIONS);
    const { reference } = options;
    if (!(reference instanceof Model)) {
      throw new ParamError(`audit: reference must be a Model, got ${shown(reference)}`);
    }
    reference.#check('audit');
    return auditModels(
      this.#auditSide(this.#runGraph, this.#policy),
      reference.#auditSide(reference.#graph, undefined),
      options,
    );
  }

  /** `policy`: that of runs; without one the graph is run node by node. */
  #auditSide(graph: Graph, policy: RunPolicy | undefined): AuditSide {
    const additions = policy?.fuseAdditions ?? false;
    const join = (plan: Plan) => (policy?.optimize ? fuseSteps(plan, { additions }) : plan);
    return { graph, engine: this.#engine, batch: this.#batch, join };
  }

  /**
   * How the model runs, for each set of input shapes that it has run with and still has a plan for, the latest first: what was
   * fused, the order of images, the memory that is needed, and whether runs are replays of a captured graph, or why not.
   *
   * @example
   * const model = await Model.load('mnist-8.onnx');
   * await model.run({ Input3: zeros([1, 1, 28, 28]) });
   * model.plans[0]?.graph; // { state: 'waiting', why: 'its first run is made node by node', replays: 0, ... }
   */
  get plans(): readonly PlanReport[] {
    return this.#program.reports;
  }

  /**
   * Runs the model several times and gives the median time of each node, waiting for each op: the sum is more than a
   * plain run takes, where ops follow each other without waiting.
   */
  async profile(
    inputs: Readonly<Record<string, ModelInput>>,
    options: ProfileOptions = {},
  ): Promise<ProfileReport> {
    this.#check('profile');
    return profileModel(this, inputs, options);
  }

  /** The bytes of an ONNX file with this model, casts and all. @throws ModelError where ONNX cannot hold it. */
  toBytes(): Uint8Array {
    this.#check('toBytes');
    const version = backends().loaded.find(({ name }) => name === 'cpu')?.version ?? '';
    return encodeModel(this.#graph, { producer: { name: 'halftone', version } });
  }

  /**
   * Writes an ONNX file. Other programs load it; the type in which nodes sum (`compute`) is kept in the file's metadata,
   * which only Halftone reads. The file appears under its name once it is complete.
   *
   * @throws ModelError where ONNX cannot hold the model; the error of the file system, after which a file that was there is as
   * it was.
   */
  async save(file: string | URL): Promise<void> {
    this.#check('save');
    const to = file instanceof URL ? fileURLToPath(file) : file;
    if (typeof to !== 'string' || to === '') {
      throw new ParamError(`save: file must be a path or a file: URL, got ${shown(to)}`);
    }
    const bytes = this.toBytes();
    await writeWhole(to, undefined, (handle) => handle.writeFile(bytes));
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

  #checkRun(who: string, options: RunOptions): void {
    this.#check(who);
    checkOptions(who, options, RUN_OPTIONS);
    options.signal?.throwIfAborted();
    const names = this.#graph.outputs.map(({ name }) => name);
    const unknown = options.outputs?.find((name) => !names.includes(name));
    if (unknown !== undefined) {
      throw new ParamError(`${who}: outputs must be among ${names.join(', ')}, got "${unknown}"`);
    }
  }

  #releaseUnused(): void {
    if (this.#disposed && this.#running === 0) this.#program.dispose();
    else this.#program.trim();
  }
}
