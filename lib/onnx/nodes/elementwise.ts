import { bfloat16BitsToFloat, type DType, finfo, halfBitsToFloat, isFloatDType } from '../../dtype';
import type { Constant } from '../../graph/ir';
import type { NodeCall, OpDefinition, Value } from '../../graph/op-set';
import { broadcastBatch, direct, inputsOf, perImageBatch, sameTypes } from './common';
import { cast } from './scalar';
import { reshape } from './shape';

/** Since 7 these broadcast as NumPy does; before, attributes said how. */
const BINARY: readonly OpDefinition[] = [
  direct('Add', 7, 2, 'add'),
  direct('Sub', 7, 2, 'sub'),
  direct('Mul', 7, 2, 'mul'),
  direct('Div', 7, 2, 'div'),
  direct('Equal', 7, 2, 'equal'),
  direct('Less', 7, 2, 'less'),
  direct('LessOrEqual', 12, 2, 'lessEqual'),
  direct('Greater', 7, 2, 'greater'),
  direct('GreaterOrEqual', 12, 2, 'greaterEqual'),
  direct('And', 7, 2, 'logicalAnd'),
  direct('Or', 7, 2, 'logicalOr'),
  direct('Xor', 7, 2, 'logicalXor'),
  direct('Where', 9, 3, 'where'),
  direct('BitwiseAnd', 18, 2, 'bitwiseAnd'),
  direct('BitwiseOr', 18, 2, 'bitwiseOr'),
  direct('BitwiseXor', 18, 2, 'bitwiseXor'),
];

/** BitShift-11. */
const bitShift: OpDefinition = {
  op: 'BitShift',
  since: 11,
  inputs: [2, 2],
  attributes: { direction: 'string' },
  lower(call) {
    const direction = call.string('direction');
    if (direction !== 'LEFT' && direction !== 'RIGHT') {
      throw call.error(`direction must be LEFT or RIGHT, got "${direction ?? ''}"`);
    }
    const operands = sameTypes(call, [call.input(0), call.input(1)]);
    return call.emit(direction === 'LEFT' ? 'shiftLeft' : 'shiftRight', operands);
  },
  batch: broadcastBatch,
};

/** Add-6, And-1 and their like: the second input is broadcast only when an attribute says so, and to the axes that one names. */
const binary6 = (op: string, native: string, since = 6): OpDefinition => ({
  op,
  since,
  inputs: [2, 2],
  attributes: { axis: 'int', broadcast: 'int' },
  lower(call) {
    const [a, b] = sameTypes(call, [call.input(0), call.input(1)]) as [Value, Value];
    const [shape, other] = [a.desc.shape, b.desc.shape];
    const axis = call.int('axis') ?? shape.length - other.length;
    const broadcast = call.int('broadcast') === 1;
    const after = shape.length - other.length - axis;
    const fits = broadcast ? axis >= 0 && after >= 0 : shape.join() === other.join();
    if (!fits) {
      throw call.error(
        `input 1 [${other.join(', ')}] must have the shape of input 0 [${shape.join(', ')}], or be broadcast to it`,
      );
    }
    const wide = reshape(call, b, [...other, ...Array<number>(Math.max(0, after)).fill(1)]);
    return call.emit(native, [a, wide]);
  },
});

/** Before 6 these had an attribute for in-place work. */
const UNARY: readonly OpDefinition[] = [
  direct('Abs', 6, 1, 'abs'),
  direct('Acos', 7, 1, 'acos'),
  direct('Acosh', 9, 1, 'acosh'),
  direct('Asin', 7, 1, 'asin'),
  direct('Asinh', 9, 1, 'asinh'),
  direct('Atan', 7, 1, 'atan'),
  direct('Atanh', 9, 1, 'atanh'),
  direct('BitwiseNot', 18, 1, 'bitwiseNot'),
  direct('Ceil', 6, 1, 'ceil'),
  direct('Cos', 7, 1, 'cos'),
  direct('Cosh', 9, 1, 'cosh'),
  direct('Erf', 9, 1, 'erf'),
  direct('Exp', 6, 1, 'exp'),
  direct('Floor', 6, 1, 'floor'),
  direct('Log', 6, 1, 'log'),
  direct('Neg', 6, 1, 'neg'),
  direct('Reciprocal', 6, 1, 'reciprocal'),
  direct('Relu', 6, 1, 'relu'),
  direct('Round', 11, 1, 'round'),
  direct('Sigmoid', 6, 1, 'sigmoid'),
  direct('Sign', 9, 1, 'sign'),
  direct('Sin', 7, 1, 'sin'),
  direct('Sinh', 9, 1, 'sinh'),
  direct('Sqrt', 6, 1, 'sqrt'),
  direct('Tan', 7, 1, 'tan'),
  direct('Tanh', 6, 1, 'tanh'),
];

