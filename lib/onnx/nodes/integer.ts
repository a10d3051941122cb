import type { DType } from '../../dtype';
import { elementCount } from '../../graph/ir';
import type { BatchAnswer, BatchQuery, NodeCall, OpDefinition, Value } from '../../graph/op-set';
import {
  asImages,
  broadcastBatch,
  checkFilter,
  fromImages,
  perImageBatch,
  sameTypes,
  WINDOW_ATTRIBUTES,
  windowOptions,
} from './common';
import { matmulBatch } from './matmul';
import { algebra, cast } from './scalar';
import { reshape } from './shape';

/**
 * Products of 8-bit codes that stand for (code - zero point), with int32 sums, exact modulo 2^32. The zero points are
 * taken out by the sums of the other operand:
 *
 *   sum (a - za) (b - zb) = sum a b - zb sum a - za sum b + K za zb
 */

/** A zero point; undefined where it is left out or known to be 0. */
function zeroPoint(call: NodeCall, index: number): Value | undefined {
  const zero = call.optional(index);
  if (!zero?.constant) return zero;
  return zero.constant.data.some((value) => Number(value) !== 0) ? zero : undefined;
}

const isSingle = ({ desc }: Value) => elementCount(desc.shape) === 1;

/** One number as a tensor that broadcasts to everything, others as they are. */
const loose = (call: NodeCall, x: Value): Value => (isSingle(x) ? reshape(call, x, []) : x);

const int32 = (call: NodeCall, x: Value): Value => cast(call, x, 'int32');

/** a [..., m, k] * b [..., k, n]; `za`: one, or one per row [m] or [..., m, 1]; `zb`: one, [n] or [..., 1, n]. */
function matrixProduct(
  call: NodeCall,
  a: Value,
  za: Value | undefined,
  b: Value,
  zb: Value | undefined,
): Value {
  const f = algebra(call, 'int32');
  const last = a.desc.shape.length - 1;
  const k = a.desc.shape[last] ?? 0;
  let sum = call.emit('matmul', [a, b]);
  if (a.desc.shape.length < 2 || b.desc.shape.length < 2) {
    if (za ?? zb) throw call.error('zero points need matrices, not vectors');
    return sum;
  }
  const rowZero = za && int32(call, perRow(call, za, a.desc.shape[last - 1] ?? 0));
  const columnZero = zb && int32(call, loose(call, zb));
  if (columnZero) {
    sum = f.sub(sum, f.mul(f.reduce('reduceSum', int32(call, a), [last]), columnZero));
  }
  if (rowZero) {
    const columns = f.reduce('reduceSum', int32(call, b), [b.desc.shape.length - 2]);
    sum = f.sub(sum, f.mul(columns, rowZero));
  }
  if (rowZero && columnZero) sum = f.add(sum, f.mul(f.mul(rowZero, columnZero), k));
  return sum;
}

/** A vector of one value per row becomes a column. */
function perRow(call: NodeCall, zero: Value, rows: number): Value {
  if (isSingle(zero)) return reshape(call, zero, []);
  const { shape } = zero.desc;
  return shape.length === 1 && shape[0] === rows ? reshape(call, zero, [rows, 1]) : zero;
}

/**
 * Padding of the image with its zero point, since code 0 is not the number 0. The filter's sums and the int32 `bias` are one
 * value per channel, which is known before the model runs and which the convolution adds.
 */
