import {
  type BatchAnswer,
  type BatchQuery,
  type NodeCall,
  type OpDefinition,
  VIEW,
  type Value,
} from '../../graph/op-set';
import { type AutoPad, autoPad } from './windows';

/** Sizes of `shape` from the right, aligned with an output of `rank`; undefined where it has no such axis. */
const sizeAtAxis0 = (shape: readonly number[], rank: number): number | undefined =>
  shape.length === rank ? shape[0] : undefined;

const refuse = (why: string): BatchAnswer => ({ ok: false, why });
const ACCEPT: BatchAnswer = { ok: true };

/**
 * Batch rule of broadcasting operators: inputs with images keep their axis 0 in front, the others have at most one entry
 * there.
 */
export function broadcastBatch({ batched, shapes, outputShapes }: BatchQuery): BatchAnswer {
  const rank = outputShapes[0]?.length ?? 0;
  for (const [i, shape] of shapes.entries()) {
    if (!shape) continue;
    const size = sizeAtAxis0(shape, rank);
    if (batched[i] && size === undefined) {
      return refuse(`broadcasting moves the images of input ${i} to another axis`);
    }
    if (!batched[i] && size !== undefined && size !== 1) {
      return refuse(`input ${i} has ${size} entries along the axis of the images`);
    }
  }
  return ACCEPT;
}

/** Batch rule of operators that treat each image of input 0 alone, with the same other inputs for all of them. */
export function perImageBatch({ batched }: BatchQuery): BatchAnswer {
  const other = batched.indexOf(true, 1);
  return other >= 1 ? refuse(`input ${other} depends on the images`) : ACCEPT;
}

/** Batch rule of operators that work along one axis of input 0: not along that of the images. */
export const alongAxisBatch =
  (fallback: number) =>
  (query: BatchQuery): BatchAnswer => {
    const axis = query.int('axis') ?? fallback;
    const rank = query.shapes[0]?.length ?? 0;
    return axis === 0 || axis === -rank ? WORKS_ALONG : perImageBatch(query);
  };

/** The answer of operators that mix the images. */
export const WORKS_ALONG: BatchAnswer = refuse('it works along the axis of the images');

/** An operator without attributes that is one call of a Halftone op on all of its inputs. */
export function direct(
  op: string,
  since: number,
  inputs: number,
  native: string,
  batch: (query: BatchQuery) => BatchAnswer = broadcastBatch,
): OpDefinition {
  return {
    op,
    since,
    inputs: [inputs, inputs],
    lower: (call) => call.emit(native, sameTypes(call, inputsOf(call))),
    batch,
  };
}

/** ONNX converts no operand; Halftone's own ops would. A bool among others is a condition. */
export function sameTypes(call: NodeCall, values: readonly Value[]): readonly Value[] {
  const types = new Set(values.map(({ desc }) => desc.dtype));
  if (types.size > 1 && call.node.op === 'Where') types.delete('bool');
  if (types.size > 1)
    throw call.error(`the inputs must have one type, got ${[...types].join(', ')}`);
  return values;
}

export function inputsOf(call: NodeCall): Value[] {
  return Array.from({ length: call.inputCount }, (_, i) => call.input(i));
}

/** Attributes of windows that slide over images: Conv and the pools. */
export const WINDOW_ATTRIBUTES = {
  auto_pad: 'string',
  dilations: 'ints',
  kernel_shape: 'ints',
  pads: 'ints',
  strides: 'ints',
} as const;

/** auto_pad as Halftone's ops call it, but for NOTSET. */
const PADDING: Readonly<Record<AutoPad, string>> = {
  SAME_UPPER: 'same',
  SAME_LOWER: 'same-lower',
  VALID: 'valid',
};

/** The filter of a convolution has the rank of x, and the sizes that kernel_shape repeats. */
export function checkFilter(call: NodeCall, x: Value, w: Value): void {
  const kernel = call.ints('kernel_shape');
  const size = w.desc.shape.slice(2);
  if (kernel && kernel.join() !== size.join()) {
    throw call.error(
      `kernel_shape [${kernel.join(', ')}] differs from the filter's [${size.join(', ')}]`,
    );
  }
  if (w.desc.shape.length !== x.desc.shape.length) {
    throw call.error(
      `x [${x.desc.shape.join(', ')}] and the filter [${w.desc.shape.join(', ')}] must have the same rank`,
    );
  }
}

/** [n, c, h, w] as it is, and [n, c, w] with rows of one. */
export function asImages(call: NodeCall, x: Value): Value {
  const [n = 0, c = 0, w = 0] = x.desc.shape;
  return x.desc.shape.length === 3 ? call.emit(VIEW, [x], { shape: [n, c, 1, w] }) : x;
}

/** Back from `asImages`, where `x` was given. */
export function fromImages(call: NodeCall, x: Value, y: Value): Value {
  const [n = 0, c = 0, , w = 0] = y.desc.shape;
  return x.desc.shape.length === 3 ? call.emit(VIEW, [y], { shape: [n, c, w] }) : y;
}

/** The options `stride`, `padding` and `dilation` of Halftone's 2-D ops. Input 0 must be [n, c, h, w] or [n, c, w]. */
export function windowOptions(call: NodeCall): {
  stride: readonly number[];
  padding: string | readonly number[];
  dilation: readonly number[];
} {
  const { shape } = call.input(0).desc;
  if (shape.length !== 3 && shape.length !== 4) {
    throw call.error(
      `only images [n, c, h, w] and rows [n, c, w] are supported, got input 0 [${shape.join(', ')}]`,
    );
  }
  return {
    stride: pair(call, 'strides') ?? [1, 1],
    padding: padding(call),
    dilation: pair(call, 'dilations') ?? [1, 1],
  };
}

/** An attribute with one size for each axis of the windows, as [rows, columns]; undefined when it is left out. */
export function pair(call: NodeCall, name: string): readonly number[] | undefined {
  const values = call.ints(name);
  if (!values) return undefined;
  const axes = call.input(0).desc.shape.length - 2;
  if (values.length !== axes)
    throw call.error(`${name} must hold ${axes} sizes, got [${values.join(', ')}]`);
  return axes === 1 ? [1, ...values] : values;
}

function padding(call: NodeCall): string | readonly number[] {
  const pads = call.ints('pads');
  if (pads?.some((size) => size < 0))
    throw call.error(`pads must be 0 or more, got [${pads.join(', ')}]`);
  const auto = autoPad(call, pads);
  if (!auto) {
    if (!pads) return 'valid';
    const axes = call.input(0).desc.shape.length - 2;
    if (pads.length !== 2 * axes) {
      throw call.error(`pads must hold ${2 * axes} sizes, got [${pads.join(', ')}]`);
    }
    if (axes === 1) return [0, 0, ...pads];
    const [top, left, bottom, right] = pads;
    return [top, bottom, left, right] as readonly number[];
  }
  return PADDING[auto];
}

/** The option `compute` of ops that sum products; absent when the node does not set it. */
export const computeOption = ({ node }: NodeCall): { compute?: string } =>
  node.compute === undefined ? {} : { compute: node.compute };
