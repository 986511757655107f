import { describe, expect, test } from '@jest/globals';
import { formatFieldError } from '../field-error.js';
import { applyDefaults, decodeObject, prepareCreate, validateCreate } from '../strategy.js';
import type { Pod } from '../types/core.js';
import { podKind } from './pod.js';

const required = 'requiredDuringSchedulingIgnoredDuringExecution';
const preferred = 'preferredDuringSchedulingIgnoredDuringExecution';
const labelSelector = { matchLabels: { app: 'web' } };

/** Creates a pod with the term as required affinity, and as preferred anti-affinity. */
function create(fields: object, labels: object = { app: 'web', v: '1' }) {
  const term = { topologyKey: 'zone', labelSelector, ...fields };
  const affinity = {
    podAffinity: { [required]: [term] },
    podAntiAffinity: { [preferred]: [{ weight: 1, podAffinityTerm: term }] },
  };
  const containers = [{ name: 'c', image: 'i' }];
  const { object } = decodeObject(podKind, {
    metadata: { name: 'p', namespace: 'ns', labels },
    spec: { affinity, containers },
  });
  applyDefaults(podKind, object);
  prepareCreate(podKind, object, { now: '2026-01-01T00:00:00Z' });
  const pod = object as Pod;
  return {
    near: pod.spec.affinity?.podAffinity?.[required]?.[0]?.labelSelector,
    far: pod.spec.affinity?.podAntiAffinity?.[preferred]?.[0]?.podAffinityTerm.labelSelector,
    errors: validateCreate(podKind, object).map(formatFieldError),
  };
}

describe('keys of labels in pod affinity', () => {
  test.each([
    ['matchLabelKeys', { matchLabelKeys: ['v'] }, [{ key: 'v', operator: 'In', values: ['1'] }]],
    [
      'mismatchLabelKeys',
      { mismatchLabelKeys: ['v'] },
      [{ key: 'v', operator: 'NotIn', values: ['1'] }],
    ],
    ['a key that the pod lacks', { matchLabelKeys: ['w'] }, undefined],
  ])('%s become requirements of a new pod', (_, fields, matchExpressions) => {
    const wanted =
      matchExpressions === undefined ? labelSelector : { ...labelSelector, matchExpressions };
    expect(create(fields)).toEqual({ near: wanted, far: wanted, errors: [] });
  });

  test('a preferred term that lacks everything is for validation to refuse', () => {
    const { object } = decodeObject(podKind, {
      metadata: { name: 'p', namespace: 'ns' },
      spec: {
        affinity: { podAffinity: { [preferred]: [{ weight: 1 }] } },
        containers: [{ name: 'c', image: 'i' }],
      },
    });
    applyDefaults(podKind, object);
    prepareCreate(podKind, object, { now: '2026-01-01T00:00:00Z' });
    expect(validateCreate(podKind, object).map(formatFieldError).join()).toContain(
      `spec.affinity.podAffinity.${preferred}[0].podAffinityTerm`,
    );
  });

  const here = `spec.affinity.podAffinity.${required}[0]`;
  test.each([
    [
      { matchLabelKeys: ['v'], labelSelector: undefined },
      `${here}.matchLabelKeys: Forbidden: must not be specified when labelSelector is not set`,
    ],
    [
      { mismatchLabelKeys: ['v'], labelSelector: undefined },
      `${here}.mismatchLabelKeys: Forbidden: must not be specified when labelSelector is not set`,
    ],
    [
      { matchLabelKeys: ['app'] },
      `${here}[0]: Invalid value: "app": exists in both matchLabelKeys and labelSelector`,
    ],
    [
      { matchLabelKeys: ['v'], mismatchLabelKeys: ['v'] },
      `${here}.matchLabelKeys[0]: Invalid value: "v": exists in both matchLabelKeys and mismatchLabelKeys`,
    ],
  ])('%j', (fields, error) => {
    expect(create(fields).errors).toContain(error);
  });

  test('a key that is no label name', () => {
    expect(create({ matchLabelKeys: ['a/b/c'] }).errors.join()).toContain(
      `${here}.matchLabelKeys[0]: Invalid value: "a/b/c"`,
    );
  });
});
