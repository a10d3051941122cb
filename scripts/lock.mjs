// Run this after each `npm install` that changes package-lock.json.
//
// A registry mirror may hold the native packages of a few platforms only. npm then leaves the others
// out of the lock file, and `npm ci` refuses that file, here and on the platforms left out. This adds
// the missing entries: name and version from the package that wants them, platform from their names.

import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { root } from './support.mjs';

const OS = {
  android: 'android',
  darwin: 'darwin',
  freebsd: 'freebsd',
  linux: 'linux',
  openharmony: 'openharmony',
  win32: 'win32',
};
const CPU = ['arm64', 'arm', 'ia32', 'loong64', 'ppc64', 'riscv64', 's390x', 'wasm32', 'x64'];

/** The os, cpu and libc fields that go with a name such as resolver-binding-linux-x64-musl. */
function platform(name) {
  const words = name.split('/').at(-1).split('-');
  const os = words.map((word) => OS[word]).find(Boolean);
  const cpu = words.find((word) => CPU.includes(word));
  const libc = /musl/.test(name) ? 'musl' : /linux/.test(name) && /gnu/.test(name) ? 'glibc' : null;
  return os && cpu && { ...(libc && { libc: [libc] }), os: [os], cpu: [cpu] };
}

const file = path.join(root, 'package-lock.json');
const lock = JSON.parse(readFileSync(file, 'utf8'));
const { packages } = lock;
let added = 0;
for (const [parent, entry] of Object.entries(packages)) {
  if (parent === '') continue;
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const present = Object.keys(packages).some((key) => key.endsWith(`node_modules/${name}`));
    const fields = platform(name);
    if (present || fields === undefined) continue;
    if (!/^\d/.test(version)) throw new Error(`${parent} wants a range of ${name}: ${version}`);
    const { cpu, os, libc } = fields;
    packages[`node_modules/${name}`] = {
      version,
      cpu,
      ...(entry.dev && { dev: true }),
      ...(libc && { libc }),
      optional: true,
      os,
    };
    added += 1;
  }
}
const order = ([a], [b]) => (a < b ? -1 : 1);
lock.packages = Object.fromEntries(Object.entries(packages).sort(order));
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
console.log(`${added} entries added to package-lock.json`);
