/** kubectl against a real API server process on a real etcd: what users see, down to the words. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import * as https from 'node:https';
import { join } from 'node:path';
import type { ApiserverHarness } from './apiserver-harness.js';
import { canRun, startHarness } from './apiserver-harness.js';

const suite = canRun ? describe : describe.skip;

suite('the API server', () => {
  let server: ApiserverHarness;

  beforeAll(async () => {
    server = await startHarness();
    server.kubectl(['create', 'serviceaccount', 'default']);
  }, 60_000);

  afterAll(async () => {
    await server.stop();
  }, 30_000);

  const ok = (args: readonly string[], input?: string): string => {
    const run = server.kubectl(args, input);
    if (run.code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${run.err}`);
    return run.out;
  };
  const refused = (args: readonly string[], input?: string): string => {
    const run = server.kubectl(args, input);
    expect(run.code).not.toBe(0);
    return run.err.trim();
  };
  const raw = (
    path: string,
    options: { method?: string; body?: string; headers?: Record<string, string> } = {},
  ): Promise<{ code: number; text: string; headers: Record<string, unknown> }> =>
    new Promise((resolve, reject) => {
      const request = https.request(
        `${server.url}${path}`,
        {
          method: options.method ?? 'GET',
          headers: options.headers ?? {},
          ca: readFileSync(join(server.pki, 'ca.crt')),
          cert: readFileSync(join(server.pki, 'admin.crt')),
          key: readFileSync(join(server.pki, 'admin.key')),
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('end', () =>
            resolve({
              code: response.statusCode ?? 0,
              text: Buffer.concat(chunks).toString(),
              headers: response.headers,
            }),
          );
        },
      );
      request.on('error', reject);
      request.end(options.body);
    });

  test('has the namespaces, priority classes, roles and the kubernetes service', () => {
    expect(ok(['get', 'namespaces', '-o', 'name']).trim().split('\n')).toEqual([
      'namespace/default',
      'namespace/kube-node-lease',
      'namespace/kube-public',
      'namespace/kube-system',
    ]);
    expect(ok(['get', 'priorityclasses', '-o', 'name'])).toContain('system-node-critical');
    expect(ok(['get', 'clusterroles', '-o', 'name'])).toContain('system:kube-scheduler');
    const address = ['get', 'service', 'kubernetes', '-o', 'jsonpath={.spec.clusterIP}'];
    expect(ok(address)).toBe('10.96.0.1');
  });

  test('creates, reads, patches, scales and deletes', () => {
    ok(['create', 'deployment', 'web', '--image=nginx', '--replicas=2']);
    ok(['scale', 'deployment', 'web', '--replicas=5']);
    const replicas = ['get', 'deployment', 'web', '-o', 'jsonpath={.spec.replicas}'];
    expect(ok(replicas)).toBe('5');
    ok(['set', 'image', 'deployment/web', 'nginx=nginx:2']);
    ok(['label', 'deployment', 'web', 'tier=front']);
    expect(ok(['get', 'deployment', '-l', 'tier=front', '-o', 'name'])).toContain('web');
    expect(ok(['get', 'deployments'])).toMatch(/NAME\s+READY\s+UP-TO-DATE\s+AVAILABLE\s+AGE/);
    ok(['delete', 'deployment', 'web']);
    expect(refused(['get', 'deployment', 'web'])).toBe(
      'Error from server (NotFound): deployments.apps "web" not found',
    );
  });

  test('a lost update is a conflict, a second creation exists already', () => {
    ok(['create', 'configmap', 'race', '--from-literal=a=1']);
    const old = ok(['get', 'configmap', 'race', '-o', 'json']);
    ok(['patch', 'configmap', 'race', '-p', '{"data":{"a":"2"}}']);
    expect(refused(['replace', '-f', '-'], old)).toContain(
      'Operation cannot be fulfilled on configmaps "race": the object has been modified; ' +
        'please apply your changes to the latest version and try again',
    );
    expect(refused(['create', 'configmap', 'race'])).toBe(
      'error: failed to create configmap: configmaps "race" already exists',
    );
  });

  test('server-side apply names who owns the field', () => {
    const config = (value: string): string =>
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'owned' },
        data: { a: value },
      });
    ok(['apply', '--server-side', '-f', '-'], config('1'));
    const error = refused(
      ['apply', '--server-side', '--field-manager=other', '-f', '-'],
      config('2'),
    );
    expect(error).toContain('Apply failed with 1 conflict: conflict with "kubectl": .data.a');
    ok(
      ['apply', '--server-side', '--field-manager=other', '--force-conflicts', '-f', '-'],
      config('2'),
    );
  });

  test('refuses unknown fields, invalid objects and strangers in Kubernetes words', () => {
    const pod = (spec: object): string =>
      JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'bad' }, spec });
    const container = { name: 'c', image: 'i' };
    expect(refused(['create', '-f', '-'], pod({ containers: [container], colour: 1 }))).toContain(
      'strict decoding error: unknown field "spec.colour"',
    );
    expect(refused(['create', '-f', '-'], pod({ containers: [] }))).toContain(
      'The Pod "bad" is invalid: spec.containers: Required value',
    );
    expect(refused(['get', 'pods', '--as=bob'])).toBe(
      'Error from server (Forbidden): pods is forbidden: User "bob" cannot list resource "pods" ' +
        'in API group "" in the namespace "default"',
    );
    expect(refused(['create', 'configmap', 'x', '-n', 'nowhere'])).toContain(
      'namespaces "nowhere" not found',
    );
  });

  test('service account tokens authenticate, and roles allow', () => {
    ok(['create', 'serviceaccount', 'reader']);
    ok([
      'create',
      'rolebinding',
      'reader',
      '--clusterrole=view',
      '--serviceaccount=default:reader',
    ]);
    const as = '--as=system:serviceaccount:default:reader';
    expect(ok(['auth', 'can-i', 'list', 'pods', as]).trim()).toBe('yes');
    expect(server.kubectl(['auth', 'can-i', 'list', 'secrets', as]).out.trim()).toBe('no');
    expect(ok(['create', 'token', 'reader']).split('.')).toHaveLength(3);
  });

  test('pages lists consistently', async () => {
    for (let i = 0; i < 5; i++) ok(['create', 'configmap', `page-${i}`, '-n', 'kube-public']);
    const path = '/api/v1/namespaces/kube-public/configmaps';
    const first = JSON.parse((await raw(`${path}?limit=2`)).text) as {
      metadata: { continue: string; remainingItemCount: number; resourceVersion: string };
      items: { metadata: { name: string } }[];
    };
    expect(first.items).toHaveLength(2);
    expect(first.metadata.remainingItemCount).toBe(3);
    ok(['delete', 'configmap', 'page-3', '-n', 'kube-public']);
    const query = `limit=500&continue=${first.metadata.continue}`;
    const rest = JSON.parse((await raw(`${path}?${query}`)).text) as typeof first;
    expect(rest.items.map((item) => item.metadata.name)).toEqual(['page-2', 'page-3', 'page-4']);
    expect(rest.metadata.resourceVersion).toBe(first.metadata.resourceVersion);
  });

  test('what cannot be read or answered gets its own code, and the server lives', async () => {
    const path = '/api/v1/namespaces/default/configmaps';
    const json = { 'content-type': 'application/json' };
    const post = (body: string, headers: Record<string, string> = json): Promise<number> =>
      raw(path, { method: 'POST', body, headers }).then(({ code }) => code);
    expect(await post('{')).toBe(400);
    expect(await post('{}', { 'content-type': 'text/plain' })).toBe(415);
    expect(await post(`{"data":{"a":"${'x'.repeat(3.5 * 1024 * 1024)}"}}`)).toBe(413);
    expect((await raw(path, { headers: { accept: 'application/xml' } })).code).toBe(406);
    expect((await raw('/api/v1/nonsense')).code).toBe(404);
    expect((await raw('/apis/no.such/v1/things')).text).toBe('404 page not found\n');
    expect((await raw('/api/v1/namespaces', { method: 'PATCH' })).code).toBe(405);
    expect((await raw('/readyz')).text).toBe('ok');
  });
});
