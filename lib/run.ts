/** From an operator's wrapper to the binding: the one call behind every function in lib/ops. */

import { inspect } from 'node:util';
import type { NativeTensor, OpParams } from '../binding';
import { binding } from './binding';
import { workContext } from './context';
import type { DType } from './dtype';
import { resolveDevice } from './device';
import { ParamError } from './errors';
import { Tensor } from './tensor';

/** The registered operators. */
export type OpName = keyof OpParams;

/** What an operator's wrapper passes as inputs; undefined where an optional one is not given. */
export type OpInput = Tensor | undefined | null;

let portNames: Map<string, readonly string[]> | undefined;

/** The name of input `index`, for messages. */
function portName(op: string, index: number): string {
  portNames ??= new Map(
    binding.describeOps().map(({ name, inputs }) => [name, inputs.map((port) => port.name)]),
  );
  const names = portNames.get(op) ?? [];
  return names[Math.min(index, names.length - 1)] ?? `input ${index}`;
}

function toHandle(op: string, input: unknown, index: number): NativeTensor | null {
  if (input === undefined || input === null) return null;
  if (Tensor.is(input)) return input.handle(op);
  throw new ParamError(
    `${op}: ${portName(op, index)} must be a Tensor, got ${inspect(input, { depth: 0, breakLength: Infinity }).slice(0, 60)}`,
  );
}

/**
 * Runs an operator with all its outputs. Options that are undefined keep the default of the native schema.
 *
 * @throws HalftoneError of the class that fits, before any work is done.
 */
export function runOpAll<Op extends OpName>(
  op: Op,
  inputs: readonly OpInput[],
  params: OpParams[Op],
  device?: string,
): Tensor[] {
  const handles = inputs.map((input, i) => toHandle(op, input, i));
  const where = handles.some((h) => h !== null) ? undefined : resolveDevice(device);
  const { stream, tape } = workContext();
  return binding.run(op, handles, params, where, stream, tape).map((handle) => new Tensor(handle));
}

/** Runs an operator with one output. */
export function runOp<D extends DType = DType, Op extends OpName = OpName>(
  op: Op,
  inputs: readonly OpInput[],
  params: OpParams[Op],
  device?: string,
): Tensor<D> {
  return runOpAll(op, inputs, params, device)[0] as Tensor<D>;
}
