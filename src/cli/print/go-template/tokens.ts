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
  const quoted = match(/^"(?:\\.|[^"\\])*"/);
  if (quoted !== undefined) {
    return { token: { kind: 'value', value: unquote(quoted) }, length: quoted.length };
  }
  const raw = match(/^`[^`]*`/);
  if (raw !== undefined)
    return { token: { kind: 'value', value: raw.slice(1, -1) }, length: raw.length };
  const number = match(/^-?\d+(?:\.\d+)?/);
  if (number !== undefined) {
    return { token: { kind: 'value', value: Number(number) }, length: number.length };
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
  if (word === undefined) throw new GoTemplateError(`unexpected "${rest.charAt(0)}" in operand`);
  if (Object.hasOwn(literals, word)) {
    return { token: { kind: 'value', value: literals[word] }, length: word.length };
  }
  return { token: { kind: 'word', text: word }, length: word.length };
}

function unquote(text: string): string {
  try {
    return JSON.parse(text) as string;
  } catch {
    throw new GoTemplateError(`malformed string ${text}`);
  }
}
