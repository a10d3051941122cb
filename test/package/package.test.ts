import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { REPO } from '../support/repo';

/** Runs a program in the repository; returns what it wrote, throws with it when it failed. */
function run(command: string, ...args: string[]): string {
  const result = spawnSync(command, args, { cwd: REPO, encoding: 'utf8' });
  if (result.status === 0) return result.stdout;
  throw new Error(`${command} ${args.join(' ')}\n${result.stdout}\n${result.stderr}`);
}

/** Runs a program of a development package: `folder/file` below node_modules. */
const runPackage = (file: string, ...args: string[]): string =>
  run(process.execPath, path.join(REPO, 'node_modules', file), ...args);

const packed = (): string[] => {
  const report = JSON.parse(run('npm', 'pack', '--dry-run', '--json', '--ignore-scripts'));
  return report[0].files.map((file: { path: string }) => file.path);
};

test('package.json has no script that npm runs on installation', () => {
  const { scripts } = JSON.parse(readFileSync(path.join(REPO, 'package.json'), 'utf8'));
  const names = ['preinstall', 'install', 'postinstall', 'prepublish', 'preprepare', 'prepare'];
  expect(Object.keys(scripts).filter((name) => names.includes(name))).toEqual([]);
  // npm compiles a package that has this file even without a script.
  expect(existsSync(path.join(REPO, 'binding.gyp'))).toBe(false);
});

test('every dependency has one exact version', () => {
  const manifest = JSON.parse(readFileSync(path.join(REPO, 'package.json'), 'utf8'));
  const versions = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies });
  expect(versions.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(String(version)))).toEqual([]);
});

test('package-lock.json names no registry', () => {
  const lock = JSON.parse(readFileSync(path.join(REPO, 'package-lock.json'), 'utf8'));
  const entries = Object.entries<{ resolved?: string }>(lock.packages);
  expect(entries.filter(([, entry]) => entry.resolved !== undefined)).toEqual([]);
});

const describeBuilt = existsSync(path.join(REPO, 'lib/index.ts')) ? describe : describe.skip;

describeBuilt('the published package', () => {
  test('holds what a user needs to load and to build it', () => {
    const files = packed();
    for (const file of [
      'package.json',
      'README.md',
      'LICENSE',
      'CHANGELOG.md',
      'CMakeLists.txt',
      'bin/halftone.js',
      'binding.d.ts',
      'scripts/native.mjs',
      'scripts/support.mjs',
      'dist/binding.d.ts',
      'dist/lib/index.js',
      'dist/lib/index.mjs',
      'dist/lib/index.d.ts',
      'dist/lib/index.d.mts',
      'dist/lib/binding.js',
      'native/core/dtype.h',
    ]) {
      expect(files).toContain(file);
    }
  });

  test('holds no tests, benchmarks or build outputs', () => {
    const pattern = /(^|\/)(test|bench|examples|docs|build|node_modules)\/|\.stamp$|\.tsbuildinfo$/;
    expect(packed().filter((file) => pattern.test(file))).toEqual([]);
  });

  test('passes publint', () => {
    runPackage('publint/src/cli.js', '--strict');
  });

  test('is one instance for import and for require, with the same names', () => {
    const script = `
      import { createRequire } from 'node:module';
      import * as esm from 'halftone';
      const cjs = createRequire(import.meta.url)('halftone');
      const names = Object.keys(cjs);
      const different = names.filter((name) => cjs[name] !== esm[name]);
      console.log(JSON.stringify({ names, different }));`;
    const { names, different } = JSON.parse(
      run(process.execPath, '--input-type=module', '-e', script),
    );
    expect(names.length).toBeGreaterThan(0);
    expect(different).toEqual([]);
  });

  test('has declarations that work for import and for require', () => {
    runPackage('typescript/bin/tsc', '-p', 'test/package/tsconfig.json');
  });
});
