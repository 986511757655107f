/** Writers that note when a write was begun and when it was acknowledged. */
import { delay, systemClock } from '../../src/lib/clock.js';
import { errorMessage } from '../../src/lib/errors.js';
import { KVDefinition } from '../../src/gen/etcd/rpc.js';
import type { FailoverCluster } from './cluster.js';

const clock = systemClock();

export interface Acknowledged {
  readonly writer: number;
  readonly begunMs: number;
  readonly endedMs: number;
}

const pair = (name: string, size = 16) => ({
  key: Buffer.from(name),
  value: Buffer.alloc(size, 'v'),
  lease: 0n,
  prevKv: false,
  ignoreValue: false,
  ignoreLease: false,
});

/** Writers that run until they are stopped. */
export interface Writers {
  readonly acknowledged: readonly Acknowledged[];
  readonly failed: () => number;
  /** The count of each error, and the longest time after which it came, in milliseconds. */
  readonly reasons: ReadonlyMap<string, { count: number; longestMs: number }>;
  stop(): Promise<void>;
}

function start(loops: (running: () => boolean) => Promise<void>[], state: Counts): Writers {
  let running = true;
  const ended = Promise.all(loops(() => running));
  return {
    acknowledged: state.acknowledged,
    failed: () => state.failed,
    reasons: state.reasons,
    async stop() {
      running = false;
      await ended;
    },
  };
}

interface Counts {
  readonly acknowledged: Acknowledged[];
  readonly reasons: Map<string, { count: number; longestMs: number }>;
  failed: number;
}

const newCounts = (): Counts => ({ acknowledged: [], reasons: new Map(), failed: 0 });

function noteFailure(state: Counts, error: unknown, begunMs: number): void {
  state.failed++;
  const reason = errorMessage(error);
  const { count, longestMs } = state.reasons.get(reason) ?? { count: 0, longestMs: 0 };
  const ms = Math.max(longestMs, Math.round(clock.monotonicMs() - begunMs));
  state.reasons.set(reason, { count: count + 1, longestMs: ms });
}

/**
 * Begins a write at each member every `everyMs`, however many are under way: none waits for an answer that never comes,
 * so the first acknowledged one tells when the cluster took writes again.
 */
export function openWriters(cluster: FailoverCluster, everyMs = 5): Writers {
  const state = newCounts();
  const one = async (at: number): Promise<void> => {
    const begunMs = clock.monotonicMs();
    try {
      const kv = cluster.channels[at]?.client(KVDefinition);
      await kv?.put(pair(`open/${at}`), { deadlineMs: 10_000 });
      state.acknowledged.push({ writer: at, begunMs, endedMs: clock.monotonicMs() });
    } catch (error) {
      noteFailure(state, error, begunMs);
    }
  };
  const loop = async (at: number, running: () => boolean): Promise<void> => {
    while (running()) {
      void one(at);
      await delay(clock, everyMs);
    }
  };
  return start((running) => cluster.channels.map((_, at) => loop(at, running)), state);
}

/** Each waits for its answer before it goes on, and turns to the next member at once when it gets none. */
export function closedWriters(cluster: FailoverCluster, count: number, size = 16): Writers {
  const state = newCounts();
  const loop = async (writer: number, running: () => boolean): Promise<void> => {
    const channels = cluster.channels.map((_, at) => cluster.connect(at));
    let at = writer;
    for (let begunMs = clock.monotonicMs(); running();) {
      const triedMs = clock.monotonicMs();
      try {
        const kv = channels[at % channels.length]?.client(KVDefinition);
        await kv?.put(pair(`closed/${writer}`, size), { deadlineMs: 10_000 });
        state.acknowledged.push({ writer, begunMs, endedMs: clock.monotonicMs() });
        begunMs = clock.monotonicMs();
      } catch (error) {
        noteFailure(state, error, triedMs);
        at++;
        await delay(clock, 1);
      }
    }
    for (const channel of channels) channel.close();
  };
  return start((running) => Array.from({ length: count }, (_, at) => loop(at, running)), state);
}
