/** The etcd client library of the npm registry (`etcd3`, unchanged) against three members of ours. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Etcd3, EtcdLockFailedError, Range } from 'etcd3';
import type { Watcher } from 'etcd3';
import { TestCluster, waitFor } from './etcd-processes.js';

let cluster: TestCluster;
let client: Etcd3;

beforeAll(async () => {
  cluster = await TestCluster.start(3);
  client = new Etcd3({ hosts: cluster.members.map((member) => member.clientUrl) });
}, 60_000);

afterAll(async () => {
  client.close();
  await cluster.stop();
});

describe('etcd3', () => {
  test('put, get, ranges, sort, limit, delete', async () => {
    for (const n of [3, 1, 2]) await client.put(`n/${n}`).value(String(n));
    expect(await client.get('n/2')).toBe('2');
    expect(await client.get('n/9')).toBeNull();
    expect(await client.getAll().prefix('n/').keys()).toEqual(['n/1', 'n/2', 'n/3']);
    const last = await client.getAll().prefix('n/').sort('Key', 'Descend').limit(1).strings();
    expect(last).toEqual({ 'n/3': '3' });
    expect(await client.getAll().prefix('n/').count()).toBe(3);
    const gone = await client.delete().prefix('n/').getPrevious();
    expect(gone.map((kv) => kv.value.toString()).toSorted()).toEqual(['1', '2', '3']);
  });

  test('transactions', async () => {
    await client.put('t').value('old');
    const swap = (from: string, to: string) =>
      client
        .if('t', 'Value', '==', from)
        .then(client.put('t').value(to))
        .else(client.get('t'))
        .commit();
    expect((await swap('old', 'new')).succeeded).toBe(true);
    const refused = await swap('old', 'newer');
    expect(refused.succeeded).toBe(false);
    expect(refused.responses[0]?.response_range.kvs[0]?.value.toString()).toBe('new');
  });

  test('a watch sees every change once and in order', async () => {
    const seen: string[] = [];
    const watcher: Watcher = await client.watch().prefix('w/').create();
    watcher.on('put', (kv) => seen.push(`put ${kv.value.toString()}`));
    watcher.on('delete', (kv) => seen.push(`delete ${kv.key.toString()}`));
    for (let n = 0; n < 20; n++) await client.put('w/k').value(String(n));
    await client.delete().key('w/k');
    await waitFor('all events are there', () => seen.length >= 21);
    await watcher.cancel();
    expect(seen).toEqual([...Array.from({ length: 20 }, (_, n) => `put ${n}`), 'delete w/k']);
  });

  test('a lease takes its keys along, and a lock holds', async () => {
    const lease = client.lease(30);
    await lease.put('l/k').value('x');
    expect(await client.get('l/k').string()).toBe('x');
    await lease.revoke();
    expect(await client.get('l/k')).toBeNull();
    const lock = await client.lock('mutex').ttl(30).acquire();
    await expect(client.lock('mutex').ttl(30).acquire()).rejects.toBeInstanceOf(
      EtcdLockFailedError,
    );
    await lock.release();
    await (await client.lock('mutex').ttl(30).acquire()).release();
  });

  test('an election', async () => {
    const campaign = client.election('e').campaign('me');
    await new Promise((resolve, reject) => {
      campaign.once('elected', resolve);
      campaign.once('error', reject);
    });
    expect(await client.election('e').leader()).toBe('me');
    await campaign.resign();
  });

  test('users and roles', async () => {
    await client.role('reader').create();
    const reader = client.role('reader');
    await reader.grant({ permission: 'Read', range: Range.prefix('open/') });
    await client.user('someone').create('secret');
    await client.user('someone').addRole('reader');
    const permissions = await reader.permissions();
    expect(permissions).toHaveLength(1);
    await client.user('someone').delete();
    await reader.delete();
  });
});
