// `npm start`: from a fresh clone to `halftone demo` and the example of a network, examples/digits. Arguments run another
// command instead: npm start -- doctor

import { prepare } from './prepare.mjs';
import { run } from './support.mjs';

const args = process.argv.slice(2);
const programs =
  args.length > 0
    ? [['bin/halftone.js', ...args]]
    : [['bin/halftone.js', 'demo'], ['dist/examples/digits/main.js']];
if (await prepare()) {
  for (const [i, program] of programs.entries()) {
    if (i > 0) console.log();
    process.exitCode = await run(process.execPath, program);
    if (process.exitCode !== 0) break;
  }
} else {
  process.exitCode = 1;
}
