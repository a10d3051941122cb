/** Damaged models, in a process of their own: test/fuzz/main.ts says what must hold. `npm run fuzz` goes on for longer. */

import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { ModelError } from '../../lib/errors';
import { Model } from '../../lib/index';
import { CORPUS } from '../fuzz/corpus';
import { messagesOf, pack, parse, unpack, write } from '../fuzz/wire';
import { describeWithData } from '../support/data';
import { type NodeSpec, onnxModel, type TensorSpec } from '../support/onnx-builder';
import { REPO } from '../support/repo';

function fuzz(...args: string[]): number {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [path.join(REPO, 'dist/test/fuzz/main.js'), ...args],
    { encoding: 'utf8' },
  );
  expect({ status, stdout, stderr }).toEqual({
    status: 0,
    stdout: expect.stringMatching(/^\d+ cases of seed \d+ from \d+ models, \d+ of them load\n$/),
    stderr: '',
  });
  const [cases = 0, , , loaded = 0] = (stdout.match(/\d+/g) ?? []).map(Number);
  // Some changes leave a model: else only the first lines of the decoder would be tried.
  expect(loaded).toBeGreaterThan(cases / 50);
  return cases;
}

test('10 seconds of changes to the built-in models', () => {
  expect(fuzz('--seconds', '10')).toBeGreaterThan(100);
});

describeWithData('with the models of ONNX', 'onnx/node', (folder) => {
  test('5 seconds of changes', () => {
    expect(fuzz('--seconds', '5', '--corpus', folder)).toBeGreaterThan(50);
  });
});

test('the corpus loads, and the reader of fields writes what it read', async () => {
  for (const bytes of CORPUS) {
    expect(write(parse(bytes))).toEqual(bytes);
    const externalData = { 'w.bin': new Uint8Array(64) };
    (await Model.load(bytes, { externalData })).dispose();
  }
  const types = CORPUS.flatMap((bytes) => [...messagesOf(parse(bytes))].map(({ type }) => type));
  expect([...new Set(types)].sort()).toEqual(
    'Attribute Dim Entry Graph Model Node Opset Shape Tensor Type TypeOf TypeTensor Value'.split(
      ' ',
    ),
  );
  const numbers = [0n, 127n, 128n, -1n, 2n ** 62n];
  expect(unpack(pack(numbers))).toEqual(numbers);
});

describe('values that have to be known are not computed without end', () => {
  const LARGE = 2 ** 30;
  const node = (op: string, inputs: string[], output: string): NodeSpec => ({
    op,
    name: output,
    inputs,
    outputs: [output],
  });
  const scalar = (value: number): TensorSpec => ({ ints: [value], dims: [] });
  const initializers = {
    one: { ints: [1] },
    large: { ints: [LARGE] },
    eight: { ints: [1, 2, 3, 4, 5, 6, 7, 8] },
    from: scalar(0),
    to: scalar(LARGE),
    by: scalar(1),
  };
  const doubling = Array.from(
    { length: 28 },
    (_, i): NodeSpec => ({
      ...node('Concat', [i === 0 ? 'eight' : `k${i}`, i === 0 ? 'eight' : `k${i}`], `k${i + 1}`),
      attributes: { axis: 0 },
    }),
  );
  const CASES: readonly (readonly [string, readonly NodeSpec[], string])[] = [
    ['Range', [node('Range', ['from', 'to', 'by'], 'k')], 'k'],
    ['Expand', [node('Expand', ['one', 'large'], 'k')], 'k'],
    ['Tile', [node('Tile', ['one', 'large'], 'k')], 'k'],
    ['Concat', doubling, 'k28'],
  ];

  test.each(CASES)('%s', async (_, nodes, shape) => {
    const before = process.resourceUsage().maxRSS;
    const bytes = onnxModel({
      inputs: { x: [4] },
      outputs: { y: { dtype: 'float32' } },
      initializers,
      nodes: [...nodes, node('Reshape', ['x', shape], 'y')],
    });
    await expect(Model.load(bytes)).rejects.toThrow(ModelError);
    await expect(Model.load(bytes)).rejects.toThrow(
      /have to be known when the model is loaded, and more than 67108864 bytes/,
    );
    // In KiB: less than 512 MiB, where 8 GiB were asked for.
    expect(process.resourceUsage().maxRSS - before).toBeLessThan(2 ** 19);
  });
});
