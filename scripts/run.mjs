// node scripts/run.mjs <file> [args...]: brings the build up to date, then runs the file. The CUDA
// module is built when the arguments or HALFTONE_DEVICE ask for a CUDA device.

import { prepare } from './prepare.mjs';
import { run } from './support.mjs';

const words = [...process.argv.slice(2), process.env.HALFTONE_DEVICE ?? ''];
const cuda = words.some((word) => /^(cuda(:\d+)?|auto)$/.test(word));
process.exitCode = (await prepare({ cuda }))
  ? await run(process.execPath, process.argv.slice(2))
  : 1;
