/** `--help` of each command, and the examples in it, which run as they are. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { COMMANDS_WITH_EXAMPLES, examplesOf } from '../../lib/cli/examples';
import { writeNpy } from '../../lib/io/npy';
import { halftone } from '../support/cli';
import { onnxModel } from '../support/onnx-builder';
import { Rng } from '../support/rng';
import { readRepo } from '../support/snippets';

let folder: string;
const at = (name: string) => path.join(folder, name);

/** Writes the files that the examples name. */
beforeAll(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'halftone-'));
  const rng = new Rng();
  const floats = (n: number) => Array.from({ length: n }, () => rng.normal() / 4);
  writeFileSync(
    at('net.onnx'),
    onnxModel({
      inputs: { pixels: ['N', 3, 6, 8] },
      outputs: { scores: ['N', 4] },
      initializers: {
        w: { floats: floats(4 * 3 * 9), dims: [4, 3, 3, 3] },
        c: { floats: floats(16), dims: [4, 4] },
      },
      nodes: [
        { op: 'Conv', name: 'conv', inputs: ['pixels', 'w'], outputs: ['sum'] },
        { op: 'Relu', name: 'relu', inputs: ['sum'], outputs: ['positive'] },
        { op: 'GlobalAveragePool', name: 'mean', inputs: ['positive'], outputs: ['means'] },
        { op: 'Flatten', name: 'flat', inputs: ['means'], outputs: ['features'] },
        { op: 'MatMul', name: 'classify', inputs: ['features', 'c'], outputs: ['scores'] },
      ],
    }),
  );
  writeFileSync(
    at('two.onnx'),
    onnxModel({
      inputs: { a: ['N', 2], b: ['N', 2] },
      outputs: { sum: ['N', 2], product: ['N', 2] },
      nodes: [
        { op: 'Add', inputs: ['a', 'b'], outputs: ['sum'] },
        { op: 'Mul', inputs: ['a', 'b'], outputs: ['product'] },
      ],
    }),
  );
  const npy = (name: string, shape: number[], data: Float32Array | Uint8Array) =>
    writeFileSync(
      at(name),
      writeNpy({ dtype: data instanceof Uint8Array ? 'uint8' : 'float32', shape, data }),
    );
  npy('images.npy', [6, 3, 6, 8], Float32Array.from(floats(6 * 144)));
  npy('labels.npy', [2], Uint8Array.of(0, 3));
  npy('a.npy', [2, 2], Float32Array.of(1, 2, 3, 4));
  writeFileSync(at('b.json'), '[[10, 20], [30, 40]]');
  mkdirSync(at('photos'));
  const picture = (width: number, height: number) =>
    sharp({ create: { width, height, channels: 3, background: '#4080c0' } });
  await picture(20, 10).png().toFile(at('photo.png'));
  await picture(8, 6).jpeg().toFile(at('photos/1.jpg'));
  await picture(30, 30).png().toFile(at('photos/2.png'));
  const script = ['run', 'two.onnx', '--input', 'a=a.npy', '--input', 'b=b.json'];
  expect(halftone([...script, '--output', 'weights.npz'], {}, undefined, folder).code).toBe(0);
});
afterAll(() => rmSync(folder, { recursive: true }));

/** "halftone a 'b c'" in words. */
const words = (command: string) =>
  [...command.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, word]) => quoted ?? word ?? '');

const COMMANDS = ['doctor', 'demo', 'version', 'build', ...COMMANDS_WITH_EXAMPLES];

test.each(COMMANDS)('%s --help', (command) => {
  const { code, stdout, stderr } = halftone([command, '--help']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toContain(`Usage: halftone ${command}`);
  // Lines of help are no longer than a terminal is wide, unless they are a command to copy.
  const wide = stdout.split('\n').filter((l) => l.length > 90 && !l.includes('$ halftone'));
  expect(wide).toEqual([]);
});

test('an option that build does not have is refused, and nothing is built', () => {
  const { code, stdout, stderr } = halftone(['build', '--nosuch']);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain("unknown option '--nosuch'");
});

test.each(COMMANDS_WITH_EXAMPLES)('the examples of %s --help run', (command) => {
  const { stdout } = halftone([command, '--help']);
  const examples = [...stdout.matchAll(/^ {2}\$ (.*)$/gm)].map(([, line = '']) => line);
  expect(examples.length).toBeGreaterThan(0);
  for (const line of examples) {
    const [program, ...args] = words(line);
    expect(program).toBe('halftone');
    const { code, stderr } = halftone(args, {}, undefined, folder);
    expect({ line, code, stderr }).toEqual({ line, code: 0, stderr: '' });
  }
});

test('the commands in docs/cli.md are examples that run', () => {
  const known = COMMANDS_WITH_EXAMPLES.map(examplesOf).join('\n');
  const shown = readRepo('docs/cli.md').match(/^halftone .*$/gm) ?? [];
  expect(shown.length).toBeGreaterThan(3);
  expect(shown.filter((line) => !known.includes(`$ ${line}\n`))).toEqual([]);
});

test('the exit codes are in the help', () => {
  expect(halftone(['--help']).stdout).toMatch(
    /Exit codes: 0 success, 1 failure, 2 wrong command line, 3 audit/,
  );
});
