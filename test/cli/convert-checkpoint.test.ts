import { existsSync } from 'node:fs';
import { type Entry, parseSafetensors, safetensors, temporaryFolder } from '../support/checkpoints';
import { halftone } from '../support/cli';

const temp = temporaryFolder();
const { at, put } = temp;
const entries: Record<string, Entry> = {
  'layer.w': { dtype: 'F32', shape: [2, 2], data: Float32Array.of(1, 70000, 1e-9, 6e-8) },
  'norm.w': { dtype: 'F32', shape: [1], data: Float32Array.of(0.1) },
  steps: { dtype: 'I64', shape: [], data: BigInt64Array.of(3n) },
};
put('in.safetensors', safetensors(entries, { format: 'pt' }));
afterAll(() => temp.remove());

const convert = (output: string, ...args: string[]) =>
  halftone(['convert-checkpoint', at('in.safetensors'), at(output), ...args]);

describe('halftone convert-checkpoint', () => {
  test('prints a table of what became of each tensor', () => {
    const { code, stdout, stderr } = convert(
      'out.safetensors',
      '--dtype',
      'float16',
      '--exclude',
      'norm',
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/tensor +shape +type +overflow +underflow +subnormal +NaN +infinite\n/);
    expect(stdout).toMatch(/layer\.w +\[2, 2\] +float32 to float16 +1 +1 +1 +0 +0\n/);
    expect(stdout).toMatch(/norm\.w +\[1\] +float32, copied: excluded\n/);
    expect(stdout).toMatch(/steps +\[\] +int64, copied: not a float\n/);
    expect(stdout).toContain('1 tensors converted to float16, 2 copied, 0 kept');
    expect(stdout).toContain(`28 B became 20 B in ${at('out.safetensors')}`);
  });

  test('--json prints the report; policies, names and the other format are passed on', () => {
    const args = ['--dtype', 'float16', '--include', 'w$', '--on-overflow', 'keep', '--json'];
    const names = ['--rename', 'layer.w=a/w', '--rename', 'norm.w=b=w'];
    const { code, stdout, stderr } = convert('out.npz', ...args, ...names);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({ converted: 1, copied: 1, kept: 1, droppedMetadata: ['format'] });
    expect(report.tensors.map((t: { outputName: string }) => t.outputName).sort()).toEqual([
      'a/w',
      'b=w',
      'steps',
    ]);
    expect(convert('out.npz', '--dtype', 'float16').stdout).toContain(
      'metadata that .npz has no place for: format',
    );
  });

  test('--on-underflow and --on-overflow clamp', () => {
    expect(convert('out.safetensors', '--dtype', 'bfloat16', '--on-underflow', 'keep').code).toBe(
      0,
    );
    expect(convert('out.safetensors', '--dtype', 'float16', '--on-overflow', 'clamp').code).toBe(0);
    const { bytes } = parseSafetensors(at('out.safetensors')).tensors['layer.w'] ?? {
      bytes: Buffer.alloc(4),
    };
    expect(bytes.readUInt16LE(2)).toBe(0x7bff);
  });

  test('a failure is one message, and leaves no file', () => {
    const { code, stdout, stderr } = convert(
      'no.safetensors',
      '--dtype',
      'float16',
      '--on-overflow',
      'error',
    );
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('tensor "layer.w": 1 of 4 values are too large for float16');
    expect(stderr).toContain('(ParamError, ERR_PARAM)');
    expect(existsSync(at('no.safetensors'))).toBe(false);
    const large = convert('no.safetensors', '--dtype', 'float16', '--max-tensor-bytes', '8');
    expect(large).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('maxTensorBytes allows 8'),
    });
  });

  test.each([
    [[], "required option '--dtype <type>' not specified"],
    [['--dtype', 'int8'], 'Allowed choices are float16, bfloat16, float32'],
    [['--dtype', 'float16', '--include', '('], 'Invalid regular expression'],
    [['--dtype', 'float16', '--rename', 'a'], 'It must be FROM=TO'],
    [
      ['--dtype', 'float16', '--on-overflow', 'wrap'],
      'Allowed choices are infinity, clamp, keep, error',
    ],
  ])('%j is a wrong command line', (args, message) => {
    const { code, stderr } = convert('no.safetensors', ...args);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });
});
