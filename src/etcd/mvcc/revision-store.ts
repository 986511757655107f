import { assert, mustExist, verifying } from '../../lib/assert.js';
import type { Clock } from '../../lib/clock.js';
import type { Backend } from '../backend/types.js';
import { Compactor } from './compactor.js';
import { CompactedError, FutureRevError } from './errors.js';
import { StoreEvent } from './event.js';
import type { FindPrevious } from './event.js';
import { hashRevisions } from './hash-kv.js';
import type { KeyEntry } from './key-entry.js';
import type { KeyIndex } from './key-index.js';
import { decodeKeyValue, encodeKeyValue, encodeTombstone } from './key-value.js';
import type { StoredKeyValue } from './key-value.js';
import { arrange, needsAll, needsValues } from './range.js';
import { loadStore } from './restore.js';
import type { CompactionState } from './restore.js';
import type {
  CompactionObserver,
  HashKV,
  IndexSize,
  KeyValue,
  LeaseAttachments,
  RangeOptions,
  RangeResult,
  Store,
  StoreCounts,
  WriteTxn,
} from './types.js';
import { ValueCache } from './value-cache.js';
import { verifyEntry, verifyIndex } from './verify.js';
import { RevisionWriteTxn } from './write-txn.js';
import type { StoreWriter } from './write-txn.js';

/** The dependencies and settings of a store. */
export interface StoreOptions {
  readonly backend: Backend;
  readonly clock: Clock;
  /** Is told which keys are attached to which lease; also during `restore`. */
  readonly leases?: LeaseAttachments;
  /** Budget for cached latest values. @default 16 MiB */
  readonly cacheBytes?: number;
  /** Hashes what a compaction leaves, before it begins. @default false */
  readonly hashCompactions?: boolean;
  readonly compactions?: CompactionObserver;
}

/** Under `VERIFY=1` all keys are looked at after so many transactions, or more where there are many keys. */
const verifyEvery = 64;
/** Hashes of so many compactions are kept, as etcd does. */
const compactionHashesMax = 10;

const cacheBytesDefault = 16 * 1024 * 1024;
const noBytes = new Uint8Array(0);

/** The revision store on a backend; see `Store`. Watchers are added by `WatchableRevisionStore`. */
export class RevisionStore implements Store {
  readonly counts: StoreCounts = {
    ranges: 0,
    puts: 0,
    putBytes: 0,
    deletes: 0,
    txns: 0,
  };
  protected readonly clock: Clock;
  readonly #compactions: CompactionObserver | undefined;
  readonly #leases: LeaseAttachments | undefined;
  readonly #cacheBytes: number;
  #backend: Backend;
  #index: KeyIndex;
  #cache: ValueCache;
  #rev: number;
  #compactor: Compactor;
  #txnOpen = false;
  readonly #hashCompactions: boolean;
  #compactionHashes: HashKV[] = [];
  #closed = false;
  /** Transactions since all keys were verified. */
  #unverified = 0;
  readonly #findPrevious = (main: number, sub: number, changeMain: number): KeyValue | undefined =>
    // As etcd, which reads the range at the revision before the change.
    changeMain - 1 < this.compactRev ? undefined : this.#read(main, sub);

  /** Builds the index from the backend: about 3 µs a revision. */
  constructor(options: StoreOptions) {
    this.clock = options.clock;
    this.#leases = options.leases;
    this.#cacheBytes = options.cacheBytes ?? cacheBytesDefault;
    this.#hashCompactions = options.hashCompactions ?? false;
    this.#backend = options.backend;
    this.#cache = new ValueCache(this.#cacheBytes);
    const loaded = loadStore(options.backend, options.leases);
    this.#index = loaded.index;
    this.#rev = loaded.rev;
    this.#compactions = options.compactions;
    this.#compactor = this.#newCompactor(loaded.compaction);
  }

  get rev(): number {
    return this.#rev;
  }

  get compactRev(): number {
    return this.#compactor.compactRev;
  }

  get keyCount(): number {
    return this.#index.live;
  }

