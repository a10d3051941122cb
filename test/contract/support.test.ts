/** docs/support.md says what the backends say. */

import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { binding } from '../../lib/binding';
import { REPO } from '../support/repo';
import { readRepo } from '../support/snippets';

it('docs/support.md is what the backends answer', () => {
  const { status, stderr } = spawnSync(
    process.execPath,
    [path.join(REPO, 'scripts/support-table.mjs'), '--check'],
    { encoding: 'utf8' },
  );
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});

it('docs/support.md has a line for each operator, and lines that are not all the same', () => {
  const lines = readRepo('docs/support.md')
    .split('\n')
    .filter((line) => line.startsWith('| `'));
  const named = new Set(lines.map((line) => /^\| `(\w+)`/.exec(line)?.[1]));
  expect([...named].sort()).toEqual(
    binding
      .describeOps()
      .map(({ name }) => name as string)
      .sort(),
  );
  const cells = new Set(lines.flatMap((line) => line.split('|').slice(2, -1)));
  expect([...cells].map((text) => text.trim())).toEqual(
    expect.arrayContaining(['', 'cpu cuda', 'cuda']),
  );
});
