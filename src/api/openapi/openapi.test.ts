import { describe, expect, test } from '@jest/globals';
import { kindsOfDefinition } from '../apiextensions/custom-kind.js';
import type { KindDeclaration } from '../kind.js';
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

const spec = {
  type: 'object',
  required: ['bare', 'nullable', 'size'],
  properties: {
    size: { type: 'integer', minimum: 1, default: 1 },
    bare: { 'x-kubernetes-preserve-unknown-fields': true, description: 'Bare.' },
    some: {
      type: 'object',
      'x-kubernetes-preserve-unknown-fields': true,
      properties: { a: { type: 'string' } },
    },
    nullable: { type: 'string', nullable: true },
    either: {
      'x-kubernetes-int-or-string': true,
      anyOf: [{ type: 'integer' }, { type: 'string' }],
    },
    list: {
      type: 'array',
      items: { type: 'object', properties: { a: { type: 'string', nullable: true } } },
    },
    map: { type: 'object', additionalProperties: { type: 'string', default: 'x' } },
    one: { type: 'object', oneOf: [{ required: ['a'] }], properties: { a: { type: 'string' } } },
  },
};

function customKind(kind: string, schema: object): KindDeclaration[] {
  const plural = `${kind.toLowerCase()}s`;
  return kindsOfDefinition({
    metadata: { name: `${plural}.example.com` },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { plural, kind },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          subresources: {
            status: {},
            scale: { specReplicasPath: '.spec.size', statusReplicasPath: '.status.size' },
          },
          schema: { openAPIV3Schema: { type: 'object', ...schema } },
        },
      ],
    },
  });
}

const withWidget = new KindRegistry([
  ...registry.list(),
  ...customKind('Widget', { properties: { spec } }),
  ...customKind('Root', { 'x-kubernetes-preserve-unknown-fields': true, properties: { spec } }),
]);

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly description?: string;
}

interface Operation {
  readonly operationId: string;
  readonly description: string;
  readonly tags: readonly string[];
  readonly parameters?: readonly Parameter[];
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

  test('version 2 says of custom resources only what its clients can read', () => {
    const { definitions } = openApiV2(withWidget, 'v1.33.0') as {
      definitions: Record<string, { properties?: Record<string, unknown> }>;
    };
    expect(definitions['com.example.v1.Widget']?.properties?.['spec']).toEqual({
      type: 'object',
      required: ['bare', 'size'],
      properties: {
        size: { type: 'integer', minimum: 1 },
        bare: { 'x-kubernetes-preserve-unknown-fields': true, description: 'Bare.' },
        some: { 'x-kubernetes-preserve-unknown-fields': true },
        nullable: {},
        either: { 'x-kubernetes-int-or-string': true },
        list: { type: 'array', items: { type: 'object', properties: { a: {} } } },
        map: { type: 'object', additionalProperties: { type: 'string' } },
        one: { type: 'object', properties: { a: { type: 'string' } } },
      },
    });
    expect(definitions['com.example.v1.Root']).toEqual({
      type: 'object',
      'x-kubernetes-group-version-kind': [{ group: 'example.com', kind: 'Root', version: 'v1' }],
    });
    const target = { group: 'example.com', version: 'v1' };
    expect(openApiV3(withWidget, target, 'v1.33.0')).toMatchObject({
      components: {
        schemas: {
          'com.example.v1.Widget': { properties: { spec } },
          'com.example.v1.Root': {
            'x-kubernetes-preserve-unknown-fields': true,
            properties: { spec },
          },
        },
      },
    });
  });

