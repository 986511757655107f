/** The text of label selectors (`app=x,tier in (a,b),!old`), with Kubernetes' parse errors. Pure. */
import { goQuote } from '../go-text/quote.js';
import { labelValueErrors, qualifiedNameErrors } from '../validation/names.js';
import type { Requirement } from './selectors.js';

/** A selector's text that cannot be parsed (HTTP 400). Definite, not retryable. */
export class SelectorError extends Error {
  readonly code = 'BAD_SELECTOR';
}

const symbols = new Set([')', '(', ',', '!', '=', '>', '<']);
const words = ['==', '!=', '=', '!', '(', ')', ',', '>', '<'];

/** A piece of the text; `isWord` tells identifiers from symbols. */
interface Token {
  readonly text: string;
  readonly isWord: boolean;
}

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let i = 0;
  while (i < text.length) {
    const char = text[i] ?? '';
    if (/\s/.test(char)) i += 1;
    else if (symbols.has(char)) {
      const symbol = words.find((word) => text.startsWith(word, i)) ?? char;
      tokens.push({ text: symbol, isWord: false });
      i += symbol.length;
    } else {
      let end = i;
      while (end < text.length && !symbols.has(text[end] ?? '') && !/\s/.test(text[end] ?? ''))
        end += 1;
      tokens.push({ text: text.slice(i, end), isWord: true });
      i = end;
    }
  }
  return tokens;
}

function fail(message: string): never {
  throw new SelectorError(`unable to parse requirement: ${message}`);
}

/** Reads tokens one by one. */
class Parser {
  readonly #tokens: readonly Token[];
  #position = 0;

  constructor(text: string) {
    this.#tokens = tokenize(text);
  }

  peek(): Token | undefined {
    return this.#tokens[this.#position];
  }

  next(): Token | undefined {
    const token = this.peek();
    this.#position += 1;
    return token;
  }

  parse(): Requirement[] {
    const requirements: Requirement[] = [];
    while (this.peek() !== undefined) {
      requirements.push(this.#requirement());
      const separator = this.next();
      if (separator === undefined) break;
      if (separator.text !== ',' || separator.isWord) {
        throw new SelectorError(`found '${separator.text}', expected: ',' or 'end of string'`);
      }
      const following = this.peek();
      if (following === undefined || !(following.isWord || following.text === '!')) {
        const found = following?.text ?? '';
        throw new SelectorError(`found '${found}', expected: identifier after ','`);
      }
    }
    return requirements;
  }

  #requirement(): Requirement {
    let token = this.next();
    const isNegated = token?.text === '!' && !token.isWord;
    if (isNegated) token = this.next();
    if (token === undefined || !token.isWord) {
      fail(`found '${token?.text ?? ''}', expected: identifier`);
    }
    const key = checkedKey(token.text);
    if (isNegated) return { key, operator: '!', values: [] };
    const following = this.peek();
    if (following === undefined || (following.text === ',' && !following.isWord)) {
      return { key, operator: 'exists', values: [] };
    }
    return this.#operation(key);
  }

  #operation(key: string): Requirement {
    const token = this.next();
    const text = token?.text ?? '';
    switch (text) {
      case '=':
      case '==':
        return { key, operator: '=', values: [checkedValue(key, this.#exactValue())] };
      case '!=':
        return { key, operator: '!=', values: [checkedValue(key, this.#exactValue())] };
      case '>':
      case '<': {
        const value = this.#exactValue();
        if (!/^[+-]?\d+$/.test(value)) {
          fail(
            `values[0]: Invalid value: ${goQuote(value)}: ` +
              "for 'Gt', 'Lt' operators, the value must be an integer",
          );
        }
        return { key, operator: text === '>' ? 'gt' : 'lt', values: [value] };
      }
      case 'in':
      case 'notin':
        return { key, operator: text, values: this.#valueList(key) };
      default:
        return fail(`found '${text}', expected: in, notin, =, ==, !=, gt, lt`);
    }
  }

  #exactValue(): string {
    const token = this.peek();
    if (token === undefined || (token.text === ',' && !token.isWord)) return '';
    if (!token.isWord) fail(`found '${token.text}', expected: identifier`);
    this.next();
    return token.text;
  }

  #valueList(key: string): string[] {
    const open = this.next();
    if (open?.text !== '(') fail(`found '${open?.text ?? ''}' expected: '('`);
    const values: string[] = [];
    let expectsValue = true;
    for (;;) {
      const token = this.next();
      if (token?.isWord === true) {
        if (!expectsValue) fail(`found '${token.text}', expected: ',' or ')'`);
        values.push(checkedValue(key, token.text));
        expectsValue = false;
      } else if (token?.text === ',') {
        if (expectsValue) values.push('');
        expectsValue = true;
      } else if (token?.text === ')') {
        if (expectsValue) values.push('');
        return [...new Set(values)].sort();
      } else fail(`found '${token?.text ?? ''}', expected: ${expectedIn(values, expectsValue)}`);
    }
  }
}

/** Returns Kubernetes' text for the tokens that may follow in a list of values. */
function expectedIn(values: readonly string[], expectsValue: boolean): string {
  if (!expectsValue) return `',' or ')'`;
  return values.length === 0 ? `',', ')' or identifier` : `',', or identifier`;
}

function checkedKey(key: string): string {
  const [problem] = qualifiedNameErrors(key);
  if (problem !== undefined) fail(`<nil>: Invalid value: ${goQuote(key)}: ${problem}`);
  return key;
}

function checkedValue(key: string, value: string): string {
  const [problem] = labelValueErrors(value);
  if (problem !== undefined) {
    fail(`values[0][${key}]: Invalid value: ${goQuote(value)}: ${problem}`);
  }
  return value;
}

/**
 * Parses a selector's text; an empty text selects everything.
 * @throws SelectorError with Kubernetes' text.
 */
export function parseLabelSelector(text: string): readonly Requirement[] {
  return new Parser(text).parse();
}
