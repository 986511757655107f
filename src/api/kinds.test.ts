import { describe, expect, test } from '@jest/globals';
import { formatFieldError } from './field-error.js';
import { builtInKinds, builtInRegistry } from './kinds.js';
import type { KindDeclaration } from './kind.js';
import { isJsonObject } from './object.js';
import type { SchemaNode } from './schema/node.js';
import { resolved } from './schema/node.js';
import { applyDefaults, decodeObject, prepareCreate, validateCreate } from './strategy.js';

const context = { now: '2024-01-02T03:04:05Z' };

function create(kind: KindDeclaration, value: unknown) {
  const { object, problems } = decodeObject(kind, value);
  applyDefaults(kind, object);
  prepareCreate(kind, object, context);
  return { object, problems, errors: validateCreate(kind, object).map(formatFieldError) };
}

function kindOf(name: string): KindDeclaration {
  const kind = builtInRegistry().byName(name);
  if (kind === undefined) throw new Error(name);
  return kind;
}

function definitions(node: SchemaNode, seen: Map<string, SchemaNode>, path: string): void {
  const here = resolved(node);
  for (const [name, field] of Object.entries(here.properties ?? {})) {
    if (field.listType === 'map') {
      const items = resolved(field.items!);
      for (const key of field.listMapKeys!) {
        expect([path, name, Object.keys(items.properties ?? {})]).toEqual([
          path,
          name,
          expect.arrayContaining([key]),
        ]);
      }
    }
    definitions(field, seen, `${path}.${name}`);
  }
  if (here.items !== undefined) definitions(here.items, seen, path);
  if (here.definition === undefined || here.type === 'any') return;
  const known = seen.get(here.definition);
  const fields = Object.keys(here.properties ?? {}).sort();
  expect([here.definition, Object.keys((known ?? here).properties ?? {}).sort()]).toEqual([
    here.definition,
    fields,
  ]);
  seen.set(here.definition, here);
}

describe('declarations', () => {
  const seen = new Map<string, SchemaNode>();
  test.each<[string, KindDeclaration]>(
    builtInKinds.map((kind) => [`${kind.group}/${kind.version} ${kind.kind}`, kind]),
  )('%s is consistent', (_, kind) => {
    definitions(kind.schema, seen, kind.kind);
    expect(kind.plural).toMatch(/^[a-z]+$/);
    expect(isJsonObject(kind.schema.properties)).toBe(true);
    const names = kind.columns.map((column) => column.name);
    expect(new Set(names).size).toBe(names.length);
    expect(kind.subresources.filter((sub) => sub.name === 'status')).toHaveLength(
      kind.hasStatus ? 1 : 0,
    );
  });

  test('groups are in the order of discovery', () => {
    expect(builtInRegistry().groups().slice(0, 8)).toEqual([
      { group: '', versions: ['v1'] },
      { group: 'apiregistration.k8s.io', versions: ['v1'] },
      { group: 'apps', versions: ['v1'] },
      { group: 'events.k8s.io', versions: ['v1'] },
      { group: 'authentication.k8s.io', versions: ['v1'] },
      { group: 'authorization.k8s.io', versions: ['v1'] },
      { group: 'autoscaling', versions: ['v2', 'v1'] },
      { group: 'batch', versions: ['v1'] },
    ]);
  });

  test.each([
    ['po', 'Pod'],
    ['deploy', 'Deployment'],
    ['deployments.apps', 'Deployment'],
    ['svc', 'Service'],
    ['ing', 'Ingress'],
    ['sts', 'StatefulSet'],
    ['crd', 'CustomResourceDefinition'],
    ['hpa', 'HorizontalPodAutoscaler'],
  ])('%s is found', (name, kind) => {
    expect(kindOf(name).kind).toBe(kind);
  });
});

const podTemplate = {
  metadata: { labels: { app: 'web' } },
  spec: { containers: [{ name: 'web', image: 'nginx' }] },
};

