import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { ManualClock, systemClock } from '../lib/clock.js';
import type { Clock } from '../lib/clock.js';
import type { KeyPair } from '../lib/pki/certificates.js';
import { createCertificateAuthority, issueCertificate } from '../lib/pki/certificates.js';
import { formatKubeconfig, loadClientConfig } from './kubeconfig.js';

let directory = '';
const path = (name: string): string => join(directory, name);

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'trireme-kubeconfig-'));
});

afterEach(() => rmSync(directory, { recursive: true }));

async function credentials(clock: Clock): Promise<{ ca: string } & KeyPair> {
  const ca = await createCertificateAuthority({ commonName: 'ca', clock });
  const subject = { commonName: 'kubernetes-admin', usages: ['client'] } as const;
  return { ca: ca.cert, ...(await issueCertificate({ ca, subject, clock })) };
}

const contexts = [
  { name: 'trireme', server: 'https://10.0.0.1:6443', grpc: ['10.0.0.1:6444', '10.0.0.2:6444'] },
  { name: 'master-2', server: 'https://10.0.0.2:6443', grpc: ['10.0.0.2:6444'] },
];

describe('a kubeconfig that we write', () => {
  test('is one that kubectl reads: contexts, clusters, one user, all embedded', () => {
    const text = formatKubeconfig({ contexts, user: 'me', ca: 'CA', cert: 'CERT', key: 'KEY' });
    const base64 = (content: string): string => Buffer.from(content).toString('base64');
    expect(parse(text)).toEqual({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'trireme',
      preferences: {},
      clusters: contexts.map(({ name, server, grpc }) => ({
        name,
        cluster: {
          server,
          'certificate-authority-data': base64('CA'),
          extensions: [{ name: 'trireme.dev/grpc', extension: { servers: grpc } }],
        },
      })),
      contexts: contexts.map(({ name }) => ({
        name,
        context: { cluster: name, user: 'me', namespace: 'default' },
      })),
      users: [
        {
          name: 'me',
          user: { 'client-certificate-data': base64('CERT'), 'client-key-data': base64('KEY') },
        },
      ],
    });
  });

  test('says, read again, where gRPC is, and as whom to come', async () => {
    const { ca, cert, key } = await credentials(systemClock());
    writeFileSync(path('config'), formatKubeconfig({ contexts, user: 'me', ca, cert, key }));
    const kubeconfig = path('config');
    await expect(loadClientConfig({ kubeconfig })).resolves.toEqual({
      servers: ['10.0.0.1:6444', '10.0.0.2:6444'],
      namespace: 'default',
      tls: { ca: Buffer.from(ca), cert: Buffer.from(cert), key: Buffer.from(key) },
    });
    const other = await loadClientConfig({ kubeconfig, context: 'master-2' });
    expect(other.servers).toEqual(['10.0.0.2:6444']);
  });
});

describe('a kubeconfig of another program', () => {
  const foreign = (server: string): string =>
    JSON.stringify({
      'current-context': 'c',
      clusters: [{ name: 'k', cluster: { server, 'certificate-authority': path('ca') } }],
      contexts: [{ name: 'c', context: { cluster: 'k', user: 'u', namespace: 'ours' } }],
      users: [{ name: 'u', user: { 'client-key': path('key') } }],
    });

  test.each([
    ['https://api.example.com:8443', 'api.example.com:8444'],
    ['https://api.example.com', 'api.example.com:444'],
  ])('for %s: gRPC is one port above, files are read', async (server, grpc) => {
    writeFileSync(path('ca'), 'CA');
    writeFileSync(path('key'), 'KEY');
    writeFileSync(path('config'), foreign(server));
    await expect(loadClientConfig({ kubeconfig: path('config') })).resolves.toEqual({
      servers: [grpc],
      namespace: 'ours',
      tls: { ca: Buffer.from('CA'), key: Buffer.from('KEY') },
    });
  });
});

describe('a kubeconfig that does not do', () => {
  test('is told by its name, with what to do', async () => {
    const kubeconfig = path('none');
    await expect(loadClientConfig({ kubeconfig })).rejects.toMatchObject({
      name: 'UsageError',
      message: expect.stringMatching(/^no cluster is known: ENOENT.*; name one by --kubeconfig$/),
    });
    writeFileSync(kubeconfig, '{ clusters: [');
    await expect(loadClientConfig({ kubeconfig })).rejects.toThrow('no cluster is known: ');
    writeFileSync(
      kubeconfig,
      formatKubeconfig({ contexts, user: 'me', ca: '', cert: '', key: '' }),
    );
    await expect(loadClientConfig({ kubeconfig, context: 'other' })).rejects.toThrow(
      `${kubeconfig} has no context "other"`,
    );
  });

  test('for its certificate that has ended', async () => {
    const { ca, cert, key } = await credentials(new ManualClock(Date.UTC(2020, 0, 1)));
    const kubeconfig = path('config');
    writeFileSync(kubeconfig, formatKubeconfig({ contexts, user: 'me', ca, cert, key }));
    await expect(loadClientConfig({ kubeconfig })).rejects.toThrow(
      /^the client certificate in .* expired on 2020-12-31T00:00:00\.000Z; scripts\/up renews/,
    );
  });
});
