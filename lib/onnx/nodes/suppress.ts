import { bfloat16BitsToFloat, halfBitsToFloat } from '../../dtype';
import type { Constant } from '../../graph/ir';
import type { NodeCall, OpDefinition } from '../../graph/op-set';
import { int64 } from './shape';

/** A box by its corners. */
interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** Floats of a tensor, exactly. */
function floats({ dtype, data }: Constant): ArrayLike<number> {
  if (dtype === 'float16') return Array.from(data as Uint16Array, halfBitsToFloat);
  if (dtype === 'bfloat16') return Array.from(data as Uint16Array, bfloat16BitsToFloat);
  return data as Float32Array;
}

/** Two corners in any order, [y1, x1, y2, x2], or the centre and the sizes, [x, y, width, height]. */
function boxAt(data: ArrayLike<number>, at: number, isCentre: boolean): Box {
  const [a = 0, b = 0, c = 0, d = 0] = [0, 1, 2, 3].map((k) => data[at + k] as number);
  if (isCentre) return { left: a - c / 2, right: a + c / 2, top: b - d / 2, bottom: b + d / 2 };
  return {
    left: Math.min(b, d),
    right: Math.max(b, d),
    top: Math.min(a, c),
    bottom: Math.max(a, c),
  };
}

const area = ({ left, right, top, bottom }: Box) => (right - left) * (bottom - top);

/** Intersection over union; 0 where they do not overlap, or one of them is empty. */
function overlap(a: Box, b: Box): number {
  const common: Box = {
    left: Math.max(a.left, b.left),
    right: Math.min(a.right, b.right),
    top: Math.max(a.top, b.top),
    bottom: Math.min(a.bottom, b.bottom),
  };
  if (!(common.right > common.left && common.bottom > common.top)) return 0;
  const shared = area(common);
  const [first, second] = [area(a), area(b)];
  const union = first + second - shared;
  return first > 0 && second > 0 && union > 0 ? shared / union : 0;
}

/** One number of an optional input. */
function limit(
  call: NodeCall,
  value: Constant | undefined,
  what: string,
  fallback: number,
): number {
  if (!value) return fallback;
  if (value.data.length !== 1) {
    throw call.error(`${what} must be one number, got ${value.data.length}`);
  }
  return Number(floats(value)[0]);
}

/** The boxes that are kept, best first: none overlaps one before it by more than `most`. */
function keep(
  boxes: readonly Box[],
  scores: ArrayLike<number>,
  from: number,
  count: number,
  most: number,
  least: number,
): number[] {
  const score = (i: number) => scores[from + i] as number;
  const order = boxes.flatMap((_, i) => (score(i) > least ? [i] : []));
  order.sort((i, j) => score(j) - score(i) || i - j);
  const kept: number[] = [];
  for (const i of order) {
    if (kept.length >= count) break;
    if (kept.every((j) => !(overlap(boxes[i] as Box, boxes[j] as Box) > most))) kept.push(i);
  }
  return kept;
}

/**
 * NonMaxSuppression-10, 11: [image, class, box] of the boxes that are kept. How many there are follows from the values, which are
 * read by the host.
 */
const nonMaxSuppression: OpDefinition = {
  op: 'NonMaxSuppression',
  since: 10,
  inputs: [2, 5],
  attributes: { center_point_box: 'int' },
  lower(call) {
    const [boxShape, scoreShape] = [call.input(0).desc.shape, call.input(1).desc.shape];
    const [images = 0, count = 0, sides = 0] = boxShape;
    const [batch = 0, classes = 0, scored = 0] = scoreShape;
    const fits = boxShape.length === 3 && scoreShape.length === 3 && sides === 4;
    if (!fits || batch !== images || scored !== count) {
      throw call.error(
        `boxes must be [n, boxes, 4] and scores [n, classes, boxes], got [${boxShape.join(', ')}] and [${scoreShape.join(', ')}]`,
      );
    }
    const [boxes, scores, ...limits] = call.data(0, 1, 2, 3, 4);
    const [most, iou, least] = [
      limit(call, limits[0], 'max_output_boxes_per_class', 0),
      limit(call, limits[1], 'iou_threshold', 0),
      limit(call, limits[2], 'score_threshold', Number.NEGATIVE_INFINITY),
    ];
    const [places, values] = [floats(boxes as Constant), floats(scores as Constant)];
    const isCentre = call.int('center_point_box') === 1;
    const rows: number[] = [];
    for (let n = 0; n < images; n++) {
      const own = Array.from({ length: count }, (_, i) =>
        boxAt(places, (n * count + i) * 4, isCentre),
      );
      for (let c = 0; c < classes; c++)
        for (const i of keep(own, values, (n * classes + c) * count, most, iou, least))
          rows.push(n, c, i);
    }
    return call.constant(int64(rows, [rows.length / 3, 3]));
  },
};

export const SUPPRESS: readonly OpDefinition[] = [nonMaxSuppression];
