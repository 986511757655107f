import { expect, test } from '@jest/globals';
import { RangeResponse, ResponseHeader } from '../../gen/etcd/rpc.js';
import type { RangeRequest } from '../../gen/etcd/rpc.js';
import { KeyValue } from '../../gen/etcd/kv.js';
import type { CallContext } from '../../lib/grpc/types.js';
import type { WatchSink } from '../mvcc/types.js';
import type { LockMember, LockStore } from './queue-lock.js';
import { LockQueue } from './queue-lock.js';

const place = { key: Buffer.from('lock/2'), createRevision: 5 };
const context = { signal: new AbortController().signal } as CallContext;
const none = Buffer.alloc(0);

/** A queue in which some stand before the place, and go as they are watched; its own key is gone by then. */
function newQueue(before: number): LockQueue {
  let left = before;
  const store = {
    watch: (_request: unknown, sink: WatchSink) => {
      left--;
      queueMicrotask(() => sink.send({} as never));
      return { cancel: () => undefined };
    },
  };
  const kv = {
    range: ({ key, maxCreateRevision }: RangeRequest) => {
      const isOwn = key.equals(place.key);
      expect(isOwn ? 4 : maxCreateRevision).toBe(4);
      const found = { ...KeyValue.decode(none), key: Buffer.from('lock/1') };
      const kvs = isOwn || left === 0 ? [] : [found];
      return RangeResponse.encode({ ...RangeResponse.decode(none), kvs }).finish();
    },
  };
  return new LockQueue({ store } as unknown as LockMember, kv as unknown as LockStore, context);
}

test('a lock is not given to a session that has expired while it waited', async () => {
  const queue = newQueue(2);
  await queue.waitTurn(Buffer.from('lock/'), place);
  await expect(queue.held(place)).rejects.toThrow('mutex: session is expired');
});

test('who need not wait watches nobody', async () => {
  await expect(newQueue(0).waitTurn(Buffer.from('lock/'), place)).resolves.toBeUndefined();
});

test('who waits watches from the revision of the read: the key may be older than what is compacted', async () => {
  const asked: unknown[] = [];
  const store = {
    watch: ({ startRevision }: { startRevision: number }, sink: WatchSink) => {
      asked.push(startRevision);
      queueMicrotask(() => sink.send({} as never));
      return { cancel: () => undefined };
    },
  };
  const range = (): Uint8Array => {
    const header = { ...ResponseHeader.decode(none), revision: 900 };
    const kvs = asked.length === 0 ? [{ ...KeyValue.decode(none), modRevision: 3 }] : [];
    return RangeResponse.encode({ ...RangeResponse.decode(none), header, kvs }).finish();
  };
  const kv = { range } as unknown as LockStore;
  const queue = new LockQueue({ store } as unknown as LockMember, kv, context);
  await queue.waitTurn(Buffer.from('lock/'), place);
  expect(asked).toEqual([901]);
});

test('a place is taken and given up by transactions, as the store allows them to the caller', async () => {
  const asked: string[] = [];
  const refuse = (kind: string) => (_request: unknown, by: CallContext) => {
    asked.push(kind);
    expect(by).toBe(context);
    throw new Error('permission denied');
  };
  const kv = { txn: refuse('txn'), deleteRange: refuse('deleteRange') } as unknown as LockStore;
  const queue = new LockQueue({} as LockMember, kv, context);
  const content = { lease: 1n, value: none };
  for (const call of [
    () => queue.enter(Buffer.from('lock/'), content, { owner: true }),
    () => queue.update(place, content),
    () => queue.leave(place),
    () => queue.release(place.key),
  ]) {
    await expect(call()).rejects.toThrow('permission denied');
  }
  expect(asked).toEqual(['txn', 'txn', 'txn', 'deleteRange']);
});
