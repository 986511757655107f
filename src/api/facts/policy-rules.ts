/** The comparison of the rules of roles (component-helpers `auth/rbac/validation`). */
import type { PolicyRule } from '../types/policy.js';

/**
 * Takes a rule apart into rules of one verb, one group, one resource and one name, or one verb and one path. Each of
 * these is covered by one rule, or by none.
 */
function takeApart(rule: PolicyRule): PolicyRule[] {
  const found: PolicyRule[] = [];
  const names = rule.resourceNames ?? [];
  for (const group of rule.apiGroups ?? []) {
    for (const resource of rule.resources ?? []) {
      for (const verb of rule.verbs ?? []) {
        const one = { verbs: [verb], apiGroups: [group], resources: [resource] };
        if (names.length === 0) found.push(one);
        for (const name of names) found.push({ ...one, resourceNames: [name] });
      }
    }
  }
  for (const path of rule.nonResourceURLs ?? []) {
    for (const verb of rule.verbs ?? []) found.push({ verbs: [verb], nonResourceURLs: [path] });
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

function covers(held: PolicyRule, wanted: PolicyRule): boolean {
  return (
    hasAll(held.verbs, wanted.verbs) &&
    hasAll(held.apiGroups, wanted.apiGroups) &&
    coversResources(held.resources, wanted.resources) &&
    coversPaths(held.nonResourceURLs, wanted.nonResourceURLs) &&
    coversNames(held.resourceNames, wanted.resourceNames)
  );
}

/** The part of `wanted` that no rule of `held` covers, in rules of one verb on one thing each. */
export function uncoveredRules(
  held: readonly PolicyRule[],
  wanted: readonly PolicyRule[],
): PolicyRule[] {
  return wanted.flatMap(takeApart).filter((one) => !held.some((rule) => covers(rule, one)));
}
