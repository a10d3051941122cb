import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { readNpy, writeNpy } from '../../lib/io/npy';
import { halftone } from '../support/cli';
import { DATA, describeWithData } from '../support/data';
import { type ModelSpec, onnxModel } from '../support/onnx-builder';

let folder: string;
const at = (name: string) => path.join(folder, name);

/** Two pixels to two classes: class 1 when the second pixel is the larger one. */
const spec: ModelSpec = {
  inputs: { x: [1, 1, 1, 2] },
  outputs: { y: [1, 2] },
  initializers: { w: { floats: [1, 0, 0, 1], dims: [2, 2] }, s: { ints: [1, 2] } },
  nodes: [
    { op: 'Reshape', name: 'flat', inputs: ['x', 's'], outputs: ['f'] },
    { op: 'MatMul', name: 'product', inputs: ['f', 'w'], outputs: ['y'] },
  ],
};

beforeAll(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'halftone-'));
  writeFileSync(at('m.onnx'), onnxModel(spec));
  const images = Uint8Array.of(9, 1, 2, 8, 7, 3);
  writeFileSync(at('images.npy'), writeNpy({ dtype: 'uint8', shape: [3, 2], data: images }));
  const labels = Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 3, 0, 1, 1);
  writeFileSync(at('labels.gz'), gzipSync(labels));
  writeFileSync(
    at('two.npy'),
    writeNpy({ dtype: 'int64', shape: [2], data: BigInt64Array.of(0n, 1n) }),
  );
  // With a sum over the images nothing can be said of one of them.
  const mixing = {
    ...spec,
    initializers: {
      ...spec.initializers,
      s: { ints: [2, 1] },
      w: { floats: [1, 1], dims: [1, 2] },
    },
  };
  writeFileSync(at('mixing.onnx'), onnxModel({ ...mixing, outputs: { y: [2, 2] } }));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('halftone run', () => {
  test('says what the model is, how each node was computed, and how many images were right', () => {
    const { code, stdout, stderr } = halftone([
      'run',
      at('m.onnx'),
      '--input',
      at('images.npy'),
      '--labels',
      at('labels.gz'),
    ]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(
      /graph on cpu\n +inputs +x float32 \[N, 1, 1, 2\]\n +outputs +y float32 \[N, 2\]/,
    );
    expect(stdout).toMatch(
      /product +MatMul +matmul_f32\S* +float32 stored, float32 products, float32 sums/,
    );
    expect(stdout).toMatch(/2 of 3 right: 66\.67 %\n3 images in \d+\.\d\d s/);
  });

  test('prints the outputs of a few images when there are no labels', () => {
    const { stdout } = halftone(['run', at('m.onnx'), '--input', at('images.npy'), '--limit', '2']);
    expect(stdout).toMatch(/ image 0: \[9, 1\]\n +image 1: \[2, 8\]\n2 images/);
  });

  test('--json, --precision, --compute, --batch and --output', () => {
    const { code, stdout, stderr } = halftone([
      'run',
      at('m.onnx'),
      ...['--input', at('images.npy'), '--labels', at('labels.gz'), '--batch', '2'],
      ...['--precision', 'float16', '--compute', 'float16', '--output', at('out.npy'), '--json'],
    ]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const report = JSON.parse(stdout) as { nodes: { node: string; provenance: object }[] };
    expect(report).toMatchObject({
      device: 'cpu',
      batch: { free: true },
      images: 3,
      correct: 2,
      accuracy: 2 / 3,
      output: 'y',
      shape: [3, 2],
      dtype: 'float32',
      castLoss: { constants: 1, values: 4, overflowed: 0, underflowed: 0, subnormal: 0 },
    });
    expect(report.nodes.map(({ node }) => node)).toEqual(['x_cast', 'product', 'y_cast']);
    expect(report.nodes[1]?.provenance).toMatchObject({
      storage: 'float16',
      accumulate: 'float16',
    });
    expect(readNpy(readFileSync(at('out.npy')))).toEqual({
      dtype: 'float32',
      shape: [3, 2],
      data: Float32Array.of(9, 1, 2, 8, 7, 3),
    });
  });

  const BAD: readonly [string, () => string[], number, RegExp][] = [
    ['no input', () => ['run', at('m.onnx')], 2, /required option '--input <\[name=\]file>'/],
    [
      'a limit of 0',
      () => ['run', at('m.onnx'), '--input', 'x', '--limit', '0'],
      2,
      /whole number from 1 on/,
    ],
    [
      'an unknown precision',
      () => ['run', 'm', '--input', 'x', '--precision', 'float8'],
      2,
      /Allowed choices are float32/,
    ],
    [
      'no such file',
      () => ['run', at('none.onnx'), '--input', at('images.npy')],
      1,
      /none\.onnx: no such file .*\n\(ENOENT/,
    ],
    [
      'a device',
      () => ['run', at('m.onnx'), '--input', '/dev/null'],
      1,
      /\/dev\/null: is a pipe or a device, not a file\n\(ParamError/,
    ],
    ['a device as a model', () => ['inspect', '/dev/null'], 1, /null is a pipe or a device/],
    [
      'no model',
      () => ['run', at('images.npy'), '--input', at('images.npy')],
      1,
      /halftone: .*images\.npy: not an ONNX model.*\n\(ModelError, ERR_MODEL\)/,
    ],
    [
      'no images',
      () => ['run', at('m.onnx'), '--input', at('m.onnx')],
      1,
      /neither a \.npy nor an idx file/,
    ],
    [
      'images of another size',
      () => ['run', at('m.onnx'), '--input', at('two.npy')],
      1,
      /an array \[[\d, ]*\] does not fit the input "x" \[N, 1, 1, 2\]/,
    ],
    [
      'other labels',
      () => ['run', at('m.onnx'), '--input', at('images.npy'), '--labels', at('two.npy')],
      1,
      /must hold one label for each of 3 images, got the shape \[2\]/,
    ],
    [
      'an arithmetic that is not offered',
      () => ['run', at('m.onnx'), '--input', at('images.npy'), '--compute', 'float16'],
      1,
      /node "product" \(MatMul, opset 13\): matmul: compute 'float16' is not offered for float32/,
    ],
    [
      'an unknown output',
      () => ['run', at('m.onnx'), '--input', at('images.npy'), '--output-name', 'z'],
      1,
      /outputs must be among y, got "z"/,
    ],
    [
      'demo with half of its options',
      () => ['demo', '--images', at('images.npy')],
      2,
      /--model and --images go together/,
    ],
  ];

  test('variables of native code that are not understood', () => {
    const args = ['run', at('m.onnx'), '--input', at('images.npy')];
    for (const [name, value, rule] of [
      ['HALFTONE_NUM_THREADS', 'many', 'a number in [1, 1024]'],
      ['HALFTONE_CPU_ISA', 'sse', 'baseline, avx2, avx512 or avx512fp16'],
    ] as const) {
      const { code, stderr } = halftone(args, { [name]: value });
      expect({ code, stderr }).toEqual({
        code: 1,
        stderr: `halftone: ${name} must be ${rule}, got "${value}"\n(ParamError, ERR_PARAM)\n`,
      });
    }
  });

  test.each(BAD)('refuses %s', (_name, args, expected, message) => {
    const { code, stdout, stderr } = halftone(args());
    expect({ code, stdout }).toEqual({ code: expected, stdout: '' });
    expect(stderr).toMatch(message);
  });

  test('a model for a fixed number of images runs that many at a time, and says so', () => {
    const { code, stdout } = halftone([
      'run',
      at('mixing.onnx'),
      '--input',
      at('images.npy'),
      '--json',
    ]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      batch: { free: false, why: expect.stringMatching(/"flat"/) },
    });
  });
});

describe('halftone demo --model', () => {
  test('compares the arithmetics', () => {
    const { code, stdout } = halftone([
      'demo',
      ...[
        '--model',
        at('m.onnx'),
        '--images',
        at('images.npy'),
        '--labels',
        at('labels.gz'),
        '--json',
      ],
    ]);
    expect(code).toBe(0);
    const { images, rows } = JSON.parse(stdout) as {
      images: number;
      rows: Record<string, unknown>[];
    };
    expect(images).toBe(3);
    expect(rows.map(({ precision, compute }) => `${precision} ${compute}`)).toEqual([
      'float32 float32',
      'float16 float32',
      'float16 float16',
      'bfloat16 float32',
    ]);
    for (const row of rows)
      expect(row).toMatchObject({ correct: 2, changed: 0, maxDifference: 0, notFinite: 0 });
    expect(rows.map(({ weightBytes }) => weightBytes)).toEqual([48, 40, 40, 40]);
  });
});

describeWithData('halftone run on MNIST', 'models/mnist-8.onnx', (file) => {
  test('987 of the first 1000 images', () => {
    const mnist = (name: string) => path.join(DATA, 'mnist', `t10k-${name}-ubyte.gz`);
    const { code, stdout } = halftone([
      'run',
      file,
      ...[
        '--input',
        mnist('images-idx3'),
        '--labels',
        mnist('labels-idx1'),
        '--limit',
        '1000',
        '--json',
      ],
    ]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ images: 1000, correct: 987 });
  });
});
