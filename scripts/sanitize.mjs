// `npm run test:sanitize`: the native tests under AddressSanitizer with UBSan, then ThreadSanitizer.
// Only the test programs are built, in trees of their own; the addon is not touched.

import { line, savedCounts } from './counts.mjs';
import { ctest } from './ctest.mjs';
import {
  buildEnv,
  checkToolchain,
  configure,
  defines,
  dropForeignCache,
  generator,
  mustRun,
} from './native.mjs';
import { capture, jobs, stage } from './support.mjs';

const RUNS = [
  {
    name: 'asan',
    sanitizer: 'address',
    env: {
      ASAN_OPTIONS: 'detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1',
      UBSAN_OPTIONS: 'print_stacktrace=1',
    },
  },
  {
    name: 'tsan',
    sanitizer: 'thread',
    env: { TSAN_OPTIONS: 'second_deadlock_stack=1:history_size=4' },
  },
];

/** ThreadSanitizer's fixed memory map can collide with a randomized one: switch that off if allowed. */
function withoutRandomization() {
  const machine = capture('uname', ['-m'])?.trim();
  const wrapper = ['setarch', machine ?? '', '-R'];
  return capture(wrapper[0], [...wrapper.slice(1), 'true']) === undefined ? [] : wrapper;
}

async function build({ name, sanitizer }) {
  const env = buildEnv(checkToolchain());
  const folder = `build/${name}`;
  dropForeignCache(folder, generator());
  const settings = defines({
    CMAKE_BUILD_TYPE: 'Debug',
    HALFTONE_ADDON: 'OFF',
    HALFTONE_TESTS: 'ON',
    HALFTONE_SANITIZE: sanitizer,
    HALFTONE_CUDA: 'OFF',
    // Instrumented code draws warnings that the plain build does not have.
    HALFTONE_WERROR: 'OFF',
  });
  configure('cmake', ['-S', '.', '-B', folder, '-G', generator(), ...settings], env);
  const target = ['--target', 'halftone_tests', '--parallel', String(jobs())];
  await mustRun('The build', 'cmake', ['--build', folder, ...target], env);
}

for (const config of RUNS) {
  const { name, env } = config;
  const wrapper = name === 'tsan' ? withoutRandomization() : [];
  const ok =
    (await stage(`${name} build`, () => build(config))) &&
    (await stage(name, () => ctest(name, `build/${name}`, { env, wrapper })));
  if (!ok) process.exitCode = 1;
}
console.log(line(savedCounts(RUNS.map(({ name }) => name))));
