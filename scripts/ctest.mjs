// Runs the native tests of one CMake tree and keeps their counts.

import { existsSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { parseCtest, reportFile, saveCounts } from './counts.mjs';
import { BuildError, jobs, root, run } from './support.mjs';

/**
 * Runs ctest in `folder`; `wrapper` is put before the command line.
 * Returns what to print beside the stage's name; throws when a test failed.
 */
export async function ctest(name, folder, { env = {}, wrapper = [] } = {}) {
  const report = reportFile(`${name}.xml`);
  rmSync(report, { force: true });
  const whole = '10000000';
  const command = [
    ...wrapper,
    ...['ctest', '--test-dir', path.join(root, folder), '--quiet'],
    ...['--parallel', String(jobs()), '--output-junit', report],
    ...['--test-output-size-passed', whole, '--test-output-size-failed', whole],
    '--no-tests=ignore',
  ];
  const code = await run(command[0], command.slice(1), { env: { ...process.env, ...env } });
  const text = existsSync(report) ? readFileSync(report, 'utf8') : '';
  const { counts, failures } = parseCtest(text);
  for (const failure of failures) console.error(`--- ${failure.name}\n${failure.output}`);
  saveCounts(name, counts);
  if (code !== 0 || counts.failed > 0) {
    throw new BuildError(`${counts.failed} native tests failed, ${counts.passed} passed.`);
  }
  return `${counts.passed} tests`;
}
