import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { halftone } from '../support/cli';
import { REPO } from '../support/repo';

const manifest = JSON.parse(readFileSync(path.join(REPO, 'package.json'), 'utf8'));

test('--help lists the commands', () => {
  const { code, stdout, stderr } = halftone(['--help']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  for (const command of ['doctor', 'demo', 'version', 'halftone build']) {
    expect(stdout).toContain(command);
  }
});

test('output that cannot be written is one message and exit code 1', () => {
  const full = openSync('/dev/full', 'w');
  const { status, stderr } = spawnSync(
    process.execPath,
    [path.join(REPO, 'bin/halftone.js'), 'version'],
    { stdio: ['ignore', full, 'pipe'], encoding: 'utf8' },
  );
  closeSync(full);
  expect({ status, stderr }).toEqual({
    status: 1,
    stderr: expect.stringMatching(
      /^halftone: ENOSPC.*\n\(ENOSPC; HALFTONE_DEBUG=1 shows the stack\)\n$/,
    ),
  });
});

test.each([[['version']], [['--version']], [['-V']]])('%s prints the version', (args) => {
  expect(halftone(args)).toEqual({ code: 0, stdout: `${manifest.version}\n`, stderr: '' });
});

test.each([
  ['no command', [], 'Usage: halftone'],
  ['an unknown command', ['docter'], "unknown command 'docter'"],
  ['an unknown option', ['doctor', '--jsn'], "unknown option '--jsn'"],
  ['an argument too many', ['doctor', 'now'], 'too many arguments'],
])('%s is a wrong command line: exit code 2', (_label, args, message) => {
  const { code, stdout, stderr } = halftone(args);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain(message);
});
