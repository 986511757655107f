/**
 * The matching of selectors with labels: LabelSelectors of objects, requirements of nodes, and what a selector's text
 * was parsed to (`selector-text.ts`). Pure.
 * @see apimachinery labels/selector.go, meta/v1/helpers.go
 */
import type { LabelSelector } from '../types/core.js';

/** The operators of requirements; `=` and `==` are `in` with one value. */
export type SelectorOperator = 'in' | 'notin' | 'exists' | '!' | 'gt' | 'lt' | '=' | '!=';

/** One requirement; all of a selector must hold. */
export interface Requirement {
  readonly key: string;
  readonly operator: SelectorOperator;
  readonly values: readonly string[];
}

/** One requirement as it stands in objects, of a LabelSelector or of a node selector. */
export interface Expression {
  readonly key: string;
  readonly operator: string;
  readonly values?: readonly string[] | undefined;
}

/** Labels of an object. */
export type Labels = Readonly<Record<string, string>>;

/** Tells whether labels are selected; an object without labels has none. */
export type Matcher = (labels: Labels | undefined) => boolean;

const noLabels: Labels = {};

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

/** A whole number of 64 bits, as Go reads it; undefined for anything else. */
function wholeNumber(text: string | undefined): bigint | undefined {
  if (text === undefined || !/^[+-]?\d+$/.test(text)) return undefined;
  const value = BigInt(text);
  return value === BigInt.asIntN(64, value) ? value : undefined;
}

function compares(operator: 'gt' | 'lt', value: string, limit: string | undefined): boolean {
  const [left, right] = [wholeNumber(value), wholeNumber(limit)];
  if (left === undefined || right === undefined) return false;
  return operator === 'gt' ? left > right : left < right;
}

function holds(
  operator: SelectorOperator,
  key: string,
  values: readonly string[],
  labels: Labels,
): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case '=':
    case 'in':
      return value !== undefined && isAmong(values, value);
    case '!=':
    case 'notin':
      return value === undefined || !isAmong(values, value);
    case 'exists':
      return value !== undefined;
    case '!':
      return value === undefined;
    case 'gt':
    case 'lt':
      return value !== undefined && compares(operator, value, values[0]);
    default:
      return false;
  }
}

/** True when labels meet all requirements. */
export function matchesRequirements(requirements: readonly Requirement[], labels: Labels): boolean {
  return requirements.every(({ operator, key, values }) => holds(operator, key, values, labels));
}

const operators = new Map<string, SelectorOperator>([
  ['In', 'in'],
  ['NotIn', 'notin'],
  ['Exists', 'exists'],
  ['DoesNotExist', '!'],
  ['Gt', 'gt'],
  ['Lt', 'lt'],
]);
const noValues: readonly string[] = [];

/** True when labels meet one requirement; an operator that does not exist is met by none. */
export function matchesExpression(expression: Expression, labels: Labels): boolean {
  const operator = operators.get(expression.operator);
  if (operator === undefined) return false;
  return holds(operator, expression.key, expression.values ?? noValues, labels);
}

/**
 * The requirements of a LabelSelector object. An empty object has none and selects everything.
 * @returns undefined when an operator does not exist: such a selector selects nothing
 */
export function selectorRequirements(selector: LabelSelector): Requirement[] | undefined {
  const requirements = Object.entries(selector.matchLabels ?? {}).map(
    ([key, value]): Requirement => ({ key, operator: '=', values: [value] }),
  );
  for (const { key, operator: name, values = [] } of selector.matchExpressions ?? []) {
    const operator = operators.get(name);
    if (operator === undefined) return undefined;
    requirements.push({ key, operator, values });
  }
  return requirements;
}

/** A predicate from a LabelSelector object. An absent selector selects nothing and an empty one everything. */
export function compileSelector(selector: LabelSelector | null | undefined): Matcher {
  const requirements =
    selector === undefined || selector === null ? undefined : selectorRequirements(selector);
  if (requirements === undefined) return () => false;
  return (labels = noLabels) => matchesRequirements(requirements, labels);
}

/** True for a selector without any requirement, which selects everything. */
export function isEmptySelector(selector: LabelSelector | null | undefined): boolean {
  return (
    selector !== undefined &&
    selector !== null &&
    Object.keys(selector.matchLabels ?? {}).length === 0 &&
    (selector.matchExpressions ?? []).length === 0
  );
}

/** True when each pair of `pairs` is among `labels`; an empty or absent map of pairs matches nothing. */
export function matchesPairs(pairs: Labels | undefined, labels: Labels | undefined): boolean {
  const entries = Object.entries(pairs ?? {});
  return entries.length > 0 && entries.every(([key, value]) => labels?.[key] === value);
}

/** The canonical text of requirements (Go `Selector.String`): sorted by key, `''` for none. */
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

/** The text of a LabelSelector object for people: `<none>` for an empty or absent one, `<error>` for a wrong one. */
export function formatSelector(selector: LabelSelector | undefined): string {
  const requirements = selectorRequirements(selector ?? {});
  if (requirements === undefined) return '<error>';
  return requirements.length === 0 ? '<none>' : formatRequirements(requirements);
}

/** The text of a LabelSelector object as a query (`status.selector` of scales): `''` for an empty or absent one. */
export function selectorText(selector: LabelSelector | undefined): string {
  return formatRequirements(selectorRequirements(selector ?? {}) ?? []);
}
