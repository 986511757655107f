/** What escalation prevention says of rules. */
import { uncoveredRules } from '../../../api/facts/policy-rules.js';
import type { PolicyRule } from '../../../api/types/policy.js';
import { goQuoteList } from '../../../api/go-text/quote.js';

/** The part of `wanted` that no rule of `held` covers; verbs of one resource stand together. */
export function uncovered(
  held: readonly PolicyRule[],
  wanted: readonly PolicyRule[],
): PolicyRule[] {
  const missing = new Map<string, PolicyRule>();
  for (const one of uncoveredRules(held, wanted)) {
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
