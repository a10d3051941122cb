// `npm test`: builds what changed, then runs every check that needs no GPU.
//
//   node scripts/test.mjs                  everything
//   node scripts/test.mjs <jest args>      only jest, with these arguments: npm test -- conv2d
//   node scripts/test.mjs --only native    only the native tests

import { existsSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import {
  line,
  NONE,
  parseJest,
  reportFile,
  resetCounts,
  saveCounts,
  savedCounts,
} from './counts.mjs';
import { ctest } from './ctest.mjs';
import { cudaDeps, findCuda } from './cuda-deps.mjs';
import { cudaResources } from './cuda-resources.mjs';
import { format, lint } from './format.mjs';
import { buildCuda, buildNative, cudaIsBuilt } from './native.mjs';
import { prepare } from './prepare.mjs';
import { BuildError, root, run, stage, walk } from './support.mjs';

async function nativeTests() {
  await buildNative({ target: 'halftone_tests', inputs: ['test/native'] });
  return ctest('native', 'build');
}

/** The modules that tests in TypeScript load, when the native tests were not built anyway. */
const fakes = () => buildNative({ target: 'halftone_fakes', inputs: ['test/native'] });

/**
 * The CUDA module: compiled and linked wherever nvcc is, for which the libraries are fetched when they are missing. Without
 * them, HALFTONE_CUDA=AUTO says so and goes on; ON makes it a failure.
 */
async function cuda() {
  const mode = process.env.HALFTONE_CUDA ?? 'AUTO';
  if (mode === 'OFF') return 'not built (HALFTONE_CUDA=OFF)';
  if (process.platform !== 'linux' || !findCuda()?.NVCC) {
    if (mode === 'ON') throw new BuildError('HALFTONE_CUDA=ON, but no nvcc of CUDA 13 is found.');
    return 'not built (no nvcc)';
  }
  try {
    await cudaDeps();
  } catch (error) {
    if (mode === 'ON' || !(error instanceof BuildError)) throw error;
    console.log(error.message);
  }
  return buildCuda();
}

/** What ptxas says of the kernels, wherever the module was built. */
const kernels = () => (cudaIsBuilt() ? cudaResources() : 'not checked: the module is not built');

async function jest(args) {
  if (!walk('dist/test').some((name) => name.endsWith('.test.js'))) return 'no tests';
  const report = reportFile('jest.json');
  rmSync(report, { force: true });
  const bin = path.join(root, 'node_modules/jest/bin/jest.js');
  const code = await run(process.execPath, [bin, '--json', `--outputFile=${report}`, ...args], {
    // The report goes to the file; what people read goes to stderr.
    stdio: ['ignore', 'ignore', 'inherit'],
    // The tables of operators run on the CPU and, with the CUDA backend's own sources, on the emulated device.
    env: { HALFTONE_TEST_DEVICES: 'emu', ...process.env },
  });
  const counts = existsSync(report) ? parseJest(readFileSync(report, 'utf8')) : NONE;
  saveCounts('jest', counts);
  if (code !== 0) throw new BuildError('jest failed: see the lines above.');
  return `${counts.passed} tests`;
}

const args = process.argv.slice(2);
const onlyNative = args[0] === '--only' && args[1] === 'native';
let stages;
if (onlyNative) {
  stages = [['native tests', nativeTests]];
} else if (args.length > 0) {
  stages = [
    ['test modules', fakes],
    ['jest', () => jest(args)],
  ];
} else {
  stages = [
    ['format', async () => format()],
    ['lint', lint],
    ['cuda', cuda],
    ['cuda kernels', kernels],
    ['native tests', nativeTests],
    ['jest', () => jest([])],
  ];
}

resetCounts();
if (await prepare()) {
  // Later stages run even when one fails: one run shows everything that is wrong.
  const failed = [];
  for (const [name, work] of stages) {
    if (!(await stage(name, work))) failed.push(name);
  }
  if (failed.length > 0) {
    console.log(`failed: ${failed.join(', ')}`);
    process.exitCode = 1;
  }
  console.log(line(savedCounts()));
} else {
  process.exitCode = 1;
}
