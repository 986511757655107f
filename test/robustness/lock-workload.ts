/**
 * A lock by a key that lives as long as its holder's lease; writes are fenced by the key's create revision. A lease
 * must not end before its time, through changes of leader too, and must end in the end.
 */
import { delay } from '../../src/lib/clock.js';
import type { Prng } from '../../src/lib/prng.js';
import { KVDefinition, LeaseDefinition } from '../../src/gen/etcd/rpc.js';
import type { Channel } from '../../src/lib/grpc/index.js';
import type { ClusterTraffic } from './history.js';
import { isDefinite } from './traffic.js';
import { putOf, rangeOf } from './requests.js';

const lockKey = 'l/lock';
const dataKey = 'l/data';
const ttlSeconds = 2;

/** A period for which a client held the lock. */
export interface Holding {
  /** The create revision of the lock's key. */
  readonly revision: number;
  readonly acquiredAt: number;
  /** The lease may not end before, as far as its holder was told. */
  validUntil: number;
  /** When the holder began to give it back; `Infinity` if it never did. */
  releasedAt: number;
  /** Revisions of its fenced writes. */
  readonly writes: number[];
}

export interface LockHistory {
  readonly holdings: Holding[];
}

export function checkLock({ holdings }: LockHistory): string[] {
  const problems: string[] = [];
  const inOrder = holdings.toSorted((a, b) => a.revision - b.revision);
  for (const [at, holding] of inOrder.entries()) {
    const next = inOrder[at + 1];
    const end = next?.revision ?? Infinity;
    if (end === holding.revision) problems.push(`lock: ${end} was given to two`);
    for (const write of holding.writes) {
      if (write <= holding.revision || write >= end) {
        problems.push(`lock: ${write} was written by the holder of ${holding.revision} to ${end}`);
      }
    }
    if (next === undefined || holding.releasedAt < next.acquiredAt) continue;
    if (next.acquiredAt < holding.validUntil) {
      const early = Math.round(holding.validUntil - next.acquiredAt);
      problems.push(`lock: the lease of ${holding.revision} ended ${early} ms too early`);
    }
  }
  return problems;
}

const compareCreate = (key: string, value: number) => ({
  result: 0 as const,
  target: 1 as const,
  key: Buffer.from(key),
  targetUnion: { $case: 'createRevision' as const, value },
  rangeEnd: Buffer.alloc(0),
});

class LockClient {
  readonly #traffic: ClusterTraffic;
  readonly #prng: Prng;
  readonly #history: LockHistory;
  readonly #channels: readonly Channel[];

  constructor(traffic: ClusterTraffic, prng: Prng, history: LockHistory) {
    this.#traffic = traffic;
    this.#prng = prng;
    this.#history = history;
    this.#channels = traffic.members.places.map((_, at) => traffic.members.connect(at));
  }

  async run(): Promise<void> {
    const { clock, untilMs } = this.#traffic;
    while (clock.monotonicMs() < untilMs()) {
      await this.#once().catch(() => undefined);
      await delay(clock, this.#prng.between(20, 150));
    }
    for (const channel of this.#channels) channel.close();
  }

  /** Takes the lock if it is free, writes under it, and gives it back or lets it expire. */
  async #once(): Promise<void> {
    const { clock } = this.#traffic;
    const channel = this.#prng.pick(this.#channels);
    const kv = channel.client(KVDefinition);
    const free = await kv.range(rangeOf(lockKey), { deadlineMs: 2_000 });
    if (free.kvs.length > 0) return;
    const grantedAt = clock.monotonicMs();
    const { ID, TTL } = await channel
      .client(LeaseDefinition)
      .leaseGrant({ ID: 0n, TTL: ttlSeconds }, { deadlineMs: 2_000 });
    const value = { ...putOf(lockKey, ''), lease: ID };
    const taken = await kv.txn(
      {
        compare: [compareCreate(lockKey, 0)],
        success: [{ request: { $case: 'requestPut', value } }],
        failure: [],
      },
      { deadlineMs: 2_000 },
    );
    if (!taken.succeeded || taken.header === undefined) return;
    const holding: Holding = {
      revision: taken.header.revision,
      acquiredAt: clock.monotonicMs(),
      validUntil: grantedAt + TTL * 1_000,
      releasedAt: Infinity,
      writes: [],
    };
    this.#history.holdings.push(holding);
    for (let count = this.#prng.below(8); count > 0; count--) await this.#use(holding, ID);
    if (this.#prng.below(3) === 0) return;
    holding.releasedAt = clock.monotonicMs();
    await channel.client(LeaseDefinition).leaseRevoke({ ID }, { deadlineMs: 2_000 });
  }

  /** Keeps the lease alive and makes a fenced write, each through some member. */
  async #use(holding: Holding, lease: bigint): Promise<void> {
    const { clock } = this.#traffic;
    const calledAt = clock.monotonicMs();
    const ttl = await keepAlive(this.#prng.pick(this.#channels), lease).catch(() => 0);
    if (ttl > 0) holding.validUntil = Math.max(holding.validUntil, calledAt + ttl * 1_000);
    const kv = this.#prng.pick(this.#channels).client(KVDefinition);
    const request = {
      compare: [compareCreate(lockKey, holding.revision)],
      success: [{ request: { $case: 'requestPut' as const, value: putOf(dataKey, '') } }],
      failure: [],
    };
    try {
      const answer = await kv.txn(request, { deadlineMs: 2_000 });
      if (answer.succeeded) holding.writes.push(answer.header?.revision ?? 0);
    } catch (error) {
      if (isDefinite(error)) return;
      await delay(clock, 20);
    }
    await delay(clock, this.#prng.between(20, 200));
  }
}

/** @returns the seconds that the lease has from now on; 0 if it is gone */
async function keepAlive(channel: Channel, id: bigint): Promise<number> {
  const signal = AbortSignal.timeout(1_500);
  const stream = channel.client(LeaseDefinition).leaseKeepAlive({ signal });
  try {
    stream.send({ ID: id });
    for await (const answer of stream) return answer.TTL;
    return 0;
  } finally {
    stream.cancel();
  }
}

/** Contends for the lock until the time is over. */
export function runLockClient(
  traffic: ClusterTraffic,
  prng: Prng,
  history: LockHistory,
): Promise<void> {
  return new LockClient(traffic, prng, history).run();
}

/** Tells whether nobody holds the lock. */
export async function lockIsFree(channel: Channel): Promise<boolean> {
  const kv = channel.client(KVDefinition);
  const { kvs } = await kv.range(rangeOf(lockKey), { deadlineMs: 2_000 });
  return kvs.length === 0;
}
