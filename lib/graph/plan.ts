import { DTYPES } from '../dtype';
import type { Inference } from './engine';
import { type Constant, elementCount, type Graph, type Integer, integersOf, type Node } from './ir';
import { messageOf, modelError } from './model-error';
import {
  attributeOf,
  type Desc,
  drawsAnew,
  type NodeCall,
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
  readonly steps: readonly Step[];
  /** Every value of the graph by name. */
  readonly values: ReadonlyMap<string, Value>;
  /** What was computed because shapes or axes follow from it. */
  readonly known: ReadonlyMap<Value, Constant>;
}

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
  inputs: ReadonlyMap<string, Desc>,
  inference: Inference,
  late: LateInputs = { values: new Map(), missing: new Set() },
): Plan {
  const values = new Map<string, Value>();
  const given = new Map<string, Value>();
  for (const [name, constant] of graph.initializers) {
    values.set(name, { desc: constant, constant });
  }
  for (const { name } of graph.inputs) {
    const desc = inputs.get(name);
    if (!desc) throw new TypeError(`makePlan: no shape for input "${name}"`);
    const constant = late.values.get(name);
    const value: Value = constant ? { desc, constant } : { desc };
    values.set(name, value);
    given.set(name, value);
  }

  const steps: Step[] = [];
  const names = new Map([...given].map(([name, value]) => [value, name]));
  const fixed = new Set<Value>();
  const state: PlanState = {
    values,
    steps,
    fixed,
    inference,
    known: new Map(),
    evaluated: { bytes: 0 },
    makers: new Map(),
    ask: (value) => {
      const name = names.get(value);
      if (name !== undefined) late.missing.add(name);
    },
    askData: (name) => late.data?.add(name),
    passing: new Set(),
    isGiven: (value) => names.has(value),
  };
  const lateValue = (name: string): Value | undefined => {
    const constant = late.values.get(name);
    if (!constant) return undefined;
    const value: Value = { desc: constant, constant };
    state.passing.add(value);
    return value;
  };
  for (const node of graph.nodes) {
    const wanted = node.outputs.filter((name) => name !== '');
    if (wanted.length > 0 && wanted.every((name) => late.values.has(name))) {
      for (const name of wanted) values.set(name, lateValue(name) as Value);
      continue;
    }
    const made = lowerNode(node, graph, opSet, state);
    node.outputs.forEach((name, i) => {
      const value = made[i];
      if (name !== '' && value) values.set(name, lateValue(name) ?? value);
    });
  }

  const outputs = new Map<string, Value>();
  for (const { name, dtype } of graph.outputs) {
    const value = values.get(name);
    if (!value) throw modelError(`output "${name}" is made by no node`);
    if (value.elements) throw modelError(`output "${name}" is a sequence, it must be a tensor`);
    if (dtype !== null && dtype !== value.desc.dtype) {
      throw modelError(`output "${name}" is declared ${dtype}, but it is ${value.desc.dtype}`);
    }
    outputs.set(name, value);
  }
  return { inputs: given, outputs, steps, values, known: state.known };
}

interface PlanState {
  readonly values: ReadonlyMap<string, Value>;
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
  const place = { node: node.name, op: node.op, opset };
  const call = new PlannedCall(node, opset ?? 0, state);
  try {
    const made = opSet.find(node, graph.opsets).lower(call);
    return Array.isArray(made) ? (made as readonly Value[]) : [made as Value];
  } catch (cause) {
    if (cause instanceof LoweringError)
      throw modelError(cause.message, { ...place, ...cause.place });
    if (cause instanceof Error && cause.name === 'ModelError') throw cause;
    throw modelError(messageOf(cause), { ...place, cause });
  }
}

/** Thrown by NodeCall.error; makePlan adds the node. */
class LoweringError extends Error {
  constructor(
    what: string,
    readonly place: { readonly suggestion?: string | undefined },
  ) {
    super(what);
  }
}

const toNumber = (value: Integer): number => {
  const number = Number(value);
  return Math.max(-Number.MAX_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, number));
};

class PlannedCall implements NodeCall {
  /** Whether the node has read values of one run: what it makes of them is known for that run only. */
  #isPassing: boolean;

  constructor(
    readonly node: Node,
    readonly opset: number,
    readonly state: PlanState,
  ) {
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
    return integersOf(constant);
  }

  int(name: string): number | undefined {
    const value = attributeOf(this.node, name, 'int');
    return value === undefined ? undefined : toNumber(value);
  }

  ints(name: string): readonly number[] | undefined {
    return attributeOf(this.node, name, 'ints')?.map(toNumber);
  }

  float(name: string): number | undefined {
    return attributeOf(this.node, name, 'float');
  }

  string(name: string): string | undefined {
    return attributeOf(this.node, name, 'string');
  }

  tensor(name: string): Constant | undefined {
    return attributeOf(this.node, name, 'tensor');
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

  error(what: string, suggestion?: string): Error {
    return new LoweringError(what, { suggestion });
  }
}
