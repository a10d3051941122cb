import type { NodeCall, Value } from '../../graph/op-set';

/** Elements start, start + step, ... up to but without end along one axis. */
export const slice = (
  call: NodeCall,
  x: Value,
  axis: number,
  start: number,
  end: number,
  step = 1,
): Value => call.emit('slice', [x], { starts: [start], ends: [end], axes: [axis], steps: [step] });

/** `count` elements from `start` on, along one axis. */
export const part = (call: NodeCall, x: Value, axis: number, start: number, count: number): Value =>
  slice(call, x, axis, start, start + count);

/** Values one after the other along an axis; a single one as it is. */
export const concat = (call: NodeCall, parts: readonly Value[], axis: number): Value =>
  parts.length === 1 ? (parts[0] as Value) : call.emit('concat', parts, { axis });

/** Axes in another order; the same value where it is the order that they have. */
export const transpose = (call: NodeCall, x: Value, perm: readonly number[]): Value =>
  perm.every((from, to) => from === to) ? x : call.emit('transpose', [x], { perm });
