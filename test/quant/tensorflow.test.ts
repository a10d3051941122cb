import { readFileSync } from 'node:fs';
import {
  dequantizeV2,
  quantizedMatMul,
  quantizedRelu,
  quantizeV2,
  type RangedCodes,
  requantizeV2,
  type Tensor,
  tensor,
} from '../../lib';
import type { CodeDType } from '../../lib/ops/quantize';
import { describeWithData } from '../support/data';
import { DEVICES, expectRefusal } from '../support/op-info';

interface Vector {
  readonly op: string;
  readonly dtype: `q${string}`;
  readonly mode: 'MIN_COMBINED' | 'MIN_FIRST' | 'SCALED';
  readonly round_mode: 'HALF_AWAY_FROM_ZERO' | 'HALF_TO_EVEN';
  readonly narrow_range: boolean;
  readonly axis?: number;
  readonly shape?: number[];
  readonly min: number | number[];
  readonly max: number | number[];
  readonly input: number[];
  readonly output: number[];
  readonly output_min: number | number[];
  readonly output_max: number | number[];
  readonly error?: string;
}

const codeType = (v: Vector) => v.dtype.replace('qu', 'u').replace('qi', 'i') as CodeDType;
const numbers = async (t: Tensor) => Array.from((await t.data()) as ArrayLike<number>);
const floats = (v: number | number[]) => [v].flat().map(Math.fround);

/** Where TensorFlow's x86 build takes oneDNN's kernel. */
const isOnednn = (v: Vector) =>
  v.axis === undefined &&
  ((v.mode === 'SCALED' &&
    v.round_mode === 'HALF_TO_EVEN' &&
    !v.narrow_range &&
    v.dtype.endsWith('int8')) ||
    (v.mode === 'MIN_FIRST' && v.dtype === 'quint8'));

/**
 * TensorFlow converts 2^31 to int32 by an instruction that overflows to -2147483648: a number at the top of the range gets
 * the least code. Such codes, with x > 0, must be 2147483647 here.
 */
const overflowed = (code: number, x: number) => code === -2147483648 && x > 0;

async function expectCodes(actual: RangedCodes, v: Vector): Promise<number> {
  const expected = v.output.map((code, i) =>
    overflowed(code, v.input[i] as number) ? 2147483647 : code,
  );
  expect(await numbers(actual.output)).toEqual(expected);
  expect(await numbers(actual.outputMin)).toEqual(floats(v.output_min));
  expect(await numbers(actual.outputMax)).toEqual(floats(v.output_max));
  return v.output.filter((code, i) => overflowed(code, v.input[i] as number)).length;
}