  /** The size of what every key costs in memory; see `IndexRoom`. */
  indexSize(): IndexSize {
    const { size: keys, keyBytes } = this.#index;
    return { keys, keyBytes, revisions: this.#backend.revisionCount() };
  }

  protected get backend(): Backend {
    return this.#backend;
  }

  get(key: string): KeyValue | undefined {
    const entry = this.#index.get(key);
    return entry === undefined || entry.version === 0 ? undefined : this.#load(entry, true);
  }

  range(key: string, end: string, options: RangeOptions = {}): RangeResult {
    return this.rangeAs(this.#rev, key, end, options);
  }

  /** A range read of a view whose present revision is `viewRev`. */
  protected rangeAs(viewRev: number, key: string, end: string, options: RangeOptions): RangeResult {
    this.counts.ranges += 1;
    const wanted = options.rev ?? 0;
    if (wanted > viewRev) throw new FutureRevError();
    const at = wanted <= 0 ? viewRev : wanted;
    if (at < this.compactRev) throw new CompactedError(this.compactRev);
    const latest = at === viewRev;
    if (end === '') return this.#rangeOne(viewRev, at, key, options);
    const kvs: KeyValue[] = [];
    const limit = options.limit ?? 0;
    // One pair more than asked for tells whether there are more.
    const fetchMax =
      options.countOnly === true ? 0 : limit <= 0 || needsAll(options) ? Infinity : limit + 1;
    const position = this.#index.seek(key);
    let count = 0;
    for (;;) {
      if (kvs.length >= fetchMax && latest) {
        count += this.#index.countLive(position, end);
        break;
      }
      const entry = this.#index.next(position);
      if (entry === undefined || (end !== '\0' && entry.key >= end)) break;
      if (!entry.aliveAt(at)) continue;
      count += 1;
      if (kvs.length < fetchMax) kvs.push(this.#pairAt(entry, at, !needsValues(options)));
    }
    return { ...arrange(kvs, options), count, rev: viewRev };
  }

  write(): WriteTxn {
    assert(!this.#txnOpen, 'only one write transaction is open');
    this.#txnOpen = true;
    return new RevisionWriteTxn(this.#writer, this.#rev);
  }

  compact(rev: number): Promise<void> {
    if (rev <= this.compactRev) throw new CompactedError(this.compactRev);
    if (rev > this.#rev) throw new FutureRevError();
    const { compactRev } = this;
    const first = this.#hashCompactions ? () => this.#hashCompaction(compactRev, rev) : undefined;
    return this.#compactor.start(rev, first);
  }

  /** Of the last compactions, oldest first: the same on every member that has run them. */
  get compactionHashes(): readonly HashKV[] {
    return this.#compactionHashes;
  }

  async #hashCompaction(compactRev: number, hashRev: number): Promise<void> {
    const backend = this.#backend;
    const cancelled = (): boolean => this.#backend !== backend || this.#closed;
    const hash = await this.#hash({ compactRev, hashRev, cancelled });
    if (hash === undefined) return;
    const made = { hash, compactRev, hashRev, rev: this.#rev };
    this.#compactionHashes = [...this.#compactionHashes, made].slice(-compactionHashesMax);
  }

  async hashKV(rev: number): Promise<HashKV> {
    const present = this.#rev;
    const kept = this.#compactionHashes.find((one) => one.hashRev === rev);
    if (kept !== undefined) return { ...kept, rev: present };
    const hashRev = rev === 0 ? present : rev;
    if (rev > 0 && rev < this.compactRev) throw new CompactedError(this.compactRev);
    if (rev > present) throw new FutureRevError();
    for (;;) {
      const { compactRev } = this;
      const cancelled = (): boolean => this.compactRev !== compactRev;
      const hash = await this.#hash({ compactRev, hashRev, cancelled });
      if (hash !== undefined) return { hash, compactRev, hashRev, rev: present };
      if (hashRev < this.compactRev) throw new CompactedError(this.compactRev);
    }
  }

  /** Of what is there at `hashRev`, seen from the compaction at `compactRev`. */
  #hash(scope: {
    readonly compactRev: number;
    readonly hashRev: number;
    readonly cancelled: () => boolean;
  }): Promise<number | undefined> {
    const { compactRev, hashRev, cancelled } = scope;
    // As etcd, which takes an empty list of survivors for none at all.
    const hashesAll = !this.#anyAliveAt(hashRev);
    return hashRevisions(this.#backend, this.clock, {
      toMain: hashRev,
      keeps: (key, { main, sub, tombstone }) => {
        if (main > compactRev) return true;
        if (tombstone && main === compactRev) return false;
        return hashesAll || (this.#index.get(key)?.survives(main, sub, hashRev) ?? false);
      },
      cancelled,
    });
  }

  #anyAliveAt(rev: number): boolean {
    const position = this.#index.seek('');
    for (let entry = this.#index.next(position); entry !== undefined;) {
      if (entry.aliveAt(rev)) return true;
      entry = this.#index.next(position);
    }
    return false;
  }

  #newCompactor(state: CompactionState): Compactor {
    const observer = this.#compactions;
    return new Compactor(this.#backend, this.#index, { clock: this.clock, observer, state });
  }

  /** Goes on with another backend content. */
  restore(backend: Backend): void {
    assert(!this.#txnOpen, 'no write transaction is open');
    this.#compactor.close();
    this.#compactionHashes = [];
    this.#backend = backend;
    this.#cache = new ValueCache(this.#cacheBytes);
    const loaded = loadStore(backend, this.#leases);
    this.#index = loaded.index;
    this.#rev = loaded.rev;
    this.#compactor = this.#newCompactor(loaded.compaction);
  }

  close(): void {
    this.#closed = true;
    this.#compactor.close();
  }

  /** Is called once for each revision, after it is visible. */
  protected committed(_events: readonly StoreEvent[], _rev: number): void {
    // The plain store has no watchers.
  }

  /** A stored revision as an event, for watchers that catch up. */
  protected eventOf(main: number, tombstone: boolean, value: Buffer): StoreEvent {
    const stored = decodeKeyValue(value);
    const key = stored.keyString();
    const meta = { createRevision: 0, modRevision: main, version: 0, lease: 0n };
    const kv = tombstone ? encodeKeyValue(key, noBytes, meta) : stored;
    const before = this.#index.get(key)?.revisionAt(main - 1);
    return new StoreEvent(tombstone ? 'delete' : 'put', key, kv, {
      main: before?.[0] ?? 0,
      sub: before?.[1] ?? 0,
      kv: undefined,
      find: this.#findPrevious,
    });
  }

  /** Costly: the revisions from `from` on of keys in a range, as far as they are not compacted. */
  protected changesSince(
    from: number,
    key: string,
    end: string,
  ): readonly { readonly main: number; readonly tombstone: boolean }[] {
    const found = [];
    const position = this.#index.seek(key);
    for (;;) {
      const entry = this.#index.next(position);
      const isOutside =
        entry === undefined || (end === '' ? entry.key !== key : isPast(entry.key, end));
      if (isOutside) return found;
      if (entry.main < from) continue;
      found.push(...entry.revisions().filter(({ main }) => main >= from));
    }
  }

  /** The operations that a write transaction may call. */
  readonly #writer: StoreWriter = {
    range: (viewRev, key, end, options) => this.rangeAs(viewRev, key, end, options),
    get: (key) => this.get(key),
    put: (main, sub, key, value, lease) => this.#put(main, sub, key, value, lease),
    find: (key, end) => {
      this.counts.deletes += 1;
      return this.#liveKeys(key, end);
    },
    remove: (main, sub, entry) => this.#remove(main, sub, entry),
    end: (main, events, operations) => {
      this.#txnOpen = false;
      if (operations > 1) this.counts.txns += 1;
      if (events.length === 0) return this.#rev;
      this.#rev = main;
      if (verifying) this.#verify(events);
      this.committed(events, main);
      return main;
    },
  };

  /** The keys that changed are in the backend as in the index; from time to time, all are. */
  #verify(events: readonly StoreEvent[]): void {
    for (const { key } of events) {
      const entry = this.#index.get(key);
      if (entry !== undefined) verifyEntry(entry, this.#backend);
    }
    this.#unverified += 1;
    const isDue = this.#unverified >= verifyEvery && this.#unverified >= this.#index.size / 8;
    if (!isDue) return;
    this.#unverified = 0;
    verifyIndex(this.#index, this.#backend, this);
  }

  #put(main: number, sub: number, key: string, value: Uint8Array, lease: bigint): StoreEvent {
    this.counts.puts += 1;
    this.counts.putBytes += key.length + value.length;
    const entry = this.#index.get(key) ?? this.#index.insert(key);
    const existed = entry.version > 0;
    const create = existed ? entry.create : main;
    const version = entry.version + 1;
    const kv = encodeKeyValue(key, value, {
      createRevision: create,
      modRevision: main,
      version,
      lease,
    });
    const previous = this.#previousOf(entry, main);
    const oldLease = entry.lease;
    this.#backend.putRevision(main, sub, false, kv.encoded);
    entry.advance(main, sub, create, version, lease);
    if (!existed) mustExist(entry.leaf, 'leaf').live += 1;
    this.#cache.set(entry, kv);
    if (oldLease !== lease) {
      if (oldLease !== 0n) this.#leases?.detach(oldLease, key);
      if (lease !== 0n) this.#leases?.attach(lease, key);
    }
    return new StoreEvent('put', key, kv, previous);
  }

  /** Finds the pair that a change at `main` replaces: for a key that one transaction changes twice, that before it. */
  #previousOf(
    entry: KeyEntry,
    main: number,
  ): { main: number; sub: number; kv: KeyValue | undefined; find: FindPrevious } {
    const find = this.#findPrevious;
    if (entry.main !== main) {
      const existed = entry.version > 0;
      return { main: existed ? entry.main : 0, sub: entry.sub, kv: entry.cached, find };
    }
    const before = entry.revisionAt(main - 1);
    return { main: before?.[0] ?? 0, sub: before?.[1] ?? 0, kv: undefined, find };
  }

  #remove(main: number, sub: number, entry: KeyEntry): StoreEvent {
    const { key, lease } = entry;
    const previous = this.#previousOf(entry, main);
    this.#backend.putRevision(main, sub, true, encodeTombstone(key));
    entry.advance(main, sub, 0, 0, 0n);
    mustExist(entry.leaf, 'leaf').live -= 1;
    this.#cache.drop(entry);
    if (lease !== 0n) this.#leases?.detach(lease, key);
    const meta = { createRevision: 0, modRevision: main, version: 0, lease: 0n };
    return new StoreEvent('delete', key, encodeKeyValue(key, noBytes, meta), previous);
  }

  #liveKeys(key: string, end: string): KeyEntry[] {
    if (end === '') {
      const entry = this.#index.get(key);
      return entry !== undefined && entry.version > 0 ? [entry] : [];
    }
    const found: KeyEntry[] = [];
    const position = this.#index.seek(key);
    for (;;) {
      const entry = this.#index.next(position);
      if (entry === undefined || (end !== '\0' && entry.key >= end)) return found;
      if (entry.version > 0) found.push(entry);
    }
  }

  #rangeOne(viewRev: number, at: number, key: string, options: RangeOptions): RangeResult {
    const entry = this.#index.get(key);
    if (entry === undefined || !entry.aliveAt(at)) {
      return { kvs: [], count: 0, more: false, rev: viewRev };
    }
    if (options.countOnly === true) return { kvs: [], count: 1, more: false, rev: viewRev };
    const kvs = [this.#pairAt(entry, at, !needsValues(options))];
    return { ...arrange(kvs, options), count: 1, rev: viewRev };
  }

  #pairAt(entry: KeyEntry, at: number, keysOnly: boolean): KeyValue {
    if (entry.main <= at) {
      if (!keysOnly) return this.#load(entry, this.#cache.hasRoom);
      return encodeKeyValue(entry.key, noBytes, {
        createRevision: entry.create,
        modRevision: entry.main,
        version: entry.version,
        lease: entry.lease,
      });
    }
    const [main, sub] = mustExist(entry.revisionAt(at), 'a revision of a live key');
    const kv = this.#read(main, sub);
    return keysOnly ? encodeKeyValue(entry.key, noBytes, kv) : kv;
  }

  /** The latest pair of a live key. */
  #load(entry: KeyEntry, keep: boolean): StoredKeyValue {
    if (entry.cached !== undefined) {
      entry.hot = true;
      return entry.cached;
    }
    const kv = this.#read(entry.main, entry.sub);
    if (keep) this.#cache.set(entry, kv);
    return kv;
  }

  #read(main: number, sub: number): StoredKeyValue {
    const stored = this.#backend.getRevision(main, sub);
    if (stored === undefined) throw this.#backend.damage(main, sub, 'it is missing');
    const kv = decodeKeyValue(stored);
    assert(kv.modRevision === main, `revision ${main} holds what was written at it`);
    return kv;
  }
}

/** @param end of a range; `\0`: it has none */
function isPast(key: string, end: string): boolean {
  return end !== '\0' && key >= end;
}
