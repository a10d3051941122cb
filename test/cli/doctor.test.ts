import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { halftone } from '../support/cli';
import { REPO } from '../support/repo';

/** Every field of the report, with the type of its value. */
function outline(value: unknown): unknown {
  if (Array.isArray(value)) return 'array';
  if (typeof value !== 'object' || value === null) return value === null ? 'null' : typeof value;
  return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, outline(v)]));
}

const report = (env: Record<string, string> = {}) => {
  const { code, stdout, stderr } = halftone(['doctor', '--json'], env);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout);
};

test('doctor says what it finds', () => {
  const { code, stdout, stderr } = halftone(['doctor']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  for (const title of ['Halftone', 'Node.js', 'CPU', 'Memory', 'Backends', 'NVIDIA', 'Environment'])
    expect(stdout).toMatch(new RegExp(`^${title}$`, 'm'));
  expect(stdout).toContain(`v${process.versions.node}, Node-API ${process.versions['napi']}`);
  expect(stdout).toContain('halftone.node');
  expect(stdout).not.toContain('\u001b'); // no colours in a pipe
});

test('doctor --json has the documented fields', () => {
  const found = report();
  expect(outline(found)).toMatchObject({
    halftone: { version: 'string', folder: 'string' },
    node: {
      version: 'string',
      napi: 'string',
      platform: 'string',
      arch: 'string',
      libc: 'string',
      float16Array: 'boolean',
    },
    cpu: {
      name: 'string',
      cores: 'number',
      kernels: { isa: 'string', bestIsa: 'string', threads: 'number' },
    },
    memory: { total: 'number', free: 'number' },
    addon: { loaded: 'boolean', path: 'string', version: 'string' },
    backends: 'array',
    notLoaded: 'array',
    auto: { device: 'string', reason: 'string' },
    nvidia: { devices: 'array', libraries: {} },
    cuda: { available: 'boolean', libraries: 'array', hints: 'array' },
    environment: {},
    problems: 'array',
  });
  expect(found.backends[0]).toMatchObject({ name: 'cpu', devices: [{ device: 'cpu' }] });
  expect(found).toMatchObject({ addon: { loaded: true }, environment: {}, problems: [] });
});

test('doctor shows the bound on the kernels and the threads', () => {
  const { cpu, environment } = report({ HALFTONE_CPU_ISA: 'baseline', HALFTONE_NUM_THREADS: '3' });
  expect(cpu.kernels).toMatchObject({ isa: 'baseline', threads: 3 });
  expect(environment).toEqual({ HALFTONE_CPU_ISA: 'baseline', HALFTONE_NUM_THREADS: '3' });
});

test('doctor names variables that are unknown or hold what is not understood', () => {
  const { problems } = report({
    HALFTONE_ALLOW_TF32: 'maybe',
    HALFTONE_NUM_THREADS: '0',
    HALFTONE_CPU_ISA: 'sse9',
    HALFTONE_DEVISE: 'cpu',
  });
  expect(problems.sort()).toEqual([
    'HALFTONE_ALLOW_TF32 must be 1 or 0, got "maybe"',
    'HALFTONE_CPU_ISA must be baseline, avx2, avx512 or avx512fp16, got "sse9"',
    'HALFTONE_DEVISE is no variable that Halftone reads',
    'HALFTONE_NUM_THREADS must be a number in [1, 1024], got "0"',
  ]);
});

describe('in a folder of its own', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'halftone-doctor-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test('libraries of CUDA have path and version, and what is missing says what to install', () => {
    const fakes = path.join(REPO, 'build/Release/fake_libraries');
    const { cuda } = report({ HALFTONE_CUDA_LIB_DIR: fakes });
    expect(cuda.libraries).toMatchObject([
      { name: 'cuBLASLt', path: `${fakes}/libcublasLt.so.13`, version: '13.2.3', needed: true },
      { name: 'NVRTC', path: `${fakes}/libnvrtc.so.13`, version: '13.2', needed: false },
      { name: 'cuDNN', path: `${fakes}/libcudnn.so.9`, version: '9.24.5', needed: true },
    ]);
    if (!cuda.available) expect(cuda.hints.join('\n')).toMatch(/driver|halftone_cuda\.so/);

    const broken = path.join(folder, 'libcublasLt.so.13');
    writeFileSync(broken, 'no library');
    const [cublas] = report({ HALFTONE_CUDA_LIB_DIR: `${folder}:${fakes}` }).cuda.libraries;
    expect(cublas).toMatchObject({
      path: `${fakes}/libcublasLt.so.13`,
      attempts: [{ path: broken, reason: expect.stringContaining('file too short') }],
    });
    const { stdout } = halftone(['doctor'], { HALFTONE_CUDA_LIB_DIR: fakes });
    expect(stdout).toContain(`9.24.5, ${fakes}/libcudnn.so.9`);
  });

  test('a CUDA module that cannot be loaded is named with the reason, and so is one not there', () => {
    const broken = path.join(folder, 'halftone_cuda.so');
    writeFileSync(broken, 'this is no shared library');
    const { notLoaded, auto, cuda } = report({ HALFTONE_CUDA_LIB_DIR: `${folder}:${folder}/none` });
    expect(notLoaded).toContainEqual({
      path: broken,
      reason: expect.stringContaining('cannot be loaded'),
    });
    expect(notLoaded).toContainEqual({
      path: path.join(folder, 'none', 'halftone_cuda.so'),
      reason: 'not found',
    });
    expect(auto.device).toBe('cpu');
    expect(cuda).toMatchObject({ available: false, module: broken });
  });

  /** A copy of the package without an addon. */
  function packageWithoutAddon(): string {
    for (const name of ['bin', 'dist/lib', 'package.json']) {
      cpSync(path.join(REPO, name), path.join(folder, name), { recursive: true });
    }
    symlinkSync(path.join(REPO, 'node_modules'), path.join(folder, 'node_modules'));
    return folder;
  }

  test('without an addon, doctor still reports, lists where it looked, and fails', () => {
    const root = packageWithoutAddon();
    const { code, stdout, stderr } = halftone(['doctor', '--json'], {}, root);
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    const found = JSON.parse(stdout);
    expect(found).toMatchObject({ backends: null, notLoaded: null, cpu: { kernels: null } });
    expect(found.addon).toMatchObject({ loaded: false, code: 'ERR_BACKEND_UNAVAILABLE' });
    expect(found.addon.reason).toContain(path.join(root, 'build/Release/halftone.node'));
    expect(found.addon.reason).toContain('npx halftone build');
  });

  test('an addon that is no shared library gives the reason of the dynamic linker', () => {
    const root = packageWithoutAddon();
    mkdirSync(path.join(root, 'build/Release'), { recursive: true });
    writeFileSync(path.join(root, 'build/Release/halftone.node'), 'no addon');
    const { code, stdout } = halftone(['doctor'], {}, root);
    expect(code).toBe(1);
    expect(stdout).toContain('cannot be loaded');
    expect(stdout).toContain('halftone.node');
    expect(stdout).toMatch(/^CPU$/m);
  });

  test('a command that needs the addon fails with one message; HALFTONE_DEBUG=1 adds the stack', () => {
    const root = packageWithoutAddon();
    const { code, stderr } = halftone(['demo'], {}, root);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^halftone: The native addon halftone.node cannot be loaded/);
    expect(stderr).toContain('ERR_BACKEND_UNAVAILABLE');
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(halftone(['demo'], { HALFTONE_DEBUG: '1' }, root).stderr).toMatch(/^\s+at /m);
  });
});
