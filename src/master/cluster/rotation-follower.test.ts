import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeApi } from '../../client/testkit/fake.js';
import { ManualClock } from '../../lib/clock.js';
import { silentLogger } from '../../lib/log.js';
import { pemBlocks } from '../../lib/pki/bundle.js';
import { createClusterKeys, createMasterCertificates } from './pki.js';
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
  await take('trust');
  expect(pemBlocks(readFileSync(join(directory, 'ca.crt')))).toHaveLength(2);
  expect([issuerOf('apiserver'), issuerOf('etcd-peer')]).toEqual([
    'CN=trireme-ca',
    'CN=trireme-etcd-ca',
  ]);
  await take('use');
  expect([issuerOf('apiserver'), issuerOf('etcd-peer'), issuerOf('admin')]).toEqual([
    'CN=trireme-ca-r1',
    'CN=trireme-etcd-ca-r1',
    'CN=trireme-ca-r1',
  ]);
  await take('drop');
  expect(readFileSync(join(directory, 'ca.crt'), 'utf8')).toBe(pemBlocks(keys['ca.crt'] ?? '')[0]);
  expect(readFileSync(join(directory, 'encryption.key'), 'utf8')).toBe(keys['encryption.key']);
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
