/** The policy of a namespace: what its labels say of the level and version of each mode. */
import type { FieldError } from '../../../../api/field-error.js';
import { at, invalid } from '../../../../api/field-error.js';

/** From least to most strict. */
export const levels = ['privileged', 'baseline', 'restricted'] as const;

/** A level of the Pod Security Standards, from lax to strict. */
export type Level = (typeof levels)[number];

/** The minor version of Kubernetes 1 whose checks hold; `latest` follows the server. */
export type PolicyVersion = number | 'latest';

/** One level as it was at one version. */
export interface LevelVersion {
  readonly level: Level;
  readonly version: PolicyVersion;
}

/** The level that each of the three modes asks for. */
export interface Policy {
  readonly enforce: LevelVersion;
  readonly audit: LevelVersion;
  readonly warn: LevelVersion;
}

type Mode = keyof Policy;
type Labels = Readonly<Record<string, string>>;

const labelPrefix = 'pod-security.kubernetes.io/';
const privileged: LevelVersion = { level: 'privileged', version: 'latest' };

/** The policy for namespaces without labels, unless the configuration says otherwise. */
export const openPolicy: Policy = { enforce: privileged, audit: privileged, warn: privileged };

/** @returns undefined for a word that is no level */
export function parseLevel(text: string): Level | undefined {
  return levels.find((level) => level === text);
}

/** Reads `latest` or `v1.N`. @returns undefined for anything else */
export function parseVersion(text: string): PolicyVersion | undefined {
  if (text === 'latest') return 'latest';
  const minor = Number(/^v1\.(0|[1-9]\d*)$/.exec(text)?.[1] ?? Number.NaN);
  return Number.isSafeInteger(minor) ? minor : undefined;
}

/** The message about a level that cannot be read. */
export const levelText = `must be one of ${levels.join(', ')}`;

/** The message about a version that cannot be read. */
export const versionText = 'must be "latest" or "v1.x"';

/** `restricted:v1.25`. */
export function showLevel({ level, version }: LevelVersion): string {
  return `${level}:${version === 'latest' ? version : `v1.${version}`}`;
}

/** Negative when `a` is less strict than `b`, positive when it is stricter. */
export function compareLevels(a: Level, b: Level): number {
  return levels.indexOf(a) - levels.indexOf(b);
}

/** The same rules in the same version. */
export function sameLevel(a: LevelVersion, b: LevelVersion): boolean {
  return a.level === b.level && a.version === b.version;
}

/** True when both ask for the same of every pod. */
export function isEquivalent(a: Policy, b: Policy): boolean {
  const same = (mode: Mode): boolean =>
    sameLevel(a[mode], b[mode]) || (isOpen(a[mode]) && isOpen(b[mode]));
  return same('enforce') && same('audit') && same('warn');
}

function isOpen({ level }: LevelVersion): boolean {
  return level === 'privileged';
}

/** True when no mode asks for anything. */
export function isFullyPrivileged({ enforce, audit, warn }: Policy): boolean {
  return isOpen(enforce) && isOpen(audit) && isOpen(warn);
}

/** True when the labels name a level or a version of the mode. */
export function names(labels: Labels, mode: Mode): boolean {
  return Object.hasOwn(labels, key(mode)) || Object.hasOwn(labels, versionKey(mode));
}

const key = (mode: Mode): string => `${labelPrefix}${mode}`;
const versionKey = (mode: Mode): string => `${labelPrefix}${mode}-version`;

/** Reads a mode from the labels. A level that cannot be read fails closed for enforce, open for audit and warn. */
function readMode(
  labels: Labels,
  mode: Mode,
  standard: LevelVersion,
  errors: FieldError[],
): LevelVersion {
  const complain = (name: string, value: string, text: string): void => {
    errors.push(invalid(at('metadata.labels', name), value, text));
  };
  const [wantedLevel, wantedVersion] = [labels[key(mode)], labels[versionKey(mode)]];
  const level = wantedLevel === undefined ? standard.level : parseLevel(wantedLevel);
  if (level === undefined) complain(key(mode), wantedLevel ?? '', levelText);
  const version = wantedVersion === undefined ? standard.version : parseVersion(wantedVersion);
  if (version === undefined) complain(versionKey(mode), wantedVersion ?? '', versionText);
  return {
    level: level ?? (mode === 'enforce' ? 'restricted' : 'privileged'),
    version: version ?? 'latest',
  };
}

/**
 * The policy that a namespace's labels ask for; there is always one, also when some labels cannot be read. A level that
 * is enforced is warned of too, unless the labels name a level for warnings.
 */
export function policyOf(
  labels: Labels,
  standard: Policy,
): { readonly policy: Policy; readonly errors: readonly FieldError[] } {
  const errors: FieldError[] = [];
  const enforce = readMode(labels, 'enforce', standard.enforce, errors);
  const audit = readMode(labels, 'audit', standard.audit, errors);
  let warn = readMode(labels, 'warn', standard.warn, errors);
  const enforces = parseLevel(labels[key('enforce')] ?? '') !== undefined;
  const warns = Object.hasOwn(labels, key('warn'));
  if (!warns && enforces && compareLevels(enforce.level, warn.level) > 0) {
    const ownVersion = Object.hasOwn(labels, versionKey('warn'));
    warn = { level: enforce.level, version: ownVersion ? warn.version : enforce.version };
  }
  return { policy: { enforce, audit, warn }, errors };
}
