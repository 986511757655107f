/**
 * Label selectors: the text form (`app=x,tier in (a,b),!old`) with Kubernetes' parse errors, and
 * LabelSelector objects. Both become a list of requirements, and a predicate.
 */
import type { LabelSelector } from './types/core.js';
import { labelValueErrors, qualifiedNameErrors } from './validation/names.js';

/** The operators of requirements; `=` and `==` are `in` with one value. */
export type SelectorOperator = 'in' | 'notin' | 'exists' | '!' | 'gt' | 'lt' | '=' | '!=';

/** One requirement; all of a selector must hold. */
export interface Requirement {
  readonly key: string;
  readonly operator: SelectorOperator;
  readonly values: readonly string[];
}

/** Labels of an object. */
export type Labels = Readonly<Record<string, string>>;

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
            `values[0][${key}]: Invalid value: ${JSON.stringify(value)}: for 'Gt', 'Lt' operators, the value must be an integer`,
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
      if (token === undefined) fail(`found '', expected: ',' or ')'`);
      if (token.isWord) {
        if (!expectsValue) fail(`found '${token.text}', expected: ',' or ')'`);
        values.push(checkedValue(key, token.text));
        expectsValue = false;
      } else if (token.text === ',') {
        if (expectsValue) values.push('');
        expectsValue = true;
      } else if (token.text === ')') {
        if (expectsValue) values.push('');
        return [...new Set(values)].sort();
      } else fail(`found '${token.text}', expected: ',', ')' or identifier`);
    }
  }
}

function checkedKey(key: string): string {
  const [problem] = qualifiedNameErrors(key);
  if (problem !== undefined) fail(`<nil>: Invalid value: ${JSON.stringify(key)}: ${problem}`);
  return key;
}

function checkedValue(key: string, value: string): string {
  const [problem] = labelValueErrors(value);
  if (problem !== undefined) {
    fail(`values[0][${key}]: Invalid value: ${JSON.stringify(value)}: ${problem}`);
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

/** Longer lists of values are looked up in a set, made once for each list. */
const longList = 8;
const valueSets = new WeakMap<readonly string[], ReadonlySet<string>>();

function isAmong(values: readonly string[], value: string): boolean {
  if (values.length < longList) return values.includes(value);
  let set = valueSets.get(values);
  if (set === undefined) {
    set = new Set(values);
    valueSets.set(values, set);
  }
  return set.has(value);
}

function holds(requirement: Requirement, labels: Labels): boolean {
  const value = Object.hasOwn(labels, requirement.key) ? labels[requirement.key] : undefined;
  switch (requirement.operator) {
    case '=':
    case 'in':
      return value !== undefined && isAmong(requirement.values, value);
    case '!=':
    case 'notin':
      return value === undefined || !isAmong(requirement.values, value);
    case 'exists':
      return value !== undefined;
    case '!':
      return value === undefined;
    case 'gt':
    case 'lt': {
      if (value === undefined || !/^[+-]?\d+$/.test(value)) return false;
      const [limit] = requirement.values;
      const difference = BigInt(value) - BigInt(limit ?? '0');
      return requirement.operator === 'gt' ? difference > 0n : difference < 0n;
    }
    default:
      return false;
  }
}

/** True when labels meet all requirements. */
export function matchesRequirements(requirements: readonly Requirement[], labels: Labels): boolean {
  return requirements.every((requirement) => holds(requirement, labels));
}

const operators: Readonly<Record<string, SelectorOperator>> = {
  In: 'in',
  NotIn: 'notin',
  Exists: 'exists',
  DoesNotExist: '!',
};

/** The requirements of a LabelSelector object. An empty object has none and selects everything. */
export function selectorRequirements(selector: LabelSelector): Requirement[] {
  const fromLabels = Object.entries(selector.matchLabels ?? {}).map(
    ([key, value]): Requirement => ({ key, operator: '=', values: [value] }),
  );
  const fromExpressions = (selector.matchExpressions ?? []).map((item): Requirement => ({
    key: item.key,
    operator: operators[item.operator] ?? 'exists',
    values: item.values ?? [],
  }));
  return [...fromLabels, ...fromExpressions];
}

/**
 * A predicate on labels from a LabelSelector object. As in Kubernetes, an absent selector matches
 * nothing and an empty one everything.
 */
export function compileSelector(selector: LabelSelector | undefined): (labels: Labels) => boolean {
  if (selector === undefined) return () => false;
  const requirements = selectorRequirements(selector);
  return (labels) => matchesRequirements(requirements, labels);
}

/** The canonical text of requirements, as Kubernetes prints selectors. */
export function formatRequirements(requirements: readonly Requirement[]): string {
  const sorted = requirements.toSorted((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  return sorted.map(formatRequirement).join(',');
}

function formatRequirement({ key, operator, values }: Requirement): string {
  switch (operator) {
    case '=':
    case '!=':
      return `${key}${operator}${values[0] ?? ''}`;
    case 'in':
    case 'notin':
      return `${key} ${operator} (${values.toSorted().join(',')})`;
    case 'gt':
    case 'lt':
      return `${key}${operator === 'gt' ? '>' : '<'}${values[0] ?? ''}`;
    case '!':
      return `!${key}`;
    default:
      return key;
  }
}

/** The text of a LabelSelector object, `<none>` for an empty or absent one. */
export function formatSelector(selector: LabelSelector | undefined): string {
  const text = formatRequirements(selectorRequirements(selector ?? {}));
  return text === '' ? '<none>' : text;
}
