/**
 * Judges a pod by a level at a version. Pure: a pod goes in, violations come out.
 *
 *     violationsOf({ annotations, spec, relaxesForUserNamespaces: false }, { level: 'baseline', version: 'latest' })
 */
import { baselineChecks } from './baseline-checks.js';
import type { Check, CheckPod, Subject, Violation } from './checks.js';
import type { LevelVersion } from './policy.js';
import { restrictedChecks } from './restricted-checks.js';

/** The check as it was at a version; undefined before there was one. */
function at(check: Check, minor: number): CheckPod | undefined {
  return check.versions.findLast(({ since }) => since <= minor)?.check;
}

/** Baseline first, then restricted without what it stands in for. */
function checksOf({ level, version }: LevelVersion): CheckPod[] {
  if (level === 'privileged') return [];
  const minor = version === 'latest' ? Number.MAX_SAFE_INTEGER : version;
  const restricted =
    level === 'baseline' ? [] : restrictedChecks.filter((check) => at(check, minor) !== undefined);
  const overridden = new Set(restricted.map(({ overrides }) => overrides));
  return [...baselineChecks.filter(({ id }) => !overridden.has(id)), ...restricted].flatMap(
    (check) => at(check, minor) ?? [],
  );
}

/** All that the level does not allow of the pod, in the order of the checks. */
export function violationsOf(subject: Subject, wanted: LevelVersion): Violation[] {
  return checksOf(wanted).flatMap((check) => check(subject) ?? []);
}

/** `privileged (container "a" must not …), hostPort (…)`. */
export function detailsOf(violations: readonly Violation[]): string {
  return violations
    .map(({ reason, detail }) => (detail === '' ? reason : `${reason} (${detail})`))
    .join(', ');
}

/** `privileged, hostPort`: what several pods of a namespace may have in common. */
export function reasonsOf(violations: readonly Violation[]): string {
  return violations.map(({ reason }) => reason).join(', ');
}
