/** A write that changes nothing is one all the same where the value is encrypted with a key that goes. */
import { expect, test } from '@jest/globals';
import { builtInRegistry } from '../../../api/kinds.js';
import type { KubeObject } from '../../../api/object.js';
import { ManualClock } from '../../../lib/clock.js';
import type { EncryptionKey } from '../../../lib/pki/encryption-keys.js';
import { silentLogger } from '../../../lib/log.js';
import { systemRandom } from '../../../lib/random.js';
import { WatchCache } from '../cache/watch-cache.js';
import { encryptedValues } from '../storage/encryption.js';
import { MemoryStore } from '../storage/testkit/memory-store.js';
import { Objects } from './objects.js';

const key = (name: string, byte: number): EncryptionKey => ({
  name,
  secret: Buffer.alloc(32, byte),
});

test('it is written once with the first key, and then no more', async () => {
  const kind = builtInRegistry().byResource('', '', 'secrets');
  if (kind === undefined) throw new Error('no secrets');
  let keys = [key('old', 1)];
  const values = encryptedValues({ keys: () => keys, prefixes: ['/registry/secrets/'] });
  const parts = { store: new MemoryStore(), clock: new ManualClock(), log: silentLogger, values };
  const watchCache = new WatchCache(parts);
  await watchCache.start();
  const objects = new Objects({ ...parts, watchCache, random: systemRandom });
  const place = { kind, namespace: 'ns', name: 'a' };
  const secret = {
    kind: 'Secret',
    apiVersion: 'v1',
    metadata: { name: 'a', namespace: 'ns' },
    data: { a: 'eA==' },
  } as unknown as KubeObject;
  await objects.create(place, secret);
  const stored = async (): Promise<string> => {
    const { kv } = await parts.store.get('/registry/secrets/ns/a');
    return /^k8s:enc:aesgcm:v1:(\w+):/.exec(kv?.value.toString('latin1') ?? '')?.[1] ?? '';
  };
  const unchanged = async (): Promise<number> => {
    const before = await watchCache.fresh();
    await objects.change(place, (old) => ({ next: old }));
    return (await watchCache.fresh()) - before;
  };
  expect([await unchanged(), await stored()]).toEqual([0, 'old']);
  keys = [key('young', 2), ...keys];
  const before = await watchCache.fresh();
  await objects.change(place, (old) => ({ next: old, isDry: true }));
  expect([(await watchCache.fresh()) - before, await stored()]).toEqual([0, 'old']);
  expect([await unchanged(), await stored()]).toEqual([1, 'young']);
  expect([await unchanged(), await stored()]).toEqual([0, 'young']);
  keys = [key('young', 2)];
  expect((await objects.get(place)).parse()).toMatchObject({ data: { a: 'eA==' } });
});