function convProduct(
  call: NodeCall,
  x: Value,
  zx: number,
  w: Value,
  zw: Value | undefined,
  bias?: Value,
): Value {
  checkFilter(call, x, w);
  if (zw) sameTypes(call, [w, zw]);
  const f = algebra(call, 'int32');
  const { padding, ...window } = windowOptions(call);
  const groups = call.int('group') ?? 1;
  const images = asImages(call, x);
  const filter = asImages(call, w);
  const [, , height = 0, width = 0] = images.desc.shape;
  const [channels = 0, perGroup = 0, rows = 1, columns = 1] = filter.desc.shape;
  const pads = explicitPadding(
    padding,
    [height, width],
    [rows, columns],
    window.stride,
    window.dilation,
  );
  const padded = pads.some((size) => size > 0)
    ? call.emit('pad', [images], {
        before: [0, 0, pads[0] ?? 0, pads[2] ?? 0],
        after: [0, 0, pads[1] ?? 0, pads[3] ?? 0],
        value: zx,
      })
    : images;
  const options = { layout: 'NCHW', filterLayout: 'OIHW', ...window, padding: 'valid', groups };
  const totals =
    zx === 0 ? undefined : f.mul(f.reduce('reduceSum', int32(call, filter), [1, 2, 3], false), -zx);
  const offset = bias && totals ? f.add(bias, totals) : (bias ?? totals);
  let sum = call.emit('conv2d', [padded, filter, ...(offset ? [offset] : [])], options);
  const column = (values: Value) =>
    isSingle(values) ? reshape(call, values, []) : reshape(call, values, [1, channels, 1, 1]);
  const filterZero = zw && column(int32(call, zw));
  if (filterZero) {
    const ones = call.emit('full', [], {
      shape: [channels, perGroup, rows, columns],
      value: 1,
      dtype: filter.desc.dtype,
    });
    sum = f.sub(sum, f.mul(call.emit('conv2d', [padded, ones], options), filterZero));
  }
  if (zx !== 0 && filterZero) sum = f.add(sum, f.mul(filterZero, zx * perGroup * rows * columns));
  return fromImages(call, x, sum);
}

/** [top, bottom, left, right] of a padding that may be a word. */
function explicitPadding(
  padding: string | readonly number[],
  size: readonly number[],
  kernel: readonly number[],
  stride: readonly number[],
  dilation: readonly number[],
): number[] {
  if (typeof padding !== 'string') return [...padding];
  if (padding === 'valid') return [0, 0, 0, 0];
  return [0, 1].flatMap((axis) => {
    const [n = 0, k = 1, step = 1, apart = 1] = [
      size[axis],
      kernel[axis],
      stride[axis],
      dilation[axis],
    ];
    const total = Math.max(0, (Math.ceil(n / step) - 1) * step + (k - 1) * apart + 1 - n);
    const small = Math.floor(total / 2);
    return padding === 'same' ? [small, total - small] : [total - small, small];
  });
}

/** The value of a scalar zero point, which the padding takes; 0 where it is left out. */
function knownZero(call: NodeCall, index: number): number {
  const zero = call.optional(index);
  if (!zero) return 0;
  sameTypes(call, [call.input(0), zero]);
  const { data } = call.known(index);
  if (data.length !== 1) throw call.error(`input ${index} must be one number, got ${data.length}`);
  return Number(data[0]);
}

/** Codes of sums: saturate(round(sum * scale) + zero point), with a scale for each entry of `axis` or one for all. */
function requantize(
  call: NodeCall,
  sum: Value,
  scales: readonly [Value, Value, Value],
  zero: Value,
  axis: number,
): Value {
  const f = algebra(call, 'float32');
  const [x, w, y] = scales.map((s) => cast(call, loose(call, s), 'float32')) as [
    Value,
    Value,
    Value,
  ];
  const scale = f.div(f.mul(x, w), y);
  const dtype: DType = zero.desc.dtype;
  const single = isSingle(scale);
  const count = elementCount(scale.desc.shape);
  const vector = single ? scale : reshape(call, scale, [count]);
  const zeros = call.emit('full', [], { shape: single ? [] : [count], value: 0, dtype });
  const zeroes = call.emit('add', [zeros, reshape(call, zero, [])]);
  return call.emit('requantize', [sum, vector, zeroes], { dtype, axis: single ? null : axis });
}

/** For batch rules: scales and zero points are the same for all images, and a row or image has none of its own. */
function scalesAreFixed(query: BatchQuery, indices: readonly number[]): BatchAnswer | undefined {
  const other = indices.find((i) => query.batched[i] || elementCount(query.shapes[i] ?? []) > 1);
  return other === undefined
    ? undefined
    : { ok: false, why: `input ${other} depends on the images or has several values` };
}

