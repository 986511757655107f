/** The escapes of string and bytes literals (cel-go `parser/unescape.go`). */

const simple: Readonly<Record<string, number>> = {
  a: 7,
  b: 8,
  f: 12,
  n: 10,
  r: 13,
  t: 9,
  v: 11,
  '\\': 92,
  "'": 39,
  '"': 34,
  '`': 96,
  '?': 63,
};
const lengths: Readonly<Record<string, number>> = { x: 2, X: 2, u: 4, U: 8 };
const encoder = new TextEncoder();

function inner(quoted: string): string {
  const size = quoted.startsWith('"""') || quoted.startsWith("'''") ? 3 : 1;
  return quoted.slice(size, quoted.length - size).replace(/\r\n?/g, '\n');
}

interface Escape {
  readonly code: number;
  /** Characters that it takes in the text, with the backslash. */
  readonly size: number;
  /** True for a byte of a bytes literal rather than a character. */
  readonly isByte: boolean;
}

function readEscape(text: string, at: number, isBytes: boolean): Escape | Error {
  const letter = text[at + 1] ?? '';
  const known = Object.hasOwn(simple, letter) ? simple[letter] : undefined;
  if (known !== undefined) return { code: known, size: 2, isByte: false };
  const length = Object.hasOwn(lengths, letter) ? lengths[letter] : undefined;
  if (length !== undefined) {
    const digits = text.slice(at + 2, at + 2 + length);
    const isWide = letter === 'u' || letter === 'U';
    if (digits.length < length || !/^[0-9a-fA-F]+$/.test(digits) || (isBytes && isWide)) {
      return new Error('unable to unescape string');
    }
    return checked(Number.parseInt(digits, 16), length + 2, isBytes);
  }
  if (/[0-3]/.test(letter)) {
    const digits = text.slice(at + 1, at + 4);
    if (!/^[0-3][0-7][0-7]$/.test(digits)) {
      return new Error('unable to unescape octal sequence in string');
    }
    return checked(Number.parseInt(digits, 8), 4, isBytes);
  }
  return new Error('unable to unescape string');
}

function checked(code: number, size: number, isByte: boolean): Escape | Error {
  if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
    return new Error('invalid unicode code point');
  }
  return { code, size, isByte };
}

/**
 * Reads a quoted literal.
 * @param quoted with its quotes, without its prefix
 * @returns text for strings, bytes for bytes literals, or what is wrong
 */
export function unescapeLiteral(
  quoted: string,
  { isRaw, isBytes }: { readonly isRaw: boolean; readonly isBytes: boolean },
): string | Uint8Array | Error {
  const text = inner(quoted);
  if (isRaw || !text.includes('\\')) return isBytes ? encoder.encode(text) : text;
  const parts: string[] = [];
  const bytes: number[] = [];
  let at = 0;
  while (at < text.length) {
    if (text[at] === '\\') {
      const escape = readEscape(text, at, isBytes);
      if (escape instanceof Error) return escape;
      at += escape.size;
      if (escape.isByte) bytes.push(escape.code & 0xff);
      else if (isBytes) bytes.push(...encoder.encode(String.fromCodePoint(escape.code)));
      else parts.push(String.fromCodePoint(escape.code));
      continue;
    }
    const character = String.fromCodePoint(text.codePointAt(at) ?? 0);
    at += character.length;
    if (isBytes) bytes.push(...encoder.encode(character));
    else parts.push(character);
  }
  return isBytes ? Uint8Array.from(bytes) : parts.join('');
}
