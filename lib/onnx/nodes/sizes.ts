/**
 * How operators hand on lists of sizes in which the number of images is one: parts of a Shape on their way to a Reshape. Only
 * operators that move such values are here; what computes with the number of images is refused.
 */

import { BATCH, type BatchAnswer, type BatchQuery, type Size } from '../../graph/op-set';

type Sizes = readonly Size[];

const isNumbers = (sizes: Sizes | undefined): sizes is readonly number[] =>
  sizes?.every((size) => typeof size === 'number') ?? false;

const isFirst = (axis: number | undefined) => axis === undefined || axis === 0 || axis === -1;

/** Of operators that give the values as they are: Identity, Squeeze, Unsqueeze, Reshape. */
export const sameSizes = ({ sizes: [from] }: BatchQuery): Sizes | undefined => from;

/** Of Cast, to integers. */
export function castSizes({ sizes: [from], int }: BatchQuery): Sizes | undefined {
  const [int32, int64] = [6, 7]; // codes of TensorProto
  return int('to') === int32 || int('to') === int64 ? from : undefined;
}

/** Of Shape: axis 0 is that of the images. */
export function shapeSizes({ batched, shapes: [shape = []], int }: BatchQuery): Sizes | undefined {
  if (!batched[0]) return undefined;
  const all: Sizes = [BATCH, ...shape.slice(1)];
  return all.slice(int('start') ?? 0, int('end'));
}

/** Of Gather from a list. */
export function gatherSizes({ sizes: [from, at], int }: BatchQuery): Sizes | undefined {
  if (!from || !isNumbers(at) || !isFirst(int('axis'))) return undefined;
  const found = at.map((index) => from[index < 0 ? index + from.length : index]);
  return found.includes(undefined) ? undefined : (found as Sizes);
}

/** Of Concat of lists. */
export function concatSizes({ sizes, shapes, int }: BatchQuery): Sizes | undefined {
  if (!isFirst(int('axis')) || shapes.some((shape) => shape?.length !== 1)) return undefined;
  return sizes.includes(undefined) ? undefined : (sizes as readonly Sizes[]).flat();
}

/** Of Slice of a list, forwards. */
export function sliceSizes(query: BatchQuery): Sizes | undefined {
  const [from, ...inputs] = query.sizes;
  const given = query.shapes.length > 1;
  const list = (index: number, name: string): Sizes | undefined =>
    given ? (query.shapes[index + 1] ? inputs[index] : []) : (query.ints(name) ?? []);
  const [starts, ends] = [list(0, 'starts'), list(1, 'ends')];
  const [axes, steps] = [list(2, 'axes'), list(3, 'steps')];
  if (!from || !isNumbers(starts) || !isNumbers(ends) || !isNumbers(axes) || !isNumbers(steps)) {
    return undefined;
  }
  const [start, end, axis, step = 1] = [starts[0], ends[0], axes[0], steps[0]];
  if (start === undefined || end === undefined || step < 1 || !isFirst(axis)) return undefined;
  return from.slice(start, end).filter((_, i) => i % step === 0);
}

/** Whether a list of sizes for a result says that axis 0 holds the images, and says so of no other axis. */
export function leadsWithImages(sizes: Sizes): BatchAnswer {
  if (sizes.lastIndexOf(BATCH) === 0) return { ok: true };
  return { ok: false, why: `its sizes [${sizes.join(', ')}] have the images along another axis` };
}

/** Batch rule of operators that make what does not depend on images as often as there are: Expand, ConstantOfShape. */
export function repeatedBatch(sizes: Sizes, from: readonly number[]): BatchAnswer {
  const fits = from.length < sizes.length || (from.length === sizes.length && from[0] === 1);
  return fits ? leadsWithImages(sizes) : { ok: false, why: 'its input has entries along axis 0' };
}
