import { DTYPES } from '../dtype';
import type { Inference } from './engine';
import {
  type Constant,
  elementCount,
  type Graph,
  integersOf,
  namedWithin,
  type Node,
  ownInputs,
  type ValueInfo,
} from './ir';
import { modelError, within } from './model-error';
import {
  type Desc,
  drawsAnew,
  NodeAttributes,
  type NodeCall,
  nodeFailed,
  type OpSet,
  type Params,
  type Sequence,
  type Value,
} from './op-set';

/** One call of a Halftone op. */
export interface Step {
  readonly op: string;
  readonly inputs: readonly (Value | undefined)[];
  readonly params: Params;
  readonly outputs: readonly Value[];
  /** The node that the call is a part of. */
  readonly node: Node;
  /** Depends on nothing that the caller gives: runs once, not with each run of the model. */
  readonly once: boolean;
}

/** A graph for inputs of certain shapes: calls of Halftone's ops, all of them checked. */
export interface Plan {
  readonly inputs: ReadonlyMap<string, Value>;
  readonly outputs: ReadonlyMap<string, Value>;
  /** Outputs that are sequences, with the names that their elements have in `outputs`. */
  readonly sequences: ReadonlyMap<string, readonly string[]>;
  readonly steps: readonly Step[];
  /** Every value of the graph by name. */
  readonly values: ReadonlyMap<string, Value>;
  /** What was computed because shapes or axes follow from it. */
  readonly known: ReadonlyMap<Value, Constant>;
}

/** dtype and shape of an input; of a sequence one for each element. */
export type PlanInput = Desc | readonly Desc[];

/** Values that a plan depends on and that only a run knows: inputs, and what nodes make of them. */
export interface LateInputs {
  /** Those that are known, by name. */
  readonly values: ReadonlyMap<string, Constant>;
  /** The names of inputs that were asked for, because shapes or axes follow from them, and are not known are added. */
  readonly missing: Set<string>;
  /** The names of values that were asked for as data, by a node whose result's shape follows from them. */
  readonly data?: Set<string>;
}

/**
 * Translates a graph for inputs of the given dtypes and shapes, and of the given values where `late` has some. When an
 * input's values are missing, its name is in `late.missing` after the error.
 *
 * @throws ModelError naming the node whose translation or whose shapes fail; its `cause` is the op's own error.
 */
export function makePlan(
  graph: Graph,
  opSet: OpSet,
  inputs: ReadonlyMap<string, PlanInput>,
  inference: Inference,
  late: LateInputs = { values: new Map(), missing: new Set() },
): Plan {
  const values = constantValues(graph);
  const given = new Map<string, Value>();
  const bind = (name: string, desc: Desc): Value => {
    const constant = late.values.get(name);
    const value: Value = constant ? { desc, constant } : { desc };
    given.set(name, value);
    return value;
  };
  for (const { name, dtype } of graph.inputs) {
    const desc = inputs.get(name);
    if (!desc) throw new TypeError(`makePlan: no shape for input "${name}"`);
    values.set(
      name,
      isSequence(desc) ? bindSequence(name, desc, dtype, bind) : bind(name, desc as Desc),
    );
  }

  const steps: Step[] = [];
  const names = new Map([...given].map(([name, value]) => [value, name]));
  const state: PlanState = {
    values,
    steps,
    fixed: new Set(),
    inference,
    known: new Map(),
    evaluated: { bytes: 0 },
    makers: new Map(),
    late: late.values,
    ask: (value) => {
      const name = names.get(value);
      if (name !== undefined) late.missing.add(name);
    },
    askData: (name) => late.data?.add(name),
    passing: new Set(),
    isGiven: (value) => names.has(value),
  };
  lowerNodes(graph, opSet, state);

  const outputs = new Map<string, Value>();
  const sequences = new Map<string, readonly string[]>();
  for (const output of graph.outputs) {
    const { name, dtype, sequence, optional } = output;
    const value = outputValue(output, values);
    if (value.elements) {
      if (dtype !== null && !sequence && !optional) {
        throw modelError(`output "${name}" is a sequence, it is declared a tensor`);
      }
      const leaves = value.elements.map((_, i) => elementName(name, i));
      sequences.set(name, leaves);
      for (const [i, element] of value.elements.entries())
        outputs.set(leaves[i] as string, element);
    } else {
      if (sequence) throw modelError(`output "${name}" is declared a sequence, but it is a tensor`);
      outputs.set(name, value);
    }
  }
  return { inputs: given, outputs, sequences, steps, values, known: state.known };
}

/** The name by which a plan knows an element of a sequence that comes in or goes out. No file holds such a name. */
export const elementName = (name: string, index: number): string => `${name}\0${index}`;

const isSequence = (desc: PlanInput): desc is readonly Desc[] => Array.isArray(desc);

