// The list in bench/results/README.md of code that has never run on a GPU: all kernels and all calls of NVIDIA's libraries in
// the sources, less those that bench/results/ran-on-gpu.txt names (one name per line; # begins a comment).
//
// Run by "npm run docs:support", and checked by test/contract/support.test.ts.

import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { root, walk } from './support.mjs';

const BEGIN = '<!-- written by "npm run docs:support": begin -->';
const END = '<!-- end -->';

export const PAGE = 'bench/results/README.md';

const read = (name) => readFileSync(path.join(root, name), 'utf8');

/** The text without comments and strings, in which names may stand too. */
const code = (name) =>
  read(name)
    .replaceAll(/\/\*[\s\S]*?\*\/|\/\/[^\n]*/g, '')
    .replaceAll(/"(?:\\.|[^"\\\n])*"/g, '""');

const KERNEL =
  /__global__\s+(?:static\s+)?void\s+(?:__launch_bounds__\((?:[^()]|\([^()]*\))*\)\s*)?(\w+)\s*\(/g;
const CALL = /\b((?:cuda|cudnn)[A-Z]\w*|cublas(?:Lt)?[A-Z]\w*)\s*\(/g;

const names = (text, pattern) => [...new Set([...text.matchAll(pattern)].map(([, name]) => name))];

/** Files below native/ that a GPU build compiles, with what `find` gives for each; those with nothing are left out. */
function listed(files, find, ran) {
  return files.flatMap((file) => {
    const found = find(code(file)).filter((name) => !ran.has(name));
    return found.length > 0 ? [`| \`${file}\` | ${found.map((n) => `\`${n}\``).join(', ')} |`] : [];
  });
}

function ranNames() {
  const file = path.join(root, 'bench/results/ran-on-gpu.txt');
  if (!existsSync(file)) return new Set();
  const lines = readFileSync(file, 'utf8').split('\n');
  return new Set(lines.map((line) => line.replace(/#.*/, '').trim()).filter(Boolean));
}

function section() {
  const ran = ranNames();
  const sources = walk('native').filter((file) => !file.startsWith('native/backends/emu/'));
  const kernels = listed(
    sources.filter((file) => /\.(cuh|cu|h)$/.test(file)),
    (text) => names(text, KERNEL),
    ran,
  );
  const calls = listed(
    sources.filter(
      (file) => /\.(cc|h)$/.test(file) && /native\/(backends\/cuda|device)\//.test(file),
    ),
    (text) => names(text, CALL).sort(),
    ran,
  );
  const launchers = sources
    .filter((file) => /_cuda\.cu$/.test(file))
    .map((file) => `\`${file.replace(/^native\//, '')}\``);
  return [
    BEGIN,
    '',
    'Kernels. Their sources run on the emulated device and are compiled for every architecture; no GPU has run them.',
    '',
    '| file | kernels |',
    '|---|---|',
    ...kernels,
    '',
    'Calls of NVIDIA libraries, never with a device. The emulated device has fakes in their place.',
    '',
    '| file | calls |',
    '|---|---|',
    ...calls,
    '',
    `Launchers, which run on the emulated device only: ${launchers.join(', ')}.`,
    '',
    END,
  ].join('\n');
}

/** The page with the list as it is now. */
export function withList() {
  const text = read(PAGE);
  const [first, last] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (first < 0 || last < first) throw new Error(`${PAGE} has no place for the list.`);
  return text.slice(0, first) + section() + text.slice(last + END.length);
}
