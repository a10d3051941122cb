/**
 * Runs ONNX's backend cases: `npm run conformance -- --data FOLDER`, where FOLDER holds cases or folders of cases. The exit
 * code is 1 when a case fails.
 */

import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type CaseResult, findCases, groupSkips, runCase } from '../support/onnx-cases';

const USAGE = 'npm run conformance -- --data FOLDER [--device D] [--filter REGEXP] [--json FILE]';

/** So many reasons are printed for each operator. */
const MAX_REASONS = 4;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      data: { type: 'string' },
      device: { type: 'string', default: 'cpu' },
      filter: { type: 'string', default: '' },
      json: { type: 'string' },
    },
  });
  if (values.data === undefined) throw new Error(USAGE);
  const filter = new RegExp(values.filter);
  const cases = findCases(values.data).filter((folder) => filter.test(folder));
  if (cases.length === 0) throw new Error(`no case of ${values.data} matches ${filter}`);
  const results: CaseResult[] = [];
  for (const folder of cases) {
    const result = await runCase(folder, values.device);
    results.push(result);
    if (result.status === 'failed') console.log(`FAILED ${result.name}: ${result.why}`);
  }
  printSkips(results);
  const count = (status: CaseResult['status']) => results.filter((r) => r.status === status).length;
  const [passed, failed, skipped] = [count('passed'), count('failed'), count('skipped')];
  if (values.json !== undefined) {
    const report = { device: values.device, passed, failed, skipped, results };
    writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`);
  }
  console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
  return failed > 0 ? 1 : 0;
}

function printSkips(results: readonly CaseResult[]): void {
  for (const { op, count, reasons } of groupSkips(results)) {
    console.log(`skipped ${count} for ${op}`);
    const sorted = [...reasons].sort((a, b) => b[1] - a[1]);
    for (const [why, times] of sorted.slice(0, MAX_REASONS)) console.log(`  ${times} x ${why}`);
    if (sorted.length > MAX_REASONS)
      console.log(`  and ${sorted.length - MAX_REASONS} other reasons`);
  }
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 2;
  },
);
