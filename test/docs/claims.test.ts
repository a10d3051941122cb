/** Tests of the checker of examples: it must accept what is true and refute what is not. */

import { DtypeError, ShapeError } from '../../lib/errors';
import { tensor } from '../../lib/create';
import { parseClaim, refute } from '../support/claims';
import {
  asModule,
  docstringSnippets,
  fences,
  markdownSnippets,
  runModule,
  typeErrors,
} from '../support/snippets';
import * as halftone from '../../lib/index';

const load = () => halftone;

describe('values', () => {
  test.each<[string, unknown]>([
    ['1', 1],
    ['-2.5', -2.5],
    ['1e-7', 1e-7],
    ['12n', 12n],
    ['0', 0],
    ['-0', -0],
    ['NaN', NaN],
    ['-Infinity', -Infinity],
    ['true', true],
    ['null', null],
    ['undefined', undefined],
    ["'a b'", 'a b'],
    ['0.1', Math.fround(0.1)],
    ['0.3333', 1 / 3],
    ['[0.66..., -0.503937...]', [2 / 3, Math.fround(-64 / 127)]],
    ['[]', []],
    ['[1, [2, 3]]', [1, [2, 3]]],
    ['[1, ...]', [1, 2, 3]],
    ['[1, ..., 9]', [1, 2, 3, 9]],
    ['[0, 2]', new Float32Array([0, 2])],
    ['Float32Array [0, 2]', new Float32Array([0, 2])],
    ['{ a: 1 }', { a: 1 }],
    ['{ a: 1, ... }', { a: 1, b: 2 }],
    ["{ a: { b: 'c' } }", { a: { b: 'c' } }],
    ['[1, 2] (because of this)', [1, 2]],
    ['3: prose', 3],
    ['1, not 2', 1],
  ])('%s holds', (text, value) => {
    expect(refute(text, { value })).toBeUndefined();
  });

  test.each<[string, unknown]>([
    ['1', 2],
    ['1', 1n],
    ['1', '1'],
    ['1', 1.0001],
    ['0.5', 0.4999],
    ['0.1', 0.0999755859375],
    ['0.3333', 0.33339],
    ['0.67...', 2 / 3],
    ['0.66...', 0.6599],
    ['-0', 0],
    ['NaN', 0],
    ['Infinity', -Infinity],
    ['0', NaN],
    ['true', 1],
    ['null', undefined],
    ["'a'", 'b'],
    ['[1]', [1, 2]],
    ['[1, 2]', [1]],
    ['[1, ...]', [2, 3]],
    ['[1, ..., 9]', [1, 8]],
    ['[1, ..., 1]', [1]],
    ['Float32Array [1]', [1]],
    ['Int8Array [1]', new Uint8Array([1])],
    ['{ a: 1 }', { a: 1, b: 2 }],
    ['{ a: 1, ... }', { b: 2 }],
    ['{ a: undefined, ... }', { b: 2 }],
    ['[0]', Promise.resolve([0])],
    ['throws ShapeError', 1],
  ])('%s is refuted', (text, value) => {
    expect(refute(text, { value })).toContain(`claims "${text}"`);
  });

  test('tensors: dtype and shape, or elements', () => {
    const value = tensor([[1, 2]], { dtype: 'int8' });
    expect(refute('int8 [1, 2]', { value })).toBeUndefined();
    expect(refute('[1, 2]', { value })).toBeUndefined();
    expect(refute('7', { value: tensor([7]) })).toBeUndefined();
    for (const wrong of ['int8 [2]', 'uint8 [1, 2]', '[1, 3]', '[1]', '1']) {
      expect(refute(wrong, { value })).toContain('claims');
    }
  });

  test('errors: class or code, and parts of the message', () => {
    const thrown = new ShapeError('conv2d: x must have 4 axes, got [3]');
    for (const right of [
      'throws ShapeError',
      'throws ERR_SHAPE',
      'throws ShapeError: conv2d: x must have 4 axes, got [3]',
      'throws ShapeError: conv2d: ... got [3]',
    ]) {
      expect(refute(right, { thrown })).toBeUndefined();
    }
    for (const wrong of ['throws DtypeError', 'throws ShapeError: relu: ...']) {
      expect(refute(wrong, { thrown })).toContain('claims');
    }
    expect(() => refute('3', { thrown: new DtypeError('x') })).toThrow(DtypeError);
  });

  test.each(['six zeros', 'about 3', '1 to 3', '4 x 4', '[1', '{ a }', '', 'float32'])(
    '"%s" is no claim',
    (text) => {
      expect(() => parseClaim(text)).toThrow('is no value');
    },
  );
});