describeWithData('TensorFlow 2.21, bit for bit', 'tf/quantized-ops.json', (file) => {
  const all = (JSON.parse(readFileSync(file, 'utf8')) as { cases: Vector[] }).cases;
  const of = (op: string) => all.filter((v) => v.op === op);

  describe.each(DEVICES)('on %s', (device) => {
    it.each(['SCALED', 'MIN_COMBINED', 'MIN_FIRST'] as const)('QuantizeV2 %s', async (mode) => {
      const vectors = of('QuantizeV2').filter((v) => v.mode === mode && !v.error);
      let overflows = 0;
      for (const v of vectors) {
        const x = tensor(v.input, { device, shape: v.shape ?? [v.input.length] });
        overflows += await expectCodes(
          quantizeV2(x, v.min, v.max, {
            dtype: codeType(v),
            mode,
            roundMode: v.round_mode,
            narrowRange: v.narrow_range,
            onednn: isOnednn(v),
            ...(v.axis !== undefined && { axis: v.axis }),
          }),
          v,
        );
      }
      expect({ vectors: vectors.length, overflows }).toEqual(
        {
          SCALED: { vectors: 78, overflows: 28 },
          MIN_COMBINED: { vectors: 20, overflows: 18 },
          MIN_FIRST: { vectors: 20, overflows: 0 },
        }[mode],
      );
    });

    it('QuantizeV2 SCALED for qint32 with HALF_TO_EVEN, which TensorFlow lacks, is computed too', async () => {
      const vectors = of('QuantizeV2').filter((v) => v.error);
      expect(vectors).toHaveLength(4);
      for (const v of vectors) {
        const { mode, round_mode: roundMode } = v;
        const x = tensor(v.input, { device });
        const { output, outputMax } = quantizeV2(x, v.min, v.max, {
          dtype: 'int32',
          mode,
          roundMode,
        });
        const factor = 2 ** 31 / ((await outputMax.data())[0] as number);
        const codes = await output.data();
        for (const [i, value] of v.input.entries()) {
          const exact = Math.min(Math.max(value * factor, -(2 ** 31)), 2 ** 31 - 1);
          // factor, the clamp and the product are rounded to float32: 3 * 2^-24 of 2^31.
          expect(Math.abs((codes[i] as number) - exact)).toBeLessThanOrEqual(3 * 2 ** 7);
        }
      }
    });

    it.each(['SCALED', 'MIN_COMBINED', 'MIN_FIRST'] as const)('Dequantize %s', async (mode) => {
      const vectors = of('Dequantize').filter((v) => v.mode === mode && !v.error);
      for (const v of vectors) {
        const q = tensor(v.input, { device, dtype: codeType(v) });
        const y = dequantizeV2(q, v.min, v.max, { mode, narrowRange: v.narrow_range });
        expect(await numbers(y)).toEqual(floats(v.output));
      }
      expect(vectors).toHaveLength({ SCALED: 64, MIN_COMBINED: 20, MIN_FIRST: 20 }[mode]);
    });

    it('QuantizedRelu and QuantizedRelu6', async () => {
      const vectors = [...of('QuantizedRelu'), ...of('QuantizedRelu6')];
      for (const v of vectors) {
        const x = tensor(v.input, { device, dtype: 'uint8' });
        const options = v.op === 'QuantizedRelu6' ? { maxValue: 6 } : {};
        await expectCodes(quantizedRelu(x, v.min, v.max, options), v);
      }
      expect(vectors).toHaveLength(4);
    });

    it('QuantizedMatMul', async () => {
      const vectors = of('QuantizedMatMul') as unknown as Record<string, never>[];
      for (const v of vectors) {
        const a = tensor(v['a'] as never, { device, dtype: 'uint8' });
        const b = tensor(v['b'] as never, { device, dtype: 'uint8' });
        const range = {
          minA: v['min_a'],
          maxA: v['max_a'],
          minB: v['min_b'],
          maxB: v['max_b'],
        } as never;
        const { output, outputMin, outputMax } = quantizedMatMul(a, b, range);
        expect(await output.toArray()).toEqual(v['output']);
        expect(await numbers(outputMin)).toEqual([v['output_min']]);
        expect(await numbers(outputMax)).toEqual([v['output_max']]);
      }
      expect(vectors).toHaveLength(3);
    });

    it('Requantize', async () => {
      const vectors = of('Requantize') as unknown as Record<string, number>[];
      for (const v of vectors) {
        const x = tensor(v['input'] as never, { device, dtype: 'int32' });
        const n = (name: string) => v[name] as number;
        const { output, outputMin } = requantizeV2(
          x,
          n('input_min'),
          n('input_max'),
          n('requested_min'),
          n('requested_max'),
        );
        expect(await output.toArray()).toEqual(v['output']);
        expect(await numbers(outputMin)).toEqual(floats(n('output_min')));
      }
      expect(vectors).toHaveLength(3);
    });
  });
});

