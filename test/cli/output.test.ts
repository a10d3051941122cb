/** What the commands print. */

import { table } from '../../lib/cli/output';

test('of long names both ends are shown, so that the other rows stay readable; other cells are whole', () => {
  const name = `first${'/layer'.repeat(2000)}/last`;
  const lines = table(
    ['node', 'dB'],
    ['left', 'right'],
    [
      ['conv', '40'],
      [name, '7'],
    ],
  ).split('\n');
  expect(lines).toHaveLength(3);
  expect(lines[2]).toMatch(/^ {2}first\/layer[a-z/]*…[a-z/]*\/layer\/last {3}7$/);
  for (const line of lines) expect(line.length).toBe(2 + 100 + 2 + 2);
  expect(table([], ['left', 'left'], [['why', name]])).toContain(name);
});
