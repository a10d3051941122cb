// `npm run test:exhaustive`: the 16-bit float conversions on all 2^32 float32, on every instruction set of this CPU.
// Part of it runs with every `npm test`; this takes a minute or so.

import { buildNative } from './native.mjs';
import { root, run, stage } from './support.mjs';

const built = await stage('native', () =>
  buildNative({ target: 'half_test', inputs: ['test/native'] }),
);
const arguments_ = ['--test-dir', `${root}/build`, '--tests-regex', '^half_test$', '--verbose'];
const env = { ...process.env, HALFTONE_EXHAUSTIVE: '1' };
process.exitCode =
  built && (await run('ctest', [...arguments_, '--no-tests=error'], { env })) === 0 ? 0 : 1;