/** MatMulInteger-10. */
const matMulInteger: OpDefinition = {
  op: 'MatMulInteger',
  since: 10,
  inputs: [2, 4],
  lower: (call) =>
    matrixProduct(call, call.input(0), zeroPoint(call, 2), call.input(1), zeroPoint(call, 3)),
  batch: (query) => scalesAreFixed(query, [2, 3]) ?? matmulBatch(query),
};

/** ConvInteger-10: pads with the zero point of x, which has to be known. */
const convInteger: OpDefinition = {
  op: 'ConvInteger',
  since: 10,
  inputs: [2, 4],
  attributes: { ...WINDOW_ATTRIBUTES, group: 'int' },
  lower: (call) =>
    convProduct(call, call.input(0), knownZero(call, 2), call.input(1), zeroPoint(call, 3)),
  batch: perImageBatch,
};

/** QLinearConv-10: the sums with an int32 bias become codes again, with one scale or one for each output channel. */
const qLinearConv: OpDefinition = {
  op: 'QLinearConv',
  since: 10,
  inputs: [8, 9],
  attributes: { ...WINDOW_ATTRIBUTES, group: 'int' },
  lower(call) {
    const sum = convProduct(
      call,
      call.input(0),
      knownZero(call, 2),
      call.input(3),
      zeroPoint(call, 5),
      call.optional(8),
    );
    return requantize(call, sum, [call.input(1), call.input(4), call.input(6)], call.input(7), 1);
  },
  batch: perImageBatch,
};

/** QLinearMatMul-10, 21. Scales per row of a or column of b are not offered together. */
const qLinearMatMul: OpDefinition = {
  op: 'QLinearMatMul',
  since: 10,
  inputs: [8, 8],
  lower(call) {
    const [a, b] = [call.input(0), call.input(3)];
    if (!isSingle(call.input(1))) throw call.error('a_scale must be one number');
    const sum = matrixProduct(call, a, zeroPoint(call, 2), b, zeroPoint(call, 5));
    const scales = [call.input(1), call.input(4), call.input(6)] as const;
    return requantize(call, sum, scales, call.input(7), sum.desc.shape.length - 1);
  },
  batch: (query) => scalesAreFixed(query, [1, 2, 4, 5, 6, 7]) ?? matmulBatch(query, 3),
};

/** ONNX Runtime's com.microsoft.QLinearAdd and QLinearMul: codes of the sum or product of what two codes stand for. */
const qLinearBinary = (op: string, native: string): OpDefinition => ({
  op,
  domain: 'com.microsoft',
  since: 1,
  inputs: [7, 8],
  lower(call) {
    const real = (index: number) => {
      const [q, scale, zero] = [call.input(index), call.input(index + 1), call.optional(index + 2)];
      const inputs = [q, reshape(call, scale, []), ...(zero ? [reshape(call, zero, [])] : [])];
      return call.emit('dequantize', inputs, { dtype: 'float32', axis: null });
    };
    const result = call.emit(native, [real(0), real(3)]);
    const zero = call.optional(7);
    const inputs = [
      result,
      reshape(call, call.input(6), []),
      ...(zero ? [reshape(call, zero, [])] : []),
    ];
    return call.emit('quantize', inputs, { dtype: call.input(0).desc.dtype, axis: null });
  },
  batch(query) {
    const [a = [], b = []] = [query.shapes[0], query.shapes[3]];
    const batched = [query.batched[0] === true, query.batched[3] === true];
    return (
      scalesAreFixed(query, [1, 2, 4, 5, 6, 7]) ??
      broadcastBatch({ ...query, batched, shapes: [a, b] })
    );
  },
});

export const INTEGER: readonly OpDefinition[] = [
  matMulInteger,
  convInteger,
  qLinearConv,
  qLinearMatMul,
  qLinearBinary('QLinearAdd', 'add'),
  qLinearBinary('QLinearMul', 'mul'),
];