  test("operations have Kubernetes' names and descriptions", () => {
    const document = openApiV2(withWidget, 'v1.33.0');
    const pods = '/api/v1/namespaces/{namespace}/pods';
    const widgets = '/apis/example.com/v1/namespaces/{namespace}/widgets';
    const rows = [
      ['/api/v1/pods', 'get', 'listCoreV1PodForAllNamespaces', 'list or watch objects of kind Pod'],
      [pods, 'delete', 'deleteCoreV1CollectionNamespacedPod', 'delete collection of Pod'],
      [`${pods}/{name}`, 'put', 'replaceCoreV1NamespacedPod', 'replace the specified Pod'],
      [
        `${pods}/{name}/status`,
        'patch',
        'patchCoreV1NamespacedPodStatus',
        'partially update status of the specified Pod',
      ],
      [
        `${pods}/{name}/exec`,
        'post',
        'connectCoreV1PostNamespacedPodExec',
        'connect POST requests to exec of Pod',
      ],
      [
        '/apis/rbac.authorization.k8s.io/v1/clusterroles/{name}',
        'get',
        'readRbacAuthorizationV1ClusterRole',
        'read the specified ClusterRole',
      ],
      [
        '/apis/networking.k8s.io/v1/namespaces/{namespace}/ingresses',
        'post',
        'createNetworkingV1NamespacedIngress',
        'create an Ingress',
      ],
      [
        '/api/v1/namespaces/{namespace}/endpoints',
        'post',
        'createCoreV1NamespacedEndpoints',
        'create Endpoints',
      ],
      [widgets, 'get', 'listExampleComV1NamespacedWidget', 'list objects of kind Widget'],
    ] as const;
    for (const [path, method, operationId, description] of rows) {
      const operation = operationOf(document, path, method);
      expect(operation).toMatchObject({ operationId, description });
    }
    expect(operationOf(document, widgets, 'get').tags).toEqual(['exampleCom_v1']);
  });

  test('operation ids differ, and each parameter says what it is', () => {
    const { paths } = openApiV2(withWidget, 'v1.33.0') as {
      paths: Record<string, Record<string, Operation | readonly Parameter[]>>;
    };
    const ids: string[] = [];
    const silent: string[] = [];
    for (const [path, item] of Object.entries(paths)) {
      for (const [method, value] of Object.entries(item)) {
        const list = 'operationId' in value ? (value.parameters ?? []) : value;
        if ('operationId' in value) ids.push(value.operationId);
        const mute = list.filter((each) => each.in !== 'body' && (each.description ?? '') === '');
        silent.push(...mute.map(({ name }) => `${path} ${method} ${name}`));
      }
    }
    expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([]);
    expect(silent).toEqual([]);
  });

  test('an operation without parameters has no list of them; custom objects are read at a version', () => {
    const { paths } = openApiV2(withWidget, 'v1.33.0') as {
      paths: Record<string, Record<string, Partial<Operation>>>;
    };
    const operations = Object.values(paths).flatMap((item) => Object.values(item));
    expect(operations.filter(({ parameters }) => parameters?.length === 0)).toEqual([]);
    const name = '/apis/example.com/v1/namespaces/{namespace}/widgets/{name}';
    const asked = paths[name]?.['get']?.parameters?.map((parameter) => parameter.name);
    expect(asked).toEqual(['resourceVersion']);
  });

  test('apiVersion of a custom kind is explained in the words that clients look for', () => {
    const { definitions } = openApiV2(withWidget, 'v1.33.0') as {
      definitions: Record<string, { properties?: Record<string, { description?: string }> }>;
    };
    const widget = definitions['com.example.v1.Widget']?.properties?.['apiVersion'];
    expect(widget?.description).toMatch(/^APIVersion defines /);
  });

  test('paths of the documents', () => {
    expect(openApiV3Paths(registry).slice(0, 2)).toEqual([
      'api/v1',
      'apis/apiregistration.k8s.io/v1',
    ]);
  });
});

test('a DELETE that answers with the object says so', () => {
  const { paths } = openApiV2(registry, 'v1.33.0') as {
    paths: Record<string, { delete: { responses: Record<string, { schema?: { $ref: string } }> } }>;
  };
  const answerOf = (path: string): string | undefined =>
    paths[path]?.delete.responses['200']?.schema?.$ref.replace(/^.*\./, '');
  expect(answerOf('/api/v1/namespaces/{namespace}/pods/{name}')).toBe('Pod');
  expect(answerOf('/apis/storage.k8s.io/v1/csinodes/{name}')).toBe('CSINode');
  expect(answerOf('/apis/apps/v1/namespaces/{namespace}/deployments/{name}')).toBe('Status');
  expect(answerOf('/api/v1/namespaces/{name}')).toBe('Status');
});
