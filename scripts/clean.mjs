// Removes everything that the build wrote; node_modules only with --all.

import { rmSync } from 'node:fs';
import path from 'node:path';
import { root } from './support.mjs';

const folders = ['build', 'dist', 'docs/api'];
if (process.argv.includes('--all')) folders.push('node_modules');
for (const folder of folders) rmSync(path.join(root, folder), { recursive: true, force: true });
