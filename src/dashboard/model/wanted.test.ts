import { expect, test } from '@jest/globals';
import { readFileSync, readdirSync } from 'node:fs';
import { builtInKinds } from '../../api/kinds.js';
import { wantedPath, wantedResource } from './wanted.js';

/** The types that the explainers name, by their sources: a new one must have a place here. */
function namedTypes(): string[] {
  const folder = 'src/why';
  const sources = readdirSync(folder)
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .map((name) => readFileSync(`${folder}/${name}`, 'utf8'));
  const plurals = new Set(builtInKinds.map(({ plural }) => plural));
  const words = sources.flatMap((text) =>
    [...text.matchAll(/'([a-z]+)'/g)].map(([, word = '']) => word),
  );
  return [...new Set(words)].filter((word) => plurals.has(word)).toSorted();
}

test('every type that is asked for is where its kind is declared', () => {
  const types = [...namedTypes(), 'secrets', 'configmaps'];
  expect(types.length).toBeGreaterThan(15);
  for (const type of types) {
    const { group, version, plural, namespaced, kind } = wantedResource({ type });
    const declared = builtInKinds.find(
      (one) => one.kind === kind && one.group === group && one.version === version,
    );
    expect({ type, plural, namespaced }).toEqual({
      type,
      plural: declared?.plural,
      namespaced: declared?.namespaced,
    });
  }
});

test.each([
  [{ type: 'pods', namespace: 'shop', name: undefined }, '/api/v1/namespaces/shop/pods'],
  [{ type: 'nodes', namespace: undefined, name: 'a' }, '/api/v1/nodes/a'],
  [{ type: 'pods', namespace: undefined, name: undefined }, '/api/v1/pods'],
  [
    { type: 'endpointslices', namespace: 'shop', name: undefined },
    '/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices',
  ],
])('%j is at %s', (want, path) => {
  expect(wantedPath(want)).toBe(path);
});

test('another type has no place', () => {
  expect(() => wantedResource({ type: 'things' })).toThrow('no place is known for things');
});
