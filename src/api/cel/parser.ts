/** Parses expressions into the tree of `ast.ts`, with the words of cel-go's parser for what is wrong. */
import type { Expr, Literal, MapEntry } from './ast.js';
import type { Issue } from './errors.js';
import type { Token } from './lexer.js';
import { tokenize } from './lexer.js';
import { maxDepth, maxExpressionLength } from './limits.js';
import { expandMacro, MacroError } from './macros.js';

/** An expression's tree, or what is wrong with it. */
export type Parsed =
  { readonly expr: Expr; readonly issues?: undefined } | { readonly issues: readonly Issue[] };

/** Ends parsing: the first error of syntax is the only one that is told. */
class SyntaxIssue extends Error {
  readonly at: number;
  constructor(at: number, message: string) {
    super(message);
    this.at = at;
  }
}

const reserved = new Set(
  'as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
);

/** What ANTLR says it expects where an operand must stand. */
const operands =
  "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}";

const relations = ['<', '<=', '>=', '>', '==', '!=', 'in'];
const operandStarts = new Set(['[', '{', '(', '.', '-', '!']);

/** Parses an expression. Nesting and length are bounded, so the time is linear in the text. */
export function parse(source: string): Parsed {
  const size = Array.from(source).length;
  if (size > maxExpressionLength) {
    const message = `expression code point size exceeds limit: size: ${size}, limit ${maxExpressionLength}`;
    return { issues: [{ at: 0, message }] };
  }
  const issues: Issue[] = [];
  const tokens = tokenize(source, issues);
  if (issues.length > 0) return { issues };
  try {
    return { expr: new Parser(tokens).parse() };
  } catch (error) {
    if (!(error instanceof SyntaxIssue) && !(error instanceof MacroError)) throw error;
    return { issues: [{ at: error.at, message: error.message }] };
  }
}

