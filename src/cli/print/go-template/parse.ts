/** Parses Go templates: text, and actions in double braces. */
import { GoTemplateError } from './template-error.js';
import { tokensOf } from './tokens.js';
import { isFunction } from './functions.js';
import type { Token } from './tokens.js';

/** A value in an action. */
export type Operand =
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'dot' }
  | { readonly kind: 'variable'; readonly name: string }
  | { readonly kind: 'function'; readonly name: string }
  | { readonly kind: 'pipeline'; readonly pipeline: Pipeline }
  | { readonly kind: 'field'; readonly of: Operand; readonly name: string };

/** A function with its arguments, or a single value. */
export type Call = readonly Operand[];

/** Calls, each given the result of the one before as its last argument; perhaps kept in variables. */
export interface Pipeline {
  readonly calls: readonly Call[];
  readonly variables: readonly string[];
  readonly assigns: boolean;
}

/** A part of a template. */
export type TemplateNode =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'print'; readonly pipeline: Pipeline }
  | {
      readonly kind: 'if' | 'range' | 'with';
      readonly pipeline: Pipeline;
      readonly body: readonly TemplateNode[];
      readonly otherwise: readonly TemplateNode[];
    }
  | { readonly kind: 'template'; readonly name: string; readonly pipeline: Pipeline | undefined }
  | { readonly kind: 'break' | 'continue' };

/** Templates by name: those of `define` and `block`. */
export type Templates = ReadonlyMap<string, readonly TemplateNode[]>;

/** @throws GoTemplateError with the line on which it stands */
export function parseGoTemplate(template: string): {
  readonly nodes: readonly TemplateNode[];
  readonly templates: Templates;
} {
  const parser = new Parser();
  try {
    parser.read(template);
    const { nodes, end } = parser.nodes();
    if (end !== 'eof') throw new GoTemplateError(`unexpected {{${end}}}`);
    return { nodes, templates: parser.templates };
  } catch (error) {
    if (!(error instanceof GoTemplateError)) throw error;
    const message = `template: output:${parser.line}: ${error.message}`;
    throw new GoTemplateError(message, { cause: error });
  }
}

type Part = { readonly line: number } & (
  { readonly text: string } | { readonly action: readonly Token[] }
);

