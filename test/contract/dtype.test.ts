/** lib/dtype.ts and native/core/{dtype,promote}.h say the same. */

import { binding } from '../../lib/binding';
import { DTYPE_NAMES, promoteTypes } from '../../lib/dtype';

test('native code promotes every pair of types like promoteTypes()', () => {
  for (const a of DTYPE_NAMES) {
    for (const b of DTYPE_NAMES) {
      if (a === 'bool' && b === 'bool') continue; // no sum of two bools
      const [y] = binding.infer(
        'add',
        [
          { dtype: a, shape: [2] },
          { dtype: b, shape: [2] },
        ],
        {},
      );
      expect([a, b, y?.dtype]).toEqual([a, b, promoteTypes(a, b)]);
    }
  }
});

test('native code knows the same types, in the same order', () => {
  for (const dtype of DTYPE_NAMES) {
    const [y] = binding.infer('cast', [{ dtype: 'float32', shape: [1] }], { to: dtype });
    expect(y?.dtype).toBe(dtype);
  }
  const refusal = () =>
    binding.infer('cast', [{ dtype: 'float32', shape: [1] }], { to: '' as 'int8' });
  expect(refusal).toThrow(`(${DTYPE_NAMES.join(' ')})`);
});
