/** Joining, from the token to the certificate: who gets which, and who gets none. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resources } from '../../client/resources.js';
import { FakeApi } from '../../client/testkit/fake.js';
import { systemClock } from '../../lib/clock.js';
import { Code } from '../../lib/grpc/index.js';
import { silentLogger } from '../../lib/log.js';
import {
  createCertificateAuthority,
  createSigningRequest,
  issueCertificate,
} from '../../lib/pki/certificates.js';
import { proveFormerKey } from '../../lib/pki/former-key.js';
import { createBootstrapHandlers } from './bootstrap-service.js';
import {
  clusterFiles,
  createClusterKeys,
  createMasterCertificates,
  readKeyPair,
  writeKeyFiles,
} from './pki.js';
import { defaultSettings, settingsToMap } from './settings.js';
import { calling } from './testkit/calling.js';
import { FakeStore } from './testkit/fake-store.js';
import type { TokenUsage } from './stored-token.js';
import { generateToken, storeToken } from './tokens.js';

const clock = systemClock();
let directory = '';

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'trireme-bootstrap-'));
  await createClusterKeys(directory, clock);
  const hosts = ['10.0.0.1'];
  await createMasterCertificates({
    directory,
    name: 'm1',
    hosts,
    settings: defaultSettings,
    clock,
  });
});

afterAll(() => rmSync(directory, { recursive: true }));

class Rig {
  readonly client = new FakeApi();
  readonly store = new FakeStore();
  readonly handlers = createBootstrapHandlers({
    client: this.client,
    store: this.store,
    pkiDirectory: directory,
    settings: defaultSettings,
    clusterToken: 'cluster',
    clock,
    log: silentLogger,
  });

  constructor() {
    this.store.add(1);
  }

  async token(...usages: TokenUsage[]): Promise<string> {
    const token = generateToken();
    await storeToken({ client: this.client, clock, token, usages, ttlMs: 60_000 });
    return `${token.id}.${token.secret}`;
  }

  async join(nodeName: string, from: Parameters<typeof calling>[0]) {
    const request = await requests(nodeName);
    return this.handlers.joinWorker({ nodeName, ...request, former: undefined }, calling(from));
  }

  /** Joins with the key of a certificate that was issued for a node a while ago, and has run out. */
  async joinAgain(nodeName: string, formerName: string, token: string) {
    const request = await requests(nodeName);
    const subject = {
      commonName: `system:node:${formerName}`,
      organizations: ['system:nodes'],
      usages: ['client'] as const,
    };
    const ca = await readKeyPair(directory, 'ca');
    const { cert, key } = await issueCertificate({ ca, subject, clock, days: -1 });
    const former = proveFormerKey({ certificate: cert, key }, request.csr);
    return this.handlers.joinWorker({ nodeName, ...request, former }, calling({ token }));
  }
}

async function requests(nodeName: string): Promise<{ csr: Buffer; servingCsr: Buffer }> {
  // They ask for more than they may have.
  const subject = { commonName: 'kubernetes-admin', organizations: ['system:masters'] };
  const hosts = [nodeName, '10.0.0.7', '10.0.0.1', 'kubernetes'];
  const client = await createSigningRequest({ ...subject, usages: ['client'] });
  const serving = await createSigningRequest({ ...subject, hosts, usages: ['server'] });
  return { csr: Buffer.from(client.request), servingCsr: Buffer.from(serving.request) };
}

describe('a worker', () => {
  test('gets certificates for its own name and address alone, and what it must know', async () => {
    const rig = new Rig();
    const answer = await rig.join('n1', { token: await rig.token('worker') });
    const { cert: ca } = await readKeyPair(directory, 'ca');
    const authority = new X509Certificate(ca);
    const [client, serving] = [answer.certificate, answer.servingCertificate].map(
      (pem) => new X509Certificate(pem),
    );
    for (const certificate of [client, serving]) {
      expect(certificate?.subject).toBe('O=system:nodes\nCN=system:node:n1');
      expect(certificate?.verify(authority.publicKey)).toBe(true);
    }
    expect(client?.subjectAltName).toBeUndefined();
    expect(serving?.subjectAltName).toBe('DNS:n1, IP Address:10.0.0.7');
    expect(answer).toMatchObject({
      ca: Buffer.from(ca),
      masters: [],
      clusterCidr: '10.244.0.0/16',
      serviceCidr: '10.96.0.0/16',
      clusterDns: '10.96.0.10',
      clusterDomain: 'cluster.local',
    });
  });

  test.each<[string, string | undefined]>([
    ['without a token', undefined],
    ['with one that is none', 'nonsense'],
    ['with one that nobody made', 'abcdef.0123456789abcdef'],
  ])('%s is not let in', async (_, token) => {
    await expect(new Rig().join('n1', token === undefined ? {} : { token })).rejects.toMatchObject({
      code: Code.Unauthenticated,
    });
  });

  test('is not let in with a token for masters', async () => {
    const rig = new Rig();
    await expect(rig.join('n1', { token: await rig.token('master') })).rejects.toMatchObject({
      code: Code.Unauthenticated,
    });
  });

  test.each(['', 'Node', '-n', 'n/1', '10.0.0.8', 'n'.repeat(254)])(
    'has no name such as %j',
    async (name) => {
      const rig = new Rig();
      await expect(rig.join(name, { token: await rig.token('worker') })).rejects.toMatchObject({
        code: Code.InvalidArgument,
      });
    },
  );

  test('may be named by the address that it calls from', async () => {
    const rig = new Rig();
    const token = await rig.token('worker');
    await expect(rig.join('10.0.0.7', { token })).resolves.toBeDefined();
  });

  test('takes no name that somebody has: a node, a master, the API, a machine that joins', async () => {
    const rig = new Rig();
    const token = await rig.token('worker');
    await rig.client.create(resources.nodes, { metadata: { name: 'there' } });
    await rig.join('joining', { token });
    const refused = { code: Code.AlreadyExists };
    for (const name of ['there', 'm1', 'kubernetes', 'joining']) {
      await expect(rig.join(name, { token })).rejects.toMatchObject(refused);
    }
  });

  test('asks again with the same key after a broken answer', async () => {
    const rig = new Rig();
    const token = await rig.token('worker');
    const request = { nodeName: 'n1', ...(await requests('n1')), former: undefined };
    await rig.handlers.joinWorker(request, calling({ token }));
    await expect(rig.handlers.joinWorker(request, calling({ token }))).resolves.toBeDefined();
  });

  test('whose certificate ran out while it was off keeps its name by the old key', async () => {
    const rig = new Rig();
    await rig.client.create(resources.nodes, { metadata: { name: 'n1' } });
    const token = await rig.token('worker');
    await expect(rig.join('n1', { token })).rejects.toMatchObject({ code: Code.AlreadyExists });
    const { certificate } = await rig.joinAgain('n1', 'n1', token);
    const renewed = new X509Certificate(certificate);
    expect(renewed.subject).toBe('O=system:nodes\nCN=system:node:n1');
    expect(Date.parse(renewed.validTo)).toBeGreaterThan(clock.nowMs());
    // By no other node's, and by none without a token.
    const refused = rig.joinAgain('n1', 'n2', token);
    await expect(refused).rejects.toMatchObject({ code: Code.AlreadyExists });
    const guessed = rig.joinAgain('n1', 'n1', 'abcdef.0123456789abcdef');
    await expect(guessed).rejects.toMatchObject({ code: Code.Unauthenticated });
  });

  test('whose request cannot be read is told so', async () => {
    const rig = new Rig();
    const csr = Buffer.from('x');
    const request = { nodeName: 'n1', csr, servingCsr: csr, former: undefined };
    const context = calling({ token: await rig.token('worker') });
    await expect(rig.handlers.joinWorker(request, context)).rejects.toMatchObject({
      code: Code.InvalidArgument,
    });
  });
});

