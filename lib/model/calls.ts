/** Nodes that are no part of a plan, while they are computed. */

import type { FlowCall, Work } from '../graph/flow';
import { wait } from '../graph/flow';
import type { HostCall, HostValue } from '../graph/host';
import type { Constant, Node, Strings } from '../graph/ir';
import { CheckedNode, NodeAttributes, type Params } from '../graph/op-set';
import type { TensorEngine } from '../graph/tensor-engine';
import { describe, isStrings, type RunValue } from '../graph/values';
import { Tensor } from '../tensor';
import { readLate, readLateSync } from './plans';

/** A node on the host. */
export class RunningHost extends NodeAttributes implements HostCall {
  constructor(
    node: Node,
    opset: number,
    readonly inputs: readonly (HostValue | undefined)[],
  ) {
    super(node, opset);
  }

  get inputCount(): number {
    return this.inputs.length;
  }

  optional(index: number): HostValue | undefined {
    return this.inputs[index];
  }

  value(index: number): HostValue {
    const value = this.inputs[index];
    if (!value) throw this.error(`input ${index} is left out`);
    return value;
  }

  strings(index: number): Strings {
    const value = this.value(index);
    if (isStrings(value)) return value;
    throw this.error(`input ${index} must be strings, it is ${value.dtype}`);
  }

  constant(index: number): Constant {
    const value = this.value(index);
    if (!isStrings(value)) return value;
    throw this.error(`input ${index} must be a tensor, it is strings`);
  }
}

/** Milliseconds that a flow may take before others have their turn. */
const TURN = 8;

/** A node that runs its graphs. */
export class RunningFlow extends CheckedNode implements FlowCall {
  #turn = performance.now();

  constructor(
    node: Node,
    opset: number,
    readonly inputs: readonly (RunValue | undefined)[],
    readonly engine: TensorEngine,
    readonly run: FlowCall['run'],
    readonly signal: AbortSignal | undefined,
  ) {
    super(node, opset);
  }

  input(index: number): RunValue | undefined {
    return this.inputs[index];
  }

  *read(value: RunValue | undefined, what: string): Work<Constant> {
    if (!(value instanceof Tensor))
      throw this.error(`${what} must be a tensor, it is ${describe(value)}`);
    return yield* wait({
      later: () => readLate(what, value, true),
      now: () => readLateSync(what, value, true),
    });
  }

  upload(constant: Constant): Tensor {
    return this.engine.create(constant);
  }

  emit(op: string, inputs: readonly Tensor[], params: Params = {}): Tensor {
    return this.engine.run(op, inputs, params)[0] as Tensor;
  }

  *pause(): Work<void> {
    this.signal?.throwIfAborted();
    if (performance.now() - this.#turn < TURN) return;
    yield* wait<unknown>({
      later: () => new Promise((resolve) => setImmediate(resolve)),
      now: () => undefined,
    });
    this.signal?.throwIfAborted();
    this.#turn = performance.now();
  }
}
