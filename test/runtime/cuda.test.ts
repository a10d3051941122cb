/**
 * The search for the CUDA backend, without a GPU: fakes stand for the module, for NVIDIA's libraries and for the driver, and
 * each case runs in a process of its own.
 */

import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { REPO } from '../support/repo';

const BUILT = path.join(REPO, 'build/Release');
const LIBRARIES = path.join(BUILT, 'fake_libraries');
const MODULE = 'halftone_cuda.so';

/** The package without a CUDA module beside the addon, so that a machine that has one gives the same results. */
let root: string;
beforeAll(() => {
  root = mkdtempSync(path.join(os.tmpdir(), 'halftone-package-'));
  cpSync(path.join(REPO, 'dist/lib'), path.join(root, 'dist/lib'), { recursive: true });
  mkdirSync(path.join(root, 'build/Release'), { recursive: true });
  for (const name of ['package.json', 'node_modules', 'build/Release/halftone.node'])
    symlinkSync(path.join(REPO, name), path.join(root, name));
});
afterAll(() => rmSync(root, { recursive: true }));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'halftone-cuda-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A driver, as far as files tell. */
function fakeDriver(): string {
  const place = path.join(folder, 'driver');
  mkdirSync(place);
  writeFileSync(path.join(place, 'libcuda.so.1'), '');
  return place;
}

/** A folder with a backend of ours as the CUDA module. */
function fakeModule(name: string): string {
  copyFileSync(path.join(BUILT, name), path.join(folder, MODULE));
  return folder;
}

interface Outcome {
  readonly value?: unknown;
  readonly code?: string;
  readonly message: string;
}