describe.each(DEVICES)("TensorFlow's quantized ops on %s", (device) => {
  const x = () => tensor([-1, 0.5, 1], { device });
  const q = () => tensor(new Int8Array([-128, 127]), { device });

  it('take numbers, arrays and tensors as ranges', async () => {
    const expected = [-127, 64, 127];
    const options = { mode: 'SCALED' } as const;
    const end = tensor([1], { device });
    expect(await numbers(quantizeV2(x(), -1, 1, options).output)).toEqual(expected);
    expect(await numbers(quantizeV2(x(), [-1], end, options).output)).toEqual(expected);
  });

  it('dequantize to bfloat16', async () => {
    const y = dequantizeV2(q(), -1, 1, { dtype: 'bfloat16' });
    expect(y.dtype).toBe('bfloat16');
    expect(await numbers(y)).toEqual([-1, 1]);
  });

  it('work on no elements', async () => {
    const none = tensor(new Float32Array(0), { device });
    expect(await numbers(quantizeV2(none, -1, 1).output)).toEqual([]);
  });

  it('reject a reversed range when the result is read', async () => {
    await expect(quantizeV2(x(), 1, -1).output.data()).rejects.toMatchObject({
      code: 'ERR_PARAM',
      message: expect.stringContaining('quantizeV2: maxRange[0] must not be below minRange[0]'),
    });
  });

  it.each([
    [
      'HALF_TO_EVEN without SCALED',
      () => quantizeV2(x(), -1, 1, { roundMode: 'HALF_TO_EVEN' }),
      'ERR_PARAM',
      'quantizeV2: roundMode must be HALF_AWAY_FROM_ZERO unless mode is SCALED, got MIN_COMBINED',
    ],
    [
      'narrowRange without SCALED',
      () => quantizeV2(x(), -1, 1, { narrowRange: true }),
      'ERR_PARAM',
      'quantizeV2: narrowRange must be false unless mode is SCALED, got MIN_COMBINED',
    ],
    [
      'onednn where it is not used',
      () => quantizeV2(x(), -1, 1, { onednn: true }),
      'ERR_UNSUPPORTED',
      'quantizeV2: onednn is for SCALED with HALF_TO_EVEN',
    ],
    [
      'ranges of the wrong length',
      () => quantizeV2(x(), [0, 0], [1, 1], { axis: 0 }),
      'ERR_SHAPE',
      'quantizeV2: minRange.shape must be [x.shape[0]], got minRange [2] and x [3]',
    ],
    [
      'ranges that are not numbers',
      () => quantizeV2(x(), NaN, 1),
      'ERR_PARAM',
      'quantizeV2: minRange must be finite numbers, got NaN',
    ],
    [
      'MIN_FIRST per axis',
      () => dequantizeV2(q(), [0, 0], [1, 1], { axis: 0, mode: 'MIN_FIRST' }),
      'ERR_UNSUPPORTED',
      'dequantizeV2: MIN_FIRST takes one range for all, got axis 0',
    ],
    [
      'bfloat16 with SCALED',
      () => dequantizeV2(q(), 0, 1, { dtype: 'bfloat16', mode: 'SCALED' }),
      'ERR_UNSUPPORTED',
      'dequantizeV2: bfloat16 is for MIN_COMBINED, got SCALED',
    ],
    [
      'int8 for quantizedRelu',
      () => quantizedRelu(q() as never, -1, 1),
      'ERR_DTYPE',
      'quantizedRelu: x must be uint8 or int32, got int8',
    ],
    [
      'a range without 0 for quantizedMatMul',
      () => quantizedMatMul(q() as never, q() as never, { minA: 1, maxA: 2, minB: 0, maxB: 1 }),
      'ERR_PARAM',
      'quantizedMatMul: [minA, maxA] must contain 0 and be finite, got [1, 2]',
    ],
    [
      'uint8 for requantizeV2',
      () => requantizeV2(q(), 0, 1, 0, 1),
      'ERR_DTYPE',
      'requantizeV2: x must be int32, got int8',
    ],
  ] as const)('refuse %s', (_, call, code, message) => {
    expectRefusal(call, code, message);
  });
});
