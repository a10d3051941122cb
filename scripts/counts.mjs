// Test counts: read from the report files of jest and ctest, added up, kept for the final line.
//
//   node scripts/counts.mjs    prints the sum of every report kept since the last `resetCounts()`

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from './support.mjs';

const folder = path.join(root, 'build/reports');

export const reportFile = (name) => path.join(folder, name);

export function resetCounts() {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
}

export const add = (a, b) => ({
  passed: a.passed + b.passed,
  failed: a.failed + b.failed,
  skipped: a.skipped + b.skipped,
});

export const NONE = { passed: 0, failed: 0, skipped: 0 };

export const line = ({ passed, failed, skipped }) =>
  `${passed} passed, ${failed} failed, ${skipped} skipped`;

/** Counts of a jest --json report. A test file that could not run counts as one failure. */
export function parseJest(text) {
  const report = JSON.parse(text);
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + report.numRuntimeErrorTestSuites,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

/**
 * Counts of a ctest JUnit report. A program that ends with "N passed, N failed" counts as the tests
 * it names; any other, and one that crashed or ran too long, counts as one test.
 */
export function parseCtest(text) {
  let sum = NONE;
  const cases = text.matchAll(/<testcase ([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g);
  for (const [, attributes = '', body = ''] of cases) {
    const status = /\bstatus="(\w+)"/.exec(attributes)?.[1];
    const own = [...body.matchAll(/^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/gm)].at(-1);
    const counts = own && { passed: +own[1], failed: +own[2], skipped: +(own[3] ?? 0) };
    if (status === 'run') {
      sum = add(sum, counts ?? { ...NONE, passed: 1 });
    } else if (status === 'fail') {
      const told = counts !== undefined && counts.failed > 0;
      sum = add(sum, told ? counts : { ...NONE, failed: 1 });
    } else {
      sum = add(sum, { ...NONE, skipped: 1 });
    }
  }
  return sum;
}

export function saveCounts(name, counts) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(reportFile(`${name}.counts.json`), JSON.stringify(counts));
}

/** The sum of the kept counts, of all runs or of those named. */
export function savedCounts(names) {
  if (!existsSync(folder)) return NONE;
  const files = readdirSync(folder)
    .filter((file) => file.endsWith('.counts.json'))
    .filter((file) => names === undefined || names.includes(file.split('.')[0]));
  return files.map((name) => JSON.parse(readFileSync(reportFile(name), 'utf8'))).reduce(add, NONE);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  console.log(line(savedCounts()));
}
