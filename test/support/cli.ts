import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { REPO } from './repo';

/** What a run of the program left behind. */
export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs `halftone` in a child process. `env` is added to the environment without HALFTONE_ variables; `root`: another tree;
 * `cwd`: the working folder, which is the tree unless given.
 */
export function halftone(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  root = REPO,
  cwd = root,
): CliResult {
  const outer = Object.entries(process.env).filter(([name]) => !name.startsWith('HALFTONE_'));
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [path.join(root, 'bin/halftone.js'), ...args],
    { cwd, env: { ...Object.fromEntries(outer), ...env }, encoding: 'utf8' },
  );
  return { code: status, stdout, stderr };
}
