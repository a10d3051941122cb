// `npm run test:gpu`: builds what changed, the CUDA module included, and runs what needs a GPU: scripts/gpu-suite.mjs,
// which also says what the options are. Without a GPU it says so; HALFTONE_REQUIRE_CUDA=1 makes that a failure.

import { gpuSuite, suiteOptions } from './gpu-suite.mjs';
import { prepare } from './prepare.mjs';

const args = process.argv.slice(2);
// The benchmark is of its own: npm run bench -- --device cuda.
if (!args.some((arg) => arg.startsWith('--steps'))) args.push('--steps=tests,memcheck,racecheck');
const options = suiteOptions(args);
process.exitCode = (await prepare({ cuda: true })) && (await gpuSuite(options)) ? 0 : 1;
