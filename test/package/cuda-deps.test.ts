/** `npm run cuda:deps` with a stand-in for pip, in a folder of its own. */

import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { REPO } from '../support/repo';

let root: string;
beforeEach(() => {
  root = mkdtempSync(path.join(os.tmpdir(), 'halftone-deps-'));
  for (const name of ['scripts', 'cmake', 'package.json'])
    cpSync(path.join(REPO, name), path.join(root, name), { recursive: true });
  // Imported, but only used to compile.
  mkdirSync(path.join(root, 'bin'));
  symlinkSync(process.execPath, path.join(root, 'bin/node'));
});
afterEach(() => rmSync(root, { recursive: true }));

/** A python3 whose pip runs `install` with its target as $target. */
function fakePip(install: string): void {
  const script = [
    '#!/bin/sh',
    'if [ "$3" = --version ]; then exit 0; fi',
    'if [ "$1" != -m ]; then exit 1; fi',
    `echo "$@" > ${root}/arguments`,
    'while [ "$1" != --target ]; do shift; done; target="$2"',
    install,
  ];
  const file = path.join(root, 'bin/python3');
  writeFileSync(file, `${script.join('\n')}\n`);
  chmodSync(file, 0o755);
}

function deps() {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [path.join(root, 'scripts/cuda-deps.mjs'), '--force'],
    { env: { PATH: `${path.join(root, 'bin')}` }, encoding: 'utf8' },
  );
  const left = readdirSync(root).filter((name) => name.startsWith('.cuda'));
  return { status, output: stdout + stderr, left };
}

const describeLinux = process.platform === 'linux' ? describe : describe.skip;

describeLinux('npm run cuda:deps', () => {
  test('asks pip for the pinned packages alone, and the folder is there when all of it is', () => {
    mkdirSync(path.join(root, '.cuda'));
    writeFileSync(path.join(root, '.cuda/rest-of-another-try'), '');
    fakePip('/bin/mkdir -p "$target/nvidia/cu13/lib"');
    expect(deps()).toMatchObject({ status: 0, left: ['.cuda'] });
    expect(existsSync(path.join(root, '.cuda/nvidia/cu13/lib'))).toBe(true);
    expect(existsSync(path.join(root, '.cuda/rest-of-another-try'))).toBe(false);
    const asked = readFileSync(path.join(root, 'arguments'), 'utf8');
    expect(asked).toContain('install --no-deps --retries 1');
    expect(asked.match(/nvidia-[\w-]+==[\d.]+/g)).toHaveLength(3);
  });

  test('leaves what was there when pip fails, and says what pip said and what else to do', () => {
    mkdirSync(path.join(root, '.cuda/nvidia'), { recursive: true });
    fakePip('/bin/mkdir -p "$target/half"; echo "ERROR: the index is away" >&2; exit 1');
    const { status, output, left } = deps();
    expect({ status, left }).toEqual({ status: 1, left: ['.cuda'] });
    expect(existsSync(path.join(root, '.cuda/nvidia'))).toBe(true);
    expect(output).toContain('pip could not fetch nvidia-cublas==');
    expect(output).toContain('ERROR: the index is away');
    expect(output).toContain('libcudnn9-dev-cuda-13');
  });

  test('names the packages and the remedy where there is no python3, or no pip', () => {
    const none = deps();
    expect(none).toMatchObject({ status: 1, left: [] });
    expect(none.output).toMatch(/nvidia-cudnn-cu13==.* needs python3 with pip, found no python3/);
    expect(none.output).toContain('apt-get install python3-pip');
    const file = path.join(root, 'bin/python3');
    writeFileSync(file, '#!/bin/sh\nexit 1\n');
    chmodSync(file, 0o755);
    expect(deps().output).toContain('needs pip, and "python3 -m pip" does not work');
  });
});
