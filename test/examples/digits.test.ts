/** examples/digits: the pictures are those of the seed, the file gives what its README states, and training learns. */

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { makeDigits, SIZE } from '../../examples/digits/digits';
import { Model } from '../../lib/index';
import { REPO } from '../support/repo';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'halftone-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const run = (name: string, ...args: string[]) => {
  const file = path.join(REPO, 'dist/examples/digits', name);
  const { status, stdout, stderr } = spawnSync(process.execPath, [file, ...args], {
    encoding: 'utf8',
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout;
};

const README = readFileSync(path.join(REPO, 'examples/digits/README.md'), 'utf8');

/** Rows of the program's table: percent right and percent as float32, by precision. */
function rows(text: string): Map<string, { right: number; same: number }> {
  const found = text.matchAll(/^(float32|float16|mixed) +\d+ of 11 +([\d.]+) % +([\d.]+) %/gm);
  return new Map(
    [...found].map(([, name = '', right, same]) => [
      name,
      { right: Number(right), same: Number(same) },
    ]),
  );
}

describe('the pictures', () => {
  test('are the same for the same seed, and begin alike whatever their number', () => {
    const { pixels, labels } = makeDigits(200, 2);
    const fewer = makeDigits(20, 2);
    expect(pixels.subarray(0, 20 * SIZE * SIZE)).toEqual(fewer.pixels);
    expect(labels.slice(0, 20)).toEqual(fewer.labels);
    expect(makeDigits(20, 3).pixels).not.toEqual(fewer.pixels);
    // What the accuracy in the README was measured on.
    expect(createHash('sha256').update(pixels).digest('hex')).toBe(
      '9434f5758c71e8d6abdd394e43849637cf7a2791a44a2ba1cf6c969bc0fba7ab',
    );
  });

  test('show every digit about equally often, in dark and light', () => {
    const { pixels, labels } = makeDigits(2000, 5);
    for (let digit = 0; digit < 10; digit++) {
      // 200 are expected, with a standard deviation of 13.4: five of them.
      const count = labels.filter((label) => label === digit).length;
      expect(Math.abs(count - 200)).toBeLessThan(67);
    }
    const mean = pixels.reduce((sum, v) => sum + v, 0) / pixels.length;
    expect(mean).toBeGreaterThan(20);
    expect(mean).toBeLessThan(100);
  });
});

test('the file is below 200 kB, and takes any number of pictures', async () => {
  const file = path.join(REPO, 'examples/digits/digits.onnx');
  expect(statSync(file).size).toBeLessThan(200_000);
  using model = await Model.load(file);
  expect(model.inputs).toEqual([{ name: 'pixels', dtype: 'float32', shape: ['N', 1, SIZE, SIZE] }]);
});

test('the program prints the accuracy that the README states, and writes the page', () => {
  const page = path.join(folder, 'new/page.html');
  const stdout = run('main.js', page);
  const [measured, stated] = [rows(stdout), rows(README)];
  expect([...measured.keys()]).toEqual(['float32', 'float16', 'mixed']);
  expect(stated.size).toBe(3);
  for (const [name, { right, same }] of measured) {
    expect(right).toBeGreaterThanOrEqual(97);
    // Other instruction sets add in another order, which may turn a picture or two of 1000.
    expect(Math.abs(right - (stated.get(name)?.right ?? 0))).toBeLessThanOrEqual(0.21);
    expect(same).toBeGreaterThanOrEqual(99.8);
  }
  expect(stdout).toContain(`layer by layer: ${page}`);
  expect(readFileSync(page, 'utf8')).toContain('conv1 + relu1');
});

test('training learns, and writes a network of the same form', async () => {
  const file = path.join(folder, 'net.onnx');
  const stdout = run('train.js', file, '2000', '2');
  const losses = [...stdout.matchAll(/mean cross entropy ([\d.]+)/g)].map(([, loss]) =>
    Number(loss),
  );
  // Saying nothing costs log 10 = 2.303.
  expect(losses).toHaveLength(2);
  expect(losses[0]).toBeLessThan(2.3);
  expect(losses[1]).toBeLessThan(losses[0] as number);
  using made = await Model.load(file);
  using shipped = await Model.load(path.join(REPO, 'examples/digits/digits.onnx'));
  const form = ({ nodes, inputs, outputs }: Model) => ({
    inputs,
    outputs,
    nodes: nodes.map(({ op, attributes }) => [op, ...attributes]),
  });
  expect(form(made)).toEqual(form(shipped));
});
