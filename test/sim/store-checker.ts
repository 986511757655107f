/** Checks the invariants that hold after every event, of each member and between them. */
import { crc32c } from '../../src/lib/crc32c.js';
import type { ConsistentIndex } from '../../src/etcd/backend/types.js';
import { finishedCompactKey } from '../../src/etcd/mvcc/restore.js';
import { decodeKeyValue } from '../../src/etcd/mvcc/key-value.js';
import { clusterIdKey } from '../../src/etcd/member/bootstrap.js';
import type { WatchedEvent } from '../robustness/watch-guarantees.js';
import type { Change, Row } from './lib/sim-image.js';
import { check } from './lib/sim-error.js';
import { RaftChecker } from './raft-checker.js';
import type { StoreProcessView } from './store-view.js';
import { viewOf } from './store-view.js';
import type { SimProcess } from './store-process.js';
import type { StoreWorld } from './store-world.js';

/** The effect of an applied entry, which is the same on all members. */
interface Effect {
  readonly digest: number;
  readonly term: number;
}

/** The store after an applied entry. */
interface StateAt {
  readonly rev: number;
  readonly compactRev: number;
}

/** See above. */
export class StoreChecker {
  readonly #world: StoreWorld;
  readonly #raft = new RaftChecker({});
  readonly #effects = new Map<number, Effect>();
  readonly #states = new Map<number, StateAt>();
  readonly #lastRev = new WeakMap<object, number>();
  readonly #views = new WeakMap<SimProcess, StoreProcessView>();
  /** Every change of every key, in order, as it was applied first. */
  readonly log: WatchedEvent[] = [];
  readonly #versions = new Map<string, WatchedEvent>();
  /** When the lease's end was applied first, and by which entry. */
  readonly leaseEnds = new Map<bigint, number>();
  /** The highest index that anybody has applied. */
  maxApplied = 0;

  constructor(world: StoreWorld) {
    this.#world = world;
  }

  /** All effects of one entry, at the moment when they count as applied. */
  onApply(process: SimProcess, { index, term }: ConsistentIndex, changes: readonly Change[]): void {
    const counting = changes.filter((change) => !isApart(change));
    const digest = digestOf(counting);
    const known = this.#effects.get(index);
    check(
      known === undefined || (known.digest === digest && known.term === term),
      () => `state machine safety: ${process.name} does something else for entry ${index}`,
    );
    const { node } = process.server ?? {};
    check(
      node === undefined || index <= node.commitIndex,
      () => `${process.name} applied entry ${index} before it was committed`,
    );
    if (known !== undefined) return;
    this.#effects.set(index, { digest, term });
    this.maxApplied = Math.max(this.maxApplied, index);
    this.#world.trace.number(2, index);
    for (const change of counting) {
      if (change.kind === 'row') this.#record(change.row);
      if (change.kind === 'delete' && change.bucket === 'lease') {
        const id = BigInt.asIntN(64, BigInt(`0x${change.key}`));
        this.leaseEnds.set(id, this.#world.queue.now);
      }
    }
  }

  #record({ main, tombstone, value }: Row): void {
    const kv = decodeKeyValue(value);
    const key = kv.keyString();
    const before = this.#versions.get(key);
    const last = this.log.at(-1)?.revision ?? 1;
    check(main === last || main === last + 1, () => `revision ${main} comes after ${last}`);
    const event: WatchedEvent = tombstone
      ? { type: 'delete', key, revision: main }
      : {
          type: 'put',
          key,
          revision: main,
          value: kv.value.toString(),
          version: kv.version,
          createRevision: kv.createRevision,
        };
    const version = before?.type === 'put' ? (before.version ?? 0) + 1 : 1;
    check(
      tombstone || kv.version === version,
      () => `${key} has version ${kv.version} at revision ${main}, not ${version}`,
    );
    this.#versions.set(key, event);
    this.log.push(event);
  }

  /** After every event: cheap looks at every running member. */
  afterEvent(): void {
    for (const process of this.#world.processes) {
      const { server, storage } = process;
      if (server === undefined || storage === undefined) continue;
      const { node, store, backend } = server;
      const name = process.name;
      check(
        node.appliedIndex <= node.commitIndex && node.commitIndex <= node.lastIndex,
        () => `${name}: applied ${node.appliedIndex}, committed ${node.commitIndex}`,
      );
      let view = this.#views.get(process);
      if (view?.node !== node) {
        view = viewOf(process, server, storage);
        this.#views.set(process, view);
      }
      this.#raft.observe(view);
      const { index } = backend.consistentIndex;
      this.#compareState(name, index, store);
      const lastRev = this.#lastRev.get(store) ?? 0;
      check(store.rev >= lastRev, () => `${name}: the revision fell to ${store.rev}`);
      if (store.rev !== lastRev) this.#lastRev.set(store, store.rev);
    }
  }

  #compareState(
    name: string,
    index: number,
    store: { readonly rev: number; readonly compactRev: number },
  ): void {
    const { rev, compactRev } = store;
    const known = this.#states.get(index);
    if (known === undefined) {
      this.#states.set(index, { rev, compactRev });
      return;
    }
    check(
      known.rev === rev,
      () => `${name} is at revision ${rev} after entry ${index}, others at ${known.rev}`,
    );
    check(
      known.compactRev === compactRev,
      () => `${name} is compacted to ${compactRev} at entry ${index}, others ${known.compactRev}`,
    );
  }
}

/** Tells whether a member stores the change at a time of its own, along with any entry that is applied next. */
function isApart(change: Change): boolean {
  if (change.kind !== 'put' || change.bucket !== 'meta') return false;
  return change.key === finishedCompactKey || change.key === clusterIdKey;
}

function digestOf(changes: readonly Change[]): number {
  let hash = changes.length;
  for (const change of changes) {
    switch (change.kind) {
      case 'row': {
        const { main, sub, tombstone, value } = change.row;
        hash = crc32c(value, crc32c(Buffer.from(`${main}.${sub}.${tombstone}`), hash));
        break;
      }
      case 'put':
        hash = crc32c(change.value, crc32c(Buffer.from(`${change.bucket}/${change.key}`), hash));
        break;
      case 'delete':
        hash = crc32c(Buffer.from(`-${change.bucket}/${change.key}`), hash);
        break;
      case 'drop':
        break;
    }
  }
  return hash;
}
