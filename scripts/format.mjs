// Formats and lints: Biome for TypeScript, JavaScript and JSON, clang-format for C++ and CUDA.
//
//   node scripts/format.mjs            reports what is not formatted
//   node scripts/format.mjs --write    formats in place
//   node scripts/format.mjs --lint     runs the linter only

import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { root, run, walk } from './support.mjs';

const CPP = /\.(cc|cpp|h|hpp|cu|cuh)$/;

/** clang-format of the version that package-lock.json pins, from inside its npm package. */
function clangFormat() {
  const require = createRequire(import.meta.url);
  return require('clang-format-node').clangFormatPath;
}

async function biome(...args) {
  const bin = path.join(root, 'node_modules/@biomejs/biome/bin/biome');
  const extra = process.stdout.isTTY ? [] : ['--colors=off'];
  return (await run(process.execPath, [bin, ...args, ...extra])) === 0;
}

async function formatCpp(write) {
  const files = ['native', 'test/native', 'bench', 'examples'].flatMap(walk);
  const sources = files.filter((name) => CPP.test(name));
  if (sources.length === 0) return true;
  const program = clangFormat();
  const mode = write ? ['-i'] : ['--dry-run', '-Werror', '-ferror-limit=1'];
  const ok = (await run(program, [...mode, ...sources])) === 0;
  if (!ok && !write) console.log('npm run format formats them.');
  return ok;
}

/** Checks (or with `write` repairs) the format of every source file. */
export async function format({ write = false } = {}) {
  const results = [
    await biome('format', ...(write ? ['--write'] : []), '.'),
    await formatCpp(write),
  ];
  return results.every(Boolean);
}

/** Runs the linter; warnings count as errors. */
export const lint = () => biome('lint', '--error-on-warnings', '.');

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const ok = process.argv.includes('--lint')
    ? await lint()
    : await format({ write: process.argv.includes('--write') });
  process.exitCode = ok ? 0 : 1;
}
