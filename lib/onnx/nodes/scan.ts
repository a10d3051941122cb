/** Scan: a graph for each entry along an axis of tensors, with values that go from one to the next. */

import type { FlowCall, Work } from '../../graph/flow';
import type { CheckedNode, OpDefinition } from '../../graph/op-set';
import { describe, release, type RunValue, share } from '../../graph/values';
import { Tensor } from '../../tensor';
import { Stack } from './flow';

/** How one Scan goes. */
interface Scanned {
  readonly states: readonly RunValue[];
  readonly inputs: readonly Tensor[];
  /** Of each input: its axis, from the front, and whether its last entry comes first. */
  readonly axes: readonly number[];
  readonly reversed: readonly boolean[];
  readonly outputAxes: readonly number[];
  readonly outputReversed: readonly boolean[];
}

/** Entry `i` along an axis, without the axis. */
function entry(call: FlowCall, x: Tensor, axis: number, i: number): Tensor {
  const part = call.emit('slice', [x], { starts: [i], ends: [i + 1], axes: [axis], steps: [1] });
  const result = part.reshape(x.shape.toSpliced(axis, 1));
  part.dispose();
  return result;
}

/** The states after the last entry, and what each entry gave, stacked. */
function* scanAll(call: FlowCall, scanned: Scanned): Work<readonly RunValue[]> {
  const { inputs, axes, reversed, outputAxes, outputReversed } = scanned;
  const body = call.graph('body');
  const count = scanned.states.length;
  const length = inputs[0]?.shape[axes[0] as number] ?? 0;
  for (const [k, x] of inputs.entries()) {
    const size = x.shape[axes[k] as number];
    if (size !== length)
      throw call.error(`inputs to scan must be equally long, got ${length} and ${size}`);
  }
  let states = scanned.states.map(share);
  const stacks = body.outputs.slice(count).map((info) => new Stack(call, info));
  try {
    for (let i = 0; i < length; i++) {
      yield* call.pause();
      const parts = inputs.map((x, k) =>
        entry(call, x, axes[k] as number, reversed[k] ? length - 1 - i : i),
      );
      let made: readonly RunValue[];
      try {
        made = yield* call.run('body', [...states, ...parts]);
      } finally {
        for (const part of parts) part.dispose();
      }
      release(states);
      states = made.slice(0, count);
      for (const [k, stack] of stacks.entries()) stack.add(made[count + k]);
    }
    const stacked = stacks.map((stack, k) => {
      if (outputReversed[k]) stack.reverse();
      return stack.make(outputAxes[k]);
    });
    const results = [...states, ...stacked];
    states = [];
    return results;
  } finally {
    release(states);
    for (const stack of stacks) stack.release();
  }
}

/** Input `index`, which has to be a tensor. */
function tensorInput(call: FlowCall, index: number): Tensor {
  const value = call.input(index);
  if (value instanceof Tensor) return value;
  throw call.error(`input ${index} must be a tensor, it is ${describe(value)}`);
}

/** One number for each of `count`, from an attribute. */
function perInput(call: FlowCall, name: string, count: number): readonly number[] {
  const values = call.ints(name) ?? Array.from({ length: count }, () => 0);
  if (values.length === count) return values;
  throw call.error(`${name} must hold ${count} values, got ${values.length}`);
}

function directions(call: FlowCall, name: string, count: number): boolean[] {
  return perInput(call, name, count).map((value) => {
    if (value === 0 || value === 1) return value === 1;
    throw call.error(`${name} must hold 0 and 1, got ${value}`);
  });
}

/** How many of the inputs from `first` on are states, and how many are scanned; how many outputs are stacked. */
function counts(node: CheckedNode, first: number) {
  const scans = node.int('num_scan_inputs');
  if (scans === undefined) throw node.error('attribute "num_scan_inputs" is missing');
  const body = node.sizeOf('body');
  const states = node.inputCount - first - scans;
  if (scans < 1 || states < 0) {
    throw node.error(`num_scan_inputs must lie in [1, ${node.inputCount - first}], got ${scans}`);
  }
  if (body.inputs !== states + scans) {
    throw node.error(`its body must take ${states + scans} inputs, it takes ${body.inputs}`);
  }
  const { length } = node.node.outputs;
  if (body.outputs < Math.max(states, length)) {
    throw node.error(
      `its body must give ${Math.max(states, length)} outputs or more, it gives ${body.outputs}`,
    );
  }
  return { states, scans, outputs: body.outputs - states };
}

