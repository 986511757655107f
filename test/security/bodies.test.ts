/**
 * Hostile bodies at a running API server, from a user who may write: each is answered with a client's error in
 * Kubernetes' form, none with 500, and the server goes on answering.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { ApiserverHarness } from '../cluster/apiserver-harness.js';
import { canRun, startHarness } from '../cluster/apiserver-harness.js';
import type { Rest } from './admin-rest.js';
import { adminRest } from './admin-rest.js';

const suite = canRun ? describe : describe.skip;

const configMaps = '/api/v1/namespaces/default/configmaps';
const widgets = '/apis/security.example/v1/namespaces/default/widgets';
const json = 'application/json';
const yaml = 'application/yaml';
const jsonPatch = 'application/json-patch+json';
const strategic = 'application/strategic-merge-patch+json';

const list = <T>(count: number, make: (i: number) => T): T[] =>
  Array.from({ length: count }, (_, i) => make(i));
const lines = (count: number, make: (i: number) => string): string => list(count, make).join('');
const head = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: hostile}\n';

function bomb(): string {
  const levels = list(
    9,
    (i) => `  a${i + 1}: &a${i + 1} [${list(10, () => `*a${i}`).join(',')}]\n`,
  );
  return `${head}data:\n  a0: &a0 x\n${levels.join('')}`;
}

function nested(depth: number): string {
  const inner = `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
  return `{"apiVersion":"security.example/v1","kind":"Widget","metadata":{"name":"w"},"spec":{"free":${inner}}}`;
}

interface Hostile {
  readonly method: string;
  readonly path: string;
  readonly type: string;
  readonly body: () => string;
  readonly code: number;
  readonly message: string;
}

const definition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'widgets.security.example' },
  spec: {
    group: 'security.example',
    scope: 'Namespaced',
    names: { plural: 'widgets', singular: 'widget', kind: 'Widget' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: {
                type: 'object',
                properties: {
                  text: { type: 'string', pattern: '^(a+)+$' },
                  free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
                },
              },
            },
          },
        },
      },
    ],
  },
};

const widget = (text: string): string =>
  JSON.stringify({
    apiVersion: 'security.example/v1',
    kind: 'Widget',
    metadata: { name: 'w' },
    spec: { text },
  });

const hostile: Readonly<Record<string, Hostile>> = {
  '100,000 YAML keys': {
    method: 'POST',
    path: configMaps,
    type: yaml,
    body: () => `${head}data:\n${lines(100_000, (i) => `  k${i}: v\n`)}`,
    code: 400,
    message: 'document has too many nodes',
  },
  'an alias bomb': {
    method: 'POST',
    path: configMaps,
    type: yaml,
    body: bomb,
    code: 400,
    message: 'document contains excessive aliasing',
  },
  'a text of bad escapes': {
    method: 'POST',
    path: configMaps,
    type: yaml,
    body: () => `${head}data: {a: "${'\\x'.repeat(1_000_000)}`,
    code: 400,
    message: 'the object provided is unrecognized (must be of type ConfigMap): yaml: line 4:',
  },
  'JSON nested 500,000 deep': {
    method: 'POST',
    path: widgets,
    type: json,
    body: () => nested(500_000),
    code: 400,
    message: 'exceeded max depth',
  },
  'JSON nested 2,000 deep': {
    method: 'POST',
    path: widgets,
    type: json,
    body: () => nested(2_000),
    code: 400,
    message: 'exceeded max depth',
  },
  'copies that double an object': {
    method: 'PATCH',
    path: `${configMaps}/victim`,
    type: jsonPatch,
    body: () =>
      JSON.stringify([
        { op: 'add', path: '/data', value: { a: 'x'.repeat(1_000) } },
        ...list(30, () => ({ op: 'copy', from: '/data', path: '/data/b' })),
        ...list(9_000, (i) => ({ op: 'copy', from: '/data', path: `/data/c${i}` })),
      ]),
    code: 422,
    message: 'the server rejected our request due to an error in our request',
  },
  'more operations than Kubernetes takes': {
    method: 'PATCH',
    path: `${configMaps}/victim`,
    type: jsonPatch,
    body: () => JSON.stringify(list(10_001, () => ({ op: 'test', path: '/kind', value: 'x' }))),
    code: 413,
    message: 'The allowed maximum operations in a JSON patch is 10000, got 10001',
  },
  'a pattern that backtracks, and a value for it': {
    method: 'POST',
    path: widgets,
    type: json,
    body: () => widget(`${'a'.repeat(100_000)}!`),
    code: 422,
    message: "should match '^(a+)+$'",
  },
  'a body of 4 MiB': {
    method: 'POST',
    path: configMaps,
    type: json,
    body: () => `{"data":{"a":"${'x'.repeat(4 * 1024 * 1024)}"}}`,
    code: 413,
    message: 'limit is 3145728',
  },
};

suite('hostile bodies', () => {
  let server: ApiserverHarness;
  let rest: Rest;

  beforeAll(async () => {
    server = await startHarness();
    rest = adminRest(server);
    const { err } = server.kubectl(['create', 'configmap', 'victim']);
    expect(err).toBe('');
    expect(server.kubectl(['create', '-f', '-'], JSON.stringify(definition)).err).toBe('');
    const wait = ['wait', '--for=condition=Established', 'crd/widgets.security.example'];
    expect(server.kubectl(wait).err).toBe('');
  }, 60_000);

  afterAll(() => server.stop());

  test.each(Object.entries(hostile))(
    '%s',
    async (_name, { method, path, type, body, ...wanted }) => {
      const answer = await rest(method, path, body(), { 'content-type': type });
      expect(answer.body['message']).toContain(wanted.message);
      expect(answer.code).toBe(wanted.code);
      const version = await rest('GET', '/version');
      expect(version.code).toBe(200);
    },
  );

  test('a large strategic merge of lists is done', async () => {
    const metadata = { finalizers: list(5_000, (i) => `security.example/f${i}`) };
    for (let round = 0; round < 2; round += 1) {
      const answer = await rest('PATCH', `${configMaps}/victim`, JSON.stringify({ metadata }), {
        'content-type': strategic,
      });
      expect(answer.code).toBe(200);
    }
  });

  test('a definition whose pattern is none is refused in Kubernetes’ words', async () => {
    const bad = JSON.stringify(definition)
      .replaceAll('widget', 'gadget')
      .replaceAll('Widget', 'Gadget')
      .replace('^(a+)+$', '(?!a)');
    const answer = await rest(
      'POST',
      '/apis/apiextensions.k8s.io/v1/customresourcedefinitions',
      bad,
      {
        'content-type': json,
      },
    );
    expect(answer.code).toBe(422);
    expect(answer.body['message']).toContain(
      "must be a valid regular expression, but isn't: error parsing regexp: invalid or unsupported Perl syntax: `(?!`",
    );
  });
});
