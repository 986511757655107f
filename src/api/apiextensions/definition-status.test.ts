import { describe, expect, test } from '@jest/globals';
import type { CustomResourceDefinition } from './schemas.js';
import type { Names } from './definition-status.js';
import {
  beginTermination,
  cleanupFinalizer,
  conditionOf,
  desiredStatus,
  setTerminating,
} from './definition-status.js';

const now = '2026-01-02T03:04:05Z';
const later = '2026-01-02T04:00:00Z';

function definition(
  plural: string,
  names: Partial<Names> = {},
  group = 'example.com',
): CustomResourceDefinition {
  const kind = plural.charAt(0).toUpperCase() + plural.slice(1, -1);
  const all: Names = {
    plural,
    kind,
    singular: kind.toLowerCase(),
    listKind: `${kind}List`,
    ...names,
  };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: all,
      versions: [{ name: 'v1', served: true, storage: true }],
    },
  };
}

function established(
  plural: string,
  names: Partial<Names> = {},
  group?: string,
): CustomResourceDefinition {
  const made = definition(plural, names, group);
  return { ...made, status: desiredStatus(made, [made], now) };
}

describe('names of definitions', () => {
  test('are accepted when they are free, and then the definition is established', () => {
    const made = established('widgets', { shortNames: ['wd'] });
    expect(conditionOf(made, 'NamesAccepted')).toBe('True');
    expect(conditionOf(made, 'Established')).toBe('True');
    expect(made.status?.acceptedNames?.shortNames).toEqual(['wd']);
    expect(made.status?.storedVersions).toEqual(['v1']);
  });

  test.each([
    ['PluralConflict', { plural: 'w' }, { shortNames: ['w'] }, '"w" is already in use'],
    ['SingularConflict', { singular: 'widget' }, {}, '"widget" is already in use'],
    [
      'ShortNamesConflict',
      { shortNames: ['wd'] },
      { shortNames: ['wd'] },
      '"wd" is already in use',
    ],
    ['KindConflict', { kind: 'Widget' }, {}, '"Widget" is already in use'],
    ['ListKindConflict', { listKind: 'WidgetList' }, {}, '"WidgetList" is already in use'],
  ])('%s', (reason, wanted, taken, message) => {
    const first = established('widgets', taken);
    const second = definition('gadgets', wanted);
    const status = desiredStatus(second, [first, second], now);
    expect(status.conditions).toEqual([
      { lastTransitionTime: now, type: 'NamesAccepted', status: 'False', reason, message },
      {
        lastTransitionTime: now,
        type: 'Established',
        status: 'False',
        reason: 'NotAccepted',
        message: 'not all names are accepted',
      },
    ]);
  });

  test('are free in another group', () => {
    const first = established('widgets');
    const second = definition('widgets', {}, 'other.example.com');
    const status = desiredStatus(second, [first, second], now);
    expect(conditionOf({ ...second, status }, 'Established')).toBe('True');
  });

  test('that are lost later leave the definition established with the names that it had', () => {
    const first = established('widgets', { shortNames: ['wd'] });
    const second = established('gadgets', { shortNames: ['gd'] });
    const renamed = {
      ...second,
      spec: { ...second.spec, names: { ...second.spec.names, shortNames: ['wd'] } },
    };
    const status = desiredStatus(renamed, [first, renamed], later);
    expect(conditionOf({ ...renamed, status }, 'NamesAccepted')).toBe('False');
    expect(conditionOf({ ...renamed, status }, 'Established')).toBe('True');
    expect(status.acceptedNames?.shortNames).toEqual(['gd']);
  });

  test('that stay the same leave the status itself', () => {
    const made = established('widgets');
    expect(desiredStatus(made, [made], later)).toBe(made.status);
  });
});

test('a new storage version joins the stored ones', () => {
  const made = established('widgets');
  const versions = [
    { name: 'v1', served: true, storage: false },
    { name: 'v2', served: true, storage: true },
  ] as typeof made.spec.versions;
  const next = { ...made, spec: { ...made.spec, versions } };
  expect(desiredStatus(next, [next], later).storedVersions).toEqual(['v1', 'v2']);
});

test('the end of a definition', () => {
  const made = established('widgets');
  beginTermination(made, now);
  expect(made.metadata.finalizers).toEqual([cleanupFinalizer]);
  setTerminating(made, 'InstanceDeletionInProgress', later);
  expect(made.status?.conditions?.at(-1)).toMatchObject({
    type: 'Terminating',
    status: 'True',
    reason: 'InstanceDeletionInProgress',
    lastTransitionTime: now,
  });
});
