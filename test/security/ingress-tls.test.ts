/** TLS at a running ingress controller, asked by real TLS clients. */
import type { KubeObject } from '../../src/api/object.js';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { connect as connectTcp } from 'node:net';
import { connect } from 'node:tls';
import type { ConnectionOptions } from 'node:tls';
import { systemClock } from '../../src/lib/clock.js';
import { createCertificateAuthority, issueCertificate } from '../../src/lib/pki/certificates.js';
import type { KeyPair } from '../../src/lib/pki/certificates.js';
import { resources } from '../../src/client/resources.js';
import type { Secret } from '../../src/api/types/core.js';
import { askHttp2, backendOf, exchange, ingressOf, openHttp2, startLab } from './ingress-lab.js';
import type { Lab } from './ingress-lab.js';

const clock = systemClock();
let lab: Lab;
let ca: KeyPair;

const hosts = ['one.test', 'two.test', 'broken.test', 'absent.test', 'late.test', 'bare.test'];

async function certificate(host: string): Promise<KeyPair> {
  return issueCertificate({
    ca,
    clock,
    subject: { commonName: host, hosts: [host], usages: ['server'] },
  });
}

function secret(name: string, pair: Partial<KeyPair>): Secret {
  const base64 = (text = ''): string => Buffer.from(text).toString('base64');
  return {
    metadata: { namespace: 'default', name },
    type: 'kubernetes.io/tls',
    data: { 'tls.crt': base64(pair.cert), 'tls.key': base64(pair.key) },
  };
}

