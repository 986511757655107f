/** Known mistakes, put back into whole members from outside: around their disk, database, node, lessor or store. */
import { LeaseKeeper } from '../../src/etcd/member/lease-keeper.js';
import type { EtcdServer } from '../../src/etcd/member/server.js';
import type { Backend } from '../../src/etcd/backend/types.js';
import { finishedCompactKey, scheduledCompactKey } from '../../src/etcd/mvcc/restore.js';
import type { WatchSink } from '../../src/etcd/mvcc/types.js';
import type { DiskFile } from '../../src/etcd/wal/disk.js';
import { SimDisk } from '../../src/etcd/wal/testkit/sim-disk.js';
import type { Defer } from '../../src/etcd/wal/testkit/sim-disk.js';
import type { Prng } from '../../src/lib/prng.js';
import { RawNode } from '../../src/raft/index.js';
import type { RaftConfig, RaftNode } from '../../src/raft/index.js';
import { startRaft } from '../../src/raft/raft.js';
import { readFile, SimBackend, SimDatabases } from './lib/sim-database.js';
import type { DatabaseOptions, SimFile } from './lib/sim-database.js';
import type { Change } from './lib/sim-image.js';
import { putBugBack } from './raft-canaries.js';
import type { SimProcess } from './store-process.js';

/** All mistakes. */
export const storeCanaries = [
  'voteNotPersisted',
  'oldTermCommitted',
  'ackBeforeSync',
  'indexApartFromEffects',
  'appliedTwice',
  'snapshotWithoutIndex',
  'compactionForgotten',
  'watchEventLost',
  'keepAliveForgotten',
  'keepAliveUnconfirmed',
  'revocationPassedOn',
  'leaseEndedByFollower',
  'leaseEndedByNewLeader',
  'staleRead',
  'snapshotUnseen',
] as const;
/** A mistake put back in. */
export type StoreCanary = (typeof storeCanaries)[number];

/** Says that what is written is durable before it is. */
class HastyDisk extends SimDisk {
  override open(path: string, options: { readonly create: boolean }): DiskFile {
    const file = super.open(path, options);
    const sync = file.syncData.bind(file);
    file.syncData = (done) => {
      sync(() => undefined);
      queueMicrotask(() => done(null));
    };
    return file;
  }
}

/** The index of a batch is committed by itself, before its effects. */
class SplitBackend extends SimBackend {
  protected override store(batch: readonly Change[]): void {
    const index = batch.filter((change) => change.kind === 'put' && isIndex(change.key));
    super.store(index);
    super.store(batch.filter((change) => !index.includes(change)));
  }
}

function isIndex(key: string): boolean {
  return key === 'consistent_index';
}

class SplitDatabases extends SimDatabases {
  protected override newBackend(path: string, file: SimFile): Backend {
    return new SplitBackend(path, file, this);
  }
}

/** On opening, the last entry counts as not applied, or what was compacted is forgotten. */
class ForgetfulDatabases extends SimDatabases {
  readonly #canary: StoreCanary;

  constructor(options: DatabaseOptions, canary: StoreCanary) {
    super(options);
    this.#canary = canary;
  }

  protected override newBackend(path: string, file: SimFile): Backend {
    const durable = readFile(file);
    if (this.#canary === 'compactionForgotten') {
      for (const key of [finishedCompactKey, scheduledCompactKey]) {
        durable.apply({ kind: 'delete', bucket: 'meta', key });
      }
    } else {
      const value = durable.get('meta', 'consistent_index');
      if (value !== undefined && value.readBigUInt64BE(0) > 8n) {
        const earlier = Buffer.from(value);
        earlier.writeBigUInt64BE(value.readBigUInt64BE(0) - 1n, 0);
        durable.apply({ kind: 'put', bucket: 'meta', key: 'consistent_index', value: earlier });
      }
    }
    file.durable = durable;
    file.batches = [];
    return super.newBackend(path, file);
  }
}

class IndexlessDatabases extends SimDatabases {
  override install(snapshotPath: string, databasePath: string): void {
    super.install(snapshotPath, databasePath);
    const key = 'consistent_index';
    this.files.get(databasePath)?.durable.apply({ kind: 'delete', bucket: 'meta', key });
  }
}

/** Takes a renewal without asking whether it still leads. */
class HastyKeeper extends LeaseKeeper {
  readonly #leader: EtcdServer;

