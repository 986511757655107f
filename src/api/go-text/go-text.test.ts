import { expect, test } from '@jest/globals';
import { timeQuote, goQuote, goQuoteList } from './quote.js';
import { goValue } from './values.js';

/** The output of Go 1.22 for `fmt.Printf("%q", text)`. */
test.each([
  ['web', '"web"'],
  ['', '""'],
  ['say "hi" \\ there', String.raw`"say \"hi\" \\ there"`],
  ['\x07\b\f\n\r\t\v', String.raw`"\a\b\f\n\r\t\v"`],
  ['\x00\x1b\x7f', String.raw`"\x00\x1b\x7f"`],
  ['größe 日本 €', '"größe 日本 €"'],
  ['a\u00a0b\u200bc\u2028d', String.raw`"a\u00a0b\u200bc\u2028d"`],
  ['😀', '"😀"'],
  ['\u{e0001}', String.raw`"\U000e0001"`],
  ['half \ud83d', '"half \ufffd"'],
])('%j is quoted', (text, expected) => {
  expect(goQuote(text)).toBe(expected);
});

test('a list of strings', () => {
  expect(goQuoteList(['a', 'b c'])).toBe('["a" "b c"]');
  expect(goQuoteList([])).toBe('[]');
});

test.each<[unknown, string]>([
  [{ b: [1, 'x', true], a: { c: null } }, 'map[a:map[c:<nil>] b:[1 x true]]'],
  [[], '[]'],
  [{}, 'map[]'],
  ['text', 'text'],
  [1.5, '1.5'],
  [undefined, '<nil>'],
])('%j is printed', (value, expected) => {
  expect(goValue(value)).toBe(expected);
});

test('errors about times show bytes beyond ASCII by their numbers', () => {
  expect(timeQuote('ä\u0001"\\a')).toBe(String.raw`"\xc3\xa4\x01\"\\a"`);
});
