import { describe, expect, test } from '@jest/globals';
import { kindsOfDefinition } from '../apiextensions/custom-kind.js';
import { builtInRegistry } from '../kinds.js';
import { KindRegistry } from '../registry.js';
import { openApiV2, openApiV3, openApiV3Paths } from './documents.js';

const registry = builtInRegistry();

function refs(value: unknown, found: Set<string>): void {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, item] of Object.entries(value)) {
    if (key === '$ref') found.add(String(item));
    else refs(item, found);
  }
}

const withWidget = new KindRegistry([
  ...registry.list(),
  ...kindsOfDefinition({
    metadata: { name: 'widgets.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { plural: 'widgets', kind: 'Widget' },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          subresources: {
            status: {},
            scale: { specReplicasPath: '.spec.size', statusReplicasPath: '.status.size' },
          },
          schema: {
            openAPIV3Schema: {
              type: 'object',
              properties: {
                spec: { type: 'object', properties: { size: { type: 'integer' } } },
              },
            },
          },
        },
      ],
    },
  }),
]);

interface Operation {
  readonly requestBody?: { readonly content: object };
}

function operationOf(document: object, path: string, method: string): Operation {
  const { paths } = document as { paths: Record<string, Record<string, Operation>> };
  const operation = paths[path]?.[method];
  if (operation === undefined) throw new Error(`${path} has no ${method}`);
  return operation;
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

  test('custom resources offer no strategic merge, built-in kinds do', () => {
    const path = '/apis/example.com/v1/namespaces/{namespace}/widgets/{name}';
    const plain = ['application/json-patch+json', 'application/merge-patch+json'];
    const apply = 'application/apply-patch+yaml';
    for (const at of [path, `${path}/status`, `${path}/scale`]) {
      const v2 = operationOf(openApiV2(withWidget, 'v1.33.0'), at, 'patch');
      expect(v2).toMatchObject({
        consumes: [...plain, apply],
        produces: ['application/json', 'application/yaml'],
      });
      const target = { group: 'example.com', version: 'v1' };
      const v3 = operationOf(openApiV3(withWidget, target, 'v1.33.0'), at, 'patch');
      expect(Object.keys(v3.requestBody?.content ?? {})).toEqual([...plain, apply]);
    }
    const pod = operationOf(
      openApiV3(withWidget, { group: '', version: 'v1' }, 'v1.33.0'),
      '/api/v1/namespaces/{namespace}/pods/{name}',
      'patch',
    );
    const all = [...plain, apply, 'application/strategic-merge-patch+json'];
    expect(Object.keys(pod.requestBody?.content ?? {})).toEqual(all);
  });

  test('paths of the documents', () => {
    expect(openApiV3Paths(registry).slice(0, 2)).toEqual(['api/v1', 'apis/apps/v1']);
  });
});
