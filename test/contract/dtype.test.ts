/** lib/dtype.ts and native/core/{dtype,promote}.h say the same. */

import { binding } from '../../lib/binding';
import { DTYPE_NAMES, DTYPES, type DType, isStoredDType, promoteTypes } from '../../lib/dtype';
import { DtypeError } from '../../lib/errors';

const desc = (dtype: DType) => ({ dtype, shape: [2] });
const sum = (a: DType, b: DType) => binding.infer('add', [desc(a), desc(b)], {});

test('native code promotes every pair of types like promoteTypes()', () => {
  for (const a of DTYPE_NAMES) {
    for (const b of DTYPE_NAMES) {
      if (a === 'bool' && b === 'bool') continue; // no sum of two bools
      if (isStoredDType(a) || isStoredDType(b)) continue;
      if ([a, b].includes('uint64') && [a, b].some((t) => DTYPES[t].kind === 'signed')) {
        expect(() => promoteTypes(a, b)).toThrow(DtypeError);
        expect(() => sum(a, b)).toThrow('a and b must have a type that holds both');
        continue;
      }
      const [y] = sum(a, b);
      expect([a, b, y?.dtype]).toEqual([a, b, promoteTypes(a, b)]);
    }
  }
});

test('native code knows the same types, in the same order', () => {
  for (const dtype of DTYPE_NAMES) {
    const [y] = binding.infer('transpose', [desc(dtype)], { perm: [0] });
    expect(y?.dtype).toBe(dtype);
  }
  const refusal = () =>
    binding.infer('cast', [{ dtype: 'float32', shape: [1] }], { to: '' as 'int8' });
  expect(refusal).toThrow(`(${DTYPE_NAMES.join(' ')})`);
});
