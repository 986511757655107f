import { expect, test } from '@jest/globals';
import type { LeaderResponse } from '../../gen/etcd/v3election.js';
import { Code } from '../../lib/grpc/types.js';
import type { CallContext, Sender } from '../../lib/grpc/types.js';
import type { WatchBatch, WatchSink } from '../mvcc/types.js';
import type { LockMember } from './queue-lock.js';
import type { CallerIdentity } from './auth-info.js';
import { ElectionService } from './election.js';
import { LockService } from './lock.js';

test('an observation whose watch fell behind a compaction ends, and does not wait for ever', async () => {
  let watched: (sink: WatchSink) => void = () => undefined;
  const sink = new Promise<WatchSink>((resolve) => {
    watched = resolve;
  });
  const store = {
    range: () => ({ kvs: [] }),
    watch: (_request: unknown, to: WatchSink) => {
      watched(to);
      return { cancel: () => undefined };
    },
  };
  const server = { store, auth: { checkRange: () => undefined } } as unknown as LockMember;
  const identity = { of: () => undefined } as unknown as CallerIdentity;
  const context = { signal: new AbortController().signal } as CallContext;
  const observed = new ElectionService(server, identity).observe(
    { name: Buffer.from('election') },
    {} as Sender<LeaderResponse>,
    context,
  );
  (await sink).send({ kind: 'compacted' } as WatchBatch);
  await expect(observed).rejects.toThrow('election: observe closed early');
});

test('a leader or a lock without a key is refused, and nothing is written', async () => {
  const proposed: unknown[] = [];
  const server = {
    auth: { enabled: false, checkRange: () => undefined },
    store: { get: () => undefined },
    requests: { propose: (kind: string) => Promise.resolve(proposed.push(kind)) },
    header: () => undefined,
  } as unknown as LockMember;
  const identity = { of: () => undefined } as unknown as CallerIdentity;
  const election = new ElectionService(server, identity);
  const none = Buffer.alloc(0);
  const leader = { name: none, key: none, rev: 0, lease: 0n };
  const context = {} as CallContext;
  const refusal = { code: Code.Unknown, message: 'etcdserver: key is not provided' };
  const calls = [
    () => election.proclaim({ leader, value: none }, context),
    () => election.resign({ leader }, context),
    () => new LockService(server, identity).unlock({ key: none }, context),
  ];
  for (const call of calls) await expect(call()).rejects.toMatchObject(refusal);
  expect(proposed).toEqual([]);
});
