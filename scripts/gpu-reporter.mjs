// A reporter of jest for the GPU suite: a line of JSON for each file that has run, written at once, so that nothing of it is
// lost when a later file takes the process down or the time is over. HALFTONE_TEST_LINES names the file with the lines,
// HALFTONE_TEST_DEVICES the device whose tests are counted.

import { appendFileSync } from 'node:fs';

/** Enough to see what is wrong, and a bound on the report. */
const MAX_MESSAGE = 8000;
const MAX_FAILURES = 50;

export default class LineReporter {
  onTestResult(_test, { testFilePath, perfStats, testResults, failureMessage, testExecError }) {
    const count = (wanted) => testResults.filter(({ status }) => status === wanted).length;
    const failures = testResults
      .filter(({ status }) => status === 'failed')
      .map(({ fullName, failureMessages }) => ({
        test: fullName,
        message: failureMessages.join('\n').slice(0, MAX_MESSAGE),
      }));
    // The file as a whole: it cannot be loaded, or its process ended.
    const broken = testExecError !== undefined || (testResults.length === 0 && failureMessage);
    if (broken) {
      const message = `${testExecError?.message ?? ''}\n${failureMessage ?? ''}`;
      failures.push({ test: 'the file', message: message.slice(0, MAX_MESSAGE) });
    }
    const onDevice = new RegExp(`\\bon ${process.env.HALFTONE_TEST_DEVICES}( |$)`);
    const line = {
      file: testFilePath,
      seconds: (perfStats.end - perfStats.start) / 1000,
      passed: count('passed'),
      failed: failures.length,
      skipped: testResults.length - count('passed') - count('failed'),
      // The tables run on the CPU too.
      onDevice: testResults.filter(
        ({ status, fullName }) => status === 'passed' && onDevice.test(fullName),
      ).length,
      failures: failures.slice(0, MAX_FAILURES),
    };
    appendFileSync(process.env.HALFTONE_TEST_LINES, `${JSON.stringify(line)}\n`);
  }
}