/** Text and actions; `{{-` and `-}}` take the blanks beside them. @param onLine is told the line of each */
function partsOf(template: string, onLine: (line: number) => void): Part[] {
  const parts: Part[] = [];
  let rest = template;
  for (;;) {
    const start = rest.indexOf('{{');
    if (start < 0) break;
    const line = template.slice(0, template.length - rest.length + start).split('\n').length;
    onLine(line);
    let text = rest.slice(0, start);
    const trimsLeft = /^\{\{-\s/.test(rest.slice(start));
    if (trimsLeft) text = text.trimEnd();
    const match = /^(?:"(?:\\.|[^"\\])*"|`[^`]*`|[^"`])*?\}\}/s.exec(rest.slice(start + 2));
    if (match === null) throw unclosed(rest.slice(start + 2));
    const [whole] = match;
    let inner = whole.slice(trimsLeft ? 1 : 0, -2);
    rest = rest.slice(start + 2 + whole.length);
    if (/\s-$/.test(inner)) {
      inner = inner.slice(0, -1);
      rest = rest.trimStart();
    }
    if (text !== '') parts.push({ text, line });
    const isComment = (trimsLeft ? /^\s\/\*[^]*\*\/\s*$/ : /^\/\*[^]*\*\/\s*$/).test(inner);
    if (!isComment) parts.push({ action: tokensOf(inner), line });
  }
  return rest === '' ? parts : [...parts, { text: rest, line: template.split('\n').length }];
}

function unclosed(action: string): GoTemplateError {
  const isOpen = action.replaceAll(/"(?:\\.|[^"\\\n])*"|`[^`]*`/g, '').includes('"');
  return new GoTemplateError(isOpen ? 'unterminated quoted string' : 'unclosed action');
}

class Parser {
  readonly templates = new Map<string, readonly TemplateNode[]>();
  /** Where it reads. */
  line = 1;
  #parts: readonly Part[] = [];
  #at = 0;
  #ranges = 0;

  read(template: string): void {
    this.#parts = partsOf(template, (line) => {
      this.line = line;
    });
  }

  /** Nodes up to an `end` or `else`. @returns which it was; `else` with the tokens that follow it */
  nodes(): { nodes: TemplateNode[]; end: 'eof' | 'end' | 'else'; tokens: readonly Token[] } {
    const nodes: TemplateNode[] = [];
    for (;;) {
      const part = this.#parts[this.#at];
      this.#at += 1;
      if (part === undefined) return { nodes, end: 'eof', tokens: [] };
      this.line = part.line;
      if ('text' in part) {
        nodes.push({ kind: 'text', text: part.text });
        continue;
      }
      const [first, ...rest] = part.action;
      const word = first?.kind === 'word' ? first.text : '';
      if (word === 'end' || word === 'else') return { nodes, end: word, tokens: rest };
      if (word === 'define') this.#define(rest);
      else nodes.push(this.#action(word, part.action, rest));
    }
  }

  #action(word: string, all: readonly Token[], rest: readonly Token[]): TemplateNode {
    switch (word) {
      case 'if':
      case 'range':
      case 'with':
        return this.#branch(word, rest);
      case 'break':
      case 'continue':
        if (this.#ranges === 0) throw new GoTemplateError(`{{${word}}} outside {{range}}`);
        return { kind: word };
      case 'template': {
        const [name, ...after] = rest;
        const pipeline = after.length === 0 ? undefined : parsePipeline(after, 'template clause');
        return { kind: 'template', name: nameOf(name, 'template clause'), pipeline };
      }
      case 'block': {
        const [name, ...after] = rest;
        const pipeline = parsePipeline(after, 'block clause');
        this.#define(name === undefined ? [] : [name]);
        return { kind: 'template', name: nameOf(name, 'block clause'), pipeline };
      }
      default:
        return { kind: 'print', pipeline: parsePipeline(all, 'command') };
    }
  }

  #define([name]: readonly Token[]): void {
    const text = nameOf(name, 'define clause');
    const { nodes, end } = this.nodes();
    if (end !== 'end') throw new GoTemplateError('unexpected EOF');
    this.templates.set(text, nodes);
  }

  #branch(kind: 'if' | 'range' | 'with', tokens: readonly Token[]): TemplateNode {
    const pipeline = parsePipeline(tokens, kind);
    if (kind === 'range') this.#ranges += 1;
    const { nodes: body, end, tokens: after } = this.nodes();
    if (kind === 'range') this.#ranges -= 1;
    if (end === 'eof') throw new GoTemplateError('unexpected EOF');
    if (end === 'end') return { kind, pipeline, body, otherwise: [] };
    const [next, ...rest] = after;
    if (next?.kind === 'word' && (next.text === 'if' || next.text === 'with')) {
      return { kind, pipeline, body, otherwise: [this.#branch(next.text, rest)] };
    }
    const last = this.nodes();
    if (last.end === 'eof') throw new GoTemplateError('unexpected EOF');
    if (last.end !== 'end') throw new GoTemplateError('expected end; found {{else}}');
    return { kind, pipeline, body, otherwise: last.nodes };
  }
}

function nameOf(token: Token | undefined, clause: string): string {
  if (token?.kind === 'value' && typeof token.value === 'string') return token.value;
  throw new GoTemplateError(`unexpected ${token?.kind ?? '"}}"'} in ${clause}`);
}

/** @param context what is said to lack a value */
function parsePipeline(tokens: readonly Token[], context: string): Pipeline {
  if (tokens.length === 0) throw new GoTemplateError(`missing value for ${context}`);
  const at = tokens.findIndex(({ kind }) => kind === 'assign' || kind === 'declare');
  const variables = tokens
    .slice(0, Math.max(0, at))
    .flatMap((token) => (token.kind === 'variable' ? [token.text] : []));
  const source = at < 0 ? tokens : tokens.slice(at + 1);
  const reader = new OperandReader(source);
  const calls = reader.pipeline();
  return { calls, variables, assigns: tokens[at]?.kind === 'assign' };
}

class OperandReader {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  pipeline(): Call[] {
    const calls: Operand[][] = [[]];
    for (;;) {
      const token = this.#tokens[this.#at];
      if (token === undefined || token.kind === 'close') break;
      if (token.kind === 'pipe') {
        calls.push([]);
        this.#at += 1;
      } else calls.at(-1)?.push(this.#operand());
    }
    if (calls.some((call) => call.length === 0))
      throw new GoTemplateError('missing value for command');
    const stage = calls.findIndex(
      ([first], at) => at > 0 && (first?.kind === 'value' || first?.kind === 'dot'),
    );
    if (stage > 0) {
      throw new GoTemplateError(`non executable command in pipeline stage ${stage + 1}`);
    }
    return calls;
  }

  #operand(): Operand {
    let operand = this.#simple();
    for (;;) {
      const next = this.#tokens[this.#at];
      if (next?.kind !== 'field' || !next.attached) return operand;
      operand = { kind: 'field', of: operand, name: next.text };
      this.#at += 1;
    }
  }

  #simple(): Operand {
    const token = this.#tokens[this.#at];
    this.#at += 1;
    switch (token?.kind) {
      case 'value':
        return { kind: 'value', value: token.value };
      case 'dot':
        return { kind: 'dot' };
      case 'field':
        return { kind: 'field', of: { kind: 'dot' }, name: token.text };
      case 'variable':
        return { kind: 'variable', name: token.text };
      case 'word':
        if (!isFunction(token.text)) {
          throw new GoTemplateError(`function "${token.text}" not defined`);
        }
        return { kind: 'function', name: token.text };
      case 'open': {
        const calls = this.pipeline();
        if (this.#tokens[this.#at]?.kind !== 'close')
          throw new GoTemplateError('unclosed left paren');
        this.#at += 1;
        return { kind: 'pipeline', pipeline: { calls, variables: [], assigns: false } };
      }
      default:
        throw new GoTemplateError(`unexpected ${token?.kind ?? 'end'} in operand`);
    }
  }
}
