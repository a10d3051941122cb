import type { NodeCall, OpDefinition, Value } from '../../graph/op-set';
import { attributeOf } from '../../graph/op-set';
import { hardSigmoid, softplus } from './activation';
import { sameTypes } from './common';
import { concat, part, transpose } from './move';
import { type Algebra, algebra, cast } from './scalar';
import { reshape } from './shape';

/** Functions that take an alpha, and those that take a beta. */
const SCALED = /^(leakyrelu|thresholdedrelu|affine|scaledtanh|hardsigmoid|elu)$/i;
const SHIFTED = /^(affine|scaledtanh|hardsigmoid)$/i;

/** The functions of recurrent operators by their ONNX names, with alpha and beta where they have some. */
function activation(
  call: NodeCall,
  name: string,
  alpha?: number,
  beta?: number,
): (a: Algebra, x: Value) => Value {
  switch (name.toLowerCase()) {
    case 'sigmoid':
      return (a, x) => a.sigmoid(x);
    case 'tanh':
      return (a, x) => a.tanh(x);
    case 'relu':
      return (a, x) => a.max(x, 0);
    case 'leakyrelu':
      return (a, x) => a.where(a.less(x, 0), a.mul(x, alpha ?? Math.fround(0.01)), x);
    case 'thresholdedrelu':
      return (a, x) => a.where(a.greater(x, alpha ?? 1), x, 0);
    case 'affine':
      return (a, x) => a.add(a.mul(x, alpha ?? 1), beta ?? 0);
    case 'scaledtanh':
      return (a, x) => a.mul(a.tanh(a.mul(x, beta ?? 1)), alpha ?? 1);
    case 'hardsigmoid':
      return (a, x) => hardSigmoid(x, a, alpha ?? Math.fround(0.2), beta ?? 0.5);
    case 'elu':
      return (a, x) => a.where(a.less(x, 0), a.mul(a.sub(a.exp(x), 1), alpha ?? 1), x);
    case 'softsign':
      return (a, x) => a.div(x, a.add(a.abs(x), 1));
    case 'softplus':
      return (a, x) => softplus(x, a);
    default:
      throw call.error(`the activation ${name} is not supported`);
  }
}

type Functions = readonly ((a: Algebra, x: Value) => Value)[];

/** The functions of direction `index`: `names` for each where the node names none. */
function activations(call: NodeCall, names: readonly string[], index: number): Functions {
  const given = attributeOf(call.node, 'activations', 'strings') ?? [];
  const alphas = attributeOf(call.node, 'activation_alpha', 'floats') ?? [];
  const betas = attributeOf(call.node, 'activation_beta', 'floats') ?? [];
  // The functions that take one consume the values in their order. With one function, a value for each direction is in its place.
  const value = (values: readonly number[], at: number, takes: RegExp) => {
    if (!takes.test(given[at] ?? '')) return undefined;
    if (names.length === 1 && values.length === given.length) return values[at];
    return values[given.slice(0, at).filter((name) => takes.test(name)).length];
  };
  return names.map((fallback, i) => {
    const at = index * names.length + i;
    return activation(
      call,
      given[at] ?? fallback,
      value(alphas, at, SCALED),
      value(betas, at, SHIFTED),
    );
  });
}

/** What one direction of a node works with: everything of a step but the step itself. */
interface Cell {
  readonly call: NodeCall;
  readonly a: Algebra;
  readonly functions: Functions;
  readonly hidden: number;
  /** Recurrent weights [gates * hidden, hidden], and biases [gates * hidden] of both products. */
  readonly weights: Value;
  readonly inputBias: Value | undefined;
  readonly stateBias: Value | undefined;
  /** Peepholes [3 * hidden] of LSTM. */
  readonly peepholes: Value | undefined;
  readonly clip: number;
}

/** The state after a step: h, and c for LSTM. `x`: the input's part of the gates [batch, gates * hidden]. */
type Step = (cell: Cell, x: Value, state: readonly Value[]) => readonly Value[];

const gate = ({ call, hidden }: Cell, x: Value, index: number, axis = 1): Value =>
  part(call, x, axis, index * hidden, hidden);

const clipped = ({ a, clip }: Cell, x: Value): Value =>
  clip === 0 ? x : a.max(a.min(x, clip), -clip);

const stateProduct = (cell: Cell, h: Value, weights = cell.weights): Value =>
  cell.call.emit('matmul', [h, weights], { transB: true });

const biased = (cell: Cell, x: Value, bias: Value | undefined): Value =>
  bias ? cell.a.add(x, bias) : x;

const rnnStep: Step = (cell, x, [h]) => {
  const sum = cell.a.add(x, biased(cell, stateProduct(cell, h as Value), cell.stateBias));
  const [f] = cell.functions;
  return [(f as Functions[number])(cell.a, clipped(cell, sum))];
};

