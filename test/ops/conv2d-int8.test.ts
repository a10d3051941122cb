import type { DType, RequantizeVariant } from '../../binding';
import { conv2dInt8, type Tensor, tensor } from '../../lib';
import { type ConvShape, convReference, randomConv, wShape, xShape } from '../support/conv';
import { describeOp, type HostTensor, host, toDevice } from '../support/op-info';
import { clamp, limits, round } from '../support/quant';
import { Rng, roundTo } from '../support/rng';

interface Case {
  readonly s: ConvShape;
  readonly dtype: 'int8' | 'uint8' | 'float16' | 'float32';
  readonly variant?: RequantizeVariant;
  readonly xZeroPoint: number;
  readonly yZeroPoint: number;
  readonly relu: boolean;
}

/** The channel of each element of y. */
function channelOf(s: ConvShape): (i: number) => number {
  const inner = s.params.layout === 'NHWC' ? 1 : s.out[0] * s.out[1];
  return (i) => Math.floor(i / inner) % s.k;
}

describeOp<Case>({
  name: 'conv2dInt8',
  run: ([x, w, scale, bias], { s, relu, ...rest }) =>
    conv2dInt8(x as Tensor, w as Tensor, {
      ...s.params,
      ...rest,
      scale: scale as Tensor,
      bias,
      activation: relu ? 'relu' : 'none',
    }),
  reference: ([x, w, scale, bias], { s, dtype, variant, xZeroPoint, yZeroPoint, relu }) => {
    // float32 holds all of these sums exactly.
    const centred = {
      ...(x as HostTensor),
      dtype: 'float32' as DType,
      values: (x as HostTensor).values.map((v) => v - xZeroPoint),
    };
    const filter = { ...(w as HostTensor), dtype: 'float32' as DType };
    const sums = convReference(s, 'y', centred, filter, {});
    const channel = channelOf(s);
    const one = scale?.values.length === 1;
    const values = Array.from(sums.values as ArrayLike<number>, (v, i) => {
      const k = channel(i);
      const acc = v + (bias?.values[k] ?? 0);
      const product = Math.fround(Math.fround(acc) * (scale?.values[one ? 0 : k] as number));
      if (dtype === 'float16' || dtype === 'float32') {
        return roundTo(relu && product < 0 ? 0 : product, dtype);
      }
      const { min, max } = limits(dtype);
      const rounded = round(product, variant === 'half-away' ? 'away' : 'even');
      return clamp(rounded + yZeroPoint, relu ? yZeroPoint : min, max);
    });
    return { dtype, shape: sums.shape, values };
  },
  *cases(rng) {
    for (let i = 0; i < 160; i++) {
      const s = randomConv(rng);
      const xType = rng.pick(['int8', 'uint8'] as const);
      const dtype = rng.pick(['int8', 'uint8', 'uint8', 'float16', 'float32'] as const);
      const codes = dtype === 'int8' || dtype === 'uint8';
      const scales = Float64Array.from({ length: rng.int(0, 1) ? s.k : 1 }, () =>
        rng.int(0, 1) ? 2 ** rng.int(-12, -6) : Math.fround((0.001 + rng.uniform()) / 200),
      );
      const bias = Float64Array.from({ length: s.k }, () => rng.int(-20000, 20000));
      const { min, max } = limits(xType);
      yield {
        inputs: [
          host(xType, xShape(s), rng),
          host(rng.pick(['int8', 'int8', 'uint8'] as const), wShape(s), rng),
          host('float32', [scales.length], scales),
          rng.int(0, 1) ? host('int32', [s.k], bias) : undefined,
        ],
        params: {
          s,
          dtype,
          xZeroPoint: rng.int(0, 2) ? rng.int(min, max) : 0,
          yZeroPoint: codes ? rng.int(limits(dtype).min, limits(dtype).max) : 0,
          relu: rng.int(0, 2) === 0,
          ...(codes && { variant: rng.pick(['half-even', 'half-away'] as const) }),
        },
      };
    }
  },
  refuses: [
    {
      label: 'floats',
      code: 'ERR_DTYPE',
      message: 'conv2dInt8: x must be int8 or uint8, got float32',
      run: (device) => {
        const x = toDevice(host('float32', [1, 1, 2, 2], new Rng()), device);
        return conv2dInt8(x, x, { scale: 1 });
      },
    },
    {
      label: 'a missing scale',
      code: 'ERR_PARAM',
      message: 'conv2dInt8: scale must be given, got undefined',
      run: (device) => {
        const x = toDevice(host('int8', [1, 1, 2, 2], new Rng()), device);
        return conv2dInt8(x, x, {} as never);
      },
    },
    {
      label: 'scales of another number than channels',
      code: 'ERR_SHAPE',
      message: "conv2dInt8: scale must have the shape [], [1] or [1] of w's output channels",
      run: (device) => {
        const x = toDevice(host('int8', [1, 1, 2, 2], new Rng()), device);
        return conv2dInt8(x, x, { scale: [1, 2] });
      },
    },
    {
      label: 'a zero point outside of the dtype',
      code: 'ERR_PARAM',
      message: 'conv2dInt8: xZeroPoint must lie in [-128, 127] for x int8, got 200',
      run: (device) => {
        const x = tensor([1], { shape: [1, 1, 1, 1], dtype: 'int8', device });
        return conv2dInt8(x, x, { scale: 1, xZeroPoint: 200 });
      },
    },
  ],
});
