import { beforeEach, expect, test } from '@jest/globals';
import { WatchCreateRequest, WatchResponse } from '../../gen/etcd/rpc.js';
import type { WatchRequest } from '../../gen/etcd/rpc.js';
import { ManualClock } from '../../lib/clock.js';
import type { CallContext, Duplex } from '../../lib/grpc/types.js';
import type { WatchEvent, WatchSink } from '../mvcc/types.js';
import type { WatchMember } from './watch.js';
import type { CallerIdentity } from './auth-info.js';
import { WatchService } from './watch.js';

/** One call's stream: takes what the test asks, and is full when the test says so. */
class FakeStream implements Duplex<WatchRequest, WatchResponse> {
  readonly sent: WatchResponse[] = [];
  full = false;
  taken = 0;
  readonly ended = false;
  #asked: WatchRequest[] = [];
  #halfClosed = false;
  #wakeReader: () => void = () => undefined;
  #waiting: (() => void)[] = [];

  ask(requestUnion: WatchRequest['requestUnion']): void {
    this.#asked.push({ requestUnion });
    this.#wakeReader();
  }

  halfClose(): void {
    this.#halfClosed = true;
    this.#wakeReader();
  }

  send(message: WatchResponse): boolean {
    this.sent.push(message);
    return !this.full;
  }

  sendEncoded(parts: readonly Uint8Array[]): boolean {
    return this.send(WatchResponse.decode(Buffer.concat(parts)));
  }

  drained(): Promise<void> {
    if (!this.full) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  drain(): void {
    this.full = false;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<WatchRequest> {
    for (;;) {
      const next = this.#asked.shift();
      if (next !== undefined) {
        this.taken++;
        yield next;
      } else if (this.#halfClosed) {
        return;
      } else {
        await new Promise<void>((resolve) => {
          this.#wakeReader = resolve;
        });
      }
    }
  }
}

let clock: ManualClock;
let stream: FakeStream;
let synced: boolean;
let startRevision: number;
let abort: AbortController;
let call: Promise<void>;
let sink: WatchSink | undefined;
const watcher = {
  get request() {
    return { key: 'a', end: '', startRevision };
  },
  cancel: (): void => undefined,
  get synced() {
    return synced;
  },
  get sink() {
    if (sink === undefined) throw new Error('nothing is watched');
    return sink;
  },
};

/** Everything that promises have in store happens. */
async function settle(): Promise<void> {
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
}

const create = {
  $case: 'createRequest',
  value: { ...WatchCreateRequest.decode(Buffer.alloc(0)), key: Buffer.from('a') },
} as const;

const progress = { $case: 'progressRequest', value: {} } as const;

beforeEach(() => {
  clock = new ManualClock();
  stream = new FakeStream();
  synced = true;
  startRevision = 0;
  abort = new AbortController();
  const store = {
    rev: 5,
    drained: () => undefined,
    watch: (_request: unknown, to: WatchSink) => {
      sink = to;
      return watcher;
    },
  };
  const server = {
    store,
    config: { clock, watchProgressNotifyMs: 1000 },
    auth: { enabled: false },
    headers: {
      field: () => Buffer.alloc(0),
      message: (revision: number) => ({ clusterId: 1n, memberId: 2n, revision, raftTerm: 3 }),
    },
  } as unknown as WatchMember;
  const identity = {} as unknown as CallerIdentity;
  const { signal } = abort;
  call = new WatchService(server, identity).watch(stream, { signal } as CallContext);
});

test('while a watcher is behind, one timer waits to answer a progress request, however much is sent', async () => {
  stream.ask(create);
  await settle();
  synced = false;
  stream.ask(progress);
  await settle();
  for (let at = 0; at < 50; at++) {
    watcher.sink.send({ kind: 'progress', watcher, revision: 5 });
    await settle();
  }
  expect(clock.pending).toBe(1);
  clock.advance(10);
  expect(clock.pending).toBe(1);
  synced = true;
  clock.advance(10);
  expect(clock.pending).toBe(0);
  expect(stream.sent.filter(({ watchId }) => watchId === -1n)).toHaveLength(1);
});

test('requests are not taken while their answers find no room', async () => {
  stream.full = true;
  for (let at = 0; at < 100; at++) stream.ask(create);
  await settle();
  expect(stream.taken).toBe(1);
  stream.drain();
  await settle();
  expect(stream.taken).toBe(100);
  expect(stream.sent).toHaveLength(100);
});

test('a client that has closed its sending side goes on receiving until it cancels', async () => {
  stream.ask(create);
  stream.halfClose();
  await settle();
  watcher.sink.send({ kind: 'progress', watcher, revision: 5 });
  await settle();
  expect(stream.sent.map(({ created, watchId }) => [created, watchId])).toEqual([
    [true, 0n],
    [false, 0n],
  ]);
  abort.abort();
  await call;
});

test('a progress request without watchers, or with a start that lies ahead, is not answered', async () => {
  stream.ask(progress);
  await settle();
  expect(stream.sent).toEqual([]);
  startRevision = 6;
  stream.ask(create);
  stream.ask(progress);
  await settle();
  expect(stream.sent).toHaveLength(1);
  expect(clock.pending).toBe(0);
  startRevision = 5;
  await settle();
  expect(stream.sent).toHaveLength(1);
  stream.ask(progress);
  await settle();
  expect(stream.sent.map(({ watchId }) => watchId)).toEqual([0n, -1n]);
});

test.each([-5n, 2n ** 53n + 1n, -(2n ** 63n), 2n ** 63n - 1n])(
  'a client may choose its id, of any size and sign: %s',
  async (watchId) => {
    stream.ask({ ...create, value: { ...create.value, watchId } });
    await settle();
    const encoded = Buffer.from([0x12, 0x00]);
    const event = { type: 'put', kv: undefined, encoded, encodedWithPrev: encoded };
    const events = [event as unknown as WatchEvent];
    watcher.sink.send({ kind: 'events', watcher, revision: 5, events });
    stream.ask({ $case: 'cancelRequest', value: { watchId } });
    await settle();
    expect(stream.sent.map((answer) => answer.watchId)).toEqual([watchId, watchId, watchId]);
    expect(
      stream.sent.map(({ created, canceled, events }) => [created, canceled, events.length]),
    ).toEqual([
      [true, false, 0],
      [false, false, 1],
      [false, true, 0],
    ]);
  },
);
