// `npm run gpu:bundle`: a folder with all that the GPU suite needs, for a machine that has a GPU and nothing else: no
// Node, no compiler, no network. There, `./run.sh [out-dir]` unpacks and runs it (bash, tar and gzip are enough).
//
//   node scripts/gpu-bundle.mjs [--out FOLDER] [--level N] [--no-build]
//
// --out: default build/gpu-bundle; --level: how well Node is compressed, 1 to 9; --no-build: take the tree as it is.

import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { createGzip } from 'node:zlib';
import { createReadStream, createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { prepare } from './prepare.mjs';
import { BuildError, capture, root, stage, which } from './support.mjs';

/** What the bundle may weigh: it travels in one piece with the working tree. */
const MAX_BYTES = 60 * 2 ** 20;

/** Packages that tests and commands load; what builds is left out. */
const BUILD_ONLY = ['cmake-js', 'node-addon-api'];
const TEST_PACKAGES = ['jest', 'fast-check', '@petamoriken/float16'];

/** Data that tests of models use, when the folder is there. All together it is less than 8 MB. */
const DATA = ['models', 'tf', 'kws01'];

const readJson = (file) => JSON.parse(readFileSync(file, 'utf8'));

/** The folder of a package as `from` would resolve it. */
function resolvePackage(name, from) {
  for (let folder = from; folder.startsWith(root); folder = path.dirname(folder)) {
    const candidate = path.join(folder, 'node_modules', name);
    if (existsSync(path.join(candidate, 'package.json'))) return candidate;
  }
  return undefined;
}

/** The folders of `names` and of all that they depend on. */
function closure(names) {
  const found = new Set();
  const visit = (name, from) => {
    const folder = resolvePackage(name, from);
    // A package for another platform, or an optional peer, is not installed.
    if (folder === undefined || found.has(folder)) return;
    found.add(folder);
    const { dependencies, optionalDependencies, peerDependencies } = readJson(
      path.join(folder, 'package.json'),
    );
    const all = { ...dependencies, ...optionalDependencies, ...peerDependencies };
    for (const other of Object.keys(all)) visit(other, folder);
  };
  for (const name of names) visit(name, root);
  return [...found];
}

/** Copies what the suite needs into `target`, which then looks like a checkout that is built. */
function collect(target) {
  const copy = (name, filter = () => true) => {
    if (!existsSync(path.join(root, name))) return;
    cpSync(path.join(root, name), path.join(target, name), { recursive: true, filter });
  };
  const plain = ['package.json', 'jest.config.js', 'bin', 'bench/shapes', 'bench/torch_peer.py'];
  for (const name of plain) copy(name);
  // For the benchmark's report: there is no git where it runs.
  const commit = capture('git', ['rev-parse', 'HEAD']);
  if (commit) writeFileSync(path.join(target, 'COMMIT'), commit);
  copy('dist', (file) => !/\.(map|tsbuildinfo|stamp)$|\.d\.m?ts$/.test(file));
  for (const name of ['suite', 'process', 'tests', 'reporter', 'sanitize'])
    copy(`scripts/gpu-${name}.mjs`);
  for (const name of ['halftone.node', 'halftone_cuda.so']) copy(`build/Release/${name}`);
  const strip = which('strip');
  for (const name of ['halftone.node', 'halftone_cuda.so']) {
    const file = path.join(target, 'build/Release', name);
    if (strip && existsSync(file)) spawnSync(strip, ['--strip-unneeded', file]);
  }
  const manifest = readJson(path.join(root, 'package.json'));
  const wanted = Object.keys(manifest.dependencies).filter((name) => !BUILD_ONLY.includes(name));
  const unneeded = /\.(map|md|d\.ts|d\.mts|d\.cts|markdown)$|\/(test|tests|docs|example)\/?$/;
  for (const folder of closure([...wanted, ...TEST_PACKAGES])) {
    cpSync(folder, path.join(target, path.relative(root, folder)), {
      recursive: true,
      // A nested node_modules is part of the closure itself.
      filter: (file) => {
        const inside = path.relative(folder, file);
        return !/(^|\/)node_modules(\/|$)/.test(inside) && !unneeded.test(`${inside}`);
      },
    });
  }
  const data = path.resolve(root, process.env.HALFTONE_TEST_DATA ?? '../shared/data');
  for (const name of DATA.filter((one) => existsSync(path.join(data, one)))) {
    cpSync(path.join(data, name), path.join(target, 'data', name), { recursive: true });
  }
}

/** The running Node, stripped and compressed; kept, as that takes half a minute. */
async function packNode(target, level) {
  const { size, mtimeMs } = statSync(process.execPath);
  const name = `bundle-node-${process.version}-${size}-${mtimeMs}-${level}.gz`;
  const kept = path.join(root, 'build', name);
  if (!existsSync(kept)) {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'halftone-node-'));
    try {
      const plain = path.join(folder, 'node');
      copyFileSync(process.execPath, plain);
      if (which('strip')) spawnSync('strip', ['-s', plain]);
      if (spawnSync(plain, ['--version']).status !== 0) copyFileSync(process.execPath, plain);
      const packed = path.join(folder, 'node.gz');
      await pipeline(createReadStream(plain), createGzip({ level }), createWriteStream(packed));
      mkdirSync(path.dirname(kept), { recursive: true });
      copyFileSync(packed, kept);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  copyFileSync(kept, path.join(target, 'node.gz'));
}

/** The C++ runtime of this machine, for one whose own is missing or older. */
function packRuntime(target) {
  const lines = (capture('ldd', [process.execPath]) ?? '').split('\n');
  const files = lines
    .map((text) => /(?:libstdc\+\+|libgcc_s)\.so\.\d+ => (\S+)/.exec(text)?.[1])
    .filter(Boolean);
  mkdirSync(path.join(target, 'lib'), { recursive: true });
  for (const file of files) {
    copyFileSync(realpathSync(file), path.join(target, 'lib', path.basename(file)));
  }
}

const sizeOf = (folder) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => statSync(path.join(entry.parentPath ?? entry.path, entry.name)).size)
    .reduce((sum, size) => sum + size, 0);

