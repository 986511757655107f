/** Parses kubectl's JSONPath templates: text, and expressions in braces. */
import { integerOf } from '../../../lib/json.js';

/** One step from values to values. */
export type Step =
  | { readonly kind: 'field'; readonly name: string }
  | { readonly kind: 'wildcard' }
  | { readonly kind: 'recursive' }
  | { readonly kind: 'slice'; readonly from?: number; readonly to?: number; readonly step?: number }
  | { readonly kind: 'index'; readonly at: number }
  | { readonly kind: 'union'; readonly paths: readonly (readonly Step[])[] }
  | {
      readonly kind: 'filter';
      readonly left: Operand;
      readonly operator: string;
      readonly right: Operand | undefined;
    };

/** A side of a filter's comparison: a path, or a value. */
export type Operand =
  { readonly path: readonly Step[] } | { readonly value: string | number | bigint | boolean };

/** A part of a template. */
export type TemplateNode =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'path'; readonly steps: readonly Step[] }
  /** One that ends nothing. */
  | { readonly kind: 'end' }
  | {
      readonly kind: 'range';
      readonly steps: readonly Step[];
      readonly body: readonly TemplateNode[];
    };

/** A template that cannot be read. */
export class JsonPathError extends Error {
  override readonly name = 'JsonPathError';
}

/** @throws JsonPathError */
export function parseJsonPath(template: string): readonly TemplateNode[] {
  const root: TemplateNode[] = [];
  const open: { steps: readonly Step[]; body: TemplateNode[] }[] = [];
  const add = (node: TemplateNode): void => void (open.at(-1)?.body ?? root).push(node);
  for (const part of partsOf(template)) {
    if (typeof part === 'string') {
      add({ kind: 'text', text: part });
      continue;
    }
    const text = part.inner.trim();
    if (text === 'end') {
      const ended = open.pop();
      if (ended === undefined) add({ kind: 'end' });
      else add({ kind: 'range', ...ended });
    } else if (/^range\s/.test(text)) {
      open.push({ steps: parsePath(text.slice(5).trim()), body: [] });
    } else if (/^(?:"[^]*"|'[^]*')$/.test(text)) add({ kind: 'text', text: unquote(text) });
    else for (const path of pathsOf(text)) add(expression(path));
  }
  // A range without an end prints nothing.
  return root;
}

/** A path, a number or a truth value of its own. @throws JsonPathError */
function expression(text: string): TemplateNode {
  if (/^(?:[-+]?\d+(?:\.\d+)?|true|false)$/.test(text)) return { kind: 'text', text };
  const identifier = /^[A-Za-z_][\w-]*/.exec(text)?.[0];
  if (identifier !== undefined) {
    throw new JsonPathError(`unrecognized identifier ${identifier}`);
  }
  // A field without a name is nowhere.
  if (/(?<![.\\])\.$/.test(text)) return { kind: 'text', text: '' };
  return { kind: 'path', steps: parsePath(text) };
}

