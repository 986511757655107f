/** Raw requests: the codes, reasons and words of Kubernetes' API conventions at their edges. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import * as https from 'node:https';
import { join } from 'node:path';
import type { ApiserverHarness } from '../cluster/apiserver-harness.js';
import { canRun, startHarness } from '../cluster/apiserver-harness.js';
import { json, maps, merge, rows } from './rest-rows.js';

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
