import { describe, expect, test } from '@jest/globals';
import { builtInRegistry } from '../kinds.js';
import { openApiV2, openApiV3, openApiV3Paths } from './documents.js';

const registry = builtInRegistry();

function refs(value: unknown, found: Set<string>): void {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, item] of Object.entries(value)) {
    if (key === '$ref') found.add(String(item));
    else refs(item, found);
  }
}

describe('OpenAPI', () => {
  test.each(['v2', 'v3'])('each reference of %s leads to a definition', (dialect) => {
    const documents =
      dialect === 'v2'
        ? [openApiV2(registry, 'v1.33.0')]
        : registry
            .groups()
            .flatMap(({ group, versions }) =>
              versions.map((version) => openApiV3(registry, { group, version }, 'v1.33.0')),
            );
    for (const document of documents) {
      const found = new Set<string>();
      refs(document, found);
      const components = (document['components'] ?? {}) as { schemas?: object };
      const definitions = (document['definitions'] ?? components.schemas) as object;
      const names = [...found].map((ref) => ref.slice(ref.lastIndexOf('/') + 1));
      expect(names.filter((name) => !Object.hasOwn(definitions, name))).toEqual([]);
    }
  });

  test('the pod says how its lists merge', () => {
    const document = openApiV3(registry, { group: '', version: 'v1' }, 'v1.33.0') as {
      components: { schemas: Record<string, { properties: Record<string, unknown> }> };
      paths: Record<string, { patch?: Record<string, unknown> }>;
    };
    expect(
      document.components.schemas['io.k8s.api.core.v1.PodSpec']?.properties['containers'],
    ).toEqual({
      description: 'Containers of the pod; at least one, fixed after creation.',
      type: 'array',
      items: { $ref: '#/components/schemas/io.k8s.api.core.v1.Container' },
      'x-kubernetes-list-map-keys': ['name'],
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-patch-merge-key': 'name',
      'x-kubernetes-patch-strategy': 'merge',
    });
    const patch = document.paths['/api/v1/namespaces/{namespace}/pods/{name}']?.patch;
    expect(patch).toMatchObject({
      'x-kubernetes-action': 'patch',
      'x-kubernetes-group-version-kind': { group: '', kind: 'Pod', version: 'v1' },
    });
    expect(document.components.schemas['io.k8s.api.core.v1.Pod']).toMatchObject({
      'x-kubernetes-group-version-kind': [{ group: '', kind: 'Pod', version: 'v1' }],
    });
  });

  test('paths of the documents', () => {
    expect(openApiV3Paths(registry).slice(0, 2)).toEqual(['api/v1', 'apis/apps/v1']);
  });
});
