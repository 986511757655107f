import { expect, test } from '@jest/globals';
import type { WatchRequest, WatchResponse } from '../../../gen/etcd/rpc.js';
import { WatchResponse as WatchResponses } from '../../../gen/etcd/rpc.js';
import { systemClock } from '../../../lib/clock.js';
import { MessageQueue } from '../../../lib/grpc/message-queue.js';
import { silentLogger } from '../../../lib/log.js';
import type { ProgressBy } from './etcd-watch.js';
import { followPrefix, progressBy, progressKey } from './etcd-watch.js';
import type { StoreWatch } from './store.js';

function response(revision: number, parts: Partial<WatchResponse> = {}): WatchResponse {
  return {
    ...WatchResponses.decode(new Uint8Array()),
    header: { clusterId: 1n, memberId: 1n, revision, raftTerm: 1 },
    ...parts,
  };
}

function put(revision: number): WatchResponse {
  const key = Buffer.from(`/registry/pods/${String(revision)}`);
  const kv = {
    key,
    value: key,
    createRevision: revision,
    modRevision: revision,
    version: 1,
    lease: 0n,
  };
  return response(revision, { events: [{ type: 0, kv, prevKv: undefined }] });
}

/** Lets everything run that waits for nothing but promises. */
function settle(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** One member with one stream. */
class FakeMember {
  readonly sent: WatchRequest[] = [];
  readonly seen: string[] = [];
  writes = 0;
  readonly watch: StoreWatch;
  readonly #queue = new MessageQueue<WatchResponse>({
    pause: () => undefined,
    resume: () => undefined,
    abandoned: () => undefined,
  });
  tell: (by: ProgressBy) => void = () => undefined;

  constructor(fromRevision: number) {
    const told = new Promise<ProgressBy>((resolve) => (this.tell = resolve));
    const stream = {
      [Symbol.asyncIterator]: () => this.#queue,
      send: (message: WatchRequest) => {
        this.sent.push(message);
        return true;
      },
      sendEncoded: () => true,
      drained: () => Promise.resolve(),
      ended: false,
      end: () => undefined,
      cancel: () => this.#queue.end(),
    };
    this.watch = followPrefix({
      prefix: '/registry/',
      fromRevision,
      clock: systemClock({ unref: true }),
      log: silentLogger,
      open: () => ({ stream, progressBy: () => told }),
      write: () => {
        this.writes += 1;
        return Promise.resolve(20);
      },
      onBroken: () => undefined,
      handlers: {
        onEvents: (events, reached) =>
          this.seen.push(
            `${events.map((event) => event.modRevision).join(' ')} to ${String(reached)}`,
          ),
        onLost: (error) => this.seen.push(error.message),
      },
    });
  }

  get asked(): number {
    return this.sent.filter((one) => one.requestUnion?.$case === 'progressRequest').length;
  }

  async answer(...responses: readonly WatchResponse[]): Promise<void> {
    for (const one of responses) this.#queue.push(one, 1);
    await settle();
  }
}

test.each([
  ['3.4.23', 'write'],
  ['3.4.30', 'write'],
  ['3.4.31', 'notice'],
  ['3.5.0', 'write'],
  ['3.5.12', 'write'],
  ['3.5.13', 'notice'],
  ['3.5.30', 'notice'],
  ['3.6.0-rc.1', 'notice'],
  ['4.0.0', 'notice'],
  ['3.3.25', 'write'],
  ['2.3.8', 'write'],
  ['', 'write'],
])('progress of etcd %s comes by %s', (version, by) => {
  expect(progressBy(version)).toBe(by);
});

test('a notice that overtakes events takes none of them away', async () => {
  const member = new FakeMember(5);
  member.tell('write');
  await settle();
  await member.answer(response(4, { created: true }), response(8), put(6), put(8));
  expect(member.seen).toEqual(['6 to 6', '8 to 8']);
  member.watch.close();
});

test('a member whose notices overtake events is asked by a write, by one at a time', async () => {
  const member = new FakeMember(5);
  member.tell('write');
  await settle();
  member.watch.requestProgress();
  member.watch.requestProgress();
  await settle();
  // Its event is still to come.
  member.watch.requestProgress();
  expect([member.writes, member.asked]).toEqual([1, 0]);
  await member.answer(put(20));
  member.watch.requestProgress();
  expect([member.writes, member.asked]).toEqual([2, 0]);
  expect(progressKey).toBe('/registry/progress');
  member.watch.close();
});

test('a notice that can be trusted is asked for once the version is known, and counts', async () => {
  const member = new FakeMember(5);
  await member.answer(response(4, { created: true }));
  member.watch.requestProgress();
  expect(member.asked).toBe(0);
  await member.answer(response(7));
  expect(member.seen).toEqual([]);
  member.tell('notice');
  await settle();
  expect([member.writes, member.asked]).toEqual([0, 1]);
  await member.answer(put(8), response(9));
  expect(member.seen).toEqual(['8 to 8', ' to 9']);
  member.watch.close();
});
