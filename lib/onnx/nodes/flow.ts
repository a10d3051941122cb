/** Operators that run graphs of their own: If, Loop, SequenceMap. Scan is in scan.ts. */

import { ARRAY_TYPES } from '../../dtype';
import type { FlowCall, Work } from '../../graph/flow';
import type { Constant, ValueInfo } from '../../graph/ir';
import type { CheckedNode, OpDefinition } from '../../graph/op-set';
import { describe, release, type RunValue, share } from '../../graph/values';
import { Tensor } from '../../tensor';
import { int64 } from './shape';

/** A Loop that is meant to end has ended by then; one that is not would fill the memory with what it stacks. */
export const MAX_ITERATIONS = 2 ** 20;

/** The one value of a tensor. */
function* readOne(
  call: FlowCall,
  value: RunValue | undefined,
  what: string,
): Work<number | bigint> {
  const { data, shape } = yield* call.read(value, what);
  const [one] = data;
  if (one !== undefined && data.length === 1) return one;
  throw call.error(`${what} must be one value, got [${shape.join(', ')}]`);
}

/** What both branches must have. */
function checkIf(node: CheckedNode): void {
  for (const name of ['then_branch', 'else_branch']) {
    const { inputs, outputs } = node.sizeOf(name);
    if (inputs > 0) throw node.error(`its graph "${name}" must take no inputs, it takes ${inputs}`);
    const wanted = node.node.outputs.length;
    if (outputs !== wanted) {
      throw node.error(`its graph "${name}" must give ${wanted} outputs, it gives ${outputs}`);
    }
  }
}

/** If-1, 11, 13, 16 ...: the outputs of one of two graphs. */
function* ifThenElse(call: FlowCall): Work<readonly RunValue[]> {
  const condition = yield* readOne(call, call.input(0), 'the condition');
  return yield* call.run(condition ? 'then_branch' : 'else_branch', []);
}

/** What a loop collects: one tensor of each iteration, stacked along a new axis in the end. */
export class Stack {
  readonly #parts: Tensor[] = [];

  constructor(
    readonly call: FlowCall,
    readonly info: ValueInfo,
  ) {}

  add(value: RunValue | undefined): void {
    if (!(value instanceof Tensor)) {
      throw this.call.error(
        `output "${this.info.name}" must be a tensor, it is ${describe(value)}`,
      );
    }
    this.#parts.push(value);
  }

  reverse(): void {
    this.#parts.reverse();
  }

  /** Of no parts: an empty tensor of the declared type, with 0 for sizes that are not known. */
  make(axis = 0): Tensor {
    const { call, info } = this;
    const [first] = this.#parts;
    if (!first) {
      const { dtype, shape } = info;
      if (!dtype || dtype === 'string' || !shape) {
        throw call.error(`output "${info.name}" of no iterations has no declared type and shape`);
      }
      const sizes = shape.map((size) => (typeof size === 'number' ? size : 0));
      return call.upload({
        dtype,
        shape: sizes.toSpliced(axis, 0, 0),
        data: new ARRAY_TYPES[dtype](0),
      });
    }
    const rank = first.shape.length + 1;
    const at = axis < 0 ? axis + rank : axis;
    if (at < 0 || at >= rank) {
      throw call.error(`axis must lie in [${-rank}, ${rank - 1}], got ${axis}`);
    }
    const views = this.#parts.map((part) => part.reshape(part.shape.toSpliced(at, 0, 1)));
    const [view] = views;
    if (views.length === 1) return view as Tensor;
    try {
      return call.emit('concat', views, { axis: at });
    } finally {
      for (const used of views) used.dispose();
    }
  }

