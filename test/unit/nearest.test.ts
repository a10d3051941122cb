import { nearest } from '../../lib/nearest';

describe('nearest', () => {
  const names = ['Conv', 'ConvTranspose', 'ConvInteger', 'Cos', 'Cosh', 'Acos', 'Relu', 'Celu'];

  test('the nearest first, whatever the case', () => {
    expect(nearest('Cnv', names, 1)).toEqual(['Conv']);
    expect(nearest('relu', names, 3)).toEqual(['Relu', 'Celu']);
    expect(nearest('CONVTRANSPOSED', names, 3)).toEqual(['ConvTranspose']);
    expect(nearest('Cos', names, 3)).toEqual(['Cos', 'Cosh', 'Acos']);
  });

  test('none when none is near, and none for a text that no name can be', () => {
    expect(nearest('Softmax', names, 3)).toEqual([]);
    expect(nearest('Conv'.repeat(1e6), names, 3)).toEqual([]);
    expect(nearest('', [], 3)).toEqual([]);
  });

  test('at most two letters, or a third of them, may differ', () => {
    expect(nearest('abcdef', ['abcdXY', 'abcXYZ'], 3)).toEqual(['abcdXY']);
    expect(nearest('abcdefghi', ['abcdefXYZ', 'abcdeWXYZ'], 3)).toEqual(['abcdefXYZ']);
    expect(nearest('ab', ['abcd', 'abcde', 'ba'], 3)).toEqual(['abcd', 'ba']);
  });
});
