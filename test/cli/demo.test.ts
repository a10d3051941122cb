import { halftone } from '../support/cli';

interface Picture {
  readonly dtype: string;
  readonly compute: string;
  readonly storage: string;
  readonly accumulate: string;
  readonly kernel: string;
  readonly maxError: number;
  readonly rmsError: number;
  readonly bytes: number;
  readonly milliseconds: number;
  readonly gigaOps: number;
}

describe('demo --json', () => {
  const { code, stdout, stderr } = halftone(['demo', '--json']);
  const { overflow, picture } = JSON.parse(stdout || '{}') as {
    overflow: unknown[];
    picture: Picture[];
  };
  const row = (dtype: string, compute: string): Picture => {
    const found = picture.find((p) => p.dtype === dtype && p.compute === compute);
    if (!found) throw new Error(`no row for ${dtype} with ${compute} sums`);
    return found;
  };

  test('succeeds and writes nothing but JSON', () => {
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  test('shows the overflow in float16 and not in float32, each with its provenance', () => {
    const kernel = expect.stringMatching(/^conv2d/);
    expect(overflow).toEqual([
      {
        compute: 'float32',
        values: [0, 0, 0],
        kernel,
        storage: 'float16',
        multiply: 'float32',
        accumulate: 'float32',
      },
      {
        compute: 'float16',
        values: ['Infinity', 'Infinity', 'Infinity'],
        kernel,
        storage: 'float16',
        multiply: 'float16',
        accumulate: 'float16',
      },
    ]);
  });

  test('each row was computed in the arithmetic it names', () => {
    expect(picture.map(({ dtype, accumulate }) => [dtype, accumulate])).toEqual([
      ['float32', 'float32'],
      ['float16', 'float32'],
      ['float16', 'float16'],
      ['bfloat16', 'float32'],
      ['uint8 x int8', 'int32'],
    ]);
    for (const one of picture) {
      expect(one.accumulate).toBe(one.compute);
      expect(one.milliseconds).toBeGreaterThan(0);
      expect(one.gigaOps).toBeGreaterThan(0);
    }
  });

  test('errors rank as the arithmetics do', () => {
    const rms = (dtype: string, compute: string) => row(dtype, compute).rmsError;
    expect(rms('float32', 'float32')).toBeGreaterThan(0);
    expect(rms('float16', 'float32')).toBeGreaterThan(rms('float32', 'float32'));
    expect(rms('float16', 'float16')).toBeGreaterThan(rms('float16', 'float32'));
    expect(rms('bfloat16', 'float32')).toBeGreaterThan(rms('float16', 'float32'));
    expect(rms('uint8 x int8', 'int32')).toBeGreaterThan(rms('float16', 'float32'));
    // The outputs' root mean square is 0.74: an error of a tenth of it would be a broken kernel.
    for (const { maxError } of picture) expect(maxError).toBeLessThan(0.074);
  });

  test('16-bit storage halves the memory of float32', () => {
    expect(row('float16', 'float32').bytes * 2).toBe(row('float32', 'float32').bytes);
  });
});

test('demo prints both parts as tables, without colours in a pipe', () => {
  const { code, stdout, stderr } = halftone(['demo']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toContain('[Infinity, Infinity, Infinity]');
  expect(stdout).toMatch(/^\s*uint8 x int8\s+int32\s+conv2d/m);
  expect(stdout).not.toContain('\u001b');
});
