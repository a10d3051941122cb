import { spawnSync } from 'node:child_process';
import { REPO } from '../support/repo';

/** Calls a function of scripts/counts.mjs in a process of its own: jest runs CommonJS only. */
function call(name: string, argument: string): unknown {
  const script = `
    import { ${name} } from './scripts/counts.mjs';
    console.log(JSON.stringify(${name}(process.env.ARGUMENT)));`;
  const result = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    cwd: REPO,
    env: { ...process.env, ARGUMENT: argument },
    encoding: 'utf8',
  });
  if (result.status !== 0) throw new Error(result.stderr);
  return JSON.parse(result.stdout);
}

const suite = (...cases: string[]): string =>
  `<?xml version="1.0"?>\n<testsuite name="x" tests="9">\n${cases.join('\n')}\n</testsuite>`;

const testcase = (name: string, status: string, output: string): string =>
  `<testcase name="${name}" classname="${name}" time="1" status="${status}">
    <failure message="why &lt;it&gt; failed"/>
    <system-out>${output}</system-out>
  </testcase>`;

test('a native program counts as the tests that its last line names', () => {
  const report = suite(testcase('shape_test', 'run', 'ok a\nok b\n2 passed, 0 failed\n'));
  expect(call('parseCtest', report)).toEqual({
    counts: { passed: 2, failed: 0, skipped: 0 },
    failures: [],
  });
});

test('a program without such a line counts as one test', () => {
  const report = suite(
    testcase('isa_symbols', 'run', ''),
    '<testcase name="absent" classname="absent" time="0" status="notrun"/>',
  );
  expect(call('parseCtest', report)).toMatchObject({
    counts: { passed: 1, failed: 0, skipped: 1 },
  });
});

test('failures are counted, and their output is kept', () => {
  const report = suite(testcase('gemm_test', 'fail', '1 &lt; 2\n7 passed, 2 failed, 1 skipped\n'));
  expect(call('parseCtest', report)).toEqual({
    counts: { passed: 7, failed: 2, skipped: 1 },
    failures: [
      { name: 'gemm_test', output: '1 < 2\n7 passed, 2 failed, 1 skipped\n\nwhy <it> failed' },
    ],
  });
});

test('a program that fails after all its tests passed is one failure', () => {
  const report = suite(testcase('pool_test', 'fail', '3 passed, 0 failed\nleaked 12 bytes\n'));
  expect(call('parseCtest', report)).toMatchObject({
    counts: { passed: 0, failed: 1, skipped: 0 },
  });
});

test('a jest file that cannot run is one failure', () => {
  const report = {
    numPassedTests: 5,
    numFailedTests: 1,
    numPendingTests: 2,
    numTodoTests: 1,
    numRuntimeErrorTestSuites: 1,
  };
  expect(call('parseJest', JSON.stringify(report))).toEqual({ passed: 5, failed: 2, skipped: 3 });
});
