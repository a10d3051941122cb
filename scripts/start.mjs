// `npm start`: from a fresh clone to `halftone demo`. Arguments replace `demo`: npm start -- doctor

import { prepare } from './prepare.mjs';
import { run } from './support.mjs';

const args = process.argv.slice(2);
if (await prepare()) {
  process.exitCode = await run(process.execPath, [
    'bin/halftone.js',
    ...(args.length > 0 ? args : ['demo']),
  ]);
} else {
  process.exitCode = 1;
}
