import { expect, test } from '@jest/globals';
import { builtInKinds } from '../../../api/kinds.js';
import { adminRules, editRules, metricsRules, viewRules } from './policy-user-roles.js';

/** Kinds of a namespace that no role for people names, as in Kubernetes. */
const withoutRole = ['podtemplates', 'events.events.k8s.io', 'csistoragecapacities.storage.k8s.io'];

test('admin, edit or view name every kind of a namespace, but for those that Kubernetes leaves out', () => {
  const granted = new Set(
    [...viewRules, ...editRules, ...adminRules, ...metricsRules].flatMap(
      ({ apiGroups = [], resources = [] }) =>
        apiGroups.flatMap((group) => resources.map((resource) => `${resource}.${group}`)),
    ),
  );
  const missing = builtInKinds
    .filter(({ namespaced }) => namespaced)
    .map(({ plural, group }) => `${plural}.${group}`)
    .filter((resource) => !granted.has(resource))
    .map((resource) => resource.replace(/\.$/, ''));
  expect(missing.toSorted()).toEqual(withoutRole.toSorted());
});