describe('creating', () => {
  test('a deployment gets all defaults', () => {
    const { object, errors, problems } = create(kindOf('deploy'), {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web', namespace: 'default' },
      spec: { selector: { matchLabels: { app: 'web' } }, template: podTemplate },
    });
    expect([errors, problems]).toEqual([[], []]);
    expect(object).toEqual({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web', namespace: 'default', generation: 1 },
      spec: {
        replicas: 1,
        progressDeadlineSeconds: 600,
        revisionHistoryLimit: 10,
        selector: { matchLabels: { app: 'web' } },
        strategy: {
          type: 'RollingUpdate',
          rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' },
        },
        template: {
          metadata: { labels: { app: 'web' } },
          spec: {
            containers: [
              {
                name: 'web',
                image: 'nginx',
                imagePullPolicy: 'Always',
                resources: {},
                terminationMessagePath: '/dev/termination-log',
                terminationMessagePolicy: 'File',
              },
            ],
            dnsPolicy: 'ClusterFirst',
            restartPolicy: 'Always',
            schedulerName: 'default-scheduler',
            securityContext: {},
            terminationGracePeriodSeconds: 30,
          },
        },
      },
      status: {},
    });
  });

  test('a service gets its defaults', () => {
    const { object, errors } = create(kindOf('svc'), {
      metadata: { name: 'web', namespace: 'default' },
      spec: { ports: [{ port: 80 }], selector: { app: 'web' } },
    });
    expect(errors).toEqual([]);
    expect(object).toMatchObject({
      spec: {
        type: 'ClusterIP',
        sessionAffinity: 'None',
        internalTrafficPolicy: 'Cluster',
        ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }],
      },
      status: { loadBalancer: {} },
    });
  });

  test.each<[string, string, unknown, string[]]>([
    [
      'pod without containers',
      'pod',
      { metadata: { name: 'Bad_Name', namespace: 'd' }, spec: { containers: [] } },
      [
        "metadata.name: Invalid value: \"Bad_Name\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
        'spec.containers: Required value',
      ],
    ],
    [
      'container without name and image',
      'pod',
      { metadata: { name: 'a', namespace: 'd' }, spec: { containers: [{}] } },
      ['spec.containers[0].name: Required value', 'spec.containers[0].image: Required value'],
    ],
    [
      'requests above limits',
      'pod',
      {
        metadata: { name: 'a', namespace: 'd' },
        spec: {
          containers: [
            {
              name: 'c',
              image: 'i',
              resources: { requests: { cpu: 2 }, limits: { cpu: '1000m' } },
            },
          ],
        },
      },
      [
        'spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1',
      ],
    ],
    [
      'mount without volume',
      'pod',
      {
        metadata: { name: 'a', namespace: 'd' },
        spec: {
          restartPolicy: 'Sometimes',
          containers: [{ name: 'c', image: 'i', volumeMounts: [{ name: 'v', mountPath: '/v' }] }],
        },
      },
      [
        'spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"',
        'spec.containers[0].volumeMounts[0].name: Not found: "v"',
      ],
    ],
    [
      'selector that does not match',
      'deploy',
      {
        metadata: { name: 'a', namespace: 'd' },
        spec: { selector: { matchLabels: { app: 'other' } }, template: podTemplate },
      },
      [
        'spec.template.metadata.labels: Invalid value: map[string]string{"app":"web"}: `selector` does not match template `labels`',
      ],
    ],
    [
      'deployment without selector',
      'deploy',
      { metadata: { name: 'a', namespace: 'd' }, spec: { template: podTemplate } },
      [
        'spec.selector: Required value',
        'spec.template.metadata.labels: Invalid value: map[string]string{"app":"web"}: `selector` does not match template `labels`',
      ],
    ],
    [
      'replica set without template',
      'rs',
      {
        metadata: { name: 'a', namespace: 'd' },
        spec: { selector: { matchLabels: { app: 'web' } } },
      },
      [
        'spec.template.spec.containers: Required value',
        'spec.template.metadata.labels: Invalid value: map[string]string(nil): `selector` does not match template `labels`',
      ],
    ],
    [
      'service without ports',
      'svc',
      { metadata: { name: '1a', namespace: 'd' }, spec: {} },
      [
        "metadata.name: Invalid value: \"1a\": a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')",
        'spec.ports: Required value',
      ],
    ],
  ])('%s', (_, name, value, expected) => {
    expect(create(kindOf(name), value).errors).toEqual(expected);
  });
});

describe('decoding', () => {
  test('unknown fields are named and dropped', () => {
    const { object, problems } = decodeObject(kindOf('pod'), {
      metadata: { name: 'a' },
      spec: { containers: [{ name: 'c', foo: 1 }], bar: {} },
    });
    expect(problems).toEqual([
      'unknown field "spec.containers[0].foo"',
      'unknown field "spec.bar"',
    ]);
    expect(object).toMatchObject({ spec: { containers: [{ name: 'c' }] } });
  });

  test.each<[unknown, string]>([
    [
      { spec: { containers: 'x' } },
      'Pod in version "v1" cannot be handled as a Pod: json: cannot unmarshal string into Go struct field PodSpec.spec.containers of type []v1.Container',
    ],
    [
      { spec: { containers: [{ ports: [{ containerPort: '80' }] }] } },
      'Pod in version "v1" cannot be handled as a Pod: json: cannot unmarshal string into Go struct field ContainerPort.spec.containers.ports.containerPort of type int32',
    ],
    [
      { metadata: { labels: { a: 1 } } },
      'Pod in version "v1" cannot be handled as a Pod: json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string',
    ],
    [
      { spec: { containers: [{ resources: { limits: { cpu: 'x' } } }] } },
      'Pod in version "v1" cannot be handled as a Pod: quantities must match the regular expression \'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$\'',
    ],
  ])('wrong type %#', (value, text) => {
    expect(() => decodeObject(kindOf('pod'), value)).toThrow(text);
  });
});