/** Runs `expression` with the public names as `h`; its value as JSON, or the error's fields. */
function evaluate(expression: string, env: Record<string, string> = {}): Outcome {
  const script =
    `const h = require('./dist/lib/index.js');` +
    `const say = (result) => console.log(JSON.stringify(result));` +
    `(async () => say({ value: await (${expression}), message: '' }))()` +
    '.catch(({ code, message }) => say({ code, message }))';
  const { status, stdout, stderr } = spawnSync(process.execPath, ['-e', script], {
    cwd: root,
    env: { ...process.env, HALFTONE_DEVICE: '', HALFTONE_CUDA_LIB_DIR: '', ...env },
    encoding: 'utf8',
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return JSON.parse(stdout);
}

/** What a machine with the fake module, libraries and driver gives. */
const withFakes = (
  expression: string,
  { module = 'halftone_fake_cuda.so', libraries = LIBRARIES, env = {} } = {},
): Outcome =>
  evaluate(expression, {
    HALFTONE_CUDA_LIB_DIR: [fakeModule(module), libraries].join(path.delimiter),
    LD_LIBRARY_PATH: fakeDriver(),
    ...env,
  });

const ON_CUDA = "h.tensor([1], { device: 'cuda' })";

describe('where module, libraries and driver work', () => {
  test("device 'cuda' computes, and 'auto' takes it", () => {
    const use =
      '(async () => { const x = h.tensor(Float32Array.of(-1, 2), { device: "auto" });' +
      'return [x.device, Array.from(await h.relu(x).data()), h.autoDevice()]; })()';
    expect(withFakes(use).value).toEqual([
      'cuda',
      [0, 2],
      { device: 'cuda', reason: 'the first CUDA device' },
    ]);
  });

  test('without the probe too', () => {
    const env = { HALFTONE_CUDA_PROBE: '0' };
    expect(withFakes(`${ON_CUDA}.device`, { env }).value).toBe('cuda');
  });
});

describe('the first look at the GPU is taken by another process', () => {
  test('one that crashes is a reason, not the end of this one', () => {
    const { code, message } = withFakes(ON_CUDA, { env: { HALFTONE_TEST_FAKE: 'crash' } });
    expect(code).toBe('ERR_BACKEND_UNAVAILABLE');
    expect(message).toContain(
      'the probe of the GPU was ended by SIGABRT, after: fake driver: cannot go on',
    );
  });

  test('one that hangs is given up', () => {
    const env = { HALFTONE_TEST_FAKE: 'hang', HALFTONE_CUDA_PROBE: '0.5' };
    expect(withFakes('h.autoDevice()', { env }).value).toMatchObject({
      device: 'cpu',
      reason: expect.stringContaining('the probe of the GPU took longer than 0.5 s'),
    });
  });

  test('a module that finds no device gives its reason', () => {
    const env = { HALFTONE_TEST_FAKE: 'no device' };
    expect(withFakes(ON_CUDA, { env }).message).toContain(
      "device 'cuda' is not available: the CUDA backend is not loaded: " +
        'device "cuda" does not exist: cuda finds no device: the fake has no device',
    );
  });

  test('a module of that name with another backend in it is no CUDA backend', () => {
    const { value } = withFakes('h.autoDevice()', { module: 'halftone_fake.so' });
    expect(value).toMatchObject({
      reason: expect.stringContaining(`${path.join(folder, MODULE)} is a backend named fake`),
    });
  });
});

describe('what is missing is named, with every place that was looked at', () => {
  test('modules, in the order of the search', () => {
    writeFileSync(path.join(folder, MODULE), 'no library');
    const empty = path.join(folder, 'empty');
    const { code, message } = evaluate("h.tensor([1], { device: 'cuda:1' })", {
      HALFTONE_CUDA_LIB_DIR: [empty, folder, LIBRARIES].join(path.delimiter),
      LD_LIBRARY_PATH: fakeDriver(),
    });
    expect(code).toBe('ERR_BACKEND_UNAVAILABLE');
    expect(message).toContain("device 'cuda:1' is not available: the CUDA backend is not loaded");
    expect(message).toContain(`${path.join(empty, MODULE)}: not found`);
    expect(message).toContain(`${path.join(folder, MODULE)}: cannot be loaded`);
    expect(message).toContain(`libcudnn.so.9: ${LIBRARIES}/libcudnn.so.9`);
  });

  test('libraries: one of another version is passed over', () => {
    const libraries = path.join(folder, 'libraries');
    mkdirSync(libraries);
    copyFileSync(
      path.join(BUILT, 'fake_libraries_12/libcudnn.so.9'),
      path.join(libraries, 'libcudnn.so.9'),
    );
    copyFileSync(
      path.join(LIBRARIES, 'libcublasLt.so.13'),
      path.join(libraries, 'libcublasLt.so.13'),
    );
    const both = [libraries, LIBRARIES].join(path.delimiter);
    expect(withFakes(`${ON_CUDA}.device`, { libraries: both }).value).toBe('cuda');
    rmSync(path.join(folder, 'driver'), { recursive: true });
    const { message } = withFakes(ON_CUDA, { libraries, env: { PATH: '' } });
    // Where a real cuDNN is installed, that one is taken and the fake module works with it.
    if (message !== '') {
      expect(message).toContain('cuDNN (libcudnn.so.9) is not found');
      expect(message).toContain(
        'cudnnGetCudartVersion() returns 12090, it must lie in [13000, 14000)',
      );
      expect(message).toContain('python3 -m pip install');
    }
  });

  test('the driver: then nothing is opened, and no process is started', () => {
    const { code, message } = evaluate(ON_CUDA, { LD_LIBRARY_PATH: folder });
    expect(code).toBe('ERR_BACKEND_UNAVAILABLE');
    if (message.includes('no NVIDIA driver')) {
      expect(message).toContain('neither /dev/nvidia0 nor libcuda.so.1');
    }
    expect(message).toContain('libcublasLt.so.13: ');
  });
});

test("'auto' is the CPU then, and says why; HALFTONE_DEVICE is asked when no device is given", () => {
  expect(evaluate('h.autoDevice()').value).toMatchObject({
    device: 'cpu',
    reason: expect.stringContaining('the CUDA backend is not loaded: '),
  });
  expect(evaluate('h.tensor([1], { device: "auto" }).device').value).toBe('cpu');
  expect(evaluate('h.tensor([1]).device', { HALFTONE_DEVICE: 'auto' }).value).toBe('cpu');
  expect(evaluate('h.tensor([1])', { HALFTONE_DEVICE: 'cuda' })).toMatchObject({
    code: 'ERR_BACKEND_UNAVAILABLE',
  });
});

test('nothing is looked for before it is needed', () => {
  const env = { HALFTONE_CUDA_LIB_DIR: path.join(folder, 'empty') };
  expect(evaluate("(h.tensor([1], { device: 'cpu' }), h.backends().refused)", env).value).toEqual(
    [],
  );
  const missed = evaluate('(h.autoDevice(), h.backends().refused)', env).value;
  expect(missed).toContainEqual({
    path: path.join(folder, 'empty', MODULE),
    reason: 'not found',
  });
});
