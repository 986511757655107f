/** Admission webhooks and OpenAPI over plain HTTPS against a real API server process. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import * as https from 'node:https';
import type { AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { BinaryReader } from '@bufbuild/protobuf/wire';
import { systemClock } from '../../src/lib/clock.js';
import { createCertificateAuthority, issueCertificate } from '../../src/lib/pki/certificates.js';
import type { ApiserverHarness } from './apiserver-harness.js';
import { canRun, startHarness } from './apiserver-harness.js';

const suite = canRun ? describe : describe.skip;

interface Question {
  readonly uid: string;
  readonly name: string;
  readonly operation: string;
  readonly dryRun: boolean;
  readonly object: { readonly data?: Record<string, string> } | null;
}
type Answer = (question: Question) => object;

interface Reply {
  readonly code: number;
  readonly text: string;
  readonly bytes: Buffer;
  readonly headers: Record<string, unknown>;
}

suite('webhooks and OpenAPI', () => {
  let server: ApiserverHarness;
  let hooks: https.Server;
  let port = 0;
  let caBundle = '';
  let answer: Answer = () => ({ allowed: true });
  const asked: Question[] = [];

  beforeAll(async () => {
    server = await startHarness();
    const clock = systemClock();
    const ca = await createCertificateAuthority({ commonName: 'hooks', clock });
    const pair = await issueCertificate({
      ca,
      clock,
      subject: { commonName: 'hook', hosts: ['127.0.0.1', 'hook.default.svc'], usages: ['server'] },
    });
    caBundle = Buffer.from(ca.cert).toString('base64');
    hooks = https.createServer(pair, (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const review = JSON.parse(Buffer.concat(chunks).toString()) as { request: Question };
        asked.push(review.request);
        const { uid } = review.request;
        const body = {
          apiVersion: 'admission.k8s.io/v1',
          kind: 'AdmissionReview',
          response: { uid, ...answer(review.request) },
        };
        response.end(JSON.stringify(body));
      });
    });
    await new Promise<void>((resolve) => {
      hooks.listen(0, '0.0.0.0', resolve);
    });
    ({ port } = hooks.address() as AddressInfo);
  }, 60_000);

  afterAll(async () => {
    hooks.closeAllConnections();
    hooks.close();
    await server.stop();
  }, 30_000);

  const raw = (
    path: string,
    options: { method?: string; body?: object; headers?: Record<string, string> } = {},
  ): Promise<Reply> =>
    new Promise((resolve, reject) => {
      const request = https.request(
        `${server.url}${path}`,
        {
          method: options.method ?? 'GET',
          headers: { 'content-type': 'application/json', ...options.headers },
          ca: readFileSync(join(server.pki, 'ca.crt')),
          cert: readFileSync(join(server.pki, 'admin.crt')),
          key: readFileSync(join(server.pki, 'admin.key')),
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('end', () => {
            const bytes = Buffer.concat(chunks);
            const code = response.statusCode ?? 0;
            resolve({ code, text: bytes.toString(), bytes, headers: response.headers });
          });
        },
      );
      request.on('error', reject);
      request.end(options.body === undefined ? undefined : JSON.stringify(options.body));
    });

  const configMap = (name: string, query = ''): Promise<Reply> =>
    raw(`/api/v1/namespaces/default/configmaps${query}`, {
      method: 'POST',
      body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { a: '1' } },
    });
  const message = (reply: Reply): string => (JSON.parse(reply.text) as { message: string }).message;

  const register = async (kind: string, hook: object): Promise<() => Promise<void>> => {
    const plural = `${kind.toLowerCase()}webhookconfigurations`;
    const path = `/apis/admissionregistration.k8s.io/v1/${plural}`;
    const body = {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: `${kind}WebhookConfiguration`,
      metadata: { name: 'test' },
      webhooks: [
        {
          name: 'hook.example.com',
          admissionReviewVersions: ['v1'],
          sideEffects: 'None',
          timeoutSeconds: 2,
          clientConfig: { url: `https://127.0.0.1:${port}/review`, caBundle },
          rules: [
            {
              apiGroups: [''],
              apiVersions: ['v1'],
              resources: ['configmaps'],
              operations: ['CREATE', 'DELETE'],
            },
          ],
          ...hook,
        },
      ],
    };
    const made = await raw(path, { method: 'POST', body });
    expect(made.code).toBe(201);
    return async () => {
      await raw(`${path}/test`, { method: 'DELETE' });
    };
  };

  test('a mutating webhook changes what is stored', async () => {
    const patch = Buffer.from('[{"op":"add","path":"/data/b","value":"2"}]').toString('base64');
    answer = () => ({ allowed: true, patchType: 'JSONPatch', patch, warnings: ['was changed'] });
    const remove = await register('Mutating', {});
    const made = await configMap('changed');
    expect(made.code).toBe(201);
    expect(JSON.parse(made.text)).toMatchObject({ data: { a: '1', b: '2' } });
    expect(made.headers['warning']).toBe('299 - "was changed"');
    expect(asked.at(-1)).toMatchObject({
      name: 'changed',
      operation: 'CREATE',
      dryRun: false,
      userInfo: { groups: expect.arrayContaining(['system:authenticated']) },
      kind: { group: '', version: 'v1', kind: 'ConfigMap' },
      resource: { group: '', version: 'v1', resource: 'configmaps' },
      options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1' },
    });
    await remove();
  });

  test('a validating webhook refuses', async () => {
    answer = ({ operation }) =>
      operation === 'DELETE'
        ? { allowed: true }
        : { allowed: false, status: { code: 403, reason: 'Forbidden', message: 'not today' } };
    const remove = await register('Validating', {});
    const refused = await configMap('refused');
    expect(refused.code).toBe(403);
    expect(message(refused)).toBe(
      'admission webhook "hook.example.com" denied the request: not today',
    );
    await raw('/api/v1/namespaces/default/configmaps/changed', { method: 'DELETE' });
    expect(asked.at(-1)).toMatchObject({ operation: 'DELETE', object: null, name: 'changed' });
    answer = () => ({ allowed: false });
    expect(message(await configMap('refused', '?dryRun=All'))).toBe(
      'admission webhook "hook.example.com" denied the request without explanation',
    );
    await remove();
  });

  test('selectors and rules leave requests alone', async () => {
    answer = () => ({ allowed: false });
    const removeFirst = await register('Validating', {
      objectSelector: { matchLabels: { watched: 'yes' } },
    });
    expect((await configMap('unwatched')).code).toBe(201);
    await removeFirst();
    const removeSecond = await register('Validating', {
      namespaceSelector: {
        matchExpressions: [
          { key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: ['default'] },
        ],
      },
    });
    expect((await configMap('elsewhere')).code).toBe(201);
    await removeSecond();
  });

  test('a webhook that cannot be reached fails requests or is overlooked', async () => {
    const clientConfig = { url: 'https://127.0.0.1:1/review', caBundle };
    const remove = await register('Validating', { clientConfig });
    const failed = await configMap('failed');
    expect(failed.code).toBe(500);
    expect(message(failed)).toBe(
      'Internal error occurred: failed calling webhook "hook.example.com": failed to call webhook: ' +
        'Post "https://127.0.0.1:1/review?timeout=2s": dial tcp 127.0.0.1:1: connect: connection refused',
    );
    await remove();
    const service = { service: { name: 'nobody', namespace: 'default', path: '/x' }, caBundle };
    const removeService = await register('Validating', { clientConfig: service });
    expect(message(await configMap('failed'))).toContain(
      'Post "https://nobody.default.svc:443/x?timeout=2s": service "nobody" not found',
    );
    await removeService();
    const removeIgnored = await register('Validating', { clientConfig, failurePolicy: 'Ignore' });
    expect((await configMap('overlooked')).code).toBe(201);
    await removeIgnored();
  });

  const outside = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .find(({ family, internal }) => family === 'IPv4' && !internal)?.address;
  (outside === undefined ? test.skip : test)('a webhook stands behind a service', async () => {
    const meta = { name: 'hook', namespace: 'default' };
    const made = [
      await raw('/api/v1/namespaces/default/services', {
        method: 'POST',
        body: { metadata: meta, spec: { ports: [{ port: 443 }] } },
      }),
      await raw('/apis/discovery.k8s.io/v1/namespaces/default/endpointslices', {
        method: 'POST',
        body: {
          metadata: { ...meta, labels: { 'kubernetes.io/service-name': 'hook' } },
          addressType: 'IPv4',
          ports: [{ name: '', port, protocol: 'TCP' }],
          endpoints: [{ addresses: [outside], conditions: { ready: true } }],
        },
      }),
    ];
    expect(made.map(({ code }) => code)).toEqual([201, 201]);
    answer = () => ({ allowed: false, status: { message: 'seen' } });
    const clientConfig = { service: { name: 'hook', namespace: 'default' }, caBundle };
    const remove = await register('Validating', { clientConfig });
    expect(message(await configMap('served'))).toBe(
      'admission webhook "hook.example.com" denied the request: seen',
    );
    await remove();
  });

  test('OpenAPI comes as JSON and as protobuf, once per hash', async () => {
    const json = await raw('/openapi/v2');
    const document = JSON.parse(json.text) as { definitions: object; paths: object };
    expect(json.headers['content-type']).toBe('application/json');
    const again = await raw('/openapi/v2', {
      headers: { 'if-none-match': String(json.headers['etag']) },
    });
    expect(again.code).toBe(304);
    const accept = 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf';
    const encoded = await raw('/openapi/v2', { headers: { accept } });
    expect(encoded.headers['content-type']).toBe(
      'application/com.github.proto-openapi.spec.v2.v1.0+protobuf',
    );
    expect(definitionCount(encoded.bytes)).toBe(Object.keys(document.definitions).length);
    const index = JSON.parse((await raw('/openapi/v3')).text) as {
      paths: Record<string, { serverRelativeURL: string }>;
    };
    const url = index.paths['apis/apps/v1']?.serverRelativeURL ?? '';
    const apps = await raw(url);
    expect(apps.headers['cache-control']).toBe('public, immutable');
    expect(Object.keys((JSON.parse(apps.text) as { paths: object }).paths)).toContain(
      '/apis/apps/v1/namespaces/{namespace}/deployments/{name}/status',
    );
    const moved = await raw('/openapi/v3/apis/apps/v1?hash=OLD');
    expect([moved.code, moved.headers['location']]).toEqual([301, url]);
  });
});

/** Counts the entries of `Document.definitions` (field 9) by their tags alone. */
function definitionCount(bytes: Buffer): number {
  const reader = new BinaryReader(bytes);
  let count = 0;
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag();
    if (field !== 9) {
      reader.skip(wire);
      continue;
    }
    const end = reader.uint32() + reader.pos;
    while (reader.pos < end) {
      const [, inner] = reader.tag();
      reader.skip(inner);
      count++;
    }
  }
  return count;
}
