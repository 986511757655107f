import { describe, expect, test } from '@jest/globals';
import type { SnapshotChunk } from '../../gen/raft.js';
import type { CallContext } from '../../lib/grpc/types.js';
import { etcdError } from '../apply/errors.js';
import { callerMetadata } from './caller.js';
import type { Caller } from './caller.js';
import { Telemetry } from '../telemetry/telemetry.js';
import { PeerService } from './peer-service.js';
import type { PeerHost } from './types.js';

const host = {
  clusterId: 7n,
  memberId: 1n,
  isRemoved: (id: bigint) => id === 3n,
  checkLogVersion: (_from: bigint, logVersion: number) => {
    if (logVersion < 2) throw etcdError('logVersionUnknown');
  },
  admit: (from: bigint) => (from === 4n ? Promise.reject(new Error('not yet')) : Promise.resolve()),
  newSnapshotPath: () => {
    throw new Error('takes a snapshot');
  },
} as unknown as PeerHost;

const member: Caller = { clusterId: 7n, from: 2n, to: 1n, logVersion: 2 };

async function* nothing(): AsyncGenerator<SnapshotChunk> {
  // The caller is looked at before its chunks.
}

test.each<[string, Caller, string]>([
  ['a member', member, 'takes a snapshot'],
  [
    'one of another cluster',
    { clusterId: 8n, from: 2n, to: 1n, logVersion: 2 },
    'cluster ID mismatch',
  ],
  [
    'one that was removed',
    { clusterId: 7n, from: 3n, to: 1n, logVersion: 2 },
    'permanently removed',
  ],
  [
    'one that looks for another',
    { clusterId: 7n, from: 2n, to: 9n, logVersion: 2 },
    'member not found',
  ],
  ['one of an older build', { ...member, logVersion: 1 }, 'does not know the log version'],
  [
    'one that is not listened to yet',
    { clusterId: 7n, from: 4n, to: 1n, logVersion: 2 },
    'not yet',
  ],
])('a snapshot from %s', async (_, caller, outcome) => {
  const context = { metadata: callerMetadata(caller) } as CallContext;
  await expect(
    new PeerService(host, new Telemetry().network).snapshot(nothing(), context),
  ).rejects.toThrow(outcome);
});

test('a caller that says nothing of its log version is of a build without gates', async () => {
  const metadata = new Map(callerMetadata(member));
  metadata.delete('log-version');
  const call = new PeerService(host, new Telemetry().network).snapshot(nothing(), {
    metadata,
  } as unknown as CallContext);
  await expect(call).rejects.toThrow('does not know the log version');
});

describe('calls with one answer', () => {
  const served = {
    ...host,
    renewLease: () => Promise.resolve(5),
    leaseTimeToLive: () => ({ TTL: 5 }),
    promoteMember: () => Promise.resolve(),
    hashKV: () => Promise.resolve({ hash: 5 }),
  } as unknown as PeerHost;
  const service = new PeerService(served, new Telemetry().network);
  const calls: Readonly<Record<string, (context: CallContext) => unknown>> = {
    leaseRenew: (context) => service.leaseRenew({ ID: 1n }, context),
    leaseTimeToLive: (context) => service.leaseTimeToLive({ ID: 1n, keys: false }, context),
    memberPromote: (context) => service.memberPromote({ ID: 1n }, context),
    hashKV: (context) => service.hashKV({ revision: 0 }, context),
  };
  const outcome = async (name: string, metadata: unknown): Promise<string> => {
    try {
      await calls[name]?.({ metadata } as CallContext);
      return 'served';
    } catch (error) {
      return (error as Error).message;
    }
  };

  test.each(Object.keys(calls))(
    '%s serves members, and builds that do not say who asks',
    async (name) => {
      const asked = [
        callerMetadata(member),
        new Map(),
        callerMetadata({ ...member, clusterId: 8n }),
        callerMetadata({ ...member, from: 3n }),
        callerMetadata({ ...member, to: 9n }),
      ];
      expect(await Promise.all(asked.map((metadata) => outcome(name, metadata)))).toEqual([
        'served',
        'served',
        'etcdserver: cluster ID mismatch',
        'the member has been permanently removed from the cluster',
        'etcdserver: member not found',
      ]);
    },
  );
});
