/** Bodies of subresources: of another kind, for another object, with wrong types; the words are Kubernetes 1.33's. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { canRun } from '../cluster/apiserver-harness.js';
import type { RawServer } from './raw-requests.js';
import { startRawServer, statusOf } from './raw-requests.js';
import { json, merge } from './rest-rows.js';

const suite = canRun ? describe : describe.skip;

const template = {
  metadata: { labels: { a: 'b' } },
  spec: { containers: [{ name: 'c', image: 'i' }] },
};
const home = '/api/v1/namespaces/default';
const deployments = '/apis/apps/v1/namespaces/default/deployments';
const scale = `${deployments}/d/scale?dryRun=All`;
const binding = `${home}/pods/p/binding?dryRun=All`;
const eviction = `${home}/pods/p/eviction?dryRun=All`;
const token = `${home}/serviceaccounts/s/token`;
const otherNamespace =
  'the namespace of the provided object does not match the namespace sent on the request';
const d = { name: 'd', namespace: 'default' };
const target = { name: 'n' };

type Row = readonly [method: string, path: string, body: object, code: number, message: string];

const rows: readonly Row[] = [
  [
    'PUT',
    scale,
    { kind: 'Deployment', apiVersion: 'apps/v1', metadata: d },
    400,
    'Deployment in version "v1" cannot be handled as a Scale: converting (v1.Deployment) to (autoscaling.Scale): unknown conversion',
  ],
  ['PUT', scale, { metadata: { ...d, namespace: 'x' } }, 400, otherNamespace],
  ['PATCH', scale, { metadata: { ...d, namespace: 'x' } }, 400, otherNamespace],
  [
    'PUT',
    scale,
    { metadata: d, spec: { replicas: -1 } },
    422,
    'Scale.autoscaling "d" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0',
  ],
  [
    'PUT',
    scale,
    { metadata: { ...d, resourceVersion: '1' }, spec: { replicas: 2 } },
    409,
    'Operation cannot be fulfilled on deployments.apps "d": the object has been modified; please apply your changes to the latest version and try again',
  ],
  [
    'PUT',
    `${scale}&fieldValidation=Strict`,
    { metadata: d, spec: { replicas: 2, foo: 1 } },
    400,
    'Scale in version "v1" cannot be handled as a Scale: strict decoding error: unknown field "spec.foo"',
  ],
  ['POST', binding, { metadata: { name: 'p' }, target: {} }, 400, 'target.name: Required value'],
  [
    'POST',
    binding,
    { metadata: { name: 'p' }, target: { kind: 'Pod', name: 'n' } },
    400,
    'target.kind: Unsupported value: "Pod": supported values: "Node", "<empty>"',
  ],
  [
    'POST',
    binding,
    { metadata: { name: 'p' }, target: { name: 5 } },
    400,
    'Binding in version "v1" cannot be handled as a Binding: json: cannot unmarshal number into Go struct field ObjectReference.target.name of type string',
  ],
  ['POST', `${home}/bindings`, { metadata: { name: 'q' }, target }, 404, 'pods "q" not found'],
  [
    'POST',
    eviction,
    { kind: 'Eviction', apiVersion: 'v1', metadata: { name: 'p' } },
    400,
    'Eviction in version "v1" cannot be handled as a Eviction: no kind "Eviction" is registered for version "v1" in scheme "pkg/api/legacyscheme/scheme.go:30"',
  ],
  [
    'POST',
    token,
    { kind: 'Pod', apiVersion: 'v1' },
    400,
    'Pod in version "v1" cannot be handled as a TokenRequest: converting (v1.Pod) to (authentication.TokenRequest): unknown conversion',
  ],
];

suite('subresources', () => {
  let server: RawServer;
  const post = async (path: string, body: object): Promise<number> =>
    (await server.send('POST', path, json, JSON.stringify(body))).code;

  beforeAll(async () => {
    server = await startRawServer();
    const selector = { matchLabels: { a: 'b' } };
    expect(await post(`${home}/serviceaccounts`, { metadata: { name: 's' } })).toBe(201);
    expect(await post(deployments, { metadata: d, spec: { selector, template } })).toBe(201);
    const spec = { ...template.spec, automountServiceAccountToken: false };
    await post(`${home}/serviceaccounts`, { metadata: { name: 'default' } });
    expect(await post(`${home}/pods`, { metadata: { name: 'p' }, spec })).toBe(201);
  }, 60_000);

  afterAll(async () => {
    await server.stop();
  }, 30_000);

  test.each(rows)('%s %s %j: %d', async (method, path, body, code, message) => {
    const type = method === 'PATCH' ? merge : json;
    const answer = await server.send(method, path, type, JSON.stringify(body));
    expect([answer.code, statusOf(answer).message]).toEqual([code, message]);
  });

  test('a pod is bound through the bindings of its namespace, too', async () => {
    expect(await post(`${home}/bindings`, { metadata: { name: 'p' }, target })).toBe(201);
    const { text } = await server.send('GET', `${home}/pods/p`);
    expect(JSON.parse(text)).toMatchObject({ spec: { nodeName: 'n' } });
  });
});
