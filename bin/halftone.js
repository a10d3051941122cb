#!/usr/bin/env node
'use strict';

// `build` compiles the addon, so it must work before there is one; all other commands are in lib/cli.
if (process.argv[2] === 'build') {
  import('../scripts/native.mjs').then(
    ({ main }) => main(process.argv.slice(3)),
    (error) => {
      console.error(error);
      process.exitCode = 1;
    },
  );
} else {
  require('../dist/lib/cli/main.js');
}
