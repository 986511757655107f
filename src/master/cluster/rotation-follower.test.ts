import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConfigMap } from '../../api/types/core.js';
import { FakeApi } from '../../client/testkit/fake.js';
import { ManualClock } from '../../lib/clock.js';
import { silentLogger } from '../../lib/log.js';
import { pemBlocks } from '../../lib/pki/bundle.js';
import { createCertificateAuthority } from '../../lib/pki/certificates.js';
import { createClusterKeys, createMasterCertificates, readAuthority } from './pki.js';
import { followRotation } from './rotation-follower.js';
import {
  createRotationKeys,
  deleteRotation,
  readRotation,
  rotationSecret,
  writeRotation,
} from './rotation-keys.js';
import type { Rotation, RotationStep } from './rotation.js';
import { rotationParts } from './rotation.js';
import { defaultSettings } from './settings.js';
import { resources } from '../../client/resources.js';

const trustMap = { namespace: 'kube-system', name: 'extension-apiserver-authentication' };
let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'trireme-rotation-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const issuerOf = (name: string): string =>
  new X509Certificate(readFileSync(join(directory, `${name}.crt`))).issuer;

test('a master follows each step, and says so when it is in force', async () => {
  const clock = new ManualClock(Date.UTC(2026, 0, 1));
  const client = new FakeApi();
  await createClusterKeys(directory, clock);
  const own = { directory, name: 'm1', hosts: [], settings: defaultSettings, clock };
  await createMasterCertificates(own);
  const oldFrontProxy = readFileSync(join(directory, 'front-proxy-ca.crt'), 'utf8');
  const ofAnother = (await createCertificateAuthority({ commonName: 'm2', clock })).cert;
  await client.create<ConfigMap>(resources.configMaps, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: trustMap,
    data: {
      'client-ca-file': readFileSync(join(directory, 'ca.crt'), 'utf8'),
      'requestheader-client-ca-file': ofAnother + oldFrontProxy,
      'requestheader-allowed-names': '["front-proxy-client"]',
    },
  });
  /** What servers behind the API believe. */
  const believed = async (field: string): Promise<string[]> => {
    const { data = {} } = await client.get<ConfigMap>(resources.configMaps, trustMap);
    return pemBlocks(data[field] ?? '').map((pem) => new X509Certificate(pem).subject);
  };
  const said: string[] = [];
  let changes = 0;
  const stop = new AbortController();
  const over = followRotation(
    {
      ...own,
      client,
      log: silentLogger,
      onChanged: async () => void (changes += 1),
      onFollowed: (mark) => said.push(mark),
    },
    stop.signal,
  );
  const untilSaid = async (mark: string): Promise<void> => {
    while (said.at(-1) !== mark) {
      clock.advance(1000);
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    }
  };
  const keys = await createRotationKeys(rotationParts, 'r1', clock);
  const at = (step: RotationStep): Rotation => ({
    id: 'r1',
    parts: rotationParts,
    step,
    sinceMs: clock.nowMs(),
    rewritten: false,
    keys,
  });
  const take = async (step: RotationStep): Promise<void> => {
    await writeRotation(client, at(step), await readRotation(client));
    await untilSaid(`r1/${step}`);
  };
  // Of a rotation that was taken back.
  writeFileSync(join(directory, 'front-proxy-ca-r0.key'), '');
  await take('trust');
  expect(readdirSync(directory).filter((name) => name.includes('ca-r'))).toEqual([
    'front-proxy-ca-r1.crt',
    'front-proxy-ca-r1.key',
  ]);
  expect(pemBlocks(readFileSync(join(directory, 'ca.crt')))).toHaveLength(2);
  expect([issuerOf('apiserver'), issuerOf('etcd-peer')]).toEqual([
    'CN=trireme-ca',
    'CN=trireme-etcd-ca',
  ]);
  expect(issuerOf('front-proxy-client')).toBe('CN=trireme-front-proxy-ca-m1');
  expect(await believed('client-ca-file')).toEqual(['CN=trireme-ca', 'CN=trireme-ca-r1']);
  expect(await believed('requestheader-client-ca-file')).toEqual([
    'CN=m2',
    'CN=trireme-front-proxy-ca-m1',
    'CN=trireme-front-proxy-ca-m1-r1',
  ]);
  await take('use');
  expect(issuerOf('front-proxy-client')).toBe('CN=trireme-front-proxy-ca-m1-r1');
  expect(await believed('requestheader-client-ca-file')).toHaveLength(3);
  expect([issuerOf('apiserver'), issuerOf('etcd-peer'), issuerOf('admin')]).toEqual([
    'CN=trireme-ca-r1',
    'CN=trireme-etcd-ca-r1',
    'CN=trireme-ca-r1',
  ]);
  await take('drop');
  expect(readFileSync(join(directory, 'ca.crt'), 'utf8')).toBe(pemBlocks(keys['ca.crt'] ?? '')[0]);
  expect(readFileSync(join(directory, 'encryption.key'), 'utf8')).toBe(keys['encryption.key']);
  expect(await believed('client-ca-file')).toEqual(['CN=trireme-ca-r1']);
  expect(await believed('requestheader-client-ca-file')).toEqual([
    'CN=m2',
    'CN=trireme-front-proxy-ca-m1-r1',
  ]);
  expect(pemBlocks(readFileSync(join(directory, 'front-proxy-ca.crt')))).toHaveLength(1);
  expect((await readAuthority(directory, 'front-proxy-ca')).cert).not.toBe(oldFrontProxy);
  expect(readdirSync(directory).filter((name) => name.includes('r1'))).toEqual([]);
  expect(changes).toBe(3);
  const stored = await readRotation(client);
  if (stored === undefined) throw new Error('the rotation is gone');
  const stale = { ...stored, resourceVersion: '1' };
  await expect(deleteRotation(client, stale)).rejects.toMatchObject({ reason: 'Conflict' });
  await deleteRotation(client, stored);
  await deleteRotation(client, stored);
  stop.abort();
  await over;
});

test('a rotation of another build, or one that is damaged, is not followed', async () => {
  const clock = new ManualClock(Date.UTC(2026, 0, 1));
  const client = new FakeApi();
  const keys = await createRotationKeys(['encryption'], 'r1', clock);
  const rotation: Rotation = {
    id: 'r1',
    parts: ['encryption'],
    step: 'trust',
    sinceMs: 1,
    rewritten: false,
    keys,
  };
  await writeRotation(client, rotation, undefined);
  const stored = await readRotation(client);
  expect(stored?.rotation).toEqual(rotation);
  const odd = { ...rotation, step: 'dance' as RotationStep };
  await writeRotation(client, odd, stored);
  await expect(readRotation(client)).rejects.toThrow('is of another build');
  const type = 'application/merge-patch+json';
  const data = { 'encryption.key': Buffer.from('short').toString('base64') };
  await writeRotation(
    client,
    rotation,
    await client
      .get(resources.secrets, rotationSecret)
      .then(({ metadata }) => ({ rotation, resourceVersion: metadata.resourceVersion ?? '' })),
  );
  await client.patch(resources.secrets, rotationSecret, type, { data });
  await expect(readRotation(client)).rejects.toThrow('32 bytes');
});
