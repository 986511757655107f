/** Turns the text of an expression into tokens, by the grammar of cel-spec (`doc/langdef.md`, "Syntax"). */
import type { Issue } from './errors.js';
import type { Literal } from './ast.js';
import { unescapeLiteral } from './unescape.js';

/** A token. `text` is what stands in the source. */
export type Token =
  | {
      readonly type: 'literal';
      readonly literal: Literal;
      readonly text: string;
      readonly at: number;
    }
  | { readonly type: 'ident' | 'op' | 'end'; readonly text: string; readonly at: number };

const space = /[\t\n\f\r ]+|\/\/[^\n]*/y;
const number =
  /(\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\.\d+(?:[eE][+-]?\d+)?)|(0x[0-9a-fA-F]+|\d+)([uU]?)/y;
const ident = /[A-Za-z_][A-Za-z0-9_]*/y;
const operator = /==|!=|<=|>=|&&|\|\||[-+*/%<>!?:.,()[\]{}]/y;
/** A quoted text without its prefix: three quotes or one, raw or not. */
const cooked =
  /"""(?:[^"\\]|\\[^]|"(?!""))*"""|'''(?:[^'\\]|\\[^]|'(?!''))*'''|"(?:[^"\\\n\r]|\\[^])*"|'(?:[^'\\\n\r]|\\[^])*'/y;
const raw = /"""(?:[^"]|"(?!""))*"""|'''(?:[^']|'(?!''))*'''|"[^"\n\r]*"|'[^'\n\r]*'/y;
const prefix = /(?:[bB][rR]?|[rR][bB]?)(?=["'])/y;

function match(pattern: RegExp, source: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(source);
}

const maxInt = 2n ** 63n;
const maxUint = 2n ** 64n - 1n;

/** Reads a number. The magnitude 2^63 is kept for the parser, which may find a minus before it. */
function numberLiteral(found: RegExpExecArray, at: number, issues: Issue[]): Literal {
  const [text, float, whole = '0', unsigned] = found;
  if (float !== undefined) {
    const value = Number(text);
    if (!Number.isFinite(value)) issues.push({ at, message: 'invalid double literal' });
    return { type: 'double', value };
  }
  const value = BigInt(whole);
  if (unsigned !== '') {
    if (value > maxUint) issues.push({ at, message: 'invalid uint literal' });
    return { type: 'uint', value };
  }
  if (value > maxInt) issues.push({ at, message: 'invalid int literal' });
  return { type: 'int', value };
}

function textToken(source: string, at: number, issues: Issue[]): Token | undefined {
  const before = match(prefix, source, at)?.[0] ?? '';
  const isRaw = /r/i.test(before);
  const isBytes = /b/i.test(before);
  const found = match(isRaw ? raw : cooked, source, at + before.length);
  if (found === null) return undefined;
  const [quoted] = found;
  const result = unescapeLiteral(quoted, { isRaw, isBytes });
  if (typeof result === 'string' && !isBytes) {
    return token({ type: 'string', value: result }, before + quoted, at);
  }
  if (result instanceof Uint8Array) {
    return token({ type: 'bytes', value: result }, before + quoted, at);
  }
  const message = result instanceof Error ? result.message : 'unable to unescape string';
  issues.push({ at, message });
  return token({ type: 'string', value: '' }, before + quoted, at);
}

function token(literal: Literal, text: string, at: number): Token {
  return { type: 'literal', literal, text, at };
}

const words: Readonly<Record<string, Literal>> = {
  true: { type: 'bool', value: true },
  false: { type: 'bool', value: false },
  null: { type: 'null', value: null },
};

/** Splits an expression into tokens, the last of which is the end; what is no token becomes an issue. */
export function tokenize(source: string, issues: Issue[]): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < source.length) {
    const gap = match(space, source, at);
    if (gap !== null) {
      at += gap[0].length;
      continue;
    }
    const next = nextToken(source, at, issues);
    if (next === undefined) {
      const character = String.fromCodePoint(source.codePointAt(at) ?? 0);
      const shown = character === '"' || character === "'" ? source.slice(at) : character;
      issues.push({ at, message: `Syntax error: token recognition error at: '${shown}'` });
      at += shown.length;
      continue;
    }
    tokens.push(next);
    at += next.text.length;
  }
  tokens.push({ type: 'end', text: '<EOF>', at: source.length });
  return tokens;
}

function nextToken(source: string, at: number, issues: Issue[]): Token | undefined {
  const digits = match(number, source, at);
  if (digits !== null) return token(numberLiteral(digits, at, issues), digits[0], at);
  const text = textToken(source, at, issues);
  if (text !== undefined) return text;
  const word = match(ident, source, at)?.[0];
  if (word !== undefined) {
    const literal = Object.hasOwn(words, word) ? words[word] : undefined;
    if (literal !== undefined) return token(literal, word, at);
    return { type: word === 'in' ? 'op' : 'ident', text: word, at };
  }
  const sign = match(operator, source, at)?.[0];
  return sign === undefined ? undefined : { type: 'op', text: sign, at };
}
