/** What the pages list is complete: error codes, environment variables, decisions, commands. */

import * as errors from '../../lib/errors';
import { filesBelow } from '../support/repo';
import { readRepo } from '../support/snippets';

test('docs/errors.md has a section for each code, with its class', () => {
  const source = readRepo('lib/errors.ts');
  const type = /export type ErrorCode =([^;]*);/.exec(source)?.[1] ?? '';
  const codes = [...type.matchAll(/'(ERR_\w+)'/g)].map(([, code = '']) => code);
  expect(codes.length).toBeGreaterThan(10);
  const headings = readRepo('docs/errors.md').match(/^## .*ERR_.*$/gm) ?? [];
  const missing = codes.filter((code) => {
    const name = errors.createError(code, '').constructor.name;
    return !headings.some((h) => new RegExp(`\\b${code}\\b.*\`${name}\``).test(h));
  });
  expect(missing).toEqual([]);
});

test('README.md explains each variable that lib/env.ts does', () => {
  const names = (text: string) => new Set(text.match(/\bHALFTONE_[A-Z0-9_]+/g));
  const table = readRepo('lib/env.ts').split('*/')[0] ?? '';
  const documented = [...names(table)];
  expect(documented.length).toBeGreaterThan(5);
  const known = names(readRepo('README.md'));
  expect(documented.filter((name) => !known.has(name))).toEqual([]);
});

test('every variable that the code reads is known to doctor', () => {
  const { envProblems } = require('../../lib/env') as typeof import('../../lib/env');
  const sources = ['lib', 'native', 'scripts', 'test'].flatMap(filesBelow);
  const read = new Set<string>();
  for (const file of sources) {
    for (const [, name = ''] of readRepo(file).matchAll(
      /(?:getenv\("|env(?:\.|\[['"])|envSwitch\(['"])(HALFTONE_[A-Z0-9_]+)/g,
    )) {
      read.add(name);
    }
  }
  expect(read.size).toBeGreaterThan(8);
  const unknown = envProblems(Object.fromEntries([...read].map((name) => [name, '1'])));
  expect(unknown.filter((problem) => problem.includes('is no variable'))).toEqual([]);
});

test('decisions are numbered in order, and each has a decision and a reason', () => {
  const files = filesBelow('docs/decisions');
  expect(files.map((file) => Number(/\/(\d{3})-/.exec(file)?.[1]))).toEqual(
    files.map((_, i) => i + 1),
  );
  for (const file of files) {
    const text = readRepo(file);
    expect(text).toMatch(/^# \d{3} /);
    expect(text).toContain('**Decision.**');
    expect(text).toContain('**Why.**');
  }
});