/** Gates in the order update, reset, hidden. */
const gruStep: Step = (cell, x, [state]) => {
  const { a, call, hidden, functions } = cell;
  const h = state as Value;
  const [f, g] = functions as [Functions[number], Functions[number]];
  const resetFirst = (call.int('linear_before_reset') ?? 0) === 0;
  const gates = 2 * hidden;
  const both = part(call, cell.weights, 0, 0, gates);
  const last = part(call, cell.weights, 0, gates, hidden);
  const bias = cell.stateBias;
  const turn = biased(cell, stateProduct(cell, h, both), bias && part(call, bias, 0, 0, gates));
  const zr = f(a, clipped(cell, a.add(part(call, x, 1, 0, gates), turn)));
  const [z, r] = [gate(cell, zr, 0), gate(cell, zr, 1)];
  const lastBias = bias && part(call, bias, 0, gates, hidden);
  const product = resetFirst
    ? biased(cell, stateProduct(cell, a.mul(r, h), last), lastBias)
    : a.mul(r, biased(cell, stateProduct(cell, h, last), lastBias));
  const fresh = g(a, clipped(cell, a.add(gate(cell, x, 2), product)));
  return [a.add(a.mul(a.sub(1, z), fresh), a.mul(z, h))];
};

/** Gates in the order input, output, forget, cell. */
const lstmStep: Step = (cell, x, [h, state]) => {
  const { a, functions, peepholes } = cell;
  const c = state as Value;
  const [f, g, out] = functions as [Functions[number], Functions[number], Functions[number]];
  const sums = a.add(x, biased(cell, stateProduct(cell, h as Value), cell.stateBias));
  const looked = (index: number, peephole: number, at: Value) => {
    const sum = gate(cell, sums, index);
    return peepholes ? a.add(sum, a.mul(gate(cell, peepholes, peephole, 0), at)) : sum;
  };
  const input = f(a, clipped(cell, looked(0, 0, c)));
  const kept =
    (cell.call.int('input_forget') ?? 0) !== 0
      ? a.sub(1, input)
      : f(a, clipped(cell, looked(2, 2, c)));
  const fresh = g(a, clipped(cell, gate(cell, sums, 3)));
  const next = a.add(a.mul(kept, c), a.mul(input, fresh));
  const output = f(a, clipped(cell, looked(1, 1, next)));
  return [a.mul(output, out(a, next)), next];
};

interface Kind {
  readonly op: string;
  readonly gates: number;
  readonly states: number;
  readonly functions: readonly string[];
  readonly step: Step;
}

/** More steps make more calls than anyone waits for. */
const MAX_STEPS = 4096;

/**
 * Runs a recurrent operator: the input's products for all steps at once, then step after step. Sequences shorter than
 * the longest keep their state and give 0 behind their end.
 */
