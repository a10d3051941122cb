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

const ENTITIES = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };
const plain = (text) => text.replace(/&(lt|gt|quot|apos|amp);/g, (_, name) => ENTITIES[name]);

/**
 * Counts of a ctest JUnit report, and name and output of each program that failed. A program that
 * ends with "N passed, N failed" counts as the tests it names; any other, and one that crashed or
 * ran too long, counts as one test.
 */
export function parseCtest(text) {
  let counts = NONE;
  const failures = [];
  for (const [, attributes, body = ''] of text.matchAll(
    /<testcase ([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g,
  )) {
    const attribute = (name) => new RegExp(`\\b${name}="([^"]*)"`).exec(attributes)?.[1] ?? '';
    const status = attribute('status');
    const last = [...body.matchAll(/^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/gm)].at(-1);
    const own = last && { passed: +last[1], failed: +last[2], skipped: +(last[3] ?? 0) };
    if (status === 'run') {
      counts = add(counts, own ?? { ...NONE, passed: 1 });
    } else if (status === 'fail') {
      counts = add(counts, own && own.failed > 0 ? own : { ...NONE, failed: 1 });
      const output = /<system-out>([\s\S]*?)<\/system-out>/.exec(body)?.[1] ?? '';
      const message = /<failure message="([^"]*)"/.exec(body)?.[1] ?? '';
      failures.push({ name: attribute('name'), output: plain(`${output}\n${message}`).trim() });
    } else {
      counts = add(counts, { ...NONE, skipped: 1 });
    }
  }
  return { counts, failures };
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