/** An operator of any number of inputs: from left to right, two at a time. */
const fold = (op: string, since: number, native: string): OpDefinition => ({
  op,
  since,
  inputs: [1, Number.POSITIVE_INFINITY],
  lower: (call) => sameTypes(call, inputsOf(call)).reduce((a, b) => call.emit(native, [a, b])),
  batch: broadcastBatch,
});

/** Pow-7, 12, 13, 15: the type is that of the base. */
const pow: OpDefinition = {
  op: 'Pow',
  since: 7,
  inputs: [2, 2],
  lower(call) {
    const [x, y] = [call.input(0), call.input(1)];
    const [base, exponent] = [x.desc.dtype, y.desc.dtype];
    if (base === exponent) return call.emit('pow', [x, y]);
    if (call.opset < 12) sameTypes(call, [x, y]);
    // Wide enough for both, then rounded once.
    const isFloat = isFloatDType(base) || isFloatDType(exponent);
    // Integers wrap, so that a base may be read modulo 2^64; an exponent may not.
    const type = isFloat ? floatOf(base, exponent) : exponent === 'uint64' ? 'uint64' : 'int64';
    return cast(call, call.emit('pow', [cast(call, x, type), cast(call, y, type)]), base);
  },
  batch: broadcastBatch,
};

const floatOf = (...types: readonly DType[]): DType =>
  types.every((type) => type === 'float16' || type === 'bfloat16') ? 'float32' : 'float64';

/** Gelu-20. */
const gelu: OpDefinition = {
  op: 'Gelu',
  since: 20,
  inputs: [1, 1],
  attributes: { approximate: 'string' },
  lower: (call) =>
    call.emit('gelu', [call.input(0)], { approximate: call.string('approximate') ?? 'none' }),
  batch: perImageBatch,
};

/** The single value of a known float. */
function scalar(call: NodeCall, { dtype, data }: Constant): number {
  const [value] = data;
  if (data.length !== 1 || value === undefined) {
    throw call.error(`a bound must be one value, got ${data.length}`);
  }
  if (dtype === 'float16') return halfBitsToFloat(Number(value));
  if (dtype === 'bfloat16') return bfloat16BitsToFloat(Number(value));
  return Number(value);
}

/** The default of Clip-6: the largest float32, whatever the type. */
const LARGEST = finfo('float32').max;

/** Clip-6: the bounds are attributes. */
const clip6: OpDefinition = {
  op: 'Clip',
  since: 6,
  inputs: [1, 1],
  attributes: { min: 'float', max: 'float' },
  lower: (call) => clip(call, call.float('min') ?? -LARGEST, call.float('max') ?? LARGEST),
  batch: perImageBatch,
};

/** Clip-11, 12, 13: the bounds are inputs; by default the type's lowest and largest numbers, so that an infinity becomes one. */
const clip11: OpDefinition = {
  op: 'Clip',
  since: 11,
  inputs: [1, 3],
  lower(call) {
    const [low, high] = [call.optional(1), call.optional(2)];
    sameTypes(call, [call.input(0), ...(low ? [low] : []), ...(high ? [high] : [])]);
    const { dtype } = call.input(0).desc;
    const largest = isFloatDType(dtype) ? finfo(dtype).max : undefined;
    const lowest = largest === undefined ? undefined : -largest;
    const isKnown = (bound: Value | undefined) =>
      !bound || (bound.constant && !Number.isNaN(scalar(call, bound.constant)));
    if (isKnown(low) && isKnown(high)) {
      const bound = (value: Value | undefined, otherwise: number | undefined) =>
        value?.constant ? scalar(call, value.constant) : otherwise;
      return clip(call, bound(low, lowest), bound(high, largest));
    }
    const raised = low ? call.emit('max', [call.input(0), low]) : clip(call, lowest, undefined);
    return high ? call.emit('min', [raised, high]) : clip(call, undefined, largest, raised);
  },
  batch: perImageBatch,
};

function clip(
  call: NodeCall,
  min: number | undefined,
  max: number | undefined,
  x = call.input(0),
): Value {
  if (min === undefined && max === undefined) return x;
  return call.emit('clip', [x], {
    ...(min === undefined ? {} : { min }),
    ...(max === undefined ? {} : { max }),
  });
}

export const ELEMENTWISE: readonly OpDefinition[] = [
  binary6('Add', 'add'),
  binary6('Div', 'div'),
  binary6('Mul', 'mul'),
  binary6('Sub', 'sub'),
  binary6('And', 'logicalAnd', 1),
  binary6('Equal', 'equal', 1),
  binary6('Greater', 'greater', 1),
  binary6('Less', 'less', 1),
  binary6('Or', 'logicalOr', 1),
  binary6('Pow', 'pow', 1),
  binary6('Xor', 'logicalXor', 1),
  ...BINARY,
  bitShift,
  ...UNARY,
  fold('Max', 6, 'max'),
  fold('Min', 6, 'min'),
  fold('Sum', 6, 'add'),
  pow,
  gelu,
  clip6,
  clip11,
];
