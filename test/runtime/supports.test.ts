/** binding.supports(): whether a call would be taken, without data and without running it. */

import path from 'node:path';
import type { DType, TensorDesc } from '../../binding';
import { gemmEx, loadBackend, memory, relu, tensor } from '../../lib';
import { binding } from '../../lib/binding';
import { expectRefusal } from '../support/op-info';
import { REPO } from '../support/repo';

const desc = (dtype: DType, ...shape: number[]): TensorDesc => ({ dtype, shape });
const x = desc('float32', 2, 3);

beforeAll(() => {
  loadBackend(path.join(REPO, 'build/Release/halftone_fake.so'));
});

it('is null for what a device takes, and says why not otherwise', () => {
  expect(binding.supports('relu', [x], {}, 'cpu')).toBeNull();
  expect(binding.supports('relu', [x], {}, 'fake')).toBeNull();
  expect(binding.supports('relu', [x], {}, 'fake:1')).toBeNull();
  expect(binding.supports('relu', [desc('float16', 2)], {}, 'fake')).toBe(
    'relu: the fake backend has float32 only',
  );
  expect(binding.supports('add', [x, x], {}, 'fake')).toBe('add: the fake backend has relu only');
  expect(binding.supports('add', [x, x], {}, 'cpu')).toBeNull();
});

it('says what running the call says', () => {
  const half = tensor([1], { dtype: 'float16', device: 'fake' });
  const reason = binding.supports('relu', [half], {}, 'fake') ?? 'none';
  expectRefusal(() => relu(half), 'ERR_UNSUPPORTED', reason);
  const bytes = tensor([1, 2], { shape: [1, 2], dtype: 'uint8' });
  const why = binding.supports('gemmEx', [bytes, bytes], {}, 'cpu') ?? 'none';
  expectRefusal(() => gemmEx(bytes, bytes), 'ERR_UNSUPPORTED', why);
});

it('takes optional inputs and parameters as run() does', () => {
  const a = desc('float16', 4, 4);
  expect(binding.supports('hgemm', [a, a, null], { alpha: 2 }, 'cpu')).toBeNull();
  expect(binding.supports('hgemm', [a, a], {}, 'cpu')).toBeNull();
  expect(binding.supports('gemmInt8', [bytes8, bytes8], { kernel: 'imma' }, 'cpu')).toContain(
    'imma',
  );
});
const bytes8 = desc('int8', 4, 4);

it('throws for calls that fit no device', () => {
  const refused = (
    run: () => unknown,
    code: Parameters<typeof expectRefusal>[1],
    message: string,
  ): void => expectRefusal(run, code, message);
  refused(() => binding.supports('add', [x], {}, 'cpu'), 'ERR_PARAM', 'must have 2 inputs');
  refused(() => binding.supports('add', [x, null], {}, 'cpu'), 'ERR_PARAM', 'b must be given');
  refused(
    () => binding.supports('matmul', [x, x], {}, 'cpu'),
    'ERR_SHAPE',
    'matmul: a.shape[1] must equal b.shape[0]',
  );
  refused(
    () => binding.supports('relu', [x], {}, 'nowhere'),
    'ERR_BACKEND_UNAVAILABLE',
    'no backend named nowhere',
  );
  refused(
    () => binding.supports('relu', [desc('float32', 2 ** 40, 2 ** 40)], {}, 'cpu'),
    'ERR_SHAPE',
    'relu: ',
  );
  refused(
    () => binding.supports('relu', [x], { nothing: 1 } as never, 'cpu'),
    'ERR_PARAM',
    'nothing',
  );
});

it('makes no tensor', () => {
  const tensors = () => memory().reduce((n, entry) => n + entry.tensors, 0);
  const before = tensors();
  binding.supports('relu', [desc('float32', 1 << 20, 1 << 10)], {}, 'cpu');
  expect(tensors()).toBe(before);
});
