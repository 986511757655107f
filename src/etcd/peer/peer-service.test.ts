import { expect, test } from '@jest/globals';
import type { SnapshotChunk } from '../../gen/raft.js';
import type { CallContext } from '../../lib/grpc/types.js';
import { callerMetadata } from './caller.js';
import type { Caller } from './caller.js';
import { PeerService } from './peer-service.js';
import type { PeerHost } from './types.js';

const host = {
  clusterId: 7n,
  memberId: 1n,
  isRemoved: (id: bigint) => id === 3n,
  admit: (from: bigint) => (from === 4n ? Promise.reject(new Error('not yet')) : Promise.resolve()),
  newSnapshotPath: () => {
    throw new Error('takes a snapshot');
  },
} as unknown as PeerHost;

async function* nothing(): AsyncGenerator<SnapshotChunk> {
  // The caller is looked at before its chunks.
}

test.each<[string, Caller, string]>([
  ['a member', { clusterId: 7n, from: 2n, to: 1n }, 'takes a snapshot'],
  ['one of another cluster', { clusterId: 8n, from: 2n, to: 1n }, 'cluster ID mismatch'],
  ['one that was removed', { clusterId: 7n, from: 3n, to: 1n }, 'permanently removed'],
  ['one that looks for another', { clusterId: 7n, from: 2n, to: 9n }, 'member not found'],
  ['one that is not listened to yet', { clusterId: 7n, from: 4n, to: 1n }, 'not yet'],
])('a snapshot from %s', async (_, caller, outcome) => {
  const context = { metadata: callerMetadata(caller) } as CallContext;
  await expect(new PeerService(host).snapshot(nothing(), context)).rejects.toThrow(outcome);
});
