/** The configuration of Pod Security: what holds without labels, and who is exempt. */
import { at, duplicate, formatFieldError, invalid } from '../../../../api/field-error.js';
import type { FieldError } from '../../../../api/field-error.js';
import { isJsonObject, textOf } from '../../../../api/object.js';
import { dnsLabel, dnsSubdomain } from '../../../../api/validation/names.js';
import type { LevelVersion, Policy } from './policy.js';
import { levelText, openPolicy, parseLevel, parseVersion, versionText } from './policy.js';

/** The defaults of namespaces without labels, and who is exempt (`pod-security.admission.config.k8s.io/v1`). */
export interface PodSecurityConfiguration {
  readonly defaults: Policy;
  readonly exemptions: {
    readonly usernames: readonly string[];
    readonly namespaces: readonly string[];
    readonly runtimeClasses: readonly string[];
  };
}

/** Without a file: labels alone decide, and nobody is exempt. */
export const standardConfiguration: PodSecurityConfiguration = {
  defaults: openPolicy,
  exemptions: { usernames: [], namespaces: [], runtimeClasses: [] },
};

const group = 'pod-security.admission.config.k8s.io';
const versions = ['v1', 'v1beta1', 'v1alpha1'].map((version) => `${group}/${version}`);

function fieldsOf(value: Record<string, unknown>, name: string): Record<string, unknown> {
  const fields = value[name] ?? {};
  if (!isJsonObject(fields)) throw new Error(`PodSecurityConfiguration: ${name} must be a map`);
  return fields;
}

function refuseUnknown(value: Record<string, unknown>, known: readonly string[]): void {
  const unknown = Object.keys(value).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  throw new Error(`PodSecurityConfiguration: unknown field ${JSON.stringify(unknown)}`);
}

function levelOf(
  defaults: Record<string, unknown>,
  mode: keyof Policy,
  errors: FieldError[],
): LevelVersion {
  const wanted = textOf(defaults, mode) || 'privileged';
  const wantedVersion = textOf(defaults, `${mode}-version`) || 'latest';
  const [level, version] = [parseLevel(wanted), parseVersion(wantedVersion)];
  if (level === undefined) errors.push(invalid(`defaults.${mode}`, wanted, levelText));
  if (version === undefined) {
    errors.push(invalid(`defaults.${mode}-version`, wantedVersion, versionText));
  }
  return { level: level ?? 'restricted', version: version ?? 'latest' };
}

function exempt(
  exemptions: Record<string, unknown>,
  name: string,
  rule: (value: string) => string[],
  errors: FieldError[],
): string[] {
  const list = exemptions[name] ?? [];
  if (!Array.isArray(list) || !list.every((item) => typeof item === 'string')) {
    throw new Error(`PodSecurityConfiguration: exemptions.${name} must be a list of texts`);
  }
  const seen = new Set<string>();
  list.forEach((item, index) => {
    const path = at(`exemptions.${name}`, index);
    const problems = rule(item);
    if (problems.length > 0) errors.push(invalid(path, item, problems.join(', ')));
    else if (seen.has(item)) errors.push(duplicate(path, item));
    seen.add(item);
  });
  return list;
}

/** Reads a `PodSecurityConfiguration`. @throws Error that says what is wrong with it */
export function readConfiguration(value: unknown): PodSecurityConfiguration {
  if (!isJsonObject(value)) throw new Error('PodSecurityConfiguration: must be an object');
  if (
    textOf(value, 'kind') !== 'PodSecurityConfiguration' ||
    !versions.includes(textOf(value, 'apiVersion'))
  ) {
    throw new Error(`expected a PodSecurityConfiguration of ${group}/v1`);
  }
  refuseUnknown(value, ['apiVersion', 'kind', 'defaults', 'exemptions']);
  const defaults = fieldsOf(value, 'defaults');
  const modes = ['enforce', 'audit', 'warn'];
  refuseUnknown(
    defaults,
    modes.flatMap((mode) => [mode, `${mode}-version`]),
  );
  const exemptions = fieldsOf(value, 'exemptions');
  refuseUnknown(exemptions, ['usernames', 'namespaces', 'runtimeClasses']);
  const errors: FieldError[] = [];
  const isNamed = (name: string): string[] => (name === '' ? ['username must not be empty'] : []);
  const configuration: PodSecurityConfiguration = {
    defaults: {
      enforce: levelOf(defaults, 'enforce', errors),
      audit: levelOf(defaults, 'audit', errors),
      warn: levelOf(defaults, 'warn', errors),
    },
    exemptions: {
      usernames: exempt(exemptions, 'usernames', isNamed, errors),
      namespaces: exempt(exemptions, 'namespaces', dnsLabel, errors),
      runtimeClasses: exempt(exemptions, 'runtimeClasses', dnsSubdomain, errors),
    },
  };
  if (errors.length > 0) {
    throw new Error(`PodSecurityConfiguration: ${errors.map(formatFieldError).join('; ')}`);
  }
  return configuration;
}