function bindSequence(
  name: string,
  descs: readonly Desc[],
  declared: ValueInfo['dtype'],
  bind: (name: string, desc: Desc) => Value,
): Value {
  const elements = descs.map((desc, i) => bind(elementName(name, i), desc));
  const dtype = descs[0]?.dtype ?? declared ?? 'float32';
  if (dtype === 'string') throw modelError(`sequences of strings are not supported ("${name}")`);
  return { desc: { dtype, shape: [] }, elements };
}

function constantValues(graph: Graph): Map<string, Value> {
  const values = new Map<string, Value>();
  for (const [name, constant] of graph.initializers) {
    values.set(name, { desc: constant, constant });
  }
  return values;
}

/** The value of an output, which has the type that is declared. */
function outputValue({ name, dtype }: ValueInfo, values: ReadonlyMap<string, Value>): Value {
  const value = values.get(name);
  if (!value) throw modelError(`output "${name}" is made by no node`);
  const got = value.desc.dtype;
  if (dtype !== null && dtype !== got && !(value.elements?.length === 0)) {
    throw modelError(`output "${name}" is declared ${dtype}, but it is ${got}`);
  }
  return value;
}

/** Adds the calls of all nodes of a graph, and their values. */
function lowerNodes(graph: Graph, opSet: OpSet, state: PlanState): void {
  const { values, late, passing } = state;
  const lateValue = (name: string): Value | undefined => {
    const constant = late.get(name);
    if (!constant) return undefined;
    const value: Value = { desc: constant, constant };
    passing.add(value);
    return value;
  };
  for (const node of graph.nodes) {
    const wanted = node.outputs.filter((name) => name !== '');
    if (wanted.length > 0 && wanted.every((name) => late.has(name))) {
      for (const name of wanted) values.set(name, lateValue(name) as Value);
      continue;
    }
    const made = lowerNode(node, graph, opSet, state);
    node.outputs.forEach((name, i) => {
      const value = made[i];
      if (name !== '' && value) values.set(name, lateValue(name) ?? value);
    });
  }
}

interface PlanState {
  /** Those of the graph that is being translated. */
  readonly values: Map<string, Value>;
  readonly steps: Step[];
  /** Results of steps that run once. */
  readonly fixed: Set<Value>;
  readonly inference: Inference;
  /** Values that were computed ahead. */
  readonly known: Map<Value, Constant>;
  /** What has been computed ahead so far. */
  readonly evaluated: { bytes: number };
  /** The step that makes each value. */
  readonly makers: Map<Value, Step>;
  /** Notes that the values of an input are needed. */
  readonly ask: (value: Value) => void;
  /** Notes that the values of something in the graph are needed as data. */
  readonly askData: (name: string) => void;
  /** Known values that are those of one run: what follows from them is not kept for other plans. */
  readonly passing: Set<Value>;
  readonly isGiven: (value: Value) => boolean;
  /** Values that are known for this plan, by name. */
  readonly late: LateInputs['values'];
}

/**
 * Bytes that may be computed while a plan is made. What has to be known then are shapes, axes and the like; a small file can
 * ask for any amount (ConstantOfShape, Range, Tile).
 */
const MAX_EVALUATED = 2 ** 26;

/** The values of a tensor that depends on nothing unknown: computed now, once. */
function evaluate(
  value: Value,
  state: PlanState,
  ask: PlanState['ask'] = state.ask,
): Constant | undefined {
  const known = value.constant ?? state.known.get(value);
  if (known) return known;
  const step = state.makers.get(value);
  if (!step || !state.inference.evaluate) {
    ask(value);
    return undefined;
  }
  const inputs = step.inputs.map((input) => input && evaluate(input, state, ask));
  if (inputs.some((input, i) => !input && step.inputs[i])) return undefined;
  for (const { desc } of step.outputs) {
    state.evaluated.bytes += elementCount(desc.shape) * DTYPES[desc.dtype].size;
  }
  if (!(state.evaluated.bytes <= MAX_EVALUATED)) {
    throw modelError(
      `its values have to be known when the model is loaded, and more than ${MAX_EVALUATED} bytes would be computed for that`,
      { node: step.node.name, op: step.node.op },
    );
  }
  const constants = state.inference.evaluate(step.op, inputs, step.params);
  for (const [i, output] of step.outputs.entries()) {
    state.known.set(output, constants[i] as Constant);
  }
  return state.known.get(value);
}

function lowerNode(node: Node, graph: Graph, opSet: OpSet, state: PlanState): readonly Value[] {
  const opset = graph.opsets.get(node.domain);
  const call = new PlannedCall(node, opset ?? 0, opSet, state);
  try {
    const { lower } = opSet.find(node, graph.opsets);
    if (!lower) throw new TypeError(`${node.op} is no part of a plan`);
    const made = lower(call);
    return Array.isArray(made) ? (made as readonly Value[]) : [made as Value];
  } catch (cause) {
    throw nodeFailed(node, opset, cause);
  }
}

class PlannedCall extends NodeAttributes implements NodeCall {
  /** Whether the node has read values of one run: what it makes of them is known for that run only. */
  #isPassing: boolean;

