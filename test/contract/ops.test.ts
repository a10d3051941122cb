/**
 * Every operator is whole: schema, CPU kernel, wrapper, tests, example, and a binding.d.ts that says the same.
 *
 * A registered operator without a CPU kernel cannot exist: the registry is made of the kernels' tables, and a folder in
 * ops.def without one does not link. What is left to check is that no folder is forgotten.
 */

import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import * as halftone from '../../lib';
import { binding } from '../../lib/binding';
import { REPO } from '../support/repo';

const ops = binding.describeOps();
const capitalize = (name: string) => `${name[0]?.toUpperCase()}${name.slice(1)}`;

/** All text of the .ts files of a folder, by file. */
function texts(folder: string): Map<string, string> {
  const names = readdirSync(path.join(REPO, folder), { recursive: true, encoding: 'utf8' });
  return new Map(
    names
      .filter((name) => name.endsWith('.ts'))
      .map((name) => [name, readFileSync(path.join(REPO, folder, name), 'utf8')]),
  );
}

const wrappers = new Map([...texts('lib/ops'), ...texts('lib/quant')]);
const tests = new Map([...texts('test/ops'), ...texts('test/quant')]);

/** The file of lib/ops or lib/quant that exports a function, and the docstring before it. */
function wrapperOf(op: string): { text: string; doc: string } | undefined {
  for (const text of wrappers.values()) {
    const at = text.search(new RegExp(`^export (async )?(function|const) ${op}\\b`, 'm'));
    if (at < 0) continue;
    const before = text.slice(0, at);
    // The docstring of the first overload, for functions that have several.
    const first = text.search(new RegExp(`^export (async )?function ${op}\\b`, 'm'));
    const doc = /\/\*\*(?:(?!\*\/)[\s\S])*\*\/\s*$/.exec(first < 0 ? before : text.slice(0, first));
    return { text, doc: doc?.[0] ?? '' };
  }
  return undefined;
}

describe('the operator schema', () => {
  it('is what binding.d.ts says', () => {
    const { status, stderr } = spawnSync(
      process.execPath,
      [path.join(REPO, 'scripts/generate.mjs'), '--check'],
      { encoding: 'utf8' },
    );
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });

  it('names each operator once and documents all of it', () => {
    expect(new Set(ops.map(({ name }) => name)).size).toBe(ops.length);
    const undocumented = ops.flatMap(({ name, doc, inputs, params }) => [
      ...(doc ? [] : [name]),
      ...inputs.filter((port) => !port.name || !port.doc).map((port) => `${name}.${port.name}`),
      ...params.filter((param) => !param.doc).map((param) => `${name}.${param.name}`),
    ]);
    expect(undocumented).toEqual([]);
  });

  it('is registered from every folder of native/ops, each with a CPU kernel file', () => {
    const folders = readdirSync(path.join(REPO, 'native/ops'), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
      .sort();
    const def = readFileSync(path.join(REPO, 'native/ops/ops.def'), 'utf8');
    const registered = [...def.matchAll(/^OP\((\w+)\)/gm)].map(([, name]) => name ?? '').sort();
    // Shared code of several operators, without an operator of its own.
    const shared = folders.filter((name) => !registered.includes(name));
    expect(shared).toEqual(['gemm']);
    expect(registered.filter((name) => !folders.includes(name))).toEqual([]);
    for (const name of registered) {
      expect(readdirSync(path.join(REPO, 'native/ops', name))).toContain(`${name}_cpu.cc`);
    }
  });
});

describe.each(ops.map((op) => [op.name as string, op] as const))('%s', (name, op) => {
  it('has a TypeScript function with its name and an example', () => {
    expect(typeof (halftone as Record<string, unknown>)[name]).toBe('function');
    const wrapper = wrapperOf(name);
    expect(wrapper).toBeDefined();
    expect(wrapper?.doc).toContain('@example');
    expect(wrapper?.doc).toContain(`${name}(`);
  });

  it('takes the options of the schema: by its type, or each by name', () => {
    const text = wrapperOf(name)?.text ?? '';
    const missing = op.params.filter((param) => !new RegExp(`\\b${param.name}\\b`).test(text));
    const byType = text.includes(`${capitalize(name)}Params`);
    expect(byType ? [] : missing.map((param) => param.name)).toEqual([]);
  });

  it('has no default that differs from the schema', () => {
    // Written down twice, `options.dtype ?? 'int8'` or `{ dtype = 'int8' }`, a default must say the same.
    const text = wrapperOf(name)?.text ?? '';
    const differing = op.params.flatMap((param) => {
      const pattern = new RegExp(
        `(?:\\.${param.name} \\?\\? |[{,] ${param.name} = )('[^']*'|[\\d.]+|true|false)`,
        'g',
      );
      const written = [...text.matchAll(pattern)].map(([, literal = '']) =>
        literal.replaceAll("'", '"'),
      );
      return written
        .filter((literal) => literal !== JSON.stringify(param.default))
        .map((literal) => `${param.name} ${literal}`);
    });
    // Files hold several operators: only what none of their schemas says is wrong.
    const others = new Set(
      ops.flatMap((o) => o.params.map((p) => `${p.name} ${JSON.stringify(p.default)}`)),
    );
    expect(differing.filter((one) => !others.has(one))).toEqual([]);
  });

  it('is tested', () => {
    const mention = new RegExp(`\\b${name}[(:]|['"]${name}['"]`);
    expect([...tests].filter(([, text]) => mention.test(text)).length).toBeGreaterThan(0);
  });
});
