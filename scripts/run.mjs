// node scripts/run.mjs <file> [args...]: brings the build up to date, then runs the file.

import { prepare } from './prepare.mjs';
import { run } from './support.mjs';

process.exitCode = (await prepare()) ? await run(process.execPath, process.argv.slice(2)) : 1;