/** Scan-9, 11, 16 ... */
function* scan(call: FlowCall): Work<readonly RunValue[]> {
  const { states, scans, outputs } = counts(call, 0);
  const inputs = Array.from({ length: scans }, (_, k) => tensorInput(call, states + k));
  const axes = perInput(call, 'scan_input_axes', scans).map((axis, k) => {
    const rank = (inputs[k] as Tensor).shape.length;
    if (axis >= -rank && axis < rank) return axis < 0 ? axis + rank : axis;
    throw call.error(`scan_input_axes must lie in [${-rank}, ${rank - 1}], got ${axis}`);
  });
  return yield* scanAll(call, {
    states: Array.from({ length: states }, (_, k) => call.input(k) ?? null),
    inputs,
    axes,
    reversed: directions(call, 'scan_input_directions', scans),
    outputAxes: perInput(call, 'scan_output_axes', outputs),
    outputReversed: directions(call, 'scan_output_directions', outputs),
  });
}

/** Scan-8: one scan for each entry of a batch, along axis 1 of tensors whose axis 0 is the batch. */
function* scanBatch(call: FlowCall): Work<readonly RunValue[]> {
  const { states, scans, outputs } = counts(call, 1);
  const inputs = Array.from({ length: states + scans }, (_, k) => tensorInput(call, 1 + k));
  const reversed = directions(call, 'directions', scans);
  const [batch = 0, length = 0] = inputs[states]?.shape ?? [];
  const odd = inputs.findIndex(
    (x, k) => x.shape[0] !== batch || (k >= states && x.shape.length < 2),
  );
  if (odd >= 0) {
    const shape = inputs[odd]?.shape.join(', ');
    throw call.error(`input ${1 + odd} must have ${batch} entries along axis 0, it is [${shape}]`);
  }
  if (call.input(0) !== undefined) {
    const { data } = yield* call.read(call.input(0), 'sequence_lens');
    const other = Array.from<number | bigint, number>(data, Number).find((n) => n !== length);
    if (other !== undefined) {
      throw call.error(`sequences must be as long as the inputs (${length}), got ${other}`);
    }
  }
  const infos = call.graph('body').outputs;
  const stacks = infos.map((info) => new Stack(call, info));
  try {
    for (let b = 0; b < batch; b++) {
      const parts = inputs.map((x) => entry(call, x, 0, b));
      try {
        const made = yield* scanAll(call, {
          states: parts.slice(0, states),
          inputs: parts.slice(states),
          axes: parts.slice(states).map(() => 0),
          reversed,
          outputAxes: Array.from({ length: outputs }, () => 0),
          outputReversed: Array.from({ length: outputs }, () => false),
        });
        for (const [k, stack] of stacks.entries()) stack.add(made[k]);
      } finally {
        for (const part of parts) part.dispose();
      }
    }
    return stacks.map((stack) => stack.make());
  } finally {
    for (const stack of stacks) stack.release();
  }
}

const many = Number.POSITIVE_INFINITY;
const common = { op: 'Scan', outputs: many } as const;

export const SCAN: readonly OpDefinition[] = [
  {
    ...common,
    since: 8,
    inputs: [2, many],
    optional: [0],
    attributes: { body: 'graph', num_scan_inputs: 'int', directions: 'ints' },
    check: (node) => void counts(node, 1),
    flow: scanBatch,
  },
  {
    ...common,
    since: 9,
    inputs: [1, many],
    attributes: {
      body: 'graph',
      num_scan_inputs: 'int',
      scan_input_axes: 'ints',
      scan_input_directions: 'ints',
      scan_output_axes: 'ints',
      scan_output_directions: 'ints',
    },
    check: (node) => void counts(node, 0),
    flow: scan,
  },
];
