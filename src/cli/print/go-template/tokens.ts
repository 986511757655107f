import { GoFloat } from './go-values.js';
import { GoTemplateError } from './template-error.js';

/** A word of an action. */
export type Token =
  | { readonly kind: 'word' | 'variable'; readonly text: string }
  /** `attached` when it follows a value without a blank. */
  | { readonly kind: 'field'; readonly text: string; readonly attached: boolean }
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'dot' | 'pipe' | 'open' | 'close' | 'assign' | 'declare' | 'comma' };

const signs: readonly (readonly [string, Token])[] = [
  [':=', { kind: 'declare' }],
  ['=', { kind: 'assign' }],
  ['|', { kind: 'pipe' }],
  ['(', { kind: 'open' }],
  [')', { kind: 'close' }],
  [',', { kind: 'comma' }],
];

const literals: Readonly<Record<string, unknown>> = { true: true, false: false, nil: null };

/** The words of an action. @throws GoTemplateError */
export function tokensOf(action: string): Token[] {
  const tokens: Token[] = [];
  let rest = action;
  while (rest.trim() !== '') {
    const attached = tokens.length > 0 && !/^\s/.test(rest);
    rest = rest.trimStart();
    const sign = signs.find(([text]) => rest.startsWith(text));
    if (sign !== undefined) {
      tokens.push(sign[1]);
      rest = rest.slice(sign[0].length);
      continue;
    }
    const { token, length } = wordOf(rest, attached);
    tokens.push(token);
    rest = rest.slice(length);
  }
  return tokens.filter(({ kind }) => kind !== 'comma');
}

function wordOf(rest: string, attached: boolean): { token: Token; length: number } {
  const match = (pattern: RegExp): string | undefined => pattern.exec(rest)?.[0];
  const quoted = match(/^"(?:\\.|[^"\\\n])*"/);
  if (quoted !== undefined) {
    return { token: { kind: 'value', value: unquote(quoted) }, length: quoted.length };
  }
  const raw = match(/^`[^`]*`/);
  if (raw !== undefined)
    return { token: { kind: 'value', value: raw.slice(1, -1) }, length: raw.length };
  const letter = match(/^'(?:\\.[^']*|[^'\\\n])'/);
  if (letter !== undefined) {
    const value = unquote(letter).codePointAt(0);
    return { token: { kind: 'value', value }, length: letter.length };
  }
  const number = match(/^[-+]?\.?\d(?:[\w.]|(?<=[eE])[-+])*/);
  if (number !== undefined) {
    return { token: { kind: 'value', value: numberOf(number) }, length: number.length };
  }
  const field = match(/^\.[A-Za-z_]\w*/);
  if (field !== undefined) {
    return { token: { kind: 'field', text: field.slice(1), attached }, length: field.length };
  }
  if (rest.startsWith('.')) return { token: { kind: 'dot' }, length: 1 };
  const variable = match(/^\$\w*/);
  if (variable !== undefined) {
    return { token: { kind: 'variable', text: variable }, length: variable.length };
  }
  const word = match(/^[A-Za-z_]\w*/);
  if (word === undefined) throw stranger(rest.charAt(0));
  if (Object.hasOwn(literals, word)) {
    return { token: { kind: 'value', value: literals[word] }, length: word.length };
  }
  return { token: { kind: 'word', text: word }, length: word.length };
}

const integer = /^[-+]?(?:0[xX][\da-fA-F_]+|0[bB][01_]+|0[oO]?[0-7_]+|\d[\d_]*)$/;
const float = /^[-+]?(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][-+]?\d+)?$/;

/** @throws GoTemplateError */
function numberOf(text: string): number | GoFloat {
  const plain = text.replaceAll('_', '');
  if (integer.test(text)) {
    const [, sign = '', digits = ''] = /^([-+]?)(.*)$/.exec(plain) ?? [];
    const octal = /^0\d/.test(digits) ? `0o${digits.slice(1)}` : digits;
    return sign === '-' ? -Number(octal) : Number(octal);
  }
  if (float.test(text)) return new GoFloat(Number(plain));
  throw new GoTemplateError(`bad number syntax: ${JSON.stringify(text)}`);
}

/** A sign that no operand begins with. */
function stranger(letter: string): GoTemplateError {
  if (letter === '/') return new GoTemplateError('unexpected "/" in command');
  const code = (letter.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
  return new GoTemplateError(`bad character U+${code} '${letter}'`);
}

const escapes: Readonly<Record<string, string>> = {
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  '"': '"',
  "'": "'",
};

/** The text of a literal in quotes, as `strconv.Unquote` reads it: `\x41` and `\101` are bytes. */
function unquote(text: string): string {
  const parts: Buffer[] = [];
  const pattern =
    /\\(?:x([\da-fA-F]{2})|([0-7]{3})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|([^]))|([^\\]+)/g;
  for (const [, hex, octal, short, long, letter, plain] of text.slice(1, -1).matchAll(pattern)) {
    if (plain !== undefined) parts.push(Buffer.from(plain));
    else if (hex !== undefined) parts.push(Buffer.from(hex, 'hex'));
    else if (octal !== undefined) parts.push(Buffer.from([Number.parseInt(octal, 8)]));
    else if (letter === undefined) parts.push(letterOf(short ?? long ?? ''));
    else if (Object.hasOwn(escapes, letter)) parts.push(Buffer.from(escapes[letter] ?? ''));
    else throw new GoTemplateError('invalid syntax');
  }
  return Buffer.concat(parts).toString('utf8');
}

function letterOf(hex: string): Buffer {
  const code = Number.parseInt(hex, 16);
  if (code > 0x10_ffff) throw new GoTemplateError('invalid syntax');
  return Buffer.from(String.fromCodePoint(code));
}
