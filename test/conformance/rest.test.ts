/** Raw requests: the codes, reasons and words of Kubernetes' API conventions at their edges. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import * as https from 'node:https';
import { join } from 'node:path';
import type { ApiserverHarness } from '../cluster/apiserver-harness.js';
import { canRun, startHarness } from '../cluster/apiserver-harness.js';

interface Answer {
  readonly code: number;
  readonly text: string;
  readonly headers: Readonly<Record<string, unknown>>;
}

interface Status {
  readonly message?: string;
  readonly reason?: string;
  readonly metadata?: { readonly continue?: string };
}

type Row = readonly [
  method: string,
  path: string,
  type: string,
  body: string,
  code: number,
  reason: string,
  message: string,
];

const maps = '/api/v1/namespaces/default/configmaps';
const json = 'application/json';
const merge = 'application/merge-patch+json';
const unrecognized = 'the object provided is unrecognized (must be of type ConfigMap): ';
const parse = "couldn't get version/kind; json parse error: ";

const rows: readonly Row[] = [
  [
    'POST',
    '/version',
    json,
    '',
    405,
    'MethodNotAllowed',
    'the server does not allow this method on the requested resource',
  ],
  [
    'PUT',
    '/api',
    json,
    '',
    405,
    'MethodNotAllowed',
    'the server does not allow this method on the requested resource',
  ],
  [
    'PATCH',
    '/apis',
    json,
    '',
    405,
    'MethodNotAllowed',
    'the server does not allow this method on the requested resource',
  ],
  [
    'DELETE',
    '/apis/apps',
    json,
    '',
    405,
    'MethodNotAllowed',
    'the server does not allow this method on the requested resource',
  ],
  [
    'OPTIONS',
    '/apis/apps/v1',
    json,
    '',
    405,
    'MethodNotAllowed',
    'the server does not allow this method on the requested resource',
  ],
  [
    'DELETE',
    `${maps}/one?gracePeriodSeconds=x`,
    '',
    '',
    400,
    'BadRequest',
    'strconv.ParseInt: parsing "x": invalid syntax',
  ],
  [
    'POST',
    maps,
    json,
    '{',
    400,
    'BadRequest',
    `${unrecognized}${parse}unexpected end of JSON input ({)`,
  ],
  [
    'POST',
    maps,
    json,
    '',
    400,
    'BadRequest',
    `${unrecognized}${parse}unexpected end of JSON input (<empty>)`,
  ],
  [
    'POST',
    maps,
    json,
    '{"a" 1}',
    400,
    'BadRequest',
    `${unrecognized}${parse}invalid character '1' after object key ({"a" 1})`,
  ],
  [
    'POST',
    maps,
    json,
    '{"a":1,}',
    400,
    'BadRequest',
    `${unrecognized}${parse}invalid character '}' looking for beginning of object key string ({"a":1,})`,
  ],
  [
    'POST',
    maps,
    'text/plain',
    '{}',
    415,
    'UnsupportedMediaType',
    'the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf',
  ],
  [
    'POST',
    maps,
    json,
    '{"kind":"Pod","apiVersion":"v1"}',
    400,
    'BadRequest',
    'Pod in version "v1" cannot be handled as a ConfigMap: converting (v1.Pod) to (core.ConfigMap): unknown conversion',
  ],
  [
    'POST',
    maps,
    json,
    '{"metadata":{"name":"a","namespace":"b"}}',
    400,
    'BadRequest',
    'the namespace of the provided object does not match the namespace sent on the request',
  ],
  [
    'POST',
    `${maps}?dryRun=Some`,
    json,
    '{}',
    422,
    'Invalid',
    'CreateOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: ["Some"]: supported values: "All"',
  ],
  [
    'POST',
    `${maps}?fieldValidation=Strict`,
    json,
    '{"metadata":{"name":"a"},"x":1,"data":{"k":"1","k":"2"}}',
    400,
    'BadRequest',
    'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: duplicate field "data.k", unknown field "x"',
  ],
  [
    'PUT',
    `${maps}/none`,
    json,
    '{"metadata":{"name":"none"}}',
    404,
    'NotFound',
    'configmaps "none" not found',
  ],
  [
    'PUT',
    `${maps}/one`,
    json,
    '{"metadata":{"name":"two"}}',
    400,
    'BadRequest',
    'the name of the object (two) does not match the name on the URL (one)',
  ],
  [
    'PUT',
    `${maps}/one`,
    json,
    '{"metadata":{"name":"one","resourceVersion":"1"}}',
    409,
    'Conflict',
    'Operation cannot be fulfilled on configmaps "one": the object has been modified; please apply your changes to the latest version and try again',
  ],
  [
    'PATCH',
    `${maps}/one`,
    json,
    '{}',
    415,
    'UnsupportedMediaType',
    'the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json, application/apply-patch+yaml',
  ],
  [
    'PATCH',
    `${maps}/one`,
    merge,
    '{"metadata":{"uid":"x"}}',
    422,
    'Invalid',
    'ConfigMap "one" is invalid: metadata.uid: Invalid value: "x": field is immutable',
  ],
  [
    'PATCH',
    `${maps}/one`,
    'application/apply-patch+yaml',
    '{}',
    422,
    'Invalid',
    'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
  ],
  [
    'DELETE',
    `${maps}/one`,
    json,
    '{"dryRun":["Some"]}',
    422,
    'Invalid',
    'DeleteOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: ["Some"]: supported values: "All"',
  ],
  [
    'DELETE',
    `${maps}/one`,
    json,
    '{"propagationPolicy":"Some"}',
    422,
    'Invalid',
    'DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported value: "Some": supported values: "Foreground", "Background", "Orphan", "nil"',
  ],
  [
    'GET',
    '/api/v1/nosuch',
    '',
    '',
    404,
    'NotFound',
    'the server could not find the requested resource',
  ],
  [
    'PUT',
    maps,
    json,
    '{}',
    405,
    'MethodNotAllowed',
    'the server does not allow this method on the requested resource',
  ],
  [
    'POST',
    '/api/v1/configmaps',
    json,
    '{}',
    405,
    'MethodNotAllowed',
    'the server does not allow this method on the requested resource',
  ],
  [
    'GET',
    `${maps}?limit=x`,
    '',
    '',
    400,
    'BadRequest',
    'strconv.ParseInt: parsing "x": invalid syntax',
  ],
  [
    'GET',
    `${maps}?sendInitialEvents=true`,
    '',
    '',
    422,
    'Invalid',
    'ListOptions.meta.k8s.io "" is invalid: sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list',
  ],
  [
    'GET',
    `${maps}?watch=1&sendInitialEvents=true`,
    '',
    '',
    422,
    'Invalid',
    'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
  ],
  [
    'GET',
    `${maps}?resourceVersionMatch=Exact`,
    '',
    '',
    422,
    'Invalid',
    'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided',
  ],
  [
    'GET',
    `${maps}?continue=e30`,
    '',
    '',
    400,
    'BadRequest',
    'invalid continue token: continue key is not valid: server does not recognize this encoded version ""',
  ],
  [
    'GET',
    `${maps}/one?resourceVersion=x`,
    '',
    '',
    400,
    'BadRequest',
    'invalid resource version: resourceVersion: Invalid value: "x": strconv.ParseUint: parsing "x": invalid syntax',
  ],
  [
    'DELETE',
    `${maps}?resourceVersionMatch=Exact`,
    '',
    '',
    422,
    'Invalid',
    'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided',
  ],
];

const suite = canRun ? describe : describe.skip;

suite('requests', () => {
  let server: ApiserverHarness;
  let tls: { ca: Buffer; cert: Buffer; key: Buffer };

  beforeAll(async () => {
    server = await startHarness();
    const read = (name: string): Buffer => readFileSync(join(server.pki, name));
    tls = { ca: read('ca.crt'), cert: read('admin.crt'), key: read('admin.key') };
    expect((await send('POST', maps, json, '{"metadata":{"name":"one"}}')).code).toBe(201);
  }, 60_000);

  afterAll(async () => {
    await server.stop();
  }, 30_000);

  const send = (method: string, path: string, type = '', body = ''): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const headers = {
        'content-length': Buffer.byteLength(body),
        ...(type === '' ? {} : { 'content-type': type }),
      };
      const options = { ...tls, method, headers };
      const request = https.request(`${server.url}${path}`, options, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          resolve({ code: response.statusCode ?? 0, text, headers: response.headers });
        });
      });
      request.on('error', reject);
      request.end(body);
    });
  const status = (answer: Answer): Status => JSON.parse(answer.text) as Status;

  test.each(rows)('%s %s %s %s: %d', async (method, path, type, body, code, reason, message) => {
    const answer = await send(method, path, type, body);
    const { message: said, reason: why } = status(answer);
    expect([answer.code, why, said]).toEqual([code, reason, message]);
  });

  test('the version names the commit of its release in hexadecimal', async () => {
    const version = JSON.parse((await send('GET', '/version')).text) as Record<string, unknown>;
    expect(version).toMatchObject({ major: '1', minor: '33', gitTreeState: 'clean' });
    expect(version['gitCommit']).toMatch(/^[0-9a-f]{40}$/);
  });

  test('relying parties find the keys of tokens', async () => {
    for (const end of ['', '/']) {
      const keys = await send('GET', `/openid/v1/jwks${end}`);
      expect(keys.headers).toMatchObject({
        'content-type': 'application/jwk-set+json',
        'cache-control': 'public, max-age=3600',
      });
      const set = JSON.parse(keys.text) as { keys: readonly { kid: string; alg: string }[] };
      expect(set.keys[0]?.kid).toMatch(/^[\w-]{43}$/);
      const found = await send('GET', `/.well-known/openid-configuration${end}`);
      expect(found.headers).toMatchObject({
        'content-type': 'application/json',
        'cache-control': 'public, max-age=3600',
      });
      const configuration = JSON.parse(found.text) as { jwks_uri: string };
      expect(configuration).toMatchObject({
        response_types_supported: ['id_token'],
        subject_types_supported: ['public'],
        id_token_signing_alg_values_supported: [...new Set(set.keys.map(({ alg }) => alg))].sort(),
      });
      expect(configuration.jwks_uri).toMatch(/^https:.*\/openid\/v1\/jwks$/);
    }
  });

  test('clients cannot set what the server sets', async () => {
    const given = {
      name: 'mine',
      uid: 'x',
      creationTimestamp: '2001-01-01T00:00:00Z',
      deletionTimestamp: '2001-01-01T00:00:00Z',
      selfLink: '/x',
      generation: 7,
    };
    const answer = await send('POST', maps, json, JSON.stringify({ metadata: given }));
    const { metadata } = JSON.parse(answer.text) as { metadata: Record<string, unknown> };
    expect(answer.code).toBe(201);
    expect(metadata['uid']).not.toBe('x');
    expect(metadata['creationTimestamp']).not.toBe(given.creationTimestamp);
    expect([metadata['selfLink'], metadata['generation']]).toEqual([undefined, undefined]);
    expect(metadata['deletionTimestamp']).toBeUndefined();
  });

  test('a DELETE with an object of another kind deletes nothing', async () => {
    await send('POST', maps, json, '{"metadata":{"name":"kept","labels":{"kept":"1"}}}');
    const pod = '{"kind":"Pod","apiVersion":"v1"}';
    for (const path of [`${maps}/kept`, `${maps}?labelSelector=kept`]) {
      const answer = await send('DELETE', path, json, pod);
      expect([answer.code, status(answer).reason, status(answer).message]).toEqual([
        400,
        'BadRequest',
        'no kind "Pod" is registered for version "v1"',
      ]);
    }
    expect((await send('GET', `${maps}/kept`)).code).toBe(200);
    const options = '{"kind":"DeleteOptions","apiVersion":"apps/v1"}';
    expect((await send('DELETE', `${maps}/kept`, json, options)).code).toBe(200);
  });

  test('a deleted object answers with its uid, and watches see label changes as coming and going', async () => {
    const path = `${maps}?watch=1&labelSelector=a%3Db&timeoutSeconds=2&resourceVersion=`;
    const list = JSON.parse((await send('GET', maps)).text) as {
      metadata: { resourceVersion: string };
    };
    await send('POST', maps, json, '{"metadata":{"name":"w"}}');
    await send('PATCH', `${maps}/w`, merge, '{"metadata":{"labels":{"a":"b"}}}');
    await send('PATCH', `${maps}/w`, merge, '{"data":{"x":"y"}}');
    await send('PATCH', `${maps}/w`, merge, '{"metadata":{"labels":{"a":null}}}');
    const gone = await send('DELETE', `${maps}/w`);
    expect(JSON.parse(gone.text)).toMatchObject({
      status: 'Success',
      details: { name: 'w', kind: 'configmaps', uid: expect.any(String) },
    });
    const watched = await send('GET', path + list.metadata.resourceVersion);
    const types = watched.text
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { type: string }).type);
    expect(types).toEqual(['ADDED', 'MODIFIED', 'DELETED']);
  });
});