describe('snippets', () => {
  test('blocks that import halftone are found, with their line', () => {
    const text =
      "a\n```ts\nimport { tensor } from 'halftone';\n```\n```ts\nlet a;\n```\n```sh\nls\n```\n";
    expect(markdownSnippets('a.md', text)).toMatchObject([{ where: 'a.md:2' }]);
    expect(fences('a.md', text)).toHaveLength(3);
  });

  test('@example of functions, methods and classes are found', () => {
    const text =
      '/** A.\n * @example\n * f(); // 1\n */\nexport function f() {}\n' +
      'class A {\n /** B.\n  * @example\n  * g(); // 2\n  */\n g() {}\n}\n';
    expect(docstringSnippets('a.ts', text)).toMatchObject([
      { where: 'a.ts:2', code: 'f(); // 1' },
      { where: 'a.ts:8', code: 'g(); // 2' },
    ]);
  });

  test('claims are counted, and each wrong one is reported', async () => {
    const right =
      "import { tensor } from 'halftone';\nconst t = tensor([1, 2]); // prose\n" +
      'await t.data(); // [1, 2]\n' +
      'console.log(t.shape); // [2]\nfor (const i of [1, 1]) {\n  i; // 1\n}\n' +
      'await t.asUint16(); // throws UnsupportedError: asUint16: dtype must be float16';
    expect(await runModule(right, load)).toBe(4);
    const wrong = right.replace('// [1, 2]', '// [1, 3]').replace('// [2]', '// [4]');
    await expect(runModule(wrong, load)).rejects.toThrow(
      /claims "\[1, 3\]", but gives Float32Array.*\n.*claims "\[4\]"/,
    );
  });

  test('an example that throws, or claims prose, or claims inside a function fails', async () => {
    const head = "import { tensor } from 'halftone';\n";
    await expect(runModule(`${head}tensor([1], { shape: [2] });`, load)).rejects.toThrow(
      ShapeError,
    );
    await expect(runModule(`${head}tensor([1]); // one`, load)).rejects.toThrow('is no value');
    await expect(runModule(`${head}[1].map((x) => {\nx; // 1\n});`, load)).rejects.toThrow(
      'inside a function',
    );
    await expect(runModule(`${head}tensor([1]).data(); // [1]`, load)).rejects.toThrow('Promise');
  });

  test('names that are used and not imported come from the exports', () => {
    const code = 'const a = tensor([1]);';
    const from = [['halftone', ['tensor', 'relu', 'a']]] as const;
    const mutable = from.map(([m, n]) => [m, [...n]] as [string, string[]]);
    expect(asModule({ where: '', code }, mutable)).toBe(
      "import { tensor } from 'halftone'; const a = tensor([1]);",
    );
  });

  test('types are checked', () => {
    const modules = new Map([
      ['good', "import { tensor } from 'halftone';\nawait tensor([1]).data();"],
      ['bad', "import { tensor } from 'halftone';\ntensor([1], { dtyp: 'int8' });"],
    ]);
    expect(typeErrors(modules)).toEqual([expect.stringMatching(/^bad \+2: .*dtyp/)]);
  });
});