class Parser {
  readonly #tokens: readonly Token[];
  #index = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  parse(): Expr {
    const expr = this.#expression();
    const token = this.#next;
    if (token.type === 'end') return expr;
    const isLast = this.#peek(1).type === 'end';
    const verb = isLast ? 'extraneous' : 'mismatched';
    throw this.#error(`${verb} input '${token.text}' expecting <EOF>`);
  }

  get #next(): Token {
    return this.#peek(0);
  }

  #peek(ahead: number): Token {
    const last = this.#tokens.length - 1;
    const token = this.#tokens[Math.min(this.#index + ahead, last)];
    if (token === undefined) throw new SyntaxIssue(0, 'Syntax error: unexpected end');
    return token;
  }

  #is(...texts: readonly string[]): boolean {
    return this.#next.type === 'op' && texts.includes(this.#next.text);
  }

  /** Takes the token if it is this operator. */
  #take(text: string): Token | undefined {
    if (!this.#is(text)) return undefined;
    const token = this.#next;
    this.#index += 1;
    return token;
  }

  #expect(text: string): Token {
    const token = this.#take(text);
    if (token !== undefined) return token;
    if (this.#next.type === 'end') {
      throw this.#error(`missing '${text}' at '<EOF>'`);
    }
    throw this.#error(`mismatched input '${this.#next.text}' expecting '${text}'`);
  }

  #error(message: string): SyntaxIssue {
    return new SyntaxIssue(this.#next.at, `Syntax error: ${message}`);
  }

  #expression(): Expr {
    this.#depth += 1;
    if (this.#depth > maxDepth) {
      throw new SyntaxIssue(this.#next.at, `expression recursion limit exceeded: ${maxDepth}`);
    }
    const expr = this.#conditional();
    this.#depth -= 1;
    return expr;
  }

  #conditional(): Expr {
    const condition = this.#logical('||', '_||_', () =>
      this.#logical('&&', '_&&_', () => this.#relation()),
    );
    const mark = this.#take('?');
    if (mark === undefined) return condition;
    const yes = this.#logical('||', '_||_', () =>
      this.#logical('&&', '_&&_', () => this.#relation()),
    );
    this.#expect(':');
    const no = this.#expression();
    return call('_?_:_', [condition, yes, no], mark.at);
  }

  /** A chain of one operator, as a balanced tree: its depth is the logarithm of its length. */
  #logical(sign: string, fn: string, operand: () => Expr): Expr {
    const terms = [operand()];
    const places: number[] = [];
    for (let token = this.#take(sign); token !== undefined; token = this.#take(sign)) {
      places.push(token.at);
      terms.push(operand());
    }
    return balance(fn, terms, places, 0, places.length - 1);
  }

  #binary(signs: readonly string[], operand: () => Expr): Expr {
    let left = operand();
    let count = 0;
    while (this.#is(...signs)) {
      const { text, at } = this.#next;
      this.#index += 1;
      count += 1;
      if (count > maxDepth) {
        throw new SyntaxIssue(at, `expression recursion limit exceeded: ${maxDepth}`);
      }
      left = call(text === 'in' ? '@in' : `_${text}_`, [left, operand()], at);
    }
    return left;
  }

  #relation(): Expr {
    return this.#binary(relations, () =>
      this.#binary(['+', '-'], () => this.#binary(['*', '/', '%'], () => this.#unary())),
    );
  }

  #unary(): Expr {
    for (const [sign, fn] of [
      ['!', '!_'],
      ['-', '-_'],
    ] as const) {
      const first = this.#next;
      let count = 0;
      while (this.#take(sign) !== undefined) count += 1;
      if (count === 0) continue;
      const token = this.#next;
      if (sign === '-' && count === 1 && token.type === 'literal') {
        const negative = negated(token.literal);
        if (negative !== undefined) {
          this.#index += 1;
          return this.#member({ kind: 'literal', literal: negative, at: first.at });
        }
      }
      const operand = this.#member(this.#primary());
      return count % 2 === 0 ? operand : call(fn, [operand], first.at);
    }
    return this.#member(this.#primary());
  }

  #member(start: Expr): Expr {
    let expr = start;
    let count = 0;
    for (;;) {
      count += 1;
      if (count > maxDepth) {
        const message = `expression recursion limit exceeded: ${maxDepth}`;
        throw new SyntaxIssue(this.#next.at, message);
      }
      const dot = this.#take('.');
      if (dot !== undefined) expr = this.#afterDot(expr, dot);
      else {
        const open = this.#take('[');
        if (open === undefined) return expr;
        const isOptional = this.#take('?') !== undefined;
        const index = this.#expression();
        this.#expect(']');
        expr = call(isOptional ? '_[?_]' : '_[_]', [expr, index], open.at);
      }
    }
  }

  #afterDot(operand: Expr, dot: Token): Expr {
    const isOptional = this.#take('?') !== undefined;
    const name = this.#identifier();
    if (isOptional) {
      const field: Expr = {
        kind: 'literal',
        literal: { type: 'string', value: name.text },
        at: name.at,
      };
      return call('_?._', [operand, field], dot.at);
    }
    const open = this.#take('(');
    if (open === undefined) {
      return { kind: 'select', operand, field: name.text, testOnly: false, at: dot.at };
    }
    const args = this.#list(')');
    const macro = expandMacro(name.text, operand, args, open.at);
    if (macro !== undefined) return macro;
    return { kind: 'call', fn: name.text, target: operand, args, at: open.at };
  }

  #identifier(): Token {
    const token = this.#next;
    if (token.type !== 'ident') {
      const word = token.type === 'literal' || token.text === 'in';
      throw this.#error(
        word
          ? `mismatched input '${token.text}' expecting IDENTIFIER`
          : `no viable alternative at input '.${token.type === 'end' ? '' : token.text}'`,
      );
    }
    this.#index += 1;
    return token;
  }

  #primary(): Expr {
    const token = this.#next;
    if (token.type === 'literal') {
      this.#index += 1;
      if (token.literal.type === 'int' && token.literal.value >= 2n ** 63n) {
        throw new SyntaxIssue(token.at, 'invalid int literal');
      }
      return { kind: 'literal', literal: token.literal, at: token.at };
    }
    if (this.#take('(') !== undefined) {
      const expr = this.#expression();
      this.#expect(')');
      return expr;
    }
    if (this.#take('[') !== undefined) return this.#listLiteral(token.at);
    if (this.#take('{') !== undefined) return this.#mapLiteral(token.at);
    const isRooted = this.#take('.') !== undefined;
    if (this.#next.type === 'ident') return this.#named(isRooted);
    throw this.#noOperand();
  }

  #noOperand(): SyntaxIssue {
    const token = this.#next;
    const after = this.#peek(1);
    const isExtra =
      token.type !== 'end' &&
      (after.type === 'ident' || after.type === 'literal' || operandStarts.has(after.text));
    const verb = isExtra ? 'extraneous' : 'mismatched';
    return this.#error(`${verb} input '${token.text}' expecting ${operands}`);
  }

  /** A name, a call of a function, or `Name{…}`. */
  #named(isRooted: boolean): Expr {
    const token = this.#identifier();
    const struct = this.#struct(token, isRooted);
    if (struct !== undefined) return struct;
    const name = (isRooted ? '.' : '') + token.text;
    if (reserved.has(token.text)) {
      throw new SyntaxIssue(token.at, `reserved identifier: ${token.text}`);
    }
    const open = this.#take('(');
    if (open === undefined) return { kind: 'ident', name, at: token.at };
    const args = this.#list(')');
    return expandMacro(name, undefined, args, open.at) ?? call(name, args, open.at);
  }

  /** `a.b.C{field: value}`: looks ahead over the dotted name, since only the brace tells. */
  #struct(first: Token, isRooted: boolean): Expr | undefined {
    let ahead = 0;
    let name = (isRooted ? '.' : '') + first.text;
    while (this.#peek(ahead).text === '.' && this.#peek(ahead + 1).type === 'ident') {
      name += `.${this.#peek(ahead + 1).text}`;
      ahead += 2;
    }
    const open = this.#peek(ahead);
    if (open.type !== 'op' || open.text !== '{') return undefined;
    this.#index += ahead + 1;
    const fields: { name: string; value: Expr; at: number }[] = [];
    while (!this.#is('}')) {
      const field = this.#identifier();
      const colon = this.#expect(':');
      fields.push({ name: field.text, value: this.#expression(), at: colon.at });
      if (this.#take(',') === undefined) break;
    }
    this.#expect('}');
    return { kind: 'struct', typeName: name, fields, at: open.at };
  }

  #list(close: string): Expr[] {
    const items: Expr[] = [];
    if (this.#take(close) !== undefined) return items;
    do items.push(this.#expression());
    while (this.#take(',') !== undefined);
    this.#expect(close);
    return items;
  }

  #listLiteral(at: number): Expr {
    const elements: Expr[] = [];
    const optional = new Set<number>();
    while (!this.#is(']')) {
      if (this.#take('?') !== undefined) optional.add(elements.length);
      elements.push(this.#expression());
      if (this.#take(',') === undefined) break;
    }
    this.#expect(']');
    return { kind: 'list', elements, optional, at };
  }

  #mapLiteral(at: number): Expr {
    const entries: MapEntry[] = [];
    while (!this.#is('}')) {
      const optional = this.#take('?') !== undefined;
      const key = this.#expression();
      this.#expect(':');
      entries.push({ key, value: this.#expression(), optional });
      if (this.#take(',') === undefined) break;
    }
    this.#expect('}');
    return { kind: 'map', entries, at };
  }
}

function call(fn: string, args: readonly Expr[], at: number): Expr {
  return { kind: 'call', fn, target: undefined, args, at };
}

function negated(literal: Literal): Literal | undefined {
  if (literal.type === 'int') return { type: 'int', value: -literal.value };
  if (literal.type === 'double') return { type: 'double', value: -literal.value };
  return undefined;
}

function balance(
  fn: string,
  terms: readonly Expr[],
  places: readonly number[],
  low: number,
  high: number,
): Expr {
  if (low > high) return terms[low] ?? call(fn, [], 0);
  const middle = Math.floor((low + high + 1) / 2);
  const left = balance(fn, terms, places, low, middle - 1);
  const right = balance(fn, terms, places, middle + 1, high);
  return call(fn, [left, right], places[middle] ?? 0);
}