  release(): void {
    for (const part of this.#parts) part.dispose();
  }
}

/** What a body must take and give for the inputs of its node. */
function checkLoop(node: CheckedNode): void {
  const { inputs, outputs } = node.sizeOf('body');
  if (inputs !== node.inputCount) {
    throw node.error(`its body must take ${node.inputCount} inputs, it takes ${inputs}`);
  }
  if (outputs < inputs - 1) {
    throw node.error(
      `its body must give a condition and ${inputs - 2} values or more, it gives ${outputs} outputs`,
    );
  }
  const { length } = node.node.outputs;
  if (length > outputs - 1)
    throw node.error(`it has ${length} outputs, its body gives ${outputs - 1}`);
}

/** Loop-1, 11, 13, 16 ...: while the condition holds, and at most so many times. */
function* loop(call: FlowCall): Work<readonly RunValue[]> {
  const carried = call.inputCount - 2;
  const [m, start] = [call.input(0), call.input(1)];
  const most = m === undefined ? Infinity : Number(yield* readOne(call, m, 'the trip count'));
  let goesOn = start === undefined || Boolean(yield* readOne(call, start, 'the condition'));
  let values = Array.from({ length: carried }, (_, i) => share(call.input(2 + i) ?? null));
  const stacks = call
    .graph('body')
    .outputs.slice(1 + carried)
    .map((info) => new Stack(call, info));
  try {
    for (let i = 0; goesOn && i < most; i++) {
      if (i >= MAX_ITERATIONS) {
        throw call.error(`it goes on after ${MAX_ITERATIONS} iterations, which is refused`);
      }
      yield* call.pause();
      const known = [call.upload(int64([i], [])), call.upload(TRUE)];
      let made: readonly RunValue[];
      try {
        made = yield* call.run('body', [...known, ...values]);
      } finally {
        release(known);
      }
      release(values);
      const [condition = null, ...rest] = made;
      values = rest.slice(0, carried);
      try {
        for (const [k, stack] of stacks.entries()) stack.add(rest[carried + k]);
        goesOn = Boolean(yield* readOne(call, condition, 'the condition'));
      } finally {
        release(condition);
      }
    }
    const results = [...values, ...stacks.map((stack) => stack.make())];
    values = [];
    return results;
  } finally {
    release(values);
    for (const stack of stacks) stack.release();
  }
}

const TRUE: Constant = { dtype: 'bool', shape: [], data: Uint8Array.of(1) };

/** What the body of a SequenceMap must have. */
function checkSequenceMap(node: CheckedNode): void {
  const { inputs, outputs } = node.sizeOf('body');
  if (inputs !== node.inputCount) {
    throw node.error(`its body must take ${node.inputCount} inputs, it takes ${inputs}`);
  }
  const { length } = node.node.outputs;
  if (length > outputs) throw node.error(`it has ${length} outputs, its body gives ${outputs}`);
}

/** SequenceMap-17: a graph for each element of a sequence, and of others of the same length; tensors are the same for all. */
function* sequenceMap(call: FlowCall): Work<readonly RunValue[]> {
  const body = call.graph('body');
  const inputs = Array.from({ length: call.inputCount }, (_, i) => call.input(i) ?? null);
  const [first] = inputs;
  if (!Array.isArray(first))
    throw call.error(`input 0 must be a sequence, it is ${describe(first)}`);
  const other = inputs.findIndex((value) => Array.isArray(value) && value.length !== first.length);
  if (other >= 0) {
    const { length } = inputs[other] as readonly RunValue[];
    throw call.error(`input ${other} must have ${first.length} elements, it has ${length}`);
  }
  const results: RunValue[][] = body.outputs.map(() => []);
  try {
    for (let i = 0; i < first.length; i++) {
      yield* call.pause();
      const given = inputs.map((value) => (Array.isArray(value) ? (value[i] as RunValue) : value));
      const made = yield* call.run('body', given);
      for (const [k, value] of made.entries()) results[k]?.push(value);
    }
    return results;
  } catch (thrown) {
    release(results);
    throw thrown;
  }
}

const many = Number.POSITIVE_INFINITY;
const BRANCHES = { then_branch: 'graph', else_branch: 'graph' } as const;

export const FLOW: readonly OpDefinition[] = [
  {
    op: 'If',
    since: 1,
    inputs: [1, 1],
    outputs: many,
    attributes: BRANCHES,
    check: checkIf,
    flow: ifThenElse,
  },
  {
    op: 'Loop',
    since: 1,
    inputs: [2, many],
    optional: [0, 1],
    outputs: many,
    attributes: { body: 'graph' },
    check: checkLoop,
    flow: loop,
  },
  {
    op: 'SequenceMap',
    since: 17,
    inputs: [1, many],
    outputs: many,
    attributes: { body: 'graph' },
    check: checkSequenceMap,
    flow: sequenceMap,
  },
];
