import { describe, expect, test } from '@jest/globals';
import { formatJson, parseJson } from './json.js';

describe('parsing', () => {
  test.each<[string, unknown]>([
    ['9007199254740991', 9007199254740991],
    ['9007199254740992', 9007199254740992n],
    ['-9007199254740993', -9007199254740993n],
    ['9223372036854775807', 9223372036854775807n],
    ['-9223372036854775808', -9223372036854775808n],
    // Go makes a float64 of what no int64 holds, and of what is written with a fraction or an exponent.
    ['9223372036854775808', 9223372036854775808],
    ['10000000000000000000000000', 1e25],
    ['9007199254740993.5', Number('9007199254740993.5')],
    ['9007199254740993e1', Number('90071992547409930')],
    ['0.1234567890123456789', Number('0.1234567890123456789')],
  ])('%s', (text, value) => {
    expect(parseJson(text)).toBe(value);
    expect(parseJson(`{"a":[ ${text} ]}`)).toEqual({ a: [value] });
  });

  test('a run of digits is found wherever it begins', () => {
    for (let pad = 0; pad < 40; pad += 1) {
      const text = `{"${'x'.repeat(pad)}":9007199254740993,"b":1}`;
      expect(Object.values(parseJson(text) as object)).toEqual([9007199254740993n, 1]);
    }
  });

  test('everything else is what JSON.parse makes of it', () => {
    const text = String.raw`{ "a\"}" : "1234567890123456789, 12345678901234567890 ]" , "b":[{},[],null,true,
      -1.5e-3,"\u00e9\\"], "a\"}": [1,[2,{"c":{}}]], "__proto__": {"x": 1}, "n": 1234567890123456789 }`;
    const value = parseJson(text) as Record<string, unknown>;
    expect(value['n']).toBe(1234567890123456789n);
    const { n: _rounded, ...plain } = JSON.parse(text) as Record<string, unknown>;
    const { n: _exact, ...rest } = value;
    expect(JSON.stringify(rest)).toBe(JSON.stringify(plain));
    expect(Object.hasOwn(value, '__proto__')).toBe(true);
  });

  test('texts nested without end are read', () => {
    const deep = 200_000;
    const text = `${'['.repeat(deep)}9007199254740993${']'.repeat(deep)}`;
    let inner = parseJson(text);
    while (Array.isArray(inner)) inner = inner[0] as unknown;
    expect(inner).toBe(9007199254740993n);
  });

  test('what is no JSON is refused as by JSON.parse', () => {
    expect(() => parseJson('{"a":9007199254740993')).toThrow(SyntaxError);
  });
});

test.each([
  '{"a":9007199254740993,"b":[],"c":{},"d":[1,{"e":"x"}],"f":null}',
  '[-9223372036854775808,9223372036854775807]',
  '{"a":1}',
])('%s is written as it was read', (text) => {
  const value = parseJson(text);
  expect(formatJson(value)).toBe(text);
  const plain = JSON.parse(text.replaceAll(/-?\d{16,}/g, '7')) as unknown;
  const shown = JSON.stringify(plain, undefined, 2);
  expect(formatJson(value, 2).replaceAll(/-?\d{16,}/g, '7')).toBe(shown);
});

test('fields without a value are left out, and are null in lists', () => {
  expect(formatJson({ a: 9007199254740993n, b: undefined, c: [undefined] })).toBe(
    '{"a":9007199254740993,"c":[null]}',
  );
});
