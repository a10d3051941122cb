import { spawnSync } from 'node:child_process';
import { REPO } from '../support/repo';

/** Calls a function of scripts/cuda-resources.mjs in a process of its own: jest runs CommonJS only. */
function call(name: string, argument: string): unknown {
  const script = `
    import { ${name} } from './scripts/cuda-resources.mjs';
    console.log(JSON.stringify(${name}(process.env.ARGUMENT)));`;
  const result = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    cwd: REPO,
    env: { ...process.env, ARGUMENT: argument },
    encoding: 'utf8',
  });
  if (result.status !== 0) throw new Error(result.stderr);
  return JSON.parse(result.stdout);
}

test('registers, shared memory and spills are read from what ptxas writes', () => {
  const text = `ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function '_Z1av' for 'sm_75'
ptxas info    : Function properties for _Z1av
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 22 registers, used 0 barriers, 393 bytes cmem[0]
ptxas info    : Compile time = 13.109 ms
ptxas info    : Compiling entry function '_Z1bv' for 'sm_120'
ptxas info    : Function properties for _Z1bv
    96 bytes stack frame, 96 bytes spill stores, 92 bytes spill loads
ptxas info    : Used 128 registers, used 1 barriers, 16896 bytes smem
`;
  expect(call('parsePtxas', text)).toEqual([
    { kernel: '_Z1av', arch: 75, registers: 22, shared: 0, spills: 0 },
    { kernel: '_Z1bv', arch: 120, registers: 128, shared: 16896, spills: 188 },
  ]);
});

test.each([
  ['halftone::haxpy_f16(halftone::f16, halftone::f16 const*, long, bool)', 'haxpy_f16'],
  [
    'void halftone::(anonymous namespace)::cast<halftone::f16, float>(halftone::f16 const*)',
    'cast<f16, float>',
  ],
  ['void halftone::cuda::map<(halftone::Unary)3, float>(float*)', 'cuda::map<(Unary)3, float>'],
  ['_Z3abc', '_Z3abc'],
])('%s is called %s', (demangled, name) => {
  expect(call('shortName', demangled)).toBe(name);
});