describe('a master', () => {
  const request = {
    name: 'm2',
    address: '10.0.0.2',
    peerUrl: 'https://10.0.0.2:2380',
    clientUrl: 'https://10.0.0.2:2379',
  };

  test('gets the keys of the cluster and a place in the store', async () => {
    const rig = new Rig();
    const context = calling({ token: await rig.token('master') });
    const answer = await rig.handlers.joinMaster(request, context);
    expect(Object.keys(answer.files).toSorted()).toEqual(clusterFiles.toSorted());
    expect(answer).toMatchObject({
      initialCluster: 'm1=https://10.0.0.1:2380,m2=https://10.0.0.2:2380',
      storeEndpoints: ['https://10.0.0.1:2379'],
      clusterToken: 'cluster',
      settings: settingsToMap(defaultSettings),
    });
  });

  test('is not let in with a token for workers, nor under a name that is none', async () => {
    const rig = new Rig();
    const worker = calling({ token: await rig.token('worker') });
    await expect(rig.handlers.joinMaster(request, worker)).rejects.toMatchObject({
      code: Code.Unauthenticated,
    });
    const master = calling({ token: await rig.token('master') });
    await expect(
      rig.handlers.joinMaster({ ...request, name: 'm2=x' }, master),
    ).rejects.toMatchObject({ code: Code.InvalidArgument });
    expect(rig.store.calls).toEqual([]);
  });
});

describe('a renewal', () => {
  const node = { commonName: 'system:node:n1', organizations: ['system:nodes'] };

  test('is for the node that holds the certificate, whatever it asks for', async () => {
    const { handlers } = new Rig();
    const { csr, servingCsr } = await requests('n1');
    const renew = async (request: Buffer): Promise<X509Certificate> => {
      const { certificate } = await handlers.renew(
        { csr: request },
        calling({ certificate: node }),
      );
      return new X509Certificate(certificate);
    };
    expect((await renew(csr)).subject).toBe('O=system:nodes\nCN=system:node:n1');
    expect((await renew(servingCsr)).subjectAltName).toBe('DNS:n1, IP Address:10.0.0.7');
  });

  test('the authorities of now are told to nodes, which of them signs included', async () => {
    const { handlers } = new Rig();
    const old = await readKeyPair(directory, 'ca');
    const young = await createCertificateAuthority({ commonName: 'young', clock });
    await writeKeyFiles(directory, { 'ca.crt': old.cert + young.cert, 'ca.key': young.key });
    try {
      const { ca, signer } = await handlers.authorities({}, calling({ certificate: node }));
      expect([ca.toString(), signer.toString()]).toEqual([old.cert + young.cert, young.cert]);
    } finally {
      await writeKeyFiles(directory, { 'ca.crt': old.cert, 'ca.key': old.key });
    }
    const context = calling({ certificate: { ...node, organizations: [] } });
    await expect(handlers.authorities({}, context)).rejects.toMatchObject({
      code: Code.PermissionDenied,
    });
  });

  test.each([
    ['nobody', undefined],
    ['a user of that name', { ...node, organizations: ['system:masters'] }],
    ['a member of the group with another name', { ...node, commonName: 'n1' }],
    ['a node without a name', { ...node, commonName: 'system:node:' }],
  ])('is not for %s', async (_, certificate) => {
    const { csr } = await requests('n1');
    const context = calling(certificate === undefined ? {} : { certificate });
    await expect(new Rig().handlers.renew({ csr }, context)).rejects.toMatchObject({
      code: Code.PermissionDenied,
    });
  });
});