const megabytes = (bytes) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

/** Writes the bundle. Returns what to print beside the stage's name. */
async function bundle(out, level) {
  if (process.platform !== 'linux') throw new BuildError('The bundle is for Linux, made on Linux.');
  const work = mkdtempSync(path.join(os.tmpdir(), 'halftone-bundle-'));
  try {
    const tree = path.join(work, 'halftone');
    mkdirSync(tree);
    collect(tree);
    rmSync(out, { recursive: true, force: true });
    mkdirSync(out, { recursive: true });
    packRuntime(tree);
    const archive = path.join(out, 'halftone.tar.gz');
    // Owners and times of this machine mean nothing on the other.
    const plain = ['--owner=0', '--group=0', '--sort=name', '--mtime=@0'];
    const tar = spawnSync('tar', ['-C', work, ...plain, '-czf', archive, 'halftone']);
    if (tar.status !== 0) throw new BuildError(`tar failed: ${tar.stderr ?? tar.error}`);
    await packNode(out, level);
    copyFileSync(path.join(root, 'scripts/gpu-run.sh'), path.join(out, 'run.sh'));
    chmodSync(path.join(out, 'run.sh'), 0o755);
    const about = { node: process.version, made: new Date().toISOString(), arch: process.arch };
    writeFileSync(path.join(out, 'about.json'), `${JSON.stringify(about, null, 2)}\n`);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  const size = sizeOf(out);
  if (size > MAX_BYTES) {
    throw new BuildError(`The bundle has ${megabytes(size)}, more than ${megabytes(MAX_BYTES)}.`);
  }
  const cuda = existsSync(path.join(root, 'build/Release/halftone_cuda.so'));
  return `${path.relative(root, out)}, ${megabytes(size)}${cuda ? '' : ', without a CUDA module: for the CPU only'}`;
}

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: path.join(root, 'build/gpu-bundle') },
    'no-build': { type: 'boolean', default: false },
    level: { type: 'string', default: '9' },
  },
});
const ready = values['no-build'] || (await prepare({ cuda: true }));
const ok =
  ready && (await stage('bundle', () => bundle(path.resolve(values.out), Number(values.level))));
process.exitCode = ok ? 0 : 1;
