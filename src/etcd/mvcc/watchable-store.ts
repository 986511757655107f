import { assert, verifying } from '../../lib/assert.js';
import type { Backend } from '../backend/types.js';
import type { StoreEvent } from './event.js';
import { RevisionStore } from './revision-store.js';
import type { WatchableStore, WatchBatch, Watcher, WatchRequest, WatchSink } from './types.js';
import { WatcherGroup } from './watcher-group.js';

/** An empty store is at revision 1; the first change makes the next. */
const firstRev = 2;

/** Bounds of one catch-up slice. */
const watchersPerSlice = 512;
const sliceBounds = { maxRows: 1000, maxBytes: 1024 * 1024 };

class StoreWatcher implements Watcher {
  readonly request: WatchRequest;
  readonly sink: WatchSink;
  readonly #store: WatchableRevisionStore;
  /** The next revision that it must see; events below it were sent or are not wanted. */
  minRev: number;
  /** A batch that the sink refused; the watcher is slow while it has one. */
  refused: WatchBatch | undefined;
  cancelled = false;

  constructor(
    store: WatchableRevisionStore,
    request: WatchRequest,
    sink: WatchSink,
    minRev: number,
  ) {
    this.#store = store;
    this.request = request;
    this.sink = sink;
    this.minRev = minRev;
  }

  get synced(): boolean {
    return this.#store.isSynced(this);
  }

  cancel(): void {
    this.#store.forget(this);
  }

  wants(event: StoreEvent): boolean {
    if (event.kv.modRevision < this.minRev) return false;
    return event.type === 'put' ? this.request.noPut !== true : this.request.noDelete !== true;
  }
}

/**
 * Watchers on the revision store. Each is in one of three states, as in etcd:
 *
 *     synced     told by the write itself, in one pass over the events of its revision
 *     unsynced   behind: reads history in slices until it has caught up
 *     slow       its sink refused a batch, which is kept here (one, whatever happens); `drained` makes it unsynced
 */
export class WatchableRevisionStore extends RevisionStore implements WatchableStore {
  readonly #synced = new WatcherGroup<StoreWatcher>();
  /** In turn: who was served goes to the end. */
  readonly #unsynced = new Set<StoreWatcher>();
  readonly #slow = new Map<WatchSink, Set<StoreWatcher>>();
  #slowCount = 0;
  /** Under `VERIFY=1`: all watchers that are registered. */
  readonly #registered = new Set<StoreWatcher>();
  /** Commits since the watchers were verified. */
  #unverified = 0;
  #cancelSlice: (() => void) | undefined;
  #closed = false;

  get watcherCount(): number {
    return this.#synced.size + this.#unsynced.size + this.#slowCount;
  }

  get slowWatcherCount(): number {
    return this.#slowCount;
  }

  /** The number of watchers whose client is slow, or that catch up. */
  get behindWatcherCount(): number {
    return this.#slowCount + this.#unsynced.size;
  }

  watch(request: WatchRequest, sink: WatchSink): Watcher {
    const { startRevision } = request;
    const synced = startRevision === 0 || startRevision > this.rev;
    const minRev = startRevision === 0 ? this.rev + 1 : startRevision;
    const watcher = new StoreWatcher(this, request, sink, minRev);
    if (synced) this.#synced.add(watcher);
    else this.#addUnsynced(watcher);
    if (verifying) this.#registered.add(watcher);
    return watcher;
  }

  drained(sink: WatchSink): void {
    const watchers = this.#slow.get(sink);
    if (watchers === undefined) return;
    for (const watcher of watchers) {
      const batch = watcher.refused;
      assert(batch !== undefined, 'a slow watcher has a refused batch');
      if (!sink.send(batch)) return;
      this.#removeSlow(watcher);
      if (batch.kind === 'compacted') this.#end(watcher);
      else this.#addUnsynced(watcher);
    }
  }

  progress(watcher: Watcher): boolean {
    if (!watcher.synced || watcher.request.startRevision > this.rev) return false;
    return watcher.sink.send({ kind: 'progress', watcher, revision: this.rev });
  }

  override restore(backend: Backend): void {
    const from = this.rev + 1;
    for (const watcher of this.#synced.all()) {
      this.#synced.delete(watcher);
      watcher.minRev = Math.max(watcher.minRev, from);
      this.#addUnsynced(watcher);
    }
    super.restore(backend);
  }

  override close(): void {
    this.#closed = true;
    this.#cancelSlice?.();
    super.close();
  }

  /** For `Watcher.synced`. */
  isSynced(watcher: StoreWatcher): boolean {
    return this.#synced.has(watcher);
  }

  /** For `Watcher.cancel`. */
  forget(watcher: StoreWatcher): void {
    this.#end(watcher);
    if (this.#synced.delete(watcher) || this.#unsynced.delete(watcher)) return;
    this.#removeSlow(watcher);
  }

  /** Nothing more is sent to it. */
  #end(watcher: StoreWatcher): void {
    watcher.cancelled = true;
    this.#registered.delete(watcher);
  }

