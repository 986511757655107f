import { expect, test } from '@jest/globals';
import { ServerPeerHost } from './peer-host.js';
import type { EtcdServer } from './server.js';

test('a promotion is carried out by the leader alone, and never passed on by who was asked', async () => {
  const promoted: bigint[] = [];
  const server = {
    isLeader: false,
    changes: { promote: (id: bigint) => Promise.resolve(promoted.push(id)) },
  };
  const host = new ServerPeerHost(server as unknown as EtcdServer);
  await expect((async () => host.promoteMember(5n))()).rejects.toThrow('etcdserver: not leader');
  expect(promoted).toEqual([]);
  server.isLeader = true;
  await host.promoteMember(5n);
  expect(promoted).toEqual([5n]);
});
