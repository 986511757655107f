/** Label selectors as functions. Compiled once per use; pure. */

/** A label selector as it stands in objects. */
export interface SelectorLike {
  matchLabels?: Record<string, string> | undefined;
  matchExpressions?: readonly Requirement[] | undefined;
}

/** One requirement of a label or node selector. */
export interface Requirement {
  key: string;
  operator: string;
  values?: readonly string[] | undefined;
}

/** Labels of an object. */
export type Labels = Readonly<Record<string, string>>;

/** Tells whether labels are selected. */
export type Matcher = (labels: Labels | undefined) => boolean;

const none: Labels = {};

/** Matches nothing when the selector is absent, everything when it is empty (apimachinery `LabelSelectorAsSelector`). */
export function compileSelector(selector: SelectorLike | undefined | null): Matcher {
  if (selector === undefined || selector === null) return () => false;
  const pairs = Object.entries(selector.matchLabels ?? {});
  const requirements = selector.matchExpressions ?? [];
  return (labels = none) =>
    pairs.every(([key, value]) => labels[key] === value) &&
    requirements.every((requirement) => matchesRequirement(requirement, labels));
}

/** True for a selector without any requirement (it matches everything). */
export function isEmptySelector(selector: SelectorLike | undefined | null): boolean {
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

/** One requirement; Gt and Lt compare whole numbers. */
export function matchesRequirement(requirement: Requirement, labels: Labels): boolean {
  const value = labels[requirement.key];
  const values = requirement.values ?? [];
  switch (requirement.operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
    case 'Lt':
      return comparesTo(requirement.operator, value, values[0]);
    default:
      return false;
  }
}

function comparesTo(operator: 'Gt' | 'Lt', value?: string, bound?: string): boolean {
  if (value === undefined || bound === undefined) return false;
  if (!/^-?\d+$/.test(value) || !/^-?\d+$/.test(bound)) return false;
  return operator === 'Gt' ? BigInt(value) > BigInt(bound) : BigInt(value) < BigInt(bound);
}

/** Writes a selector in the API's query form: `a=b,c in (d,e),!f`. */
export function formatSelector(selector: SelectorLike | undefined): string {
  if (selector === undefined) return '';
  const parts = Object.entries(selector.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`);
  for (const { key, operator, values = [] } of selector.matchExpressions ?? []) {
    const list = values.toSorted().join(',');
    if (operator === 'In') parts.push(`${key} in (${list})`);
    else if (operator === 'NotIn') parts.push(`${key} notin (${list})`);
    else parts.push(operator === 'Exists' ? key : `!${key}`);
  }
  return parts.toSorted().join(',');
}