  protected override committed(events: readonly StoreEvent[], rev: number): void {
    if (this.#synced.size > 0) this.#tell(events, rev);
    if (!verifying) return;
    this.#unverified += 1;
    if (this.#unverified > (this.#registered.size + this.keyCount) / 8) this.verifyWatchers();
  }

  #tell(events: readonly StoreEvent[], rev: number): void {
    const [only] = events;
    if (only !== undefined && events.length === 1) {
      this.#synced.match(only.key, (watcher) => {
        if (watcher.wants(only)) this.#deliver(watcher, events, rev);
      });
      return;
    }
    const lists = new Map<StoreWatcher, StoreEvent[]>();
    for (const event of events) this.#match(this.#synced, event, lists);
    for (const [watcher, list] of lists) this.#deliver(watcher, list, rev);
  }

  #match(
    group: WatcherGroup<StoreWatcher>,
    event: StoreEvent,
    lists: Map<StoreWatcher, StoreEvent[]>,
  ): void {
    group.match(event.key, (watcher) => {
      if (!watcher.wants(event)) return;
      const list = lists.get(watcher);
      if (list === undefined) lists.set(watcher, [event]);
      else list.push(event);
    });
  }

  /** Hands over events up to revision `upTo`; the watcher turns slow if the sink refuses. */
  #deliver(watcher: StoreWatcher, events: readonly StoreEvent[], upTo: number): void {
    watcher.minRev = upTo + 1;
    this.#send(watcher, { kind: 'events', watcher, events, revision: this.rev });
  }

  #send(watcher: StoreWatcher, batch: WatchBatch): void {
    if (watcher.sink.send(batch) || watcher.cancelled) return;
    this.#synced.delete(watcher);
    this.#unsynced.delete(watcher);
    watcher.refused = batch;
    this.#slowCount += 1;
    const same = this.#slow.get(watcher.sink);
    if (same === undefined) this.#slow.set(watcher.sink, new Set([watcher]));
    else same.add(watcher);
  }

  #removeSlow(watcher: StoreWatcher): void {
    const same = this.#slow.get(watcher.sink);
    if (same?.delete(watcher) !== true) return;
    if (same.size === 0) this.#slow.delete(watcher.sink);
    watcher.refused = undefined;
    this.#slowCount -= 1;
  }

  #addUnsynced(watcher: StoreWatcher): void {
    this.#unsynced.add(watcher);
    this.#scheduleSlice();
  }

  #scheduleSlice(): void {
    if (this.#cancelSlice !== undefined || this.#unsynced.size === 0 || this.#closed) return;
    this.#cancelSlice = this.clock.schedule(0, () => {
      this.#cancelSlice = undefined;
      this.#catchUp();
      this.#scheduleSlice();
    });
  }

  /** Reads one bounded piece of history for some unsynced watchers at once. */
  #catchUp(): void {
    const { rev } = this;
    const group = new WatcherGroup<StoreWatcher>();
    let from = rev + 1;
    for (const watcher of this.#unsynced) {
      if (group.size >= watchersPerSlice) break;
      if (watcher.minRev < this.compactRev) {
        this.#sendCompacted(watcher);
      } else {
        group.add(watcher);
        from = Math.min(from, watcher.minRev);
      }
    }
    const lists = new Map<StoreWatcher, StoreEvent[]>();
    // Above the last compaction every revision has its rows: a gap is damage, not history.
    let [expected, expectedSub] = [Math.max(from, this.compactRev + 1, firstRev), 0];
    const last = this.backend.scanRevisionsBounded(
      from,
      rev,
      sliceBounds,
      (main, sub, tombstone, value) => {
        if (main >= expected) {
          const same = main === expected && sub === expectedSub;
          const next = expectedSub > 0 && main === expected + 1 && sub === 0;
          if (!same && !next) throw this.backend.damage(main, sub, 'the one before is missing');
          [expected, expectedSub] = [main, sub + 1];
        }
        this.#match(group, this.eventOf(main, tombstone, value), lists);
      },
    );
    for (const watcher of group.all()) {
      this.#unsynced.delete(watcher);
      watcher.minRev = Math.max(watcher.minRev, last + 1);
      if (watcher.minRev > rev) this.#synced.add(watcher);
      else this.#unsynced.add(watcher);
      const events = lists.get(watcher);
      if (events !== undefined) {
        this.#send(watcher, { kind: 'events', watcher, events, revision: rev });
      }
    }
  }

  /**
   * Costly: each watcher is in exactly one group and its position fits it. Runs under `VERIFY=1` after commits.
   * @throws InvariantError
   */
  verifyWatchers(): void {
    this.#unverified = 0;
    this.#synced.verify();
    let slow = 0;
    for (const same of this.#slow.values()) slow += same.size;
    assert(slow === this.#slowCount, 'the slow watchers are counted');
    assert(this.watcherCount === this.#registered.size, 'the groups hold the registered watchers');
    for (const watcher of this.#registered) {
      const isSlow = this.#slow.get(watcher.sink)?.has(watcher) ?? false;
      const groups = [this.#synced.has(watcher), this.#unsynced.has(watcher), isSlow];
      assert(groups.filter(Boolean).length === 1, 'a watcher is in exactly one group');
      assert(isSlow === (watcher.refused !== undefined), 'a slow watcher has a refused batch');
      if (this.#synced.has(watcher)) {
        assert(!this.#misses(watcher), 'a synced watcher has been told all that it wants');
      }
    }
  }

  /** Tells whether a watcher lacks an event that it wants. */
  #misses({ request, minRev }: StoreWatcher): boolean {
    const { key, end, noPut, noDelete } = request;
    return this.changesSince(minRev, key, end).some(({ tombstone }) =>
      tombstone ? noDelete !== true : noPut !== true,
    );
  }

  #sendCompacted(watcher: StoreWatcher): void {
    const { rev, compactRev } = this;
    this.#unsynced.delete(watcher);
    const batch: WatchBatch = {
      kind: 'compacted',
      watcher,
      revision: rev,
      compactRevision: compactRev,
    };
    this.#send(watcher, batch);
    if (watcher.refused === undefined) this.#end(watcher);
  }
}
