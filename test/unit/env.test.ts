import { conv2d, explain, matmul, ones } from '../../lib';
import { defaultConvCompute, defaultMatmulCompute, envSwitch } from '../../lib/env';

/** Runs `body` with environment variables set. */
async function withEnv(values: Record<string, string>, body: () => unknown): Promise<void> {
  const before = { ...process.env };
  Object.assign(process.env, values);
  try {
    await body();
  } finally {
    process.env = before;
  }
}

it('reads switches in the usual spellings, and refuses others', async () => {
  for (const [text, value] of [
    ['1', true],
    ['TRUE', true],
    ['on', true],
    ['0', false],
    ['no', false],
    ['', undefined],
  ] as const) {
    await withEnv({ HALFTONE_ALLOW_TF32: text }, () =>
      expect(envSwitch('HALFTONE_ALLOW_TF32')).toBe(value),
    );
  }
  await withEnv({ HALFTONE_ALLOW_TF32: '2' }, () =>
    expect(() => envSwitch('HALFTONE_ALLOW_TF32')).toThrow(
      'HALFTONE_ALLOW_TF32 must be 1 or 0, got "2"',
    ),
  );
});

const image = () => ones([1, 1, 3, 3], { dtype: 'float16' });
const filter = () => ones([1, 1, 2, 2], { dtype: 'float16' });
const square = (dtype: 'float16' | 'float32') => ones([2, 2], { dtype });

it('chooses the default compute of float16 convolutions and products separately; an option wins', async () => {
  await withEnv({ HALFTONE_FP16_CONV_USE_FP32_COMPUTE: '0' }, () => {
    expect(defaultConvCompute('float16')).toBe('float16');
    expect(defaultMatmulCompute('float16')).toBeUndefined();
    expect(defaultConvCompute('bfloat16')).toBeUndefined();
    expect(explain(conv2d(image(), filter())).accumulate).toBe('float16');
    expect(explain(conv2d(image(), filter(), { compute: 'float32' })).accumulate).toBe('float32');
    expect(explain(matmul(square('float16'), square('float16'))).accumulate).toBe('float32');
  });
  await withEnv({ HALFTONE_FP16_MATMUL_USE_FP32_COMPUTE: '0' }, () => {
    expect(explain(matmul(square('float16'), square('float16'))).accumulate).toBe('float16');
    expect(explain(conv2d(image(), filter())).accumulate).toBe('float32');
  });
  expect(explain(conv2d(image(), filter())).accumulate).toBe('float32');
});

it('chooses tf32 for float32 where it is allowed', async () => {
  await withEnv({ HALFTONE_ALLOW_TF32: '1' }, () => {
    expect(explain(matmul(square('float32'), square('float32'))).multiply).toBe('tf32');
    expect(
      explain(matmul(square('float32'), square('float32'), { compute: 'float32' })).multiply,
    ).toBe('float32');
  });
  expect(explain(matmul(square('float32'), square('float32'))).multiply).toBe('float32');
});
