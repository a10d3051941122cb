/** The commands inspect, convert and audit. */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { writeNpy } from '../../lib/io/npy';
import { halftone } from '../support/cli';
import { onnxModel } from '../support/onnx-builder';

let folder: string;
const at = (name: string) => path.join(folder, name);

beforeAll(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'halftone-'));
  const bytes = onnxModel({
    inputs: { x: ['N', 4] },
    outputs: { y: ['N', 2] },
    initializers: {
      w: { floats: [1, 2, 3, 4, 5, 6, 7, 8.0009765], dims: [4, 2] },
      c: { floats: [65504, 65504] },
    },
    nodes: [
      { op: 'MatMul', name: 'product</script>', inputs: ['x', 'w'], outputs: ['p'] },
      { op: 'Add', name: 'up', inputs: ['p', 'c'], outputs: ['q'] },
      { op: 'Sub', name: 'down', inputs: ['q', 'c'], outputs: ['y'] },
    ],
  });
  writeFileSync(at('m.onnx'), bytes);
  const data = Float32Array.from({ length: 12 }, (_, i) => 1 + i / 8);
  writeFileSync(at('x.npy'), writeNpy({ dtype: 'float32', shape: [3, 4], data }));
});
afterAll(() => rmSync(folder, { recursive: true }));

const run = (...args: string[]) => halftone(args.map((arg) => arg.replace('@', `${folder}/`)));

test('models of strings and sequences are inspected, and not run', () => {
  const bytes = onnxModel({
    inputs: {
      t: { dtype: 'string', shape: ['N'] },
      s: { shape: [2], sequence: true, optional: true },
    },
    outputs: { u: { dtype: 'string', shape: ['N'] } },
    nodes: [{ op: 'Identity', inputs: ['t'], outputs: ['u'] }],
  });
  writeFileSync(at('text.onnx'), bytes);
  const { stdout } = run('inspect', '@text.onnx');
  expect(stdout).toContain('t string [N], s optional sequence of float32 [2]');
  writeFileSync(at('text.json'), '{ "t": [1], "s": [1] }');
  const { code, stderr } = run('run', '@text.onnx', '--input', '@text.json');
  expect(code).not.toBe(0);
  expect(stderr).toContain('input "t" is strings, the commands give models tensors only');
});

test('inspect', () => {
  const { code, stdout, stderr } = run('inspect', '@m.onnx', '--nodes');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toContain('3: 1 Add, 1 MatMul, 1 Sub');
  expect(stdout).toMatch(/up +Add +q/);
  expect(JSON.parse(run('inspect', '@m.onnx', '--json').stdout)).toMatchObject({
    opsets: { '': 13 },
    operators: { Add: 1, MatMul: 1, Sub: 1 },
    weightBytes: 40,
  });
});

test("convert: 'auto' by files, and what is written loads", () => {
  const { code, stdout, stderr } = run(
    ...['convert', '@m.onnx', '@auto.onnx', '--precision', 'auto', '--data', 'x=@x.npy'],
  );
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toContain('1 float16, 2 float32');
  expect(stdout).toMatch(/down +Sub +the error is too large without it/);
  const report = JSON.parse(run('inspect', '@auto.onnx', '--json').stdout);
  expect(report.operators).toEqual({ Add: 1, Cast: 2, MatMul: 1, Sub: 1 });
  const mixed = run(
    'convert',
    '@m.onnx',
    '@mixed.onnx',
    '--precision',
    'mixed',
    '--keep',
    'prod*',
    '--json',
  );
  expect(JSON.parse(mixed.stdout)).toMatchObject({ precision: 'mixed', casts: 0 });
});

test('audit: a table, JSON and a page', () => {
  const { code, stdout, stderr } = run(
    'audit',
    '@m.onnx',
    '--data',
    '@x.npy',
    '--html',
    '@page.html',
  );
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toContain('flagged product</script> + up: 6 of 6 values are beyond 65504');
  expect(stdout).toContain('flagged down: 6 values become infinite or NaN in this node');
  const json = JSON.parse(
    run('audit', '@m.onnx', '--data', '@x.npy', '--precision', 'mixed', '--json').stdout,
  );
  expect(json.nodes[0]).toMatchObject({ dtype: 'float16' });

  const page = readFileSync(at('page.html'), 'utf8');
  // Nothing is fetched, and names of nodes are no markup.
  expect(page).not.toMatch(/(src|href)=|https?:\/\/(?!github\.com\/leeoniya)/);
  expect(page.match(/<\/script>/g)).toHaveLength(2);
});

test('wrong calls say what is wrong', () => {
  const fails = (args: string[], message: string, code = 1) => {
    const result = run(...args);
    expect(result.code).toBe(code);
    expect(result.stderr).toContain(message);
  };
  fails(['convert', '@m.onnx', '@o.onnx', '--precision', 'auto'], "precision 'auto' needs data");
  fails(['convert', '@m.onnx', '@o.onnx', '--precision', 'half'], 'Allowed choices', 2);
  fails(['convert', '@m.onnx', '@none/o.onnx', '--precision', 'float16'], 'no such folder');
  fails(['inspect', '@none.onnx'], 'none.onnx: no such file or directory\n(ENOENT;');
  fails(['audit', '@m.onnx', '--data', '@m.onnx'], 'neither a .npy nor an idx file');
  fails(
    ['audit', '@m.onnx', '--data', 'x=@x.npy', '--data', '@x.npy'],
    'names the input "x" twice',
  );
  fails(['inspect', '@x.npy'], 'not an ONNX model');
  expect(existsSync(at('o.onnx'))).toBe(false);
});

const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
  existsSync,
);
const withChromium =
  CHROMIUM || process.env['HALFTONE_REQUIRE_CHROMIUM'] === '1' ? test : test.skip;

withChromium(
  'the page draws itself in a browser without network',
  () => {
    run('audit', '@m.onnx', '--data', '@x.npy', '--html', '@page.html');
    const { stdout, status } = spawnSync(
      CHROMIUM ?? 'chromium',
      [
        ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
        ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
        ...[
          `--user-data-dir=${at('profile')}`,
          '--virtual-time-budget=4000',
          '--dump-dom',
          `file://${at('page.html')}`,
        ],
      ],
      { encoding: 'utf8', maxBuffer: 2 ** 26 },
    );
    expect(status).toBe(0);
    expect(stdout).toContain('data-ready="yes"');
    // Three plots, a row for each node, and the flagged one picked.
    expect(stdout.match(/<canvas/g)).toHaveLength(3);
    expect(stdout).toContain('product&lt;/script&gt;');
    expect(stdout).toMatch(/<tr class="flagged picked"><td[^>]*>1 product&lt;\/script&gt; \+ up</);
  },
  60_000,
);