function run(call: NodeCall, kind: Kind): readonly Value[] {
  const batchFirst = (call.int('layout') ?? 0) !== 0;
  const given = call.input(0);
  if (given.desc.shape.length !== 3)
    throw call.error(`X must have 3 axes, got [${given.desc.shape.join(', ')}]`);
  const x = batchFirst ? transpose(call, given, [1, 0, 2]) : given;
  const [steps = 0, batch = 0, width = 0] = x.desc.shape;
  if (steps > MAX_STEPS) throw call.error(`${steps} steps are more than ${MAX_STEPS}`);
  const direction = call.string('direction') ?? 'forward';
  if (!['forward', 'reverse', 'bidirectional'].includes(direction)) {
    throw call.error(`direction must be forward, reverse or bidirectional, got "${direction}"`);
  }
  const directions = direction === 'bidirectional' ? 2 : 1;
  const weights = call.input(1);
  const hidden = call.int('hidden_size') ?? (weights.desc.shape[1] ?? 0) / kind.gates;
  const size = kind.gates * hidden;
  const states = batchFirst ? [batch, directions, hidden] : [directions, batch, hidden];
  const lstm = kind.op === 'LSTM';
  const expected: readonly (readonly [name: string, shape: readonly number[]])[] = [
    ['X', batchFirst ? [batch, steps, width] : [steps, batch, width]],
    ['W', [directions, size, width]],
    ['R', [directions, size, hidden]],
    ['B', [directions, 2 * size]],
    ['sequence_lens', [batch]],
    ['initial_h', states],
    ...(lstm
      ? ([
          ['initial_c', states],
          ['P', [directions, 3 * hidden]],
        ] as const)
      : []),
  ];
  for (const [i, [name, shape]] of expected.entries()) {
    const found = call.optional(i)?.desc.shape ?? shape;
    if (found.join() === shape.join()) continue;
    throw call.error(
      `${name} must have the shape [${shape.join(', ')}], got [${found.join(', ')}]`,
    );
  }
  const others = [1, 2, 3, 5, ...(lstm ? [6, 7] : [])].map((i) => call.optional(i));
  sameTypes(call, [given, ...others.filter((value) => value !== undefined)]);
  const counts = call.optional(4)?.desc.dtype ?? 'int32';
  if (counts !== 'int32' && counts !== 'int64')
    throw call.error(`sequence_lens must be int32, got ${counts}`);
  const a = algebra(call, x.desc.dtype);
  const zeros = (shape: readonly number[]) =>
    call.emit('full', [], { shape, value: 0, dtype: x.desc.dtype });
  const lengths = call.optional(4);
  const rows = reshape(call, x, [steps * batch, width]);

  const outputs: Value[] = [];
  const finals: Value[][] = [];
  for (let d = 0; d < directions; d++) {
    const pick = (value: Value, shape: readonly number[]) =>
      reshape(call, part(call, value, 0, d, 1), shape);
    const bias = call.optional(3);
    const both = bias && pick(bias, [2 * size]);
    const peepholes = lstm ? call.optional(7) : undefined;
    const cell: Cell = {
      call,
      a,
      functions: activations(call, kind.functions, d),
      hidden,
      weights: pick(call.input(2), [size, hidden]),
      inputBias: both && part(call, both, 0, 0, size),
      stateBias: both && part(call, both, 0, size, size),
      peepholes: peepholes && pick(peepholes, [3 * hidden]),
      clip: call.float('clip') ?? 0,
    };
    const products = call.emit('matmul', [rows, pick(weights, [size, width])], { transB: true });
    const inputs = reshape(call, biased(cell, products, cell.inputBias), [steps, batch, size]);
    let state: readonly Value[] = Array.from({ length: kind.states }, (_, i) => {
      const initial = call.optional(5 + i);
      if (!initial) return zeros([batch, hidden]);
      const ordered = batchFirst ? transpose(call, initial, [1, 0, 2]) : initial;
      return pick(ordered, [batch, hidden]);
    });
    const reverse = direction === 'reverse' || d === 1;
    const made = new Array<Value>(steps);
    for (let t = 0; t < steps; t++) {
      const at = reverse ? steps - 1 - t : t;
      const next = kind.step(
        cell,
        reshape(call, part(call, inputs, 0, at, 1), [batch, size]),
        state,
      );
      if (!lengths) {
        state = next;
        made[at] = next[0] as Value;
        continue;
      }
      // A reversed sequence begins at its own end: until then its state waits.
      const alive = call.emit('greater', [
        reshape(call, cast(call, lengths, 'int64'), [batch, 1]),
        call.constant({ dtype: 'int64', shape: [], data: BigInt64Array.of(BigInt(at)) }),
      ]);
      state = next.map((value, i) => a.where(alive, value, state[i] as Value));
      made[at] = a.where(alive, next[0] as Value, 0);
    }
    const column = [1, 1, batch, hidden];
    outputs.push(
      concat(
        call,
        made.map((value) => reshape(call, value, column)),
        0,
      ),
    );
    finals.push(state.map((value) => reshape(call, value, [1, batch, hidden])));
  }
  const y = concat(call, outputs, 1);
  const last = Array.from({ length: kind.states }, (_, i) =>
    concat(
      call,
      finals.map((states) => states[i] as Value),
      0,
    ),
  );
  if (!batchFirst) return [y, ...last];
  return [
    transpose(call, y, [2, 0, 1, 3]),
    ...last.map((value) => transpose(call, value, [1, 0, 2])),
  ];
}

const COMMON = {
  activation_alpha: 'floats',
  activation_beta: 'floats',
  activations: 'strings',
  clip: 'float',
  direction: 'string',
  hidden_size: 'int',
  layout: 'int',
} as const;

/** RNN-7, 14, 22: h = f(x * W^T + h * R^T + biases). */
const rnn: OpDefinition = {
  op: 'RNN',
  since: 7,
  inputs: [3, 6],
  outputs: 2,
  attributes: COMMON,
  lower: (call) =>
    run(call, { op: 'RNN', gates: 1, states: 1, functions: ['Tanh'], step: rnnStep }),
};

/** GRU-7, 14, 22. */
const gru: OpDefinition = {
  op: 'GRU',
  since: 7,
  inputs: [3, 6],
  outputs: 2,
  attributes: { ...COMMON, linear_before_reset: 'int' },
  lower: (call) =>
    run(call, { op: 'GRU', gates: 3, states: 1, functions: ['Sigmoid', 'Tanh'], step: gruStep }),
};

/** LSTM-7, 14, 22, with peepholes. */
const lstm: OpDefinition = {
  op: 'LSTM',
  since: 7,
  inputs: [3, 8],
  outputs: 3,
  attributes: { ...COMMON, input_forget: 'int' },
  lower: (call) =>
    run(call, {
      op: 'LSTM',
      gates: 4,
      states: 2,
      functions: ['Sigmoid', 'Tanh', 'Tanh'],
      step: lstmStep,
    }),
};

export const RECURRENT: readonly OpDefinition[] = [rnn, gru, lstm];
