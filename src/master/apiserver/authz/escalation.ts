/** The comparison of rules that escalation prevention rests on (component-helpers `auth/rbac/validation`). */
import type { PolicyRule } from '../../../api/types/policy.js';
import { goQuoteList } from '../../../api/go-text/quote.js';

/** A rule about one verb on one resource or one path. */
type Simple = PolicyRule;

/** Takes a rule apart into rules of one verb, one group, one resource and one name, or one verb and one path. */
function takeApart(rule: PolicyRule): Simple[] {
  const found: Simple[] = [];
  for (const verb of rule.verbs ?? []) {
    for (const path of rule.nonResourceURLs ?? []) {
      found.push({ verbs: [verb], nonResourceURLs: [path] });
    }
    for (const group of rule.apiGroups ?? []) {
      for (const resource of rule.resources ?? []) {
        const one = { verbs: [verb], apiGroups: [group], resources: [resource] };
        const names = rule.resourceNames ?? [];
        if (names.length === 0) found.push(one);
        for (const name of names) found.push({ ...one, resourceNames: [name] });
      }
    }
  }
  return found;
}

function hasAll(held: readonly string[] = [], wanted: readonly string[] = []): boolean {
  return held.includes('*') || wanted.every((item) => held.includes(item));
}

function coversResources(held: readonly string[] = [], wanted: readonly string[] = []): boolean {
  if (held.includes('*')) return true;
  return wanted.every((resource) => {
    const [, part] = resource.split('/');
    return held.includes(resource) || (part !== undefined && held.includes(`*/${part}`));
  });
}

function coversPaths(held: readonly string[] = [], wanted: readonly string[] = []): boolean {
  return wanted.every((path) =>
    held.some(
      (pattern) =>
        pattern === path || (pattern.endsWith('*') && path.startsWith(pattern.slice(0, -1))),
    ),
  );
}

function coversNames(held: readonly string[] = [], wanted: readonly string[] = []): boolean {
  if (held.length === 0) return true;
  return wanted.length > 0 && wanted.every((name) => held.includes(name));
}

function covers(held: PolicyRule, wanted: Simple): boolean {
  return (
    hasAll(held.verbs, wanted.verbs) &&
    hasAll(held.apiGroups, wanted.apiGroups) &&
    coversResources(held.resources, wanted.resources) &&
    coversPaths(held.nonResourceURLs, wanted.nonResourceURLs) &&
    coversNames(held.resourceNames, wanted.resourceNames)
  );
}

/** The part of `wanted` that no rule of `held` covers; verbs of one resource stand together. */
export function uncovered(
  held: readonly PolicyRule[],
  wanted: readonly PolicyRule[],
): PolicyRule[] {
  const missing = new Map<string, PolicyRule>();
  for (const one of wanted.flatMap(takeApart)) {
    if (held.some((rule) => covers(rule, one))) continue;
    const { verbs, ...rest } = one;
    const path = one.nonResourceURLs === undefined ? '' : verbs.join();
    const key = JSON.stringify([rest, path]);
    const known = missing.get(key)?.verbs ?? [];
    missing.set(key, { ...rest, verbs: [...new Set([...known, ...verbs])] });
  }
  return [...missing.values()];
}

/** A rule as refusals print it: `{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}`. */
export function ruleText(rule: PolicyRule): string {
  const parts: readonly (readonly [string, readonly string[] | undefined])[] = [
    ['APIGroups', rule.apiGroups],
    ['Resources', rule.resources],
    ['NonResourceURLs', rule.nonResourceURLs],
    ['ResourceNames', rule.resourceNames],
    ['Verbs', rule.verbs],
  ];
  const shown = parts.flatMap(([name, list]) =>
    list === undefined || list.length === 0 ? [] : [`${name}:${goQuoteList(list)}`],
  );
  return `{${shown.join(', ')}}`;
}
