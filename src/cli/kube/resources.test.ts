import { expect, test } from '@jest/globals';
import { builtInKinds } from '../../api/kinds.js';
import { builtInRegistry } from '../../api/kinds.js';
import { builtInResources } from './built-in-resources.js';
import { pathOf } from './resource.js';
import { findByName } from './resource-mapper.js';

test('the built-in resources are those that the API declares', () => {
  const declared = builtInRegistry()
    .list()
    .map((kind) => ({
      group: kind.group,
      version: kind.version,
      kind: kind.kind,
      plural: kind.plural,
      singular: kind.singular,
      namespaced: kind.namespaced,
      shortNames: kind.shortNames,
      categories: kind.categories,
      verbs: undefined,
    }));
  expect(builtInKinds.length).toBe(builtInResources.length);
  expect(builtInResources.map((found) => ({ ...found, verbs: undefined }))).toEqual(declared);
});

test.each([
  ['po', 'pods'],
  ['Pod', 'pods'],
  ['deploy', 'deployments'],
  ['deployments.apps', 'deployments'],
  ['deployments.v1.apps', 'deployments'],
  ['ev', 'events'],
  ['netpol', 'networkpolicies'],
])('%s is %s', (word, plural) => {
  expect(findByName(builtInResources, word)?.plural).toBe(plural);
});

test('a resource of another group is not found', () => {
  expect(findByName(builtInResources, 'deployments.batch')).toBeUndefined();
});

test('paths', () => {
  const deployment = { group: 'apps', version: 'v1', plural: 'deployments' };
  expect(pathOf(deployment, { namespace: 'a', name: 'web', subresource: 'scale' })).toBe(
    '/apis/apps/v1/namespaces/a/deployments/web/scale',
  );
  expect(pathOf({ group: '', version: 'v1', plural: 'nodes' }, { name: 'a/b' })).toBe(
    '/api/v1/nodes/a%2Fb',
  );
});
