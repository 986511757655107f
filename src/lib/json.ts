/**
 * JSON whose whole numbers keep all digits of an int64, as Go's decoder keeps them: a number that a double cannot hold
 * exactly is a bigint, every other one a number. A text without such a number costs one look at every 16th character
 * more than `JSON.parse`, a value without a bigint nothing more than `JSON.stringify`.
 */

const zero = 0x30;
const nine = 0x39;
const minus = 0x2d;
const quote = 0x22;
const backslash = 0x5c;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const colon = 0x3a;
const comma = 0x2c;

/** The fewest digits of a whole number that a double may round. */
const longDigits = 16;
const longNumber = /^-?(?:[1-9]\d{15,18})$/;

/** The greatest int64. */
export const maxInt64 = 2n ** 63n - 1n;
/** The least int64. */
export const minInt64 = -(2n ** 63n);

/** Parses JSON text. Whole numbers beyond int64 are rounded, as Go makes float64 of them. @throws SyntaxError */
export function parseJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  return mayRound(text) ? readExactly(text) : value;
}

/** Writes JSON text as `JSON.stringify` does, bigints as numbers. @param indent blanks a level; 0 is one line */
export function formatJson(value: unknown, indent = 0): string {
  try {
    // Given blanks, even none, V8 leaves its fast way.
    return indent === 0 ? JSON.stringify(value) : JSON.stringify(value, undefined, indent);
  } catch (error) {
    // A bigint, since the values are data: a cycle would end the stack below.
    if (!(error instanceof TypeError)) throw error;
    return written(value, ' '.repeat(indent), indent === 0 ? '' : '\n');
  }
}

function isDigit(code: number): boolean {
  return code >= zero && code <= nine;
}

/** True for what stands before or behind a number outside of texts. */
function isBetween(code: number): boolean {
  return code <= 0x20 || code === comma || code === colon || code === openBracket;
}

/**
 * Finds out whether valid JSON text holds a whole number that a double may round; now and then a text within a text
 * looks like one. Every run of 16 digits covers a place that is looked at.
 */
function mayRound(text: string): boolean {
  for (let at = longDigits - 1; at < text.length; at += longDigits) {
    if (!isDigit(text.charCodeAt(at))) continue;
    let start = at;
    while (start > 0 && isDigit(text.charCodeAt(start - 1))) start -= 1;
    let end = at + 1;
    while (isDigit(text.charCodeAt(end))) end += 1;
    if (end - start >= longDigits && isNumber(text, start, end)) return true;
    at = Math.max(at, end - 1);
  }
  return false;
}

/** True when digits stand where a whole number stands. */
function isNumber(text: string, start: number, end: number): boolean {
  const before = text.charCodeAt(start - 1) === minus ? start - 2 : start - 1;
  if (before >= 0 && !isBetween(text.charCodeAt(before))) return false;
  if (end === text.length) return true;
  const after = text.charCodeAt(end);
  return after <= 0x20 || after === comma || after === closeBrace || after === closeBracket;
}

/** The place behind a text that begins at `start`. */
function endOfText(text: string, start: number): number {
  let at = start + 1;
  for (let code = text.charCodeAt(at); code !== quote; code = text.charCodeAt(at)) {
    at += code === backslash ? 2 : 1;
  }
  return at + 1;
}

function endOfToken(text: string, start: number): number {
  const first = text.charCodeAt(start);
  if (first === quote) return endOfText(text, start);
  let at = start + 1;
  if (first === openBrace || first === openBracket) return at;
  for (; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code <= 0x20 || code === comma || code === closeBrace || code === closeBracket) break;
  }
  return at;
}

/** One open object or list. */
interface Frame {
  readonly into: Record<string, unknown> | unknown[];
  /** The name of the field whose value comes next; undefined before its name, and in lists. */
  name: string | undefined;
}

/** Reads valid JSON text, without recursion: nobody has looked yet how deep it is. */
function readExactly(text: string): unknown {
  const open: Frame[] = [];
  let root: unknown;
  for (let at = 0; at < text.length;) {
    const code = text.charCodeAt(at);
    if (code <= 0x20 || code === comma || code === colon) {
      at += 1;
      continue;
    }
    if (code === closeBrace || code === closeBracket) {
      open.pop();
      at += 1;
      continue;
    }
    const end = endOfToken(text, at);
    const token = text.slice(at, end);
    at = end;
    const frame = open.at(-1);
    if (frame !== undefined && !Array.isArray(frame.into) && frame.name === undefined) {
      frame.name = JSON.parse(token) as string;
      continue;
    }
    const value = code === openBrace ? {} : code === openBracket ? [] : scalarOf(token);
    if (frame === undefined) root = value;
    else add(frame, value);
    if (typeof value === 'object' && value !== null) {
      open.push({ into: value as Frame['into'], name: undefined });
    }
  }
  return root;
}

function add(frame: Frame, value: unknown): void {
  const { into, name = '' } = frame;
  if (Array.isArray(into)) into.push(value);
  else if (name === '__proto__') {
    const own = { value, writable: true, enumerable: true, configurable: true };
    Object.defineProperty(into, name, own);
  } else into[name] = value;
  frame.name = undefined;
}

function scalarOf(token: string): unknown {
  return longNumber.test(token) ? integerOf(token) : (JSON.parse(token) as unknown);
}

/** The value of a whole number in decimal digits: a bigint where a double would round an int64. */
export function integerOf(digits: string): number | bigint {
  const value = Number(digits);
  if (Number.isSafeInteger(value)) return value;
  const exact = BigInt(digits);
  return exact >= minInt64 && exact <= maxInt64 ? exact : value;
}

/** The smallest form of a whole number: a number where it can be exact. */
export function smallest(value: bigint): number | bigint {
  const rounded = Number(value);
  return Number.isSafeInteger(rounded) ? rounded : value;
}

/** @param gap the blanks of one level @param line the end of a line and the blanks of the next; '' for one line */
function written(value: unknown, gap: string, line: string): string {
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const inner = line === '' ? '' : line + gap;
  const space = line === '' ? '' : ' ';
  const isList = Array.isArray(value);
  const parts = isList
    ? value.map((item) => written(item, gap, inner))
    : Object.entries(value)
        .filter(([, item]) => item !== undefined)
        .map(([name, item]) => `${JSON.stringify(name)}:${space}${written(item, gap, inner)}`);
  const [first, last] = isList ? ['[', ']'] : ['{', '}'];
  if (parts.length === 0) return first + last;
  return `${first}${inner}${parts.join(`,${inner}`)}${line}${last}`;
}
