import { difference, isWithin } from '../support/compare';

const expected = { dtype: 'float32', shape: [2, 2], values: [1, 2, 3, 4] } as const;
const actual = (values: number[]) => ({ dtype: 'float32', shape: [2, 2], values }) as const;

describe('the comparator', () => {
  it('accepts what is equal, and nothing else without bounds', () => {
    expect(difference(actual([1, 2, 3, 4]), expected)).toBeUndefined();
    expect(difference(actual([1, 2, 3, 4 + 1e-7]), expected)).toMatch(/1 of 4 .*\[1, 1\]/);
  });

  it('accepts up to the bound', () => {
    const bounds = [0, 0, 0.5, 0.5];
    expect(difference(actual([1, 2, 3.5, 3.5]), { ...expected, bounds })).toBeUndefined();
    expect(difference(actual([1, 2, 3.6, 4]), { ...expected, bounds })).toMatch(/\[1, 0\] is 3.6/);
  });

  it('names the worst element', () => {
    expect(difference(actual([1.5, 2, 3, 14]), expected)).toMatch(
      /2 of 4 .*\[1, 1\] is 14, must be 4/,
    );
  });

  it('checks dtype and shape first', () => {
    expect(difference({ ...actual([1, 2, 3, 4]), dtype: 'float16' }, expected)).toMatch(
      /float16 .* must be float32/,
    );
    expect(difference({ ...actual([1, 2, 3, 4]), shape: [4] }, expected)).toMatch(
      /\[4\], must be float32 \[2, 2\]/,
    );
    expect(difference(actual([1, 2, 3]), expected)).toMatch(/has 3 elements/);
  });

  it('wants NaN and infinities met exactly, whatever the bound', () => {
    expect(isWithin(NaN, NaN, 0)).toBe(true);
    expect(isWithin(NaN, 1, Infinity)).toBe(false);
    expect(isWithin(1, NaN, Infinity)).toBe(false);
    expect(isWithin(Infinity, Infinity, 1)).toBe(true);
    expect(isWithin(-Infinity, Infinity, 1)).toBe(false);
    expect(isWithin(65504, Infinity, 1e9)).toBe(false);
    expect(isWithin(Infinity, 65504, 1e9)).toBe(false);
    expect(isWithin(Infinity, NaN, 1)).toBe(false);
  });

  it('tells zeros apart where asked to', () => {
    expect(isWithin(-0, 0, 0)).toBe(true);
    expect(isWithin(-0, 0, 0, true)).toBe(false);
  });
});
