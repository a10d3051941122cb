/** docs/operators.md says what the registry and the backends say. */

import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { ONNX_OPS } from '../../lib/onnx/op-table';
import { REPO } from '../support/repo';
import { readRepo } from '../support/snippets';

const rows = readRepo('docs/operators.md')
  .split('\n')
  .filter((line) => /^\| [A-Za-z]/.test(line) && !line.startsWith('| operator |'))
  .map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );

test('docs/operators.md is what npm run docs:operators writes', () => {
  const { status, stderr } = spawnSync(
    process.execPath,
    [path.join(REPO, 'scripts/operators-page.mjs'), '--check'],
    { encoding: 'utf8' },
  );
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});

test('it has each operator once, with its attributes', () => {
  expect(rows.map(([name]) => name)).toEqual(ONNX_OPS.names);
  for (const [name = '', since, , attributes] of rows) {
    const forms = ONNX_OPS.forms(name);
    expect(since?.split(', ').map(Number)).toEqual(forms.map((form) => form.since).reverse());
    const own = Object.keys(forms[0]?.attributes ?? {}).sort();
    expect(attributes).toBe(own.join(', '));
  }
});

test('the types are not all the same', () => {
  const types = new Set(rows.flatMap((cells) => cells.slice(4)));
  expect(types.has('none')).toBe(false);
  for (const known of ['all', 'bool', 'floats', 'floats, integers', 'integers', 'the same']) {
    expect([...types]).toContain(known);
  }
  expect(rows.find(([name]) => name === 'Where')?.[4]).toBe('all, strings');
});
