import { expect, test } from '@jest/globals';
import type { CallContext } from '../../lib/grpc/types.js';
import type { WatchSink } from '../mvcc/types.js';
import type { LockMember } from './queue-lock.js';
import { LockQueue } from './queue-lock.js';

const place = { key: Buffer.from('lock/2'), createRevision: 5 };
const context = { signal: new AbortController().signal } as CallContext;

/**
 * A member whose state lags: the one before goes, and the place's own key goes too, as it only learns when it asks the
 * leader.
 * @param before how many stand before the place
 */
function newServer(before: number): LockMember {
  let left = before;
  let hasKey = true;
  const store = {
    rev: 9,
    range: () => ({ kvs: left > 0 ? [{ key: Buffer.from('lock/1') }] : [] }),
    get: (): object | undefined => (hasKey ? {} : undefined),
    watch: (_request: unknown, sink: WatchSink) => {
      left--;
      queueMicrotask(() => sink.send({} as never));
      return { cancel: () => undefined };
    },
  };
  return {
    store,
    requests: {
      linearizable: () => {
        hasKey = false;
        return Promise.resolve();
      },
    },
  } as unknown as LockMember;
}

test('a lock is not given to a session that has expired, as far as the leader knows, while it waited', async () => {
  const queue = new LockQueue(newServer(2), undefined);
  await expect(queue.waitTurn(Buffer.from('lock/'), place, context)).rejects.toThrow(
    'mutex: session is expired',
  );
});

test('who need not wait has just written the key, and asks nobody', async () => {
  const queue = new LockQueue(newServer(0), undefined);
  await expect(queue.waitTurn(Buffer.from('lock/'), place, context)).resolves.toBeUndefined();
});
