/** What halftone_cuda.so is linked with, wherever it was built: a wrong dependency would show only on another machine. */

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { REPO } from '../support/repo';

const MODULE = path.join(REPO, 'build/Release/halftone_cuda.so');

function read(program: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
  return stdout;
}

const describeBuilt = existsSync(MODULE) ? describe : describe.skip;

describeBuilt('the CUDA module', () => {
  const dynamic = () => read('readelf', '-d', MODULE);
  const needed = () => [...dynamic().matchAll(/\(NEEDED\).*\[(.*)\]/g)].map(([, name]) => name);

  test('needs no driver, no shared cudart, and of NVIDIA only what the loader opens first', () => {
    const system = /^(libstdc\+\+|libgcc_s|libc|libm|libdl|librt|libpthread|ld-linux.*)\.so\.\d+$/;
    const nvidia = needed().filter((name) => !system.test(name ?? ''));
    expect(['libcublasLt.so.13', 'libcudnn.so.9']).toEqual(expect.arrayContaining(nvidia));
  });

  test('looks for them beside itself only', () => {
    const paths = [...dynamic().matchAll(/\((?:RUNPATH|RPATH)\).*\[(.*)\]/g)].map(([, p]) => p);
    expect(paths).toEqual(['$ORIGIN']);
  });

  test('is loaded with the real libraries; without a driver it says that there is no device', () => {
    const probe = path.join(REPO, 'dist/lib/cuda-probe.js');
    const last = read(process.execPath, probe).trim().split('\n').at(-1) ?? '';
    const { reason, refused, libraries } = JSON.parse(last.slice(last.indexOf('{')));
    expect(refused).toEqual([]);
    expect(libraries.filter(({ path: found }: { path: string | null }) => !found)).toEqual([]);
    if (reason !== null) expect(reason).toMatch(/finds no device: cudaGetDeviceCount: cudaError/);
  });

  test('exports its entry and nothing else of its own', () => {
    const symbols = read('nm', '-D', '--defined-only', MODULE)
      .split('\n')
      .map((line) => line.split(' ').slice(1))
      .filter(([kind]) => kind === 'T')
      .map(([, name]) => name);
    expect(symbols).toEqual(['halftone_backend_get']);
  });
});
