/** Files as inputs of models, and outputs as files. */

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { inputSource, runBatches } from '../../lib/cli/batches';
import { readInputs } from '../../lib/cli/inputs';
import { arrayOfJson, jsonOfArray } from '../../lib/cli/json-arrays';
import { progressBar } from '../../lib/cli/output';
import type { PictureOptions } from '../../lib/cli/pictures';
import { writeResults } from '../../lib/cli/results';
import { Model } from '../../lib/index';
import type { HostArray } from '../../lib/io/array';
import { readNpy, writeNpy } from '../../lib/io/npy';
import { halftone } from '../support/cli';
import { onnxModel, type ValueSpec } from '../support/onnx-builder';

let folder: string;
const at = (name: string) => path.join(folder, name);
beforeAll(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'halftone-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A model that gives its inputs back. */
async function echo(inputs: Readonly<Record<string, ValueSpec>>): Promise<Model> {
  const names = Object.keys(inputs);
  const bytes = onnxModel({
    inputs,
    outputs: Object.fromEntries(names.map((name) => [`${name}_out`, inputs[name] as ValueSpec])),
    nodes: names.map((name) => ({ op: 'Identity', inputs: [name], outputs: [`${name}_out`] })),
  });
  return await Model.load(bytes);
}

const float32 = (shape: number[], ...values: number[]): HostArray => ({
  dtype: 'float32',
  shape,
  data: Float32Array.from(values),
});

async function npy(name: string, array: HostArray): Promise<string> {
  writeFileSync(at(name), writeNpy(array));
  return at(name);
}

/** Pixels in rows of [r, g, b]. */
async function png(name: string, width: number, ...pixels: [number, number, number][]) {
  const raw = { width, height: pixels.length / width, channels: 3 as const };
  await sharp(Uint8Array.from(pixels.flat()), { raw }).png().toFile(at(name));
  return at(name);
}

describe('pictures', () => {
  const RED = [250, 10, 30] as [number, number, number];
  const BLUE = [20, 40, 200] as [number, number, number];

  const read = async (shape: ValueSpec, options: PictureOptions, file?: string) => {
    using model = await echo({ x: shape });
    const two = file ?? (await png('two.png', 2, RED, BLUE));
    return (await readInputs(model, '--input', [two], options)).get('x') as HostArray;
  };

  test('channels where the input has them, pixels as they are', async () => {
    expect(await read(['N', 3, 1, 2], {})).toEqual({
      dtype: 'uint8',
      shape: [1, 3, 1, 2],
      data: Uint8Array.of(250, 20, 10, 40, 30, 200),
    });
    const square = await png('square.png', 2, RED, BLUE, BLUE, RED);
    expect(await read(['N', 2, 2, 3], {}, square)).toEqual({
      dtype: 'uint8',
      shape: [1, 2, 2, 3],
      data: Uint8Array.of(...RED, ...BLUE, ...BLUE, ...RED),
    });
    expect(await read(['N', 'c', 'h', 'w'], { layout: 'NHWC' })).toMatchObject({
      shape: [1, 1, 2, 3],
    });
  });

  test('bgr, gray, and arithmetic', async () => {
    const bgr = await read(['N', 3, 1, 2], { colors: 'bgr' });
    expect([...(bgr.data as Uint8Array)]).toEqual([30, 200, 10, 40, 250, 20]);
    const gray = await read(['N', 1, 1, 2], {}, await png('gray.png', 2, [9, 9, 9], [77, 77, 77]));
    expect([...(gray.data as Uint8Array)]).toEqual([9, 77]);
    const scaled = await read(['N', 3, 1, 2], { scale: 0.5, mean: [1, 2, 3], std: [2] });
    expect(scaled.dtype).toBe('float32');
    expect([...(scaled.data as Float32Array)]).toEqual([62, 4.5, 1.5, 9, 6, 48.5]);
  });

  test('are made as large as the input, or as asked', async () => {
    expect((await read(['N', 3, 5, 4], {})).shape).toEqual([1, 3, 5, 4]);
    expect((await read(['N', 3, 'h', 'w'], {})).shape).toEqual([1, 3, 1, 2]);
    const made = await read(['N', 3, 'h', 'w'], { resize: [6, 6], fit: 'contain' });
    expect(made.shape).toEqual([1, 3, 6, 6]);
    // The bars above and below a picture that is wider than tall.
    expect(made.data[0]).toBe(0);
  });

  test('of a folder are stacked in the order of their names, and limited', async () => {
    mkdirSync(at('many'));
    for (const [i, name] of ['b', 'a', 'c'].entries()) {
      await png(`many/${name}.png`, 1, [i, i, i]);
    }
    using model = await echo({ x: ['N', 1, 1, 1] });
    const pixels = async (...args: [string[], object?]) => {
      const read = await readInputs(model, '--input', ...args);
      return Array.from(read.get('x')?.data ?? [], Number);
    };
    expect(await pixels([at('many')])).toEqual([1, 0, 2]);
    expect(await pixels([at('many')], { limit: 2 })).toEqual([1, 0]);
    expect(await pixels([at('many/c.png'), at('many/b.png')])).toEqual([2, 0]);
  });

  test('that do not fit are refused', async () => {
    const refuses = async (shape: ValueSpec, options: PictureOptions, message: RegExp) =>
      expect(read(shape, options)).rejects.toThrow(message);
    await refuses(['N', 3], {}, /the input "x" \[N, 3\] takes no pictures: it must have 4 axes/);
    await refuses(
      ['N', 7, 1, 2],
      {},
      /\[N, 7, 1, 2\] takes 7 channels as NCHW: pictures have 1 or 3/,
    );
    await refuses(['N', 3, 1, 2], { colors: 'gray' }, /takes 3 channels as NCHW, and gray has 1/);
    await refuses(['N', 3, 1, 2], { mean: [1, 2] }, /--mean must have one number or 3, .*got 2/);
    writeFileSync(at('broken.png'), '\x89PNG\r\n\x1a\nno more');
    await expect(read(['N', 3, 1, 2], {}, at('broken.png'))).rejects.toThrow(/broken\.png: /);
    const huge = { resize: [99999, 99999] } as const;
    await expect(read(['N', 3, 1, 2], huge, at('two.png'))).rejects.toThrow(
      '--resize 99999x99999 does not fit the input "x" [N, 3, 1, 2]',
    );
    await expect(read(['N', 3, 'h', 'w'], huge, at('two.png'))).rejects.toThrow(
      '--resize 99999x99999: at most 268435456 pixels are supported',
    );
    mkdirSync(at('empty'));
    await expect(read(['N', 3, 1, 2], {}, at('empty'))).rejects.toThrow(/empty: holds no pictures/);
    using open = await echo({ x: ['N', 3, 'h', 'w'] });
    const files = [at('two.png'), at('many/a.png')];
    await expect(readInputs(open, '--input', files)).rejects.toThrow(
      /a\.png: \[1, 3, 1, 1\] where .*two\.png is \[1, 3, 1, 2\]; --resize/,
    );
  });

  test('are written as they were read', async () => {
    const options = { mean: [10, 20, 30], std: [2], scale: 0.5, colors: 'bgr' } as const;
    const array = await read(['N', 3, 1, 2], options);
    expect(await writeResults(at('out.png'), new Map([['y', array]]), options)).toEqual([
      at('out.png'),
    ]);
    expect([...(await sharp(at('out.png')).raw().toBuffer())]).toEqual([...RED, ...BLUE]);
    const two = float32([2, 1, 1, 1], -5, 300);
    expect(await writeResults(at('n.png'), new Map([['y', two]]), {})).toEqual([
      at('n-0.png'),
      at('n-1.png'),
    ]);
    expect([...(await sharp(at('n-1.png')).toColourspace('b-w').raw().toBuffer())]).toEqual([255]);
    const wide = new Map([['y', float32([1, 5], 1, 2, 3, 4, 5)]]);
    await expect(writeResults(at('n.png'), wide, { layout: 'NHWC' })).rejects.toThrow(
      /an output \[1, 5\] is no picture/,
    );
  });

  test('without sharp the message says what to install', () => {
    const block = at('block.js');
    writeFileSync(
      block,
      `const m = require('module'); const old = m._resolveFilename;
       m._resolveFilename = (name, ...rest) => {
         if (name === 'sharp') throw new Error("Cannot find module 'sharp'");
         return old(name, ...rest);
       };`,
    );
    writeFileSync(
      at('m.onnx'),
      onnxModel({
        inputs: { x: ['N', 3, 1, 2] },
        outputs: { y: ['N', 3, 1, 2] },
        nodes: [{ op: 'Relu', inputs: ['x'], outputs: ['y'] }],
      }),
    );
    const { code, stderr } = halftone(['run', at('m.onnx'), '--input', at('two.png')], {
      NODE_OPTIONS: `--require ${block}`,
    });
    expect(code).toBe(1);
    expect(stderr).toMatch(/two\.png: pictures need the package sharp, .*npm install sharp/);
  });
});

describe('JSON', () => {
  test('lists, and dtype and shape, both ways', () => {
    expect(
      arrayOfJson(
        [
          [1, 2],
          [3, 'NaN'],
        ],
        'float32',
        'f',
      ),
    ).toEqual(float32([2, 2], 1, 2, 3, Number.NaN));
    expect(arrayOfJson({ data: [1, 2, 3, 4], shape: [2, 2] }, 'uint8', 'f')).toEqual({
      dtype: 'uint8',
      shape: [2, 2],
      data: Uint8Array.of(1, 2, 3, 4),
    });
    const arrays: HostArray[] = [
      float32([], 1.5),
      float32([2, 0]),
      float32([3], Infinity, -Infinity, 0.1),
      { dtype: 'int64', shape: [2], data: BigInt64Array.of(2n ** 62n + 1n, -3n) },
      { dtype: 'bool', shape: [2], data: Uint8Array.of(1, 0) },
    ];
    for (const array of arrays) {
      const text = JSON.stringify(jsonOfArray(array));
      const back = arrayOfJson(JSON.parse(text), 'float32', 'f');
      expect({ ...back, data: [...(back.data as never)] }).toEqual({
        ...array,
        data: [...(array.data as never)],
      });
    }
  });

  test.each([
    [[[1], [2, 3]], 'int8', /equally long, got a list of 2, not 1/],
    [[[1], 2], 'int8', /equally long, got 2, not 1/],
    [[300], 'int8', /f: 300 is no int8/],
    [[1.5], 'int32', /f: 1.5 is no int32/],
    [[2], 'bool', /f: 2 is no bool/],
    [['1'], 'float32', /f: "1" is no float32/],
    [[null], 'float32', /f: null is no float32/],
    [['99999999999999999999'], 'int64', /is no int64/],
    [{ dtype: 'half', data: [1] }, 'float32', /dtype "half" is unknown/],
    [{ shape: [3], data: [1] }, 'float32', /shape \[3\] does not fit 1 values/],
    [{ shape: [-1], data: [1] }, 'float32', /shape \[-1\] does not fit/],
    [[[[[[[[[[1]]]]]]]]], 'float32', /at most 8 levels/],
  ] as const)('%j as %s is refused', (value, dtype, message) => {
    expect(() => arrayOfJson(value, dtype, 'f')).toThrow(message);
  });
});

describe('arrays', () => {
  const run = async (model: Model, arrays: Record<string, HostArray>, batch = 2) => {
    const source = inputSource(model, new Map(Object.entries(arrays)));
    const { outputs } = await runBatches(model, source, { batch });
    const shapes = [...outputs.values()].map(({ shape, data }) => [shape, [...(data as never)]]);
    return { count: source.count, shapes };
  };

  test('are cut along the first axis, stacked inputs run one by one, others as they are', async () => {
    using free = await echo({ a: ['N', 2], b: ['N'] });
    expect(
      await run(free, { a: float32([3, 2], 1, 2, 3, 4, 5, 6), b: float32([3], 7, 8, 9) }),
    ).toEqual({
      count: 3,
      shapes: [
        [
          [3, 2],
          [1, 2, 3, 4, 5, 6],
        ],
        [[3], [7, 8, 9]],
      ],
    });
    using fixed = await Model.load(
      onnxModel({
        inputs: { a: [2, 2], b: [3] },
        outputs: { c: [2, 2], d: [3] },
        nodes: [
          { op: 'Identity', inputs: ['a'], outputs: ['c'] },
          { op: 'Identity', inputs: ['b'], outputs: ['d'] },
        ],
      }),
    );
    const one = { a: float32([2, 2], 1, 2, 3, 4), b: float32([3], 5, 6, 7) };
    expect((await run(fixed, one)).count).toBe(1);
    const two = {
      a: float32([2, 2, 2], 1, 2, 3, 4, 5, 6, 7, 8),
      b: float32([2, 3], 5, 6, 7, 8, 9, 10),
    };
    expect(await run(fixed, two)).toEqual({
      count: 2,
      shapes: [
        [
          [4, 2],
          [1, 2, 3, 4, 5, 6, 7, 8],
        ],
        [[6], [5, 6, 7, 8, 9, 10]],
      ],
    });
    using scalar = await echo({ s: [] });
    expect(await run(scalar, { s: float32([], 5) })).toEqual({ count: 1, shapes: [[[], [5]]] });
    expect(await run(scalar, { s: float32([3], 5, 6, 7) })).toEqual({
      count: 3,
      shapes: [[[3], [5, 6, 7]]],
    });
  });

  test('of different lengths are refused', async () => {
    using open = await echo({ a: ['N', 2], b: ['N'] });
    await expect(run(open, { a: float32([1, 2], 1, 2), b: float32([2], 1, 2) })).rejects.toThrow(
      'size N must be the same everywhere, got 1 in "a" and 2 in "b"',
    );
    using fixed = await echo({ a: [2, 2], b: [1] });
    await expect(
      run(fixed, { a: float32([2, 2], 1, 2, 3, 4), b: float32([2], 1, 2) }),
    ).rejects.toThrow(
      'the files must hold equally many entries, got 2 for "a" (2 per run) and 2 for "b" (1 per run)',
    );
  });

  test('.npz and JSON give several inputs by name, and take several outputs', async () => {
    using model = await echo({ a: ['N', 2], b: ['N'] });
    const arrays = new Map([
      ['a', float32([1, 2], 1, 2)],
      ['b', float32([1], 3)],
    ]);
    for (const name of ['ab.npz', 'ab.json']) {
      expect(await writeResults(at(name), arrays, {})).toEqual([at(name)]);
      const read = await readInputs(model, '--input', [at(name)]);
      expect(
        new Map(
          [...read].map(([n, v]) => [n, { ...v, data: Float32Array.from(v.data as Float32Array) }]),
        ),
      ).toEqual(arrays);
    }
    await writeResults(at('a.npy'), arrays, {});
    expect(readNpy(readFileSync(at('a.npy')))).toEqual(arrays.get('a'));
    await expect(writeResults(at('a.txt'), arrays, {})).rejects.toThrow(
      /must end with one of \.npy/,
    );

    const refuses = async (given: string[], message: RegExp) =>
      expect(readInputs(model, '--input', given)).rejects.toThrow(message);
    await writeResults(at('other.npz'), new Map([['c', float32([1], 3)]]), {});
    await refuses([at('other.npz')], /"c" is no input of the model; these are a, b/);
    await refuses([at('ab.npz'), `b=${at('a.npy')}`], /names the input "b" twice/);
    await refuses([at('a.npy')], /must be NAME=FILE for inputs a, b/);
    await refuses([`a=${at('a.npy')}`], /names no file for the input "b"/);
    writeFileSync(at('bad.json'), '{"a": ');
    await refuses([at('bad.json')], /bad\.json: .*JSON/);
    writeFileSync(at('list.json'), '[1]');
    await refuses([at('list.json')], /must be an object with the inputs a, b/);
    // A file with one array is for the input that is named.
    const read = await readInputs(model, '--input', [`a=${at('a.npy')}`, `b=${at('other.npz')}`]);
    expect(read.get('b')?.shape).toEqual([1]);
  });
});

test('audit --fail-below: exit code 3 when an output is worse', async () => {
  writeFileSync(
    at('m.onnx'),
    onnxModel({
      inputs: { x: ['N', 2] },
      outputs: { y: ['N', 2] },
      initializers: { k: { floats: [0.1, 0.3] } },
      nodes: [{ op: 'Mul', inputs: ['x', 'k'], outputs: ['y'] }],
    }),
  );
  const data = await npy('x.npy', float32([1, 2], 1.1, 2.3));
  const audit = (decibel: string) =>
    halftone(['audit', at('m.onnx'), '--data', data, '--fail-below', decibel]);
  // Three roundings to 11 bits: about 70 dB.
  expect(audit('40')).toMatchObject({ code: 0, stderr: '' });
  expect(audit('200')).toMatchObject({
    code: 3,
    stderr: expect.stringMatching(/^halftone: y: [\d.]+ dB, below 200\n$/),
  });
});

test('a bar of progress', () => {
  expect(progressBar('x', 0, 10)).toBe(`[${'.'.repeat(30)}]   0 % x`);
  expect(progressBar('x', 5, 10)).toBe(`[${'#'.repeat(15)}${'.'.repeat(15)}]  50 % x`);
  expect(progressBar('x', 12, 10)).toBe(`[${'#'.repeat(30)}] 100 % x`);
  expect(progressBar('x', 1, 0)).toBe(`[${'.'.repeat(30)}]   0 % x`);
});
