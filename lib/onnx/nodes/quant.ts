import type { DType } from '../../dtype';
import type { NodeCall, OpDefinition } from '../../graph/op-set';
import { dataTypeName, dtypeOf } from '../decode-tensor';
import { perImageBatch } from './common';
import { algebra, axisOf, cast } from './scalar';

/** The axis of scales that differ; null where there is one scale. */
function scaleAxis(call: NodeCall): number | null {
  const block = call.int('block_size') ?? 0;
  if (block !== 0)
    throw call.error(`blocks of ${block} values with a scale each are not supported`);
  const rank = call.input(0).desc.shape.length;
  const { shape } = call.input(1).desc;
  if (shape.length > 1) {
    throw call.error(`the scales must be one number or a vector, got [${shape.join(', ')}]`);
  }
  // A vector of one is as good as a number, whatever the axis is.
  return shape.length === 0 || shape[0] === 1 ? null : axisOf(call, call.int('axis') ?? 1, rank);
}

/** The dtype that a number of an attribute stands for; undefined where it is left out. */
function typeAttribute(call: NodeCall, name: string): DType | undefined {
  const code = call.int(name) ?? 0;
  if (code === 0) return undefined;
  const dtype = dtypeOf(code);
  if (!dtype) throw call.error(`${name} ${dataTypeName(code)} is not supported`);
  return dtype;
}

/** QuantizeLinear-10, 13, 19, 21 ... */
const quantize = {
  op: 'QuantizeLinear',
  inputs: [2, 3],
  lower(call: NodeCall) {
    const [x, scale, zero] = [call.input(0), call.input(1), call.optional(2)];
    const precision = typeAttribute(call, 'precision');
    if (precision && precision !== 'float32') throw call.error(`precision must be float32`);
    const wanted = typeAttribute(call, 'output_dtype');
    const dtype = zero?.desc.dtype ?? wanted ?? 'uint8';
    if (wanted && wanted !== dtype) {
      throw call.error(`output_dtype ${wanted} differs from the zero point's ${dtype}`);
    }
    const axis = scaleAxis(call);
    const given = x.desc.dtype === 'int32' ? cast(call, x, 'float32') : x;
    const inputs = [given, scale, ...(zero ? [zero] : [])];
    return call.emit('quantize', inputs, { dtype, axis });
  },
  batch: perImageBatch,
} as const;

/** DequantizeLinear-10, 13, 19, 21 ... */
const dequantize = {
  op: 'DequantizeLinear',
  inputs: [2, 3],
  lower(call: NodeCall) {
    const [q, scale, zero] = [call.input(0), call.input(1), call.optional(2)];
    const dtype = typeAttribute(call, 'output_dtype') ?? scale.desc.dtype;
    const inputs = [q, cast(call, scale, 'float32'), ...(zero ? [zero] : [])];
    return call.emit('dequantize', inputs, { dtype, axis: scaleAxis(call) });
  },
  batch: perImageBatch,
} as const;

/** DynamicQuantizeLinear-11: uint8 codes, the scale and the zero point of a range that holds 0. */
const dynamicQuantize: OpDefinition = {
  op: 'DynamicQuantizeLinear',
  since: 11,
  inputs: [1, 1],
  outputs: 3,
  lower(call) {
    const x = call.input(0);
    const a = algebra(call, 'float32');
    const axes = x.desc.shape.map((_, axis) => axis);
    const least = a.min(a.reduce('reduceMin', x, axes, false), 0);
    const greatest = a.max(a.reduce('reduceMax', x, axes, false), 0);
    const scale = a.div(a.sub(greatest, least), 255);
    // Of zeros alone the scale is 0, and the zero point with it.
    const rounded = call.emit('round', [a.div(a.neg(least), scale)]);
    const bounded = a.where(a.equal(scale, 0), 0, a.max(a.min(rounded, 255), 0));
    const zero = cast(call, bounded, 'uint8');
    const codes = call.emit('quantize', [x, scale, zero], { dtype: 'uint8', axis: null });
    return [codes, scale, zero];
  },
};

const Q13 = { axis: 'int' } as const;
const Q19 = { ...Q13, saturate: 'int' } as const;

export const QUANT: readonly OpDefinition[] = [
  { ...dequantize, since: 10 },
  { ...dequantize, since: 13, attributes: Q13 },
  { ...dequantize, since: 21, attributes: { ...Q13, block_size: 'int' } },
  {
    ...dequantize,
    since: 23,
    attributes: { ...Q13, block_size: 'int', output_dtype: 'int' },
  },
  dynamicQuantize,
  { ...quantize, since: 10 },
  { ...quantize, since: 13, attributes: Q13 },
  { ...quantize, since: 19, attributes: Q19 },
  {
    ...quantize,
    since: 21,
    attributes: { ...Q19, block_size: 'int', output_dtype: 'int' },
  },
  {
    ...quantize,
    since: 23,
    attributes: { ...Q19, block_size: 'int', output_dtype: 'int', precision: 'int' },
  },
];
