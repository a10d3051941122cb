import { dequantize, explain, keep, quantize, scope, type Tensor, tensor } from '../../lib';
import type { CodeDType, QuantizeRounding, QuantizeScaling } from '../../lib/ops/quantize';
import { DEVICES, describeOp, type HostTensor, host, type OpCase } from '../support/op-info';
import {
  channels,
  clamp,
  CODES,
  type Layout,
  LAYOUTS,
  limits,
  perChannel,
  REALS,
  round,
} from '../support/quant';
import { Rng, roundTo } from '../support/rng';

interface QuantizeCase extends Layout {
  readonly dtype: CodeDType;
  readonly rounding?: QuantizeRounding;
  readonly scaling?: QuantizeScaling;
  readonly narrowRange?: boolean;
}

function* quantizeCases(rng: Rng): Iterable<OpCase<QuantizeCase>> {
  for (const layout of LAYOUTS) {
    for (const dtype of CODES) {
      const { min, max } = limits(dtype);
      const rounding = rng.pick(['half-even', 'half-away', undefined] as const);
      const scaling = rng.pick(['divide', 'multiply', undefined] as const);
      const exponent = rng.int(-6, 2);
      const scale = perChannel('float32', layout, () =>
        rng.uniform() < 0.5 ? 2 ** exponent : Math.fround(0.01 + rng.uniform()),
      );
      const step = scaling === 'multiply' ? 2 ** -exponent : 2 ** exponent;
      const n = layout.shape.reduce((product, d) => product * d, 1);
      const real = rng.pick(REALS);
      const values = Float64Array.from({ length: n }, () =>
        roundTo(
          rng.uniform() < 0.1
            ? rng.pick([Infinity, -Infinity, NaN, 0, -0, 1e30])
            : (rng.int(min - 2, max + 2) + rng.pick([0, 0.5, 0.25])) * step,
          real,
        ),
      );
      const zeroPoint = perChannel(dtype, layout, () => rng.int(min, max));
      yield {
        inputs: [
          host(real, layout.shape, values),
          scale,
          rng.uniform() < 0.5 ? zeroPoint : undefined,
        ],
        params: {
          ...layout,
          dtype,
          ...(rounding && { rounding }),
          ...(scaling && { scaling }),
          ...(rng.uniform() < 0.3 && { narrowRange: true }),
        },
      };
    }
  }
}

describeOp<QuantizeCase>({
  name: 'quantize',
  run: ([x, scale, zeroPoint], { shape: _, ...options }) =>
    quantize(x as Tensor, { scale: scale as Tensor, zeroPoint, ...options }),
  reference: ([x, scale, zeroPoint], { shape, axis, dtype, rounding, scaling, narrowRange }) => {
    const { min, max } = limits(dtype);
    const channel = channels(shape, axis);
    const values = (x as HostTensor).values.map((v, i) => {
      const s = (scale as HostTensor).values[channel[i] as number] as number;
      const t = Math.fround(scaling === 'multiply' ? v * s : v / s);
      const low = narrowRange ? min + 1 : min;
      if (Number.isNaN(t)) return low;
      const zero = zeroPoint?.values[channel[i] as number] ?? 0;
      return clamp(round(t, rounding === 'half-away' ? 'away' : 'even') + zero, low, max);
    });
    return { dtype, shape, values };
  },
  cases: quantizeCases,
  refuses: [
    {
      label: 'a missing scale',
      code: 'ERR_PARAM',
      message: 'quantize: scale must be given, got undefined',
      run: (device) => quantize(tensor([1], { device }), {} as never),
    },
    ...[0, -1, NaN, Infinity, 1e-50, 1e40, '1' as never].map((scale) => ({
      label: `scale ${scale}`,
      code: 'ERR_PARAM' as const,
      message: `quantize: scale must be a positive float32, got ${scale}`,
      run: (device: string) => quantize(tensor([1], { device }), { scale }),
    })),
    {
      label: 'a scale of the wrong length',
      code: 'ERR_SHAPE',
      message: 'quantize: scale.shape must be [x.shape[1]], got scale [3] and x [1, 2]',
      run: (device) => quantize(tensor([[1, 2]], { device }), { scale: [1, 1, 1], axis: 1 }),
    },
    {
      label: 'several scales without an axis',
      code: 'ERR_SHAPE',
      message: 'quantize: scale must hold one number ([] or [1]) when axis is null, got scale [2]',
      run: (device) => quantize(tensor([1, 2], { device }), { scale: [1, 2] }),
    },
    {
      label: 'an axis that x does not have',
      code: 'ERR_PARAM',
      message: 'quantize: axis must lie in [-1, 0] for a tensor of rank 1, got 1',
      run: (device) => quantize(tensor([1, 2], { device }), { scale: [1, 2], axis: 1 }),
    },
    {
      label: 'a zero point outside the type',
      code: 'ERR_PARAM',
      message: 'quantize: zeroPoint must be a whole number in [-128, 127] for int8, got 128',
      run: (device) => quantize(tensor([1], { device }), { scale: 1, zeroPoint: 128 }),
    },
    {
      label: 'a fractional zero point',
      code: 'ERR_PARAM',
      message: 'quantize: zeroPoint[1] must be a whole number in [0, 255] for uint8, got 0.5',
      run: (device) =>
        quantize(tensor([1, 2], { device }), {
          scale: [1, 1],
          zeroPoint: [0, 0.5],
          axis: 0,
          dtype: 'uint8',
        }),
    },
    {
      label: 'int64 codes',
      code: 'ERR_DTYPE',
      message: /quantize: dtype must be int8, .* or float4e2m1, got int64/,
      run: (device) => quantize(tensor([1], { device }), { scale: 1, dtype: 'int64' as never }),
    },
    {
      label: 'integers',
      code: 'ERR_DTYPE',
      message: 'quantize: x must be float32, float16 or bfloat16, got int8',
      run: (device) => quantize(tensor([1], { dtype: 'int8', device }), { scale: 1 }),
    },
    {
      label: 'an array for x',
      code: 'ERR_PARAM',
      message: 'quantize: x must be a Tensor, got 1,2',
      run: () => quantize([1, 2] as never, { scale: 1 }),
    },
  ],
});

