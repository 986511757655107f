import { expect, test } from '@jest/globals';
import { RangeResponse } from '../../gen/etcd/rpc.js';
import type { LeaderResponse } from '../../gen/etcd/v3election.js';
import { Code } from '../../lib/grpc/types.js';
import type { CallContext, Sender } from '../../lib/grpc/types.js';
import { etcdError } from '../apply/errors.js';
import type { WatchBatch, WatchSink } from '../mvcc/types.js';
import type { LockMember, LockStore } from './queue-lock.js';
import { ElectionService } from './election.js';
import { KvService } from './kv.js';
import type { KvMember } from './kv.js';
import { LeaseService } from './lease.js';
import type { LeaseMember, LeaseRenewals } from './lease.js';
import { LockService } from './lock.js';
import type { SessionLeases } from './lock.js';
import type { CallerIdentity } from './auth-info.js';
import type { Quota } from '../guards/quota.js';

const none = Buffer.alloc(0);
const noLeases = {} as SessionLeases;

/** Observes through a store whose reads end so. */
function observe(range: () => Uint8Array): {
  readonly sink: Promise<WatchSink>;
  readonly end: Promise<void>;
} {
  let watched: (sink: WatchSink) => void = () => undefined;
  const sink = new Promise<WatchSink>((resolve) => {
    watched = resolve;
  });
  const watch = (_request: unknown, to: WatchSink): object => {
    watched(to);
    return { cancel: () => undefined };
  };
  const server = { store: { watch } } as unknown as LockMember;
  const context = { signal: new AbortController().signal } as CallContext;
  const service = new ElectionService(server, { range } as unknown as LockStore, noLeases);
  const request = { name: Buffer.from('election') };
  return { sink, end: service.observe(request, {} as Sender<LeaderResponse>, context) };
}

test('an observation whose watch fell behind a compaction ends, and does not wait for ever', async () => {
  const nobody = RangeResponse.encode(RangeResponse.decode(none)).finish();
  const { sink, end } = observe(() => nobody);
  (await sink).send({ kind: 'compacted' } as WatchBatch);
  await expect(end).resolves.toBeUndefined();
});

test('an observation by whom may not read ends without a word, as in etcd', async () => {
  const { end } = observe(() => {
    throw etcdError('userEmpty');
  });
  await expect(end).resolves.toBeUndefined();
});

/** The services, on a member that only notes what is proposed. @param known what the token is found to be */
function newServices(known: () => void = () => undefined): {
  readonly proposed: unknown[];
  readonly election: ElectionService;
  readonly lock: LockService;
} {
  const proposed: unknown[] = [];
  const server = {
    config: { maxTxnOps: 128 },
    requests: {
      mayPropose: () => true,
      propose: (kind: string) => Promise.resolve({ grantedTtlSeconds: proposed.push(kind) }),
    },
    header: () => undefined,
  } as unknown as LockMember & KvMember & LeaseMember;
  const identity = {
    of: () => undefined,
    known: async () => known(),
  } as unknown as CallerIdentity;
  const quota = { refusal: () => undefined } as unknown as Quota;
  const kv = new KvService(server, identity, quota);
  const keeper = {} as LeaseRenewals;
  const leases = new LeaseService(server, { identity, quota, keeper });
  const election = new ElectionService(server, kv, leases);
  return { proposed, election, lock: new LockService(server, kv, leases) };
}

const context = {} as CallContext;

test('a leader or a lock without a key is refused, and nothing is written', async () => {
  const { proposed, election, lock } = newServices();
  const leader = { name: none, key: none, rev: 0, lease: 7n };
  const refusal = { code: Code.Unknown, message: 'etcdserver: key is not provided' };
  const calls = [
    () => election.proclaim({ leader, value: none }, context),
    () => election.resign({ leader }, context),
    () => lock.unlock({ key: none }, context),
  ];
  for (const call of calls) await expect(call()).rejects.toMatchObject(refusal);
  expect(proposed).toEqual([]);
});

test('a leader without a lease gets one first, also where the rest is refused', async () => {
  const { proposed, election } = newServices();
  const leader = { name: none, key: none, rev: 0, lease: 0n };
  await expect(election.resign({ leader }, context)).rejects.toThrow('key is not provided');
  expect(proposed).toEqual(['leaseGrant']);
});

test('who may grant no lease by hand gets none by a lock or an election', async () => {
  const { proposed, election, lock } = newServices(() => {
    throw etcdError('userEmpty');
  });
  const leader = { name: none, key: none, rev: 0, lease: 0n };
  const name = Buffer.from('a');
  const calls = [
    () => lock.lock({ name, lease: 0n }, context),
    () => election.campaign({ name, lease: 0n, value: none }, context),
    () => election.proclaim({ leader, value: none }, context),
    () => election.resign({ leader }, context),
  ];
  for (const call of calls) await expect(call()).rejects.toThrow('user name is empty');
  expect(proposed).toEqual([]);
});