  constructor(
    node: Node,
    opset: number,
    readonly opSet: OpSet,
    readonly state: PlanState,
  ) {
    super(node, opset);
    this.#isPassing = node.inputs.some((name) => {
      const value = state.values.get(name);
      return value !== undefined && state.passing.has(value);
    });
  }

  get inputCount(): number {
    return this.node.inputs.length;
  }

  optional(index: number): Value | undefined {
    const value = this.#find(index);
    if (value?.elements) throw this.error(`input ${index} is a sequence, it must be a tensor`);
    return value;
  }

  sequence(index: number): Sequence {
    const value = this.#find(index);
    if (!value?.elements) throw this.error(`input ${index} is a tensor, it must be a sequence`);
    return { desc: value.desc, elements: value.elements };
  }

  #find(index: number): Value | undefined {
    const name = this.node.inputs[index];
    if (name === undefined || name === '') return undefined;
    const value = this.state.values.get(name);
    if (!value) throw this.error(`input ${index} ("${name}") is made by no node before this one`);
    return value;
  }

  input(index: number): Value {
    const value = this.optional(index);
    if (!value) throw this.error(`input ${index} is left out`);
    return value;
  }

  known(index: number): Constant {
    const constant = evaluate(this.input(index), this.state);
    if (!constant) {
      throw this.error(
        `input ${index} ("${this.node.inputs[index]}") depends on what the model is given`,
        'It has to be known when the model is loaded',
      );
    }
    return constant;
  }

  data(...indexes: readonly number[]): readonly (Constant | undefined)[] {
    const found = indexes.map((index) => {
      const value = this.optional(index);
      return value && evaluate(value, this.state, () => {});
    });
    const missing = indexes.filter((index, i) => !found[i] && this.optional(index));
    const { fixed, passing, isGiven } = this.state;
    this.#isPassing ||= indexes.some((index) => {
      const value = this.optional(index);
      return (
        value && !fixed.has(value) && (!value.constant || passing.has(value) || isGiven(value))
      );
    });
    const names = missing.map((index) => this.node.inputs[index] as string);
    for (const name of names) this.state.askData(name);
    if (names.length === 0) return found;
    throw this.error(
      `the result's shape follows from the values of "${names.join('" and "')}", which only a run knows`,
    );
  }

  knownInts(index: number): readonly number[] | undefined {
    if (!this.optional(index)) return undefined;
    const constant = this.known(index);
    if (constant.dtype !== 'int64') {
      throw this.error(`input ${index} must be int64, got ${constant.dtype}`);
    }
    if (constant.shape.length > 1)
      throw this.error(`input ${index} must be a vector, got [${constant.shape.join(', ')}]`);
    return integersOf(constant);
  }

  emit(op: string, inputs: readonly (Value | undefined)[], params: Params = {}): Value {
    const [value] = this.emitAll(op, inputs, params);
    if (!value) throw new TypeError(`${op} has no result`);
    return value;
  }

  emitAll(
    op: string,
    inputs: readonly (Value | undefined)[],
    params: Params = {},
  ): readonly Value[] {
    const { steps, fixed, inference, passing } = this.state;
    const descs = inference.infer(
      op,
      inputs.map((input) => input?.desc),
      params,
    );
    const outputs: readonly Value[] = descs.map((desc) => ({ desc }));
    const once =
      !drawsAnew({ op, params }) &&
      inputs.every(
        (input) => !input || (input.constant && !passing.has(input)) || fixed.has(input),
      );
    const step: Step = { op, inputs, params, outputs, node: this.node, once };
    steps.push(step);
    for (const value of outputs) {
      if (once) fixed.add(value);
      this.state.makers.set(value, step);
    }
    return outputs;
  }

  constant(constant: Constant): Value {
    const value: Value = { desc: constant, constant };
    if (this.#isPassing) this.state.passing.add(value);
    return value;
  }

  get calls(): readonly Step[] {
    return this.state.steps;
  }

  maker(value: Value): Step | undefined {
    return this.state.makers.get(value);
  }

  inline(name: string, inputs: readonly Value[]): readonly Value[] {
    const graph = this.attribute(name, 'graph');
    if (!graph) throw this.error(`attribute "${name}" is missing`);
    const own = ownInputs(this.node).length;
    const captured = this.node.inputs.slice(own).map((_, i) => this.input(own + i));
    const given = [...inputs, ...captured];
    if (graph.inputs.length !== given.length) {
      throw this.error(
        `its graph "${name}" must take ${inputs.length} inputs, got ${graph.inputs.length - captured.length}`,
      );
    }
    const values = constantValues(graph);
    for (const [i, info] of graph.inputs.entries()) values.set(info.name, given[i] as Value);
    const state = { ...this.state, values, late: new Map(), askData: () => {} };
    lowerNodes(namedWithin(graph, this.node), this.opSet, state);
    return within(this.node, name, () =>
      graph.outputs.map((output) => outputValue(output, values)),
    );
  }
}
