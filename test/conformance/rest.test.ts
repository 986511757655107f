/** Raw requests: the codes, reasons and words of Kubernetes' API conventions at their edges. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { canRun } from '../cluster/apiserver-harness.js';
import type { RawServer } from './raw-requests.js';
import { startRawServer, statusOf } from './raw-requests.js';
import { waitFor } from '../cluster/etcd-processes.js';
import { json, maps, merge, rows } from './rest-rows.js';

const suite = canRun ? describe : describe.skip;

suite('requests', () => {
  let server: RawServer;
  const send: RawServer['send'] = (...request) => server.send(...request);

  beforeAll(async () => {
    server = await startRawServer();
    expect((await send('POST', maps, json, '{"metadata":{"name":"one"}}')).code).toBe(201);
  }, 60_000);

  afterAll(async () => {
    await server.stop();
  }, 30_000);

  test.each(rows)('%s %s %s %s: %d', async (method, path, type, body, code, reason, message) => {
    const answer = await send(method, path, type, body);
    const { message: said, reason: why } = statusOf(answer);
    expect([answer.code, why, said]).toEqual([code, reason, message]);
  });

  test('the version names the commit of its release in hexadecimal', async () => {
    const version = JSON.parse((await send('GET', '/version')).text) as Record<string, unknown>;
    expect(version).toMatchObject({ major: '1', minor: '33', gitTreeState: 'clean' });
    expect(version['gitCommit']).toMatch(/^[0-9a-f]{40}$/);
  });

  test('the head of an answer is asked for in vain, but of custom objects', async () => {
    const definition = {
      metadata: { name: 'heads.example.com' },
      spec: {
        group: 'example.com',
        names: { plural: 'heads', kind: 'Head' },
        scope: 'Namespaced',
        versions: [
          {
            name: 'v1',
            served: true,
            storage: true,
            schema: { openAPIV3Schema: { type: 'object' } },
          },
        ],
      },
    };
    const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
    expect((await send('POST', path, json, JSON.stringify(definition))).code).toBe(201);
    const heads = '/apis/example.com/v1/heads';
    await waitFor('the resource is served', async () => (await send('GET', heads)).code === 200);
    const codes = [maps, `${maps}/one`, heads, '/version'].map(
      async (at) => (await send('HEAD', at)).code,
    );
    expect(await Promise.all(codes)).toEqual([405, 405, 200, 405]);
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
      expect([answer.code, statusOf(answer).reason, statusOf(answer).message]).toEqual([
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