  constructor(server: EtcdServer) {
    super(server);
    this.#leader = server;
  }

  override renewHere(id: bigint): Promise<number> {
    return new Promise((resolve) => resolve(this.#leader.lessor.renew(id)));
  }
}

/** Makes the parts of members, as they should be or with the mistake. */
export class Canaries {
  readonly #canary: StoreCanary | undefined;

  constructor(canary: StoreCanary | undefined) {
    this.#canary = canary;
  }

  disk(prng: Prng, defer: Defer): SimDisk {
    if (this.#canary === 'ackBeforeSync') return new HastyDisk(prng, defer);
    return new SimDisk(prng, defer);
  }

  databases(options: DatabaseOptions): SimDatabases {
    switch (this.#canary) {
      case 'indexApartFromEffects':
        return new SplitDatabases(options);
      case 'compactionForgotten':
      case 'appliedTwice':
        return new ForgetfulDatabases(options, this.#canary);
      case 'snapshotWithoutIndex':
        return new IndexlessDatabases(options);
      default:
        return new SimDatabases(options);
    }
  }

  node(config: RaftConfig): RaftNode {
    const raft = startRaft(config);
    if (this.#canary === 'oldTermCommitted') putBugBack(raft, 'commitOldTerm');
    const node = new RawNode(config, raft);
    if (this.#canary !== 'voteNotPersisted') return node;
    const ready = node.ready.bind(node);
    node.ready = () => {
      const next = ready();
      if (next.hardState === undefined) return next;
      return { ...next, hardState: { ...next.hardState, vote: 0n } };
    };
    return node;
  }

  keeper(server: EtcdServer): LeaseKeeper {
    return this.#canary === 'keepAliveUnconfirmed'
      ? new HastyKeeper(server)
      : new LeaseKeeper(server);
  }

  server(server: EtcdServer, process: SimProcess): void {
    const { lessor } = server;
    switch (this.#canary) {
      case 'watchEventLost':
        loseWatchEvents(server);
        return;
      case 'keepAliveForgotten':
        lessor.renew = (id) => lessor.timeToLive(id).grantedTtlSeconds;
        return;
      case 'revocationPassedOn':
        server.proposeAsLeader = server.propose.bind(server);
        return;
      case 'leaseEndedByFollower':
        endLeasesAtFollower(server, process);
        return;
      case 'leaseEndedByNewLeader': {
        const promote = lessor.promote.bind(lessor);
        lessor.promote = (extendSeconds) => {
          promote(extendSeconds);
          for (const id of lessor.list()) server.leases.revoke(id);
        };
        return;
      }
      case 'snapshotUnseen':
        server.requests.onSnapshot = () => undefined;
        return;
      case 'staleRead': {
        const { requests } = server;
        const ask = requests.linearizable.bind(requests);
        requests.linearizable = async <T>(read: () => T): Promise<T> =>
          server.isLeader ? read() : ask(read);
        return;
      }
      default:
    }
  }
}

/** After a change of the leader, the next events are told to nobody. */
function loseWatchEvents(server: EtcdServer): void {
  const { store } = server;
  let losing = false;
  server.onLeaderChange(() => (losing = true));
  const wrapped = new Map<WatchSink, WatchSink>();
  const watch = store.watch.bind(store);
  const drained = store.drained.bind(store);
  store.watch = (request, sink) => {
    const lossy: WatchSink = wrapped.get(sink) ?? {
      send: (batch) => {
        if (!losing || batch.kind !== 'events') return sink.send(batch);
        losing = false;
        return true;
      },
    };
    wrapped.set(sink, lossy);
    return watch(request, lossy);
  };
  store.drained = (sink) => drained(wrapped.get(sink) ?? sink);
}

/** A follower counts the time of leases by itself. */
function endLeasesAtFollower(server: EtcdServer, process: SimProcess): void {
  const seen = new Map<bigint, number>();
  const look = (): void => {
    process.clock.schedule(200, look);
    if (server.isLeader) return;
    const nowMs = process.clock.monotonicMs();
    for (const id of server.lessor.list()) {
      const since = seen.get(id) ?? nowMs;
      seen.set(id, since);
      const { grantedTtlSeconds } = server.lessor.timeToLive(id);
      if (nowMs - since >= grantedTtlSeconds * 1000) server.leases.revoke(id);
    }
  };
  look();
}
