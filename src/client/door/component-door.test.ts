import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { request } from 'node:https';
import type { KubeObject } from '../../api/object.js';
import { systemClock } from '../../lib/clock.js';
import { LogThreshold, silentLogger } from '../../lib/log.js';
import { Counter, Registry } from '../../lib/metrics.js';
import type { KeyPair } from '../../lib/pki/certificates.js';
import { createCertificateAuthority, issueCertificate } from '../../lib/pki/certificates.js';
import { fixedTls } from '../../lib/pki/tls-source.js';
import type { ApiClient } from '../types.js';
import type { OpenDoor } from './component-door.js';
import { openComponentDoor } from './component-door.js';
import { componentTimes, DelegatedAccess } from './delegated-access.js';

const clock = systemClock({ unref: true });
const threshold = new LogThreshold('info');
const registry = new Registry();
new Counter({ name: 'a_total', help: 'A.', registers: [registry] }).inc(3);
let door: OpenDoor;
let ca: KeyPair;
let admin: KeyPair;
let isWell = true;

/** The token `scraper` is of a user who may get, `operator` of one who may put; any other is nobody's. */
const create = async (_: unknown, object: unknown): Promise<KubeObject> => {
  const { kind, spec } = object as { kind: string; spec: Record<string, unknown> };
  const token = String(spec['token']);
  const known = ['scraper', 'operator'].includes(token);
  const { verb } = (spec['nonResourceAttributes'] ?? {}) as { verb?: string };
  const allowed = spec['user'] === (verb === 'put' ? 'operator' : 'scraper');
  const status =
    kind === 'TokenReview' ? { authenticated: known, user: { username: token } } : { allowed };
  return { ...(object as KubeObject), status } as KubeObject;
};

beforeAll(async () => {
  ca = await createCertificateAuthority({ commonName: 'ca', clock });
  const issue = (commonName: string, organizations: string[]): Promise<KeyPair> =>
    issueCertificate({
      ca,
      clock,
      subject: { commonName, organizations, hosts: ['127.0.0.1'], usages: ['server', 'client'] },
    });
  admin = await issue('admin', ['system:masters']);
  const serving = await issue('door', []);
  const client = { create } as unknown as Pick<ApiClient, 'create'>;
  const options = { client, clock, times: componentTimes, allowAnonymous: true };
  door = await openComponentDoor(
    {
      tls: fixedTls({ ...serving, ca: ca.cert, requestClientCert: 'optional' }),
      access: new DelegatedAccess(options),
      registries: [registry],
      checks: (root) => [{ name: `${root}-check`, holds: () => isWell }],
      threshold,
      log: silentLogger,
      clock,
    },
    { host: '127.0.0.1', port: 0 },
  );
});

afterAll(() => door.close());

interface Ask {
  readonly token?: string;
  readonly method?: string;
  readonly body?: string;
  readonly pair?: KeyPair;
}

function ask(
  path: string,
  { token, method = 'GET', body, pair }: Ask = {},
): Promise<{
  status: number;
  text: string;
  type: string;
}> {
  return new Promise((resolve, reject) => {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const target = { host: '127.0.0.1', port: door.port, path, method, headers };
    const sent = request({ ...target, ca: ca.cert, ...pair, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          text: Buffer.concat(chunks).toString(),
          type: response.headers['content-type'] ?? '',
        }),
      );
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

const message = (text: string): unknown => (JSON.parse(text) as { message: string }).message;

describe('health', () => {
  test('is open to everybody', async () => {
    for (const path of ['/healthz', '/livez', '/readyz']) {
      expect(await ask(path)).toMatchObject({ status: 200, text: 'ok' });
    }
    isWell = false;
    expect(await ask('/livez')).toMatchObject({
      status: 500,
      text: '[-]livez-check failed: reason withheld\nlivez check failed\n',
    });
    isWell = true;
  });

  test('of one check is for those who may', async () => {
    expect((await ask('/healthz/healthz-check')).status).toBe(403);
    const seen = await ask('/healthz/healthz-check?verbose', { token: 'scraper' });
    expect(seen.text).toBe('ok');
    expect((await ask('/healthz/other', { token: 'scraper' })).status).toBe(404);
  });
});

describe('metrics', () => {
  test('are for those who may', async () => {
    const { status, text, type } = await ask('/metrics', { token: 'scraper' });
    expect({ status, type }).toEqual({
      status: 200,
      type: 'text/plain; version=0.0.4; charset=utf-8',
    });
    expect(text).toBe('# HELP a_total A.\n# TYPE a_total counter\na_total 3\n');
    expect((await ask('/metrics', { pair: admin })).status).toBe(200);
  });

  test.each<[string, Ask, number, string]>([
    ['nobody', {}, 403, 'forbidden: User "system:anonymous" cannot get path "/metrics"'],
    ['a wrong token', { token: 'x' }, 401, 'Unauthorized'],
    [
      'a user who may not',
      { token: 'operator' },
      403,
      'forbidden: User "operator" cannot get path "/metrics"',
    ],
  ])('are not for %s', async (_, who, status, words) => {
    const refused = await ask('/metrics', who);
    expect(refused).toMatchObject({ status, type: 'application/json' });
    expect(message(refused.text)).toBe(words);
  });
});

describe('the level of the log', () => {
  const put = (body: string, token = 'operator'): ReturnType<typeof ask> =>
    ask('/debug/flags/v', { method: 'PUT', body, token });

  test('is changed by those who may', async () => {
    expect(await put('5')).toMatchObject({
      status: 200,
      text: 'successfully set klog.logging to 5',
    });
    expect(threshold.level).toBe('debug');
    expect((await put('info')).status).toBe(200);
    expect(threshold.level).toBe('info');
  });

  test('is not changed by others, nor to nonsense', async () => {
    expect((await put('5', 'scraper')).status).toBe(403);
    expect((await put('loud')).status).toBe(400);
    expect((await put('5'.repeat(65))).status).toBe(400);
    const read = await ask('/debug/flags/v', { token: 'scraper' });
    expect(read).toMatchObject({ status: 406, text: 'unsupported http method' });
    expect(threshold.level).toBe('info');
  });
});

test('what is not there is not told to everybody', async () => {
  expect((await ask('/pods')).status).toBe(403);
  expect(await ask('/pods', { token: 'scraper' })).toMatchObject({
    status: 404,
    text: '404 page not found\n',
  });
});
