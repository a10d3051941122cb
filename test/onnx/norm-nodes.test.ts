/** Normalizations: what ONNX's own cases do not ask for. */

import { floats, run } from '../support/one-node';

describe('LRN', () => {
  const channels = 5;
  const x = floats(3, -1, 2, 0, 4, 1, -5, 2, 7, 1);

  /** x / (1 + sum of squares around): whole numbers but for the quotient, so one rounding. */
  const expected = (size: number) =>
    Array.from(x, (value, i) => {
      const [channel, pixel] = [Math.floor(i / 2), i % 2];
      const before = Math.floor((size - 1) / 2);
      let sum = 1;
      for (let c = channel - before; c <= channel + (size - 1 - before); c++) {
        if (c >= 0 && c < channels) sum += (x[2 * c + pixel] as number) ** 2;
        if (c > channels) break;
      }
      return Math.fround(value / sum);
    });

  // With more than the channels the sums are those of all; 2^20 would be as many calls if each shift were one.
  test.each([1, 2, 3, 4, 5, 8, 9, 10, 11, 2 ** 20])('over %d channels', async (size) => {
    const attributes = { size, alpha: { float: size }, beta: { float: 1 } };
    for (const shape of [
      [1, channels, 2],
      [1, channels, 1, 2],
    ]) {
      const [y] = await run({ op: 'LRN', inputs: { x: [shape, x] }, attributes });
      expect(y).toEqual({ shape, data: expected(size) });
    }
  });

  test('of nothing', async () => {
    for (const shape of [
      [0, 3, 2],
      [2, 0, 2],
      [1, 3, 0],
    ]) {
      const attributes = { size: 7 };
      const [y] = await run({ op: 'LRN', inputs: { x: [shape, floats()] }, attributes });
      expect(y).toEqual({ shape, data: [] });
    }
  });
});
