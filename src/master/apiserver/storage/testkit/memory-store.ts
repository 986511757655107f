import type {
  Guard,
  RangeOptions,
  RangeResult,
  Store,
  StoredKv,
  StoreEvent,
  StoreOp,
  StoreWatch,
  TxnResult,
  WatchHandlers,
} from '../store.js';
import { StoreError } from '../store.js';

interface Watcher {
  readonly prefix: string;
  readonly handlers: WatchHandlers;
}

/**
 * A {@link Store} in memory with etcd's revisions and full history: for tests, and for a look at the API server without
 * a store beside it. Nothing expires and nothing is compacted unless {@link compact} is called.
 */
export class MemoryStore implements Store {
  #revision = 1;
  #compacted = 0;
  readonly #live = new Map<string, StoredKv>();
  readonly #history: StoreEvent[] = [];
  readonly #watchers = new Set<Watcher>();

  get(key: string): Promise<{ kv: StoredKv | undefined; revision: number }> {
    return Promise.resolve({ kv: this.#live.get(key), revision: this.#revision });
  }

  range(options: RangeOptions): Promise<RangeResult> {
    const at = options.revision ?? this.#revision;
    if (at > this.#revision) {
      return Promise.reject(
        new StoreError('future', 'mvcc: required revision is a future revision'),
      );
    }
    if (at < this.#compacted) {
      return Promise.reject(
        new StoreError('compacted', 'mvcc: required revision has been compacted'),
      );
    }
    const state = at === this.#revision ? this.#live : this.#stateAt(at);
    const all = [...state.values()]
      .filter((kv) => kv.key >= options.start && kv.key < options.end)
      .sort((a, b) => (a.key < b.key ? -1 : 1));
    const kvs = options.limit === undefined ? all : all.slice(0, options.limit);
    return Promise.resolve({
      kvs,
      more: kvs.length < all.length,
      count: all.length,
      revision: this.#revision,
    });
  }

  #stateAt(revision: number): Map<string, StoredKv> {
    const state = new Map<string, StoredKv>();
    for (const event of this.#history) {
      if (event.modRevision > revision) break;
      if (event.type === 'put') state.set(event.key, event);
      else state.delete(event.key);
    }
    return state;
  }

  txn(guards: readonly Guard[], ops: readonly StoreOp[]): Promise<TxnResult> {
    const current = guards.map((guard) => this.#live.get(guard.key));
    const holds = guards.every((guard, i) => (current[i]?.modRevision ?? 0) === guard.modRevision);
    if (!holds) return Promise.resolve({ succeeded: false, revision: this.#revision, current });
    const revision = this.#revision + 1;
    const events: StoreEvent[] = [];
    for (const op of ops) {
      const old = this.#live.get(op.key);
      if (op.type === 'delete' && old === undefined) continue;
      events.push({
        type: op.type,
        key: op.key,
        value: op.type === 'put' ? op.value : Buffer.alloc(0),
        modRevision: revision,
        createRevision: old?.createRevision ?? revision,
      });
    }
    if (events.length > 0) this.#commit(revision, events);
    return Promise.resolve({ succeeded: true, revision: this.#revision, current: [] });
  }

  #commit(revision: number, events: readonly StoreEvent[]): void {
    this.#revision = revision;
    for (const event of events) {
      this.#history.push(event);
      if (event.type === 'put') this.#live.set(event.key, event);
      else this.#live.delete(event.key);
    }
    for (const watcher of this.#watchers) {
      const seen = events.filter((event) => event.key.startsWith(watcher.prefix));
      queueMicrotask(() => {
        if (this.#watchers.has(watcher)) watcher.handlers.onEvents(seen, revision);
      });
    }
  }

  watch(prefix: string, fromRevision: number, handlers: WatchHandlers): StoreWatch {
    const watcher = { prefix, handlers };
    const past = this.#history.filter(
      (event) => event.modRevision >= fromRevision && event.key.startsWith(prefix),
    );
    const upTo = this.#revision;
    queueMicrotask(() => {
      if (!this.#watchers.has(watcher)) return;
      if (fromRevision <= this.#compacted)
        handlers.onLost(new StoreError('compacted', 'compacted'));
      else handlers.onEvents(past, upTo);
    });
    this.#watchers.add(watcher);
    return {
      requestProgress: () => {
        const revision = this.#revision;
        queueMicrotask(() => {
          if (this.#watchers.has(watcher)) handlers.onEvents([], revision);
        });
      },
      close: () => {
        this.#watchers.delete(watcher);
      },
    };
  }

  revision(): Promise<number> {
    return Promise.resolve(this.#revision);
  }

  /** Forgets what was before `revision`, as etcd's compaction does. */
  compact(revision: number): void {
    this.#compacted = revision;
  }

  close(): void {
    this.#watchers.clear();
  }
}
