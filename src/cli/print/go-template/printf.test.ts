import { expect, test } from '@jest/globals';
import { GoFloat } from './go-values.js';
import { sprintf } from './printf.js';

// What Go's fmt makes of them.
test.each([
  ['%s %v %d', ['a', 3, 3], 'a 3 3'],
  ['%5.2f|%-8s|%8s|%08.3f', [1.5, 'x', 'ab', 3.2418], ' 1.50|x       |      ab|0003.242'],
  ['%+d|% d|%+.1f|%06d|%-6d|%6d', [5, 5, 1.25, -42, 7, 7], '+5| 5|+1.2|-00042|7     |     7'],
  ['%x %X %#x %o %O %b %#b', [255, 255, 255, 8, 8, 5, 5], 'ff FF 0xff 10 0o10 101 0b101'],
  ['%.5d|%8.3d|%.0d|', [42, 7, 0], '00042|     007||'],
  ['%c %U %q', [65, 65, 65], "A U+0041 'A'"],
  [
    '%e %E %g %g',
    [1234.5, 1234.5, new GoFloat(1e9), 0.00001],
    '1.234500e+03 1.234500E+03 1e+09 1e-05',
  ],
  ['%.3g %.3g %.3g', [1234.5, 0.00012345, 1.5], '1.23e+03 0.000123 1.5'],
  ['%t %5t|%-6v|', [true, false, true], 'true false|true  |'],
  ['%.3s|%5s|%-5s|%05s', ['abcdef', 'é', 'é', 'ab'], 'abc|    é|é    |000ab'],
  ['%x %X %.1x', ['hi', 'hi', 'hi'], '6869 6869 68'],
  ['%q', ['tab\tnl\nü\u0001"\\'], '"tab\\tnl\\nü\\x01\\"\\\\"'],
  ['%*d|%-*d|%.*f', [5, 3, 4, 2, 1, 2.55], '    3|2   |2.5'],
  [
    '%v %d %s',
    [
      [1, 2],
      [1, 2],
      ['a', 'b'],
    ],
    '[1 2] [1 2] [a b]',
  ],
  ['%v', [{ b: 1, a: [true] }], 'map[a:[true] b:1]'],
  [
    '%T %T %T %T %T %T',
    [1, 1.5, 'a', true, null, [1]],
    'int64 float64 string bool <nil> []interface {}',
  ],
  ['%%|%5%|', [], '%|%|'],
])('%s of %j', (format, args, text) => {
  expect(sprintf(format, args)).toBe(text);
});

test.each([
  ['%d', [true], '%!d(bool=true)'],
  ['%s', [3], '%!s(int64=3)'],
  ['%f', [3], '%!f(int64=3)'],
  ['%d', [1.5], '%!d(float64=1.5)'],
  ['%d', ['a'], '%!d(string=a)'],
  ['%s', [null], '%!s(<nil>)'],
  ['%z', [1], '%!z(int64=1)'],
  ['%s %s', ['a'], 'a %!s(MISSING)'],
  ['%s', ['a', 'b', 1], 'a%!(EXTRA string=b, int64=1)'],
  ['%!', [], '%!!(MISSING)'],
  ['50%', [], '50%!(NOVERB)'],
  ['%5', [], '%!(NOVERB)'],
])('%s of %j says what does not fit', (format, args, text) => {
  expect(sprintf(format, args)).toBe(text);
});

test.each([
  [65, "'A'"],
  [34, `'"'`],
  [39, "'\\''"],
  [10, "'\\n'"],
  [0x1f600, "'😀'"],
  [0, "'\\x00'"],
])('%d as a character in quotes is %s', (code, text) => {
  expect(sprintf('%q', [code])).toBe(text);
});