/** The name in the certificate that a server name gets. */
function nameServed(servername: string, options: ConnectionOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      port: lab.https,
      host: '127.0.0.1',
      ...(servername === '' ? {} : { servername }),
      rejectUnauthorized: false,
      ...options,
    });
    socket.on('secureConnect', () => {
      resolve(String(socket.getPeerCertificate().subject.CN));
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

async function eventually(what: string, holds: () => Promise<boolean>): Promise<void> {
  const untilMs = clock.monotonicMs() + 10_000;
  while (!(await holds())) {
    if (clock.monotonicMs() > untilMs) throw new Error(`never: ${what}`);
  }
}

beforeAll(async () => {
  ca = await createCertificateAuthority({ commonName: 'test', clock });
  const app = ingressOf(
    'tls',
    [...hosts, 'x.wild.test', 'y.wild.test'].map((host) => [host, '/', 'a'] as const),
  );
  const tls = [
    ...['one', 'two', 'broken', 'absent', 'late'].map((name) => ({
      hosts: [`${name}.test`],
      secretName: name,
    })),
    { hosts: ['*.wild.test'], secretName: 'wild' },
    { hosts: ['bare.test'] },
  ];
  // Nobody gives a certificate to hosts that he does not name.
  const greedy = {
    metadata: { namespace: 'other', name: 'greedy' },
    spec: {
      ingressClassName: 'trireme',
      tls: [{ secretName: 'one' }],
      defaultBackend: backendOf('a'),
    },
  };
  const plain = {
    ...ingressOf('plain', [['plain.test', '/', 'a']]),
    metadata: {
      namespace: 'default',
      name: 'plain',
      annotations: { 'nginx.ingress.kubernetes.io/ssl-redirect': 'false' },
    },
  };
  const plainTls = { ...plain, spec: { ...plain.spec, tls: [{ hosts: ['plain.test'] }] } };
  const withTls = { ...app, spec: { ...app.spec, tls } };
  const objects: readonly KubeObject[] = [withTls, greedy, plainTls];
  lab = await startLab({}, objects);
  for (const name of ['one', 'two', 'wild']) {
    const host = name === 'wild' ? '*.wild.test' : `${name}.test`;
    await lab.api.create(resources.secrets, secret(name, await certificate(host)));
  }
  const [cert, other] = [await certificate('broken.test'), await certificate('other.test')];
  await lab.api.create(resources.secrets, secret('broken', { cert: cert.cert, key: other.key }));
  await eventually(
    'the first certificate',
    async () => (await nameServed('one.test')) === 'one.test',
  );
});

afterAll(() => lab.stop());

test.each([
  ['one.test', 'one.test'],
  ['TWO.test', 'two.test'],
  ['x.wild.test', '*.wild.test'],
  ['y.wild.test', '*.wild.test'],
  ['a.b.wild.test', 'ingress.local'],
  ['wild.test', 'ingress.local'],
  // A key that is another's, a Secret that is not there, none named, a host nobody has, no name at all.
  ['broken.test', 'ingress.local'],
  ['absent.test', 'ingress.local'],
  ['bare.test', 'ingress.local'],
  ['unknown.test', 'ingress.local'],
  ['', 'ingress.local'],
])('%s is served %s', async (servername, name) => {
  expect(await nameServed(servername)).toBe(name);
});

test('a renewed Secret, one that comes late, one that goes: without a restart', async () => {
  const key = { namespace: 'default', name: 'two' };
  const open = openHttp2(lab.https);
  const ask = { ':authority': 'two.test', ':path': '/' };
  expect((await askHttp2(open, ask)).status).toBe(200);
  const held = await lab.api.get<Secret>(resources.secrets, key);
  await lab.api.update(resources.secrets, {
    ...held,
    ...dataOf(await certificate('renewed.test')),
  });
  await eventually('renewed', async () => (await nameServed('two.test')) === 'renewed.test');
  await lab.api.create(resources.secrets, secret('late', await certificate('late.test')));
  await eventually('late', async () => (await nameServed('late.test')) === 'late.test');
  await lab.api.delete(resources.secrets, key);
  await eventually('gone', async () => (await nameServed('two.test')) === 'ingress.local');
  expect(await nameServed('one.test')).toBe('one.test');
  // A connection keeps the certificate that it began with.
  expect((await askHttp2(open, ask)).status).toBe(200);
  open.destroy();
});

function dataOf(pair: KeyPair): Pick<Secret, 'data'> {
  const { data } = secret('', pair);
  return data === undefined ? {} : { data };
}

test('TLS 1.2 at least', async () => {
  const old = {
    minVersion: 'TLSv1',
    maxVersion: 'TLSv1.1',
    ciphers: 'DEFAULT:@SECLEVEL=0',
  } as const;
  await expect(nameServed('one.test', old)).rejects.toThrow(/protocol version|unsupported/i);
  expect(await nameServed('one.test', { maxVersion: 'TLSv1.2' })).toBe('one.test');
  expect(await nameServed('one.test', { minVersion: 'TLSv1.3' })).toBe('one.test');
});

test('what is no TLS, or breaks off, harms nobody', async () => {
  for (const bytes of ['GET / HTTP/1.1\r\n\r\n', '\x16\x03\x01\xff\xff', '\x80\x00', '']) {
    await new Promise<void>((resolve) => {
      const socket = connectTcp(lab.https, '127.0.0.1', () => socket.end(bytes, 'latin1'));
      socket.on('error', () => undefined);
      socket.on('close', () => resolve());
      socket.resume();
    });
  }
  expect(await nameServed('one.test')).toBe('one.test');
});

test.each<readonly [string, string, number]>([
  ['one.test', '/x?y=1', 308],
  ['one.test', '/a/../b', 308],
  // The default certificate is TLS too.
  ['bare.test', '/', 308],
  // ACME's challenges come before the certificate.
  ['one.test', '/.well-known/acme-challenge/token', 200],
  // The annotation; no TLS section.
  ['plain.test', '/', 200],
  ['any.test', '/', 200],
])('plain HTTP to %s%s → %d', async (host, path, status) => {
  const answer = await exchange(
    lab.http,
    `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
  );
  expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  const location = /location: (\S+)/i.exec(answer)?.[1];
  const target = path === '/a/../b' ? '/b' : path;
  expect(location).toBe(status === 308 ? `https://${host}:${lab.https}${target}` : undefined);
});

test('over TLS there is nothing to redirect', async () => {
  const session = openHttp2(lab.https);
  expect((await askHttp2(session, { ':authority': 'one.test', ':path': '/' })).status).toBe(200);
  session.destroy();
});
