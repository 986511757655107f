import { describe, expect, test } from '@jest/globals';
import { formatFieldError } from '../../../../api/field-error.js';
import { readConfiguration } from './configuration.js';
import type { Policy } from './policy.js';
import { openPolicy, parseVersion, policyOf, showLevel } from './policy.js';

function read(labels: Record<string, string>, standard: Policy = openPolicy): string {
  const prefixed = Object.fromEntries(
    Object.entries(labels).map(([key, value]) => [`pod-security.kubernetes.io/${key}`, value]),
  );
  const { policy, errors } = policyOf(prefixed, standard);
  const modes = [policy.enforce, policy.audit, policy.warn].map(showLevel).join(' ');
  return [modes, ...errors.map(formatFieldError)].join(' | ');
}

const levelText = 'must be one of privileged, baseline, restricted';
const path = 'metadata.labels[pod-security.kubernetes.io/';

test.each([
  [{}, 'privileged:latest privileged:latest privileged:latest'],
  [{ enforce: 'baseline' }, 'baseline:latest privileged:latest baseline:latest'],
  [
    { enforce: 'restricted', 'enforce-version': 'v1.25' },
    'restricted:v1.25 privileged:latest restricted:v1.25',
  ],
  [
    { enforce: 'restricted', 'enforce-version': 'v1.25', 'warn-version': 'v1.30' },
    'restricted:v1.25 privileged:latest restricted:v1.30',
  ],
  [
    { enforce: 'restricted', warn: 'privileged' },
    'restricted:latest privileged:latest privileged:latest',
  ],
  [
    { enforce: 'hard' },
    `restricted:latest privileged:latest privileged:latest | ${path}enforce]: Invalid value: "hard": ${levelText}`,
  ],
  [
    { audit: '', warn: 'Baseline' },
    `privileged:latest privileged:latest privileged:latest | ${path}audit]: Invalid value: "": ${levelText} | ${path}warn]: Invalid value: "Baseline": ${levelText}`,
  ],
  [
    { 'enforce-version': '1.25', 'audit-version': 'v1.07', 'warn-version': 'v2.1' },
    'privileged:latest privileged:latest privileged:latest' +
      ` | ${path}enforce-version]: Invalid value: "1.25": must be "latest" or "v1.x"` +
      ` | ${path}audit-version]: Invalid value: "v1.07": must be "latest" or "v1.x"` +
      ` | ${path}warn-version]: Invalid value: "v2.1": must be "latest" or "v1.x"`,
  ],
])('labels %j', (labels, text) => {
  expect(read(labels)).toBe(text);
});

test('versions that are no version', () => {
  for (const text of ['', 'v1', 'v1.', 'v1.-1', 'v1.1.1', ' latest', `v1.${'9'.repeat(30)}`]) {
    expect(parseVersion(text)).toBeUndefined();
  }
});

describe('the configuration', () => {
  const head = {
    apiVersion: 'pod-security.admission.config.k8s.io/v1',
    kind: 'PodSecurityConfiguration',
  };

  test('fills in what is left out', () => {
    const { defaults, exemptions } = readConfiguration({
      ...head,
      defaults: { enforce: 'baseline', 'enforce-version': 'v1.30' },
      exemptions: { namespaces: ['kube-system'] },
    });
    expect(showLevel(defaults.enforce)).toBe('baseline:v1.30');
    expect(showLevel(defaults.warn)).toBe('privileged:latest');
    expect(exemptions).toEqual({ namespaces: ['kube-system'], usernames: [], runtimeClasses: [] });
  });

  test.each([
    [{}, 'expected a PodSecurityConfiguration'],
    [{ ...head, default: {} }, 'unknown field "default"'],
    [{ ...head, defaults: { enforce: 'x' } }, `defaults.enforce: Invalid value: "x": ${levelText}`],
    [
      { ...head, exemptions: { namespaces: ['a', 'a'] } },
      'exemptions.namespaces[1]: Duplicate value: "a"',
    ],
    [{ ...head, exemptions: { usernames: [''] } }, 'username must not be empty'],
    [
      { ...head, exemptions: { runtimeClasses: ['A'] } },
      'exemptions.runtimeClasses[0]: Invalid value: "A"',
    ],
  ])('refuses %j', (value, text) => {
    expect(() => readConfiguration(value)).toThrow(text);
  });
});
