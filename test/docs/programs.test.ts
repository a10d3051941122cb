/** The programs of examples/ run and print what they are for. */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import path from 'node:path';
import { describeWithData } from '../support/data';
import { filesBelow, REPO } from '../support/repo';

const program = (name: string): string => path.join(REPO, 'dist/examples', name, 'main.js');

const run = (name: string, ...args: string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program(name), ...args], {
    encoding: 'utf8',
  });
  return { code: status, stdout, stderr };
};

test('every folder is run here', () => {
  const folders = filesBelow('examples').filter((file) => file.endsWith('/main.ts'));
  expect(folders).toEqual([
    'examples/digits/main.ts',
    'examples/half-weights/main.ts',
    'examples/image-service/main.ts',
    'examples/int8-convolution/main.ts',
  ]);
});

test('int8-convolution: the noise of 8 bits', () => {
  const { code, stdout, stderr } = run('int8-convolution');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toContain('sums:   int32 by conv2d');
  // Three roundings to 8 bits, of numbers that use a quarter of their range on average: about 30 dB, far from 0 and from 60.
  const [, decibel] = /noise: ([\d.]+) dB/.exec(stdout) ?? [];
  expect(Number(decibel)).toBeGreaterThan(25);
  expect(Number(decibel)).toBeLessThan(45);
});

test.each(['half-weights', 'image-service'])('%s asks for a model', (name) => {
  expect(run(name)).toEqual({ code: 1, stdout: '', stderr: expect.stringContaining('ONNX') });
});

describeWithData('with a model', 'models/mnist-8.onnx', (model) => {
  test('half-weights: float16 moves outputs less than float16 sums do, bfloat16 sums are refused', () => {
    const { code, stdout, stderr } = run('half-weights', model);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const moved = (title: string) =>
      Number(new RegExp(`^${title} .* move by (\\S+)$`, 'm').exec(stdout)?.[1]);
    expect(moved('float16, float32 sums')).toBeGreaterThan(0);
    expect(moved('float16, float16 sums')).toBeGreaterThan(moved('float16, float32 sums'));
    expect(stdout).toMatch(/^bfloat16, float16 sums .*not offered: /m);
  });

  describe('image-service', () => {
    let service: ChildProcess;
    let url: string;
    beforeAll(async () => {
      service = spawn(process.execPath, [program('image-service'), model]);
      const port = await new Promise<string>((resolve, reject) => {
        let text = '';
        service.stdout?.on('data', (chunk: Buffer) => {
          text += chunk.toString();
          const found = /listening on (\d+)/.exec(text)?.[1];
          if (found !== undefined) resolve(found);
        });
        service.once('exit', (code) => reject(new Error(`the service ended with ${code}`)));
      });
      url = `http://127.0.0.1:${port}`;
    });
    afterAll(() => {
      service.kill('SIGKILL');
    });

    const post = (body: Uint8Array, signal?: AbortSignal) =>
      fetch(url, { method: 'POST', body: Buffer.from(body), ...(signal && { signal }) });

    test('answers many requests at once, each with its own result', async () => {
      const answers = await Promise.all(
        Array.from({ length: 16 }, async (_, i) => {
          const pixels = new Float32Array(784).fill(i);
          const response = await post(new Uint8Array(pixels.buffer));
          return (await response.json()) as { Plus214_Output_0: number[][] };
        }),
      );
      const scores = answers.map(({ Plus214_Output_0: [row] }) => row);
      for (const row of scores) expect(row).toHaveLength(10);
      expect(new Set(scores.map(String)).size).toBe(16);
    });

    test('refuses a body of the wrong size, and holds no memory afterwards', async () => {
      const response = await post(new Uint8Array(3));
      expect(response.status).toBe(400);
      expect(await response.json()).toEqual({ error: 'the body must have 3136 bytes, got 3' });
      for (let i = 0; i < 2; i++) await post(new Uint8Array(3136)); // the second one of a shape is captured
      const before = (await (await fetch(url)).json()) as { memory: { tensors: number }[] };
      await post(new Uint8Array(3136));
      const after = (await (await fetch(url)).json()) as { memory: { tensors: number }[] };
      expect(after.memory[0]?.tensors).toBe(before.memory[0]?.tensors);
    });

    test('ends by itself on SIGTERM', async () => {
      const ended = new Promise((resolve) => service.once('exit', resolve));
      service.kill('SIGTERM');
      expect(await ended).toBe(0);
    });
  });
});
