/** RegexFullMatch's expressions against JavaScript's, where both mean the same, and in time that does not explode. */

import { fullMatcher, RegexError } from '../../lib/onnx/regex';

const TEXTS = [
  '',
  'a',
  'b',
  'ab',
  'aab',
  'abab',
  'a.b',
  'a\nb',
  'foo bar',
  'A-1',
  ']',
  '{2}',
  'äö',
  '😀',
  'x'.repeat(40),
];

test.each([
  'a*',
  'a+b?',
  '(ab)*',
  '(?:a|b)+',
  'a{2}b',
  'a{1,}b',
  'a{0,2}b',
  '[ab]{2,4}',
  '[^ab]',
  '.',
  '..',
  'a.b',
  'a\\.b',
  '\\w+ \\w+',
  '\\w+\\W\\w+',
  '\\d|\\D',
  '[\\w-]+',
  '[a-z-]*',
  '(a|ab)(b|)',
  '\\bfoo\\b.*',
  '^a$',
  '(^a|b$)+',
  'a|',
  'x{3,}',
  '(x*)*',
  '(|a)+',
  'foo\\x20bar',
  '[^\\n]',
  '\\Bfoo',
  'a+?b',
  'x{20}x{20}',
])('%s', (pattern) => {
  const matches = fullMatcher(pattern);
  const theirs = new RegExp(
    `^(?:${pattern.replaceAll('.', (dot, at: number) => (pattern[at - 1] === '\\' ? dot : '[^\\n]'))})$`,
    'u',
  );
  for (const text of TEXTS) expect([text, matches(text)]).toEqual([text, theirs.test(text)]);
});

test.each<[string, string, boolean]>([
  ['[]a]+', ']a', true],
  ['[^]a]', ']', false],
  ['a{,2}', 'a{,2}', true],
  ['(?P<year>\\d{4})', '2026', true],
  ['(?<year>\\d{4})', '26', false],
  ['\\Aa\\z', 'a', true],
  ['\\s', '\u00a0', false],
  ['\\s\\S', ' a', true],
  ['\\x{1F600}', '😀', true],
  ['\\a\\f\\v', '\x07\f\v', true],
])('%s of RE2 on %p', (pattern, text, result) => {
  expect(fullMatcher(pattern)(text)).toBe(result);
});

test.each([
  ['a**', 'a repetition is repeated'],
  ['*a', '"*" repeats nothing'],
  ['(a', 'a "(" is not closed'],
  ['a)', 'a ")" closes nothing'],
  ['[a', 'it ends too early'],
  ['\\1', '"\\1" is not supported'],
  ['\\pL', '"\\p" is not supported'],
  ['(?i)a', 'flags in a group'],
  ['(?=a)', 'flags in a group'],
  ['[[:alpha:]]', 'named classes'],
  ['[b-a]', 'a range in brackets'],
  ['[\\w-z]', 'a range in brackets'],
  ['a{1001}', 'out of range'],
  ['a{3,2}', 'out of range'],
  ['((a{100}){100}){100}', 'more than 20000 states'],
  [`${'('.repeat(1000)}a${')'.repeat(1000)}`, 'groups are more than 200 deep'],
  ['\\x1', 'two hexadecimal digits'],
  ['\\', 'it ends too early'],
])('%s is refused', (pattern, message) => {
  expect(() => fullMatcher(pattern)).toThrow(RegexError);
  expect(() => fullMatcher(pattern)).toThrow(message);
});

test('repetitions of repetitions take no longer than others', () => {
  const start = process.cpuUsage().user;
  expect(fullMatcher('(a*)*b')('a'.repeat(5000))).toBe(false);
  expect(fullMatcher('(a|a)*b')('a'.repeat(5000))).toBe(false);
  // JavaScript's own would take 2^5000 steps.
  expect(process.cpuUsage().user - start).toBeLessThan(5e6);
});
