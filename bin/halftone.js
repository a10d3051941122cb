#!/usr/bin/env node
'use strict';

const { existsSync } = require('node:fs');
const path = require('node:path');

const main = path.join(__dirname, '../dist/lib/cli/main.js');

// `build` compiles the addon, so it must work before there is one; all other commands are in lib/cli.
if (process.argv[2] === 'build') {
  import('../scripts/native.mjs').then(
    ({ main }) => main(process.argv.slice(3)),
    (error) => {
      console.error(error);
      process.exitCode = 1;
    },
  );
} else if (existsSync(main)) {
  require(main);
} else {
  console.error(`halftone: ${main} does not exist; "npm run build" in this clone makes it`);
  process.exitCode = 1;
}
