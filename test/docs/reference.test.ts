/** The API reference is complete: typedoc has nothing to complain about. */

import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { REPO } from '../support/repo';

test('every export has documentation, and every link in it leads somewhere', () => {
  const typedoc = path.join(REPO, 'node_modules/typedoc/bin/typedoc');
  const { status, stdout, stderr } = spawnSync(process.execPath, [typedoc, '--emit', 'none'], {
    cwd: REPO,
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1' },
  });
  expect({ status, said: `${stdout}${stderr}`.trim() }).toEqual({ status: 0, said: '' });
});
