/** Sequences of tensors. They exist in plans only: where each element is follows from lengths and positions that are known. */

import type { DType } from '../../dtype';
import type { NodeCall, OpDefinition, Sequence, Value } from '../../graph/op-set';
import { dataTypeName, dtypeOf } from '../decode-tensor';
import { axisOf } from './scalar';
import { concat as join, part } from './move';
import { int64, reshape } from './shape';

/** Sequences are made anew by each node that changes one: this bounds what a hostile file costs. */
const MAX_ELEMENTS = 4096;

function checkCount(call: NodeCall, elements: number): void {
  if (elements <= MAX_ELEMENTS) return;
  throw call.error(`at most ${MAX_ELEMENTS} elements are supported, got ${elements}`);
}

/** Elements of one dtype. */
function sequenceOf(call: NodeCall, elements: readonly Value[], dtype: DType): Sequence {
  checkCount(call, elements.length);
  const other = elements.find((element) => element.desc.dtype !== dtype);
  if (other) throw call.error(`elements must be ${dtype}, got ${other.desc.dtype}`);
  return { desc: { dtype, shape: [] }, elements };
}

/** The position that input `index` names, from the end when it is negative; it may be `last` at most. */
function position(call: NodeCall, index: number, length: number, last: number): number {
  const { dtype, data } = call.known(index);
  if ((dtype !== 'int32' && dtype !== 'int64') || data.length !== 1) {
    throw call.error(`the position must be one int32 or int64, got ${data.length} ${dtype}`);
  }
  const given = Number(data[0]);
  const at = given < 0 ? given + length : given;
  if (at >= 0 && at <= last) return at;
  throw call.error(`position must lie in [${-length}, ${last}], got ${given}`);
}

/** SequenceEmpty-11. */
const empty: OpDefinition = {
  op: 'SequenceEmpty',
  since: 11,
  inputs: [0, 0],
  attributes: { dtype: 'int' },
  lower(call) {
    const code = call.int('dtype') ?? 1;
    const dtype = dtypeOf(code);
    if (!dtype) throw call.error(`elements of ${dataTypeName(code)} are not supported`);
    return sequenceOf(call, [], dtype);
  },
};

/** SequenceConstruct-11. */
const construct: OpDefinition = {
  op: 'SequenceConstruct',
  since: 11,
  inputs: [1, Number.POSITIVE_INFINITY],
  lower(call) {
    const elements = Array.from({ length: call.inputCount }, (_, i) => call.input(i));
    return sequenceOf(call, elements, call.input(0).desc.dtype);
  },
};

/** SequenceInsert-11: before the element at the position, or at the end. */
const insert: OpDefinition = {
  op: 'SequenceInsert',
  since: 11,
  inputs: [2, 3],
  lower(call) {
    const { desc, elements } = call.sequence(0);
    const { length } = elements;
    const at = call.inputCount > 2 ? position(call, 2, length, length) : length;
    return sequenceOf(call, elements.toSpliced(at, 0, call.input(1)), desc.dtype);
  },
};

/** SequenceErase-11: the last element where no position is given. */
const erase: OpDefinition = {
  op: 'SequenceErase',
  since: 11,
  inputs: [1, 2],
  lower(call) {
    const { desc, elements } = call.sequence(0);
    if (elements.length === 0) throw call.error('the sequence has no element to erase');
    const last = elements.length - 1;
    const at = call.inputCount > 1 ? position(call, 1, elements.length, last) : last;
    return sequenceOf(call, elements.toSpliced(at, 1), desc.dtype);
  },
};

/** SequenceAt-11. */
const at: OpDefinition = {
  op: 'SequenceAt',
  since: 11,
  inputs: [2, 2],
  lower(call) {
    const { elements } = call.sequence(0);
    return elements[position(call, 1, elements.length, elements.length - 1)] as Value;
  },
};

/** SequenceLength-11. */
const lengthOf: OpDefinition = {
  op: 'SequenceLength',
  since: 11,
  inputs: [1, 1],
  lower: (call) => call.constant(int64([call.sequence(0).elements.length], [])),
};

/** ConcatFromSequence-11: along an axis that the elements have, or along a new one. */
const concat: OpDefinition = {
  op: 'ConcatFromSequence',
  since: 11,
  inputs: [1, 1],
  attributes: { axis: 'int', new_axis: 'int' },
  lower(call) {
    const { elements } = call.sequence(0);
    const [first] = elements;
    const wanted = call.int('axis');
    if (wanted === undefined) throw call.error('attribute "axis" is missing');
    if (!first) throw call.error('the sequence has no elements');
    const isNew = call.int('new_axis') === 1;
    const axis = axisOf(call, wanted, first.desc.shape.length + (isNew ? 1 : 0));
    const inputs = isNew
      ? elements.map((x) => reshape(call, x, x.desc.shape.toSpliced(axis, 0, 1)))
      : elements;
    return join(call, inputs, axis);
  },
};

/** SplitToSequence-11, 24: parts of one size (a scalar), of these sizes (a vector), or single entries. */
const splitTo: OpDefinition = {
  op: 'SplitToSequence',
  since: 11,
  inputs: [1, 2],
  attributes: { axis: 'int', keepdims: 'int' },
  lower(call) {
    const x = call.input(0);
    const axis = axisOf(call, call.int('axis') ?? 0, x.desc.shape.length);
    const size = x.desc.shape[axis] as number;
    const sizes = sizesOf(call, size);
    const single = call.inputCount < 2 && call.int('keepdims') === 0;
    let begin = 0;
    const elements = sizes.map((count) => {
      begin += count;
      const element = part(call, x, axis, begin - count, count);
      return single ? reshape(call, element, x.desc.shape.toSpliced(axis, 1)) : element;
    });
    return sequenceOf(call, elements, x.desc.dtype);
  },
};

/** The sizes of the parts of an axis. */
function sizesOf(call: NodeCall, size: number): readonly number[] {
  const equal = (part: number) => {
    const length = Math.ceil(size / part);
    checkCount(call, length);
    return Array.from({ length }, (_, i) => Math.min(part, size - i * part));
  };
  if (call.inputCount < 2) return equal(1);
  const { dtype, shape, data } = call.known(1);
  if (dtype !== 'int32' && dtype !== 'int64') {
    throw call.error(`split must be int32 or int64, got ${dtype}`);
  }
  const sizes = Array.from<number | bigint, number>(data, Number);
  const [first = 0] = sizes;
  if (shape.length === 0) {
    if (first > 0) return equal(first);
    throw call.error(`split must be positive, got ${first}`);
  }
  if (sizes.reduce((a, b) => a + b, 0) === size && sizes.every((n) => n >= 0)) return sizes;
  throw call.error(`parts [${sizes.join(', ')}] must add up to ${size}`);
}

export const SEQUENCE: readonly OpDefinition[] = [
  at,
  concat,
  construct,
  empty,
  erase,
  insert,
  lengthOf,
  splitTo,
];