interface DequantizeCase extends Layout {
  readonly dtype?: 'float32' | 'float16' | 'bfloat16';
}

describeOp<DequantizeCase>({
  name: 'dequantize',
  run: ([q, scale, zeroPoint], { axis, dtype }) =>
    dequantize(q as Tensor, { scale: scale as Tensor, zeroPoint, axis, ...(dtype && { dtype }) }),
  reference: ([q, scale, zeroPoint], { shape, axis, dtype = 'float32' }) => {
    const channel = channels(shape, axis);
    const values = (q as HostTensor).values.map((v, i) => {
      const at = channel[i] as number;
      const difference = Math.fround(v - (zeroPoint?.values[at] ?? 0));
      // float64 holds the product exactly; roundTo rounds once.
      return roundTo(difference * ((scale as HostTensor).values[at] as number), dtype);
    });
    return { dtype, shape, values };
  },
  *cases(rng) {
    for (const layout of LAYOUTS) {
      for (const code of CODES) {
        const { min, max } = limits(code);
        const dtype = rng.pick(['float32', 'float16', 'bfloat16', undefined] as const);
        const scale = perChannel('float32', layout, () => Math.fround(0.001 + rng.uniform()));
        const zeroPoint = perChannel(code, layout, () => rng.int(min, max));
        yield {
          inputs: [
            host(code, layout.shape, rng),
            scale,
            rng.uniform() < 0.5 ? zeroPoint : undefined,
          ],
          params: { ...layout, ...(dtype && { dtype }) },
        };
      }
    }
  },
  refuses: [
    {
      label: 'codes without a scale',
      code: 'ERR_PARAM',
      message: 'dequantize: scale must be given, since q carries no quantization',
      run: (device) => dequantize(tensor([1], { dtype: 'int8', device })),
    },
    {
      label: 'reals',
      code: 'ERR_DTYPE',
      message: /dequantize: q must be int8, .* or float4e2m1, got float32/,
      run: (device) => dequantize(tensor([1], { device }), { scale: 1 }),
    },
    {
      label: 'float64 results',
      code: 'ERR_DTYPE',
      message: 'dequantize: dtype must be float32, float16 or bfloat16, got float64',
      run: (device) =>
        dequantize(tensor([1], { dtype: 'int8', device }), { scale: 1, dtype: 'float64' }),
    },
  ],
});

describe.each(DEVICES)('quantized tensors on %s', (device) => {
  it('carry their quantization, so that dequantize needs no options', async () => {
    const x = tensor(
      [
        [1, -2],
        [0.5, 4],
      ],
      { device },
    );
    const q = quantize(x, { scale: [0.5, 0.25], zeroPoint: [1, -3], axis: -1 });
    expect(q.quantization?.axis).toBe(1);
    expect([...(await dequantize(q).data())]).toEqual([1, -2, 0.5, 4]);
    expect([...(await dequantize(q, { dtype: 'float16' }).data())]).toEqual([1, -2, 0.5, 4]);
  });

  it('scaling multiply records the step between codes', async () => {
    const q = quantize(tensor([0.5, -1], { device }), { scale: 8, scaling: 'multiply' });
    expect([...(await q.data())]).toEqual([4, -8]);
    expect([...(await dequantize(q).data())]).toEqual([0.5, -1]);
  });

  it('keep scale and zero point alive when they leave a scope', async () => {
    const x = tensor([1, 2], { device });
    const returned = scope(() => quantize(x, { scale: 0.5, zeroPoint: 1 }));
    expect([...(await dequantize(returned).data())]).toEqual([1, 2]);
    const kept: Tensor[] = [];
    scope(() => {
      kept.push(keep(quantize(x, { scale: 0.5, zeroPoint: 1 })));
    });
    expect([...(await dequantize(kept[0] as Tensor).data())]).toEqual([1, 2]);
  });

  it('lie within half a step of the number, inside the range', async () => {
    const rng = new Rng();
    for (const dtype of ['int8', 'uint8', 'int16', 'uint16'] as const) {
      const { min, max } = limits(dtype);
      const scale = Math.fround(0.01 + rng.uniform());
      const zeroPoint = rng.int(min, max);
      const [low, high] = [(min - zeroPoint) * scale, (max - zeroPoint) * scale];
      const x = Float32Array.from({ length: 2000 }, () => low + rng.uniform() * (high - low));
      const q = quantize(tensor(x, { device }), { scale, zeroPoint, dtype });
      const back = await dequantize(q).data();
      // The quotient and the product are off by one float32 rounding each, of numbers below 2^17 steps.
      const bound = scale / 2 + 2 ** 17 * scale * 2 * 2 ** -24;
      for (const [i, v] of x.entries()) {
        expect(Math.abs((back[i] as number) - v)).toBeLessThanOrEqual(bound);
      }
    }
  });

  it('say how they were made', () => {
    const q = quantize(tensor([1], { device }), { scale: 1 });
    expect(explain(q)).toMatchObject({ storage: 'float32', multiply: 'float32' });
    expect(explain(q).kernel).toMatch(/^quantize_f32_s8/);
  });
});
