import { dequantize, requantize, type Tensor, tensor } from '../../lib';
import type { CodeDType, RequantizeVariant } from '../../lib/ops/quantize';
import { DEVICES, describeOp, type HostTensor, host } from '../support/op-info';
import { channels, clamp, type Layout, LAYOUTS, limits, perChannel, round } from '../support/quant';

interface RequantizeCase extends Layout {
  readonly dtype: Exclude<CodeDType, 'int32'>;
  readonly variant: RequantizeVariant;
  readonly min?: number;
  readonly max?: number;
}

/** (x * value) / 2^shift in BigInt, rounded. */
function shifted(n: bigint, shift: bigint, ties: 'away' | 'up'): bigint {
  const unit = 1n << shift;
  const down = n >> shift;
  const rest = n - down * unit;
  const up = rest * 2n > unit || (rest * 2n === unit && (ties === 'up' || n > 0n));
  return down + (up ? 1n : 0n);
}

/** The Q31 fraction and shift of a positive number. */
function fixedPoint(m: number): { value: bigint; shift: bigint } {
  let shift = 31;
  let scaled = m * 2 ** 31;
  for (; scaled >= 2 ** 31; shift--) scaled /= 2;
  for (; scaled < 2 ** 30; shift++) scaled *= 2;
  const value = Math.floor(scaled + 0.5);
  return value === 2 ** 31
    ? { value: 2n ** 30n, shift: BigInt(shift - 1) }
    : { value: BigInt(value), shift: BigInt(shift) };
}

function requantizeOne(x: number, scale: number, variant: RequantizeVariant): number {
  if (variant === 'half-even' || variant === 'half-away') {
    return round(Math.fround(Math.fround(x) * scale), variant === 'half-even' ? 'even' : 'away');
  }
  const { value, shift } = fixedPoint(scale);
  if (variant === 'tosa') return Number(shifted(BigInt(x) * value, shift, 'up'));
  const left = shift < 31n ? 31n - shift : 0n;
  const right = shift > 31n ? shift - 31n : 0n;
  const high = shifted((BigInt(x) << left) * value, 31n, 'up');
  return Number(shifted(high, right, 'away'));
}

describeOp<RequantizeCase>({
  name: 'requantize',
  run: ([x, scale, zeroPoint], { shape: _, ...options }) =>
    requantize(x as Tensor, { scale: scale as Tensor, zeroPoint, ...options }),
  reference: ([x, scale, zeroPoint], { shape, axis, dtype, variant, min, max }) => {
    const channel = channels(shape, axis);
    const range = limits(dtype);
    const values = (x as HostTensor).values.map((v, i) => {
      const at = channel[i] as number;
      const rounded = requantizeOne(v, (scale as HostTensor).values[at] as number, variant);
      return clamp(rounded + (zeroPoint?.values[at] ?? 0), min ?? range.min, max ?? range.max);
    });
    return { dtype, shape, values };
  },
  *cases(rng) {
    for (const layout of LAYOUTS) {
      for (const variant of ['half-even', 'half-away', 'tflite-double', 'tosa'] as const) {
        for (const dtype of ['int8', 'uint8', 'int16', 'uint16'] as const) {
          const { min, max } = limits(dtype);
          const n = layout.shape.reduce((product, d) => product * d, 1);
          const sums = Float64Array.from({ length: n }, () => rng.int(-5000, 5000));
          const scale = perChannel('float32', layout, () =>
            rng.uniform() < 0.5 ? 2 ** rng.int(-8, 1) : Math.fround((0.001 + rng.uniform()) / 4),
          );
          const zeroPoint = perChannel(dtype, layout, () => rng.int(min, max));
          yield {
            inputs: [
              host('int32', layout.shape, sums),
              scale,
              rng.uniform() < 0.5 ? zeroPoint : undefined,
            ],
            params: {
              ...layout,
              dtype,
              variant,
              ...(rng.uniform() < 0.3 && { min: min + 10, max: max - 20 }),
            },
          };
        }
      }
    }
  },
  refuses: [
    {
      label: 'reals',
      code: 'ERR_DTYPE',
      message: 'requantize: x must be int32, got float32',
      run: (device) => requantize(tensor([1], { device }), { scale: 1 }),
    },
    {
      label: 'int32 results',
      code: 'ERR_DTYPE',
      message: 'requantize: dtype must be int8, uint8, int16 or uint16, got int32',
      run: (device) =>
        requantize(tensor([1], { dtype: 'int32', device }), { scale: 1, dtype: 'int32' }),
    },
    {
      label: 'bounds outside the type',
      code: 'ERR_PARAM',
      message: 'requantize: min and max must lie in [-128, 127] for int8, min not above max',
      run: (device) =>
        requantize(tensor([1], { dtype: 'int32', device }), { scale: 1, min: 5, max: 4 }),
    },
    {
      label: 'a missing scale',
      code: 'ERR_PARAM',
      message: 'requantize: scale must be given, got undefined',
      run: (device) => requantize(tensor([1], { dtype: 'int32', device }), {} as never),
    },
  ],
});

describe.each(DEVICES)('requantize on %s', (device) => {
  it('records outputScale', async () => {
    const sums = tensor([10, -20], { dtype: 'int32', device });
    const q = requantize(sums, { scale: 0.5, zeroPoint: 3, outputScale: 0.25 });
    expect([...(await dequantize(q).data())]).toEqual([1.25, -2.5]);
    expect(requantize(sums, { scale: 0.5 }).quantization).toBeUndefined();
  });

  it('rejects a fixed-point multiplier out of range when the result is read', async () => {
    const scale = tensor([-1], { dtype: 'float64', device });
    const sums = tensor([1], { dtype: 'int32', device });
    const bad = requantize(sums, { scale, variant: 'tosa' });
    await expect(bad.data()).rejects.toMatchObject({
      code: 'ERR_PARAM',
      message: expect.stringContaining(
        "requantize: scale[0] must lie in [0, 2^29) for variant 'tosa', got -1",
      ),
    });
  });

  it('takes numbers: float64 for the fixed-point variants', async () => {
    // 16777217 / 2^25 lies above a half, but not as float32.
    const sums = tensor([16777217], { dtype: 'int32', device });
    expect([...(await requantize(sums, { scale: 2 ** -25 }).data())]).toEqual([0]);
    const wide = tensor([2 ** -25], { dtype: 'float64', device });
    expect([...(await requantize(sums, { scale: wide }).data())]).toEqual([1]);
    // A Q31 fraction keeps 31 bits of a double, 24 of a float32.
    const large = tensor([2 ** 30], { dtype: 'int32', device });
    const scale = 100.5 * 2 ** -30 * (1 - 2 ** -29);
    expect([...(await requantize(large, { scale, variant: 'tosa' }).data())]).toEqual([100]);
    const narrow = tensor([scale], { device });
    expect([...(await requantize(large, { scale: narrow, variant: 'tosa' }).data())]).toEqual([
      101,
    ]);
  });
});
