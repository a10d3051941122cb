import type { DType } from '../../dtype';
import { type NodeCall, type OpDefinition, type Value, VIEW } from '../../graph/op-set';
import { isNarrowFloat } from '../../stored';
import { dataTypeName, dtypeOf } from '../decode-tensor';
import { perImageBatch } from './common';
import { algebra, axisOf, cast } from './scalar';

/** Along which axis scales differ, and in blocks of how many values; null and 0: one scale. */
interface Scales {
  readonly axis: number | null;
  readonly blockSize: number;
}

function scalesOf(call: NodeCall): Scales {
  const blockSize = call.int('block_size') ?? 0;
  if (blockSize < 0) throw call.error(`block_size must be at least 0, got ${blockSize}`);
  const rank = call.input(0).desc.shape.length;
  const { shape } = call.input(1).desc;
  const single = shape.length === 0 || (shape.length === 1 && shape[0] === 1);
  const axis = () => axisOf(call, call.int('axis') ?? 1, rank);
  // A vector of one is as good as a number, whatever the axis is.
  if (single && (blockSize === 0 || shape.length !== rank)) return { axis: null, blockSize: 0 };
  if (blockSize > 0) return { axis: axis(), blockSize };
  if (shape.length > 1) {
    throw call.error(
      `the scales must be one number or a vector without block_size, got [${shape.join(', ')}]`,
    );
  }
  return { axis: axis(), blockSize };
}

/** The scales as they meet the values: [1, ..., n, ..., 1], or in blocks one for each value. */
function spread(call: NodeCall, scale: Value, { axis, blockSize }: Scales): Value {
  const { shape } = call.input(0).desc;
  const view = (x: Value, sizes: readonly number[]) => call.emit(VIEW, [x], { shape: sizes });
  if (axis === null) return view(scale, []);
  const size = shape[axis] ?? 0;
  if (blockSize === 0)
    return view(
      scale,
      shape.map((n, i) => (i === axis ? n : 1)),
    );
  const [before, after] = [shape.slice(0, axis), shape.slice(axis + 1)];
  const blocks = Math.ceil(size / blockSize);
  const ones = new Float32Array(blockSize).fill(1);
  const one = call.constant({
    dtype: 'float32',
    shape: [blockSize, ...after.map(() => 1)],
    data: ones,
  });
  const rows = view(scale, [...before, blocks, 1, ...after]);
  const repeated = call.emit('mul', [rows, cast(call, one, scale.desc.dtype)]);
  const all = view(repeated, [...before, blocks * blockSize, ...after]);
  return call.emit('slice', [all], { starts: [0], ends: [size], axes: [axis] });
}

const is16Bit = (dtype: DType): boolean => dtype === 'float16' || dtype === 'bfloat16';

/** The dtype that a number of an attribute stands for; undefined where it is left out. */
function typeAttribute(call: NodeCall, name: string): DType | undefined {
  const code = call.int(name) ?? 0;
  if (code === 0) return undefined;
  const dtype = dtypeOf(code);
  if (!dtype) throw call.error(`${name} ${dataTypeName(code)} is not supported`);
  return dtype;
}

/** QuantizeLinear-10, 13, 19, 21, 23, 25. The division is one of `precision`, by default the type of the scales. */
const quantize = {
  op: 'QuantizeLinear',
  inputs: [2, 3],
  lower(call: NodeCall) {
    const [x, scale, zero] = [call.input(0), call.input(1), call.optional(2)];
    const wanted = typeAttribute(call, 'output_dtype');
    const dtype = zero?.desc.dtype ?? wanted ?? 'uint8';
    if (wanted && wanted !== dtype) {
      throw call.error(`output_dtype ${wanted} differs from the zero point's ${dtype}`);
    }
    const own = is16Bit(scale.desc.dtype) ? scale.desc.dtype : 'float32';
    const precision = typeAttribute(call, 'precision') ?? own;
    if (precision !== 'float32' && !is16Bit(precision)) {
      throw call.error(`precision must be float32, float16 or bfloat16, got ${precision}`);
    }
    const scales = scalesOf(call);
    const params = {
      dtype,
      ...scales,
      ...(isNarrowFloat(dtype) && { saturate: (call.int('saturate') ?? 1) !== 0 }),
    };
    const codes = (values: Value, steps: Value) =>
      call.emit('quantize', [values, steps, ...(zero ? [zero] : [])], params);
    if (precision === 'float32') {
      const real = is16Bit(x.desc.dtype) ? x : cast(call, x, 'float32');
      return codes(real, cast(call, scale, 'float32'));
    }
    const divisor = spread(call, cast(call, scale, precision), scales);
    const quotient = call.emit('div', [cast(call, x, precision), divisor]);
    const { shape } = scale.desc;
    const data = new Float32Array(shape.reduce((n, d) => n * d, 1)).fill(1);
    return codes(quotient, call.constant({ dtype: 'float32', shape, data }));
  },
  batch: perImageBatch,
} as const;

/** DequantizeLinear-10, 13, 19, 21, 23, 24, 25. */
const dequantize = {
  op: 'DequantizeLinear',
  inputs: [2, 3],
  lower(call: NodeCall) {
    const [q, scale, zero] = [call.input(0), call.input(1), call.optional(2)];
    const dtype = typeAttribute(call, 'output_dtype') ?? scale.desc.dtype;
    const inputs = [q, cast(call, scale, 'float32'), ...(zero ? [zero] : [])];
    return call.emit('dequantize', inputs, { dtype, ...scalesOf(call) });
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