/** `.metadata.name`, `metadata.name` and `{.metadata.name}` are one. @throws JsonPathError */
export function parseRelaxed(text: string): readonly Step[] {
  const inner = /^\{(.*)\}$/s.exec(text.trim())?.[1] ?? text.trim();
  if (/[{}]/.test(inner.replaceAll(/'[^']*'|"[^"]*"/g, ''))) {
    throw new JsonPathError(
      `unexpected path string, expected a 'name1.name2' or '.name1.name2' or '{name1.name2}' or '{.name1.name2}'`,
    );
  }
  return parsePath(/^[.[$@]/.test(inner) ? inner : `.${inner}`);
}

/** Expressions in one pair of braces stand side by side, apart by blanks outside of brackets. */
function pathsOf(text: string): string[] {
  const paths: string[] = [];
  let rest = text.trim();
  while (rest !== '') {
    let length = 0;
    while (length < rest.length && !/\s/.test(rest.charAt(length))) {
      length += rest.charAt(length) === '[' ? bracketEnd(rest.slice(length)) + 1 : 1;
    }
    paths.push(rest.slice(0, length));
    rest = rest.slice(length).trim();
  }
  return paths.length === 0 ? [''] : paths;
}

function partsOf(template: string): (string | { readonly inner: string })[] {
  const parts: (string | { readonly inner: string })[] = [];
  let text = '';
  for (let at = 0; at < template.length; at += 1) {
    if (template[at] !== '{') {
      text += template[at];
      continue;
    }
    const end = closing(template, at);
    if (text !== '') parts.push(text);
    text = '';
    parts.push({ inner: template.slice(at + 1, end) });
    at = end;
  }
  return text === '' ? parts : [...parts, text];
}

/** The brace that ends the one at `start`; those in quotes do not count. */
function closing(template: string, start: number): number {
  let quote = '';
  for (let at = start + 1; at < template.length; at += 1) {
    const letter = template.charAt(at);
    if (letter === '\\') at += 1;
    else if (quote !== '') quote = letter === quote ? '' : quote;
    else if (letter === '"' || letter === "'") quote = letter;
    else if (letter === '}') return at;
  }
  throw new JsonPathError('unclosed action');
}

const escaped: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '\\': '\\' };

function unquote(text: string): string {
  return text.slice(1, -1).replaceAll(/\\(.)/g, (_, letter: string) => escaped[letter] ?? letter);
}

/** @throws JsonPathError */
export function parsePath(text: string): readonly Step[] {
  const steps: Step[] = [];
  let rest = text.replace(/^[$@]/, '');
  while (rest !== '') {
    if (rest.startsWith('[')) {
      const end = bracketEnd(rest);
      steps.push(parseBracket(rest.slice(1, end)));
      rest = rest.slice(end + 1);
      continue;
    }
    const match = /^(\.\.?)?((?:\\.|[^.[\]\\\s])*)/.exec(rest);
    const [whole = '', dots, name = ''] = match ?? [];
    if (whole === '') throw unrecognized(rest.charAt(0));
    const stranger = /^[^\\]*?([{}&|"'])/.exec(name)?.[1];
    if (stranger !== undefined) throw unrecognized(stranger);
    if (dots === '..') steps.push({ kind: 'recursive' });
    if (name === '*') steps.push({ kind: 'wildcard' });
    else if (name !== '') steps.push({ kind: 'field', name: name.replaceAll(/\\(.)/g, '$1') });
    rest = rest.slice(whole.length);
  }
  return steps;
}

function unrecognized(letter: string): JsonPathError {
  const code = (letter.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
  return new JsonPathError(`unrecognized character in action: U+${code} '${letter}'`);
}

function bracketEnd(text: string): number {
  let depth = 0;
  let quote = '';
  for (let at = 0; at < text.length; at += 1) {
    const letter = text.charAt(at);
    if (quote !== '') quote = letter === quote ? '' : quote;
    else if (letter === '"' || letter === "'") quote = letter;
    else if (letter === '[') depth += 1;
    else if (letter === ']') {
      depth -= 1;
      if (depth === 0) return at;
    }
  }
  throw new JsonPathError(text.startsWith('[?(') ? 'unterminated filter' : 'unterminated array');
}

function parseBracket(inner: string): Step {
  const text = inner.trim();
  if (text === '*') return { kind: 'wildcard' };
  if (text === '') return { kind: 'index', at: 0 };
  if (text.startsWith('?(') && text.endsWith(')')) return parseFilter(text.slice(2, -1));
  const quoted = text.match(/'(?:\\.|[^'])*'|"(?:\\.|[^"])*"/g);
  if (quoted !== null && /^(?:['"])/.test(text)) {
    if (quoted.length === 1) return { kind: 'field', name: unquote(text) };
    return { kind: 'union', paths: quoted.map((part) => parsePath(`.${part.slice(1, -1)}`)) };
  }
  if (/^-?\d+$/.test(text)) return { kind: 'index', at: Number(text) };
  if (/^-?\d+(?:\s*,\s*-?\d+)+$/.test(text)) {
    const paths = text.split(',').map((at) => [{ kind: 'index' as const, at: Number(at) }]);
    return { kind: 'union', paths };
  }
  const slice = /^(-?\d+)?:(-?\d+)?(?::(-?\d+))?$/.exec(text);
  if (slice === null) throw new JsonPathError(`invalid array index ${text}`);
  const [, from, to, step] = slice;
  return {
    kind: 'slice',
    ...(from === undefined ? {} : { from: Number(from) }),
    ...(to === undefined ? {} : { to: Number(to) }),
    ...(step === undefined ? {} : { step: Number(step) }),
  };
}

function parseFilter(text: string): Step {
  const match = /^\s*((?:'[^']*'|"[^"]*"|[^=!<>'"])+?)\s*(?:(==|!=|<=|>=|<|>)\s*(.+?))?\s*$/.exec(
    text,
  );
  if (match === null) throw new JsonPathError(`unrecognized filter ${text}`);
  const [, left = '', operator = 'exists', right] = match;
  return {
    kind: 'filter',
    left: parseOperand(left),
    operator,
    right: right === undefined ? undefined : parseOperand(right),
  };
}

function parseOperand(text: string): Operand {
  if (/^(?:'[^]*'|"[^]*")$/.test(text)) return { value: unquote(text) };
  if (/^-?\d+$/.test(text)) return { value: integerOf(text) };
  if (/^-?\d+\.\d+$/.test(text)) return { value: Number(text) };
  if (text === 'true' || text === 'false') return { value: text === 'true' };
  if (/^[A-Za-z_]/.test(text)) throw new JsonPathError(`unrecognized identifier ${text}`);
  const stranger = /[&|]/.exec(text.replaceAll(/'[^']*'|"[^"]*"/g, ''))?.[0];
  if (stranger !== undefined) throw unrecognized(stranger);
  return { path: parsePath(text) };
}
