// `npm run docs`: the API reference in docs/api. An export without documentation is an error.

import path from 'node:path';
import { prepare } from './prepare.mjs';
import { BuildError, root, run, stage } from './support.mjs';

const built =
  (await prepare()) &&
  (await stage('docs', async () => {
    const typedoc = path.join(root, 'node_modules/typedoc/bin/typedoc');
    if ((await run(process.execPath, [typedoc])) !== 0) {
      throw new BuildError('The documentation is incomplete: see the lines above.');
    }
    return 'docs/api/index.html';
  }));
process.exitCode = built ? 0 : 1;
