import { expect, test } from '@jest/globals';
import { MemberAttributes } from '../../gen/etcd/internal.js';
import { MemoryStorage } from '../../raft/index.js';
import { encodeEntry } from '../apply/entry.js';
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

test('a member that is listed has the addresses that the log holds, though they are not applied yet', () => {
  const attributes = { memberId: 3n, name: 'm3', clientUrls: ['http://127.0.0.1:2379'] };
  const payload = MemberAttributes.encode(attributes).finish();
  const head = { kind: 'memberAttributes', origin: 1, sequence: 1, auth: undefined } as const;
  const storage = new MemoryStorage();
  storage.append([
    { term: 1, index: 1, type: 'normal', data: new Uint8Array(0) },
    { term: 1, index: 2, type: 'normal', data: encodeEntry(head, payload) },
  ]);
  const listed = { id: 3n, name: '', peerUrls: [], clientUrls: [], isLearner: false };
  const server = {
    clusterId: 7n,
    membership: { members: [listed] },
    node: { appliedIndex: 1 },
    stored: { storage },
  };
  const host = new ServerPeerHost(server as unknown as EtcdServer);
  expect(host.members().members).toMatchObject([{ ID: 3n, clientURLs: attributes.clientUrls }]);
});
