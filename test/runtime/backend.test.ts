/** The backend boundary, with the fake module that the native tests build. */

import { readFileSync } from 'node:fs';
import path from 'node:path';
import {
  BackendUnavailableError,
  backends,
  devices,
  explain,
  explainAsync,
  loadBackend,
  memory,
  relu,
  sync,
  type Tensor,
  tensor,
} from '../../lib';
import { expectRefusal } from '../support/op-info';
import { REPO } from '../support/repo';
import { runOp } from '../../lib/run';
import { forgetFailures } from '../support/forget-failures';

forgetFailures();

const add = (a: Tensor, b: Tensor) => runOp('add', [a, b], {});

const modulePath = (name: string) => path.join(REPO, 'build/Release', name);
const f32 = (...values: number[]) => Float32Array.from(values);

describe('a backend module', () => {
  beforeAll(() => {
    expect(loadBackend(modulePath('halftone_fake.so'))).toBe('fake');
  });

  it('is listed with its devices, and loading it again changes nothing', () => {
    expect(loadBackend(modulePath('halftone_fake.so'))).toBe('fake');
    // Backends stay loaded: a test that ran in this process before may have left others.
    const here = (name: string) => /^(cpu|fake)(:|$)/.test(name);
    const names = devices().map((d) => d.device);
    expect(names.filter(here)).toEqual(['cpu', 'fake', 'fake:1']);
    const loaded = backends().loaded.filter(({ name }) => here(name));
    expect(loaded.map((b) => [b.name, b.version])).toEqual([
      ['cpu', JSON.parse(readFileSync(path.join(REPO, 'package.json'), 'utf8')).version],
      ['fake', '1.2.3'],
    ]);
  });

  it('runs ops in its own memory and says how', async () => {
    const x = tensor(f32(-1, 2), { device: 'fake' });
    const y = relu(relu(x));
    expect([x.device, y.device]).toEqual(['fake', 'fake']);
    expect(Array.from(await y.data())).toEqual([0, 2]);
    const made = {
      backend: 'fake',
      device: 'fake',
      library: 'fake',
      version: '1.2.3',
      kernel: 'relu_f32_fake',
      storage: 'float32',
      multiply: 'float32',
      accumulate: 'float32',
      tensorCores: true,
      workspaceBytes: 4096,
    };
    expect(explain(y)).toEqual(made);
    expect(await explainAsync(y)).toEqual(made);
    expect(memory().find((entry) => entry.device === 'fake')?.tensors).toBeGreaterThan(0);
  });

  it('refuses what it cannot do before anything runs', () => {
    const x = tensor(f32(1), { device: 'fake' });
    expectRefusal(() => add(x, x), 'ERR_UNSUPPORTED', 'add: the fake backend has relu only');
    expectRefusal(
      () => relu(tensor(new Int8Array(1), { device: 'fake' })),
      'ERR_UNSUPPORTED',
      'float32 only',
    );
  });

  it('never moves a tensor silently', () => {
    const a = tensor(f32(1), { device: 'fake' });
    const b = tensor(f32(1));
    expectRefusal(
      () => add(a, b),
      'ERR_PARAM',
      'all inputs must be on one device, got a on fake and b on cpu',
    );
    expectRefusal(
      () => add(a, tensor(f32(1), { device: 'fake:1' })),
      'ERR_PARAM',
      'a on fake and b on fake:1',
    );
  });

  it('reports an error of execution where the result is awaited', async () => {
    await sync('fake');
    const y = relu(tensor(f32(1001), { device: 'fake' }));
    const after = relu(y);
    const fine = relu(tensor(f32(5), { device: 'fake' }));
    const failure = {
      code: 'ERR_DEVICE',
      name: 'DeviceError',
      message: 'relu: fake kernel failed',
    };
    await expect(y.data()).rejects.toMatchObject(failure);
    await expect(after.data()).rejects.toMatchObject(failure);
    await expect(explainAsync(y)).rejects.toMatchObject(failure);
    expectRefusal(() => explain(y), 'ERR_DEVICE', 'fake kernel failed');
    expectRefusal(() => y.dataSync(), 'ERR_DEVICE', 'fake kernel failed');
    expect(Array.from(await fine.data())).toEqual([5]);
    await expect(sync('fake')).rejects.toMatchObject(failure);
    await sync('fake'); // reported once
    const full = relu(tensor(f32(1003), { device: 'fake' }));
    await expect(full.data()).rejects.toMatchObject({ code: 'ERR_OUT_OF_MEMORY' });
  });

  it('that loses its device refuses everything after', async () => {
    const good = tensor(f32(1), { device: 'fake:1' });
    const bad = relu(tensor(f32(1002), { device: 'fake:1' }));
    const lost = {
      code: 'ERR_DEVICE_LOST',
      name: 'DeviceError',
      message: expect.stringContaining('fell off the bus'),
    };
    await expect(bad.data()).rejects.toMatchObject(lost);
    expectRefusal(() => relu(good), 'ERR_DEVICE_LOST', 'fell off the bus');
    expectRefusal(
      () => tensor(f32(1), { device: 'fake:1' }),
      'ERR_DEVICE_LOST',
      'fell off the bus',
    );
    expect(Array.from(await relu(tensor(f32(1), { device: 'fake' })).data())).toEqual([1]);
  });

  it('larger than its memory is refused at once', () => {
    expectRefusal(
      () => tensor(new Float32Array(300_000), { device: 'fake' }),
      'ERR_OUT_OF_MEMORY',
      /1200000 bytes .* device fake, 1048576 bytes/,
    );
  });
});

describe('modules that are refused', () => {
  const refused = (file: string, reason: string) => {
    expectRefusal(() => loadBackend(file), 'ERR_BACKEND_UNAVAILABLE', reason);
    expect(backends().refused).toContainEqual({
      path: file,
      reason: expect.stringContaining(reason),
    });
  };

  it('say why, and are remembered', () => {
    refused(modulePath('halftone_fake_abi.so'), 'ABI version 999, this Halftone has version 3');
    refused(modulePath('halftone_fake_schema.so'), 'was built with another schema of op relu');
    refused('/nonexistent/halftone_cuda.so', 'No such file');
    refused(modulePath('halftone.node'), 'does not export halftone_backend_get');
    refused(path.join(REPO, 'package.json'), 'cannot be loaded');
  });

  it('and devices that do not exist throw', () => {
    expect(() => tensor([1], { device: 'cuda' })).toThrow(BackendUnavailableError);
    expectRefusal(
      () => tensor([1], { device: 'cpu:7' }),
      'ERR_BACKEND_UNAVAILABLE',
      'device "cpu:7" does not exist: cpu has 1 device',
    );
    expectRefusal(() => tensor([1], { device: 'cpu:x' }), 'ERR_PARAM', 'got "cpu:x"');
    expectRefusal(
      () => tensor([1], { device: 3 as never }),
      'ERR_PARAM',
      'device must be a string',
    );
  });
});
