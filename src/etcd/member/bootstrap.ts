/** Brings up a member's stored state: a new cluster, a member that joins one, or what an earlier run left behind. */
import type { Member } from '../../gen/etcd/rpc.js';
import { emptyConfState, MemoryStorage } from '../../raft/index.js';
import type { ConfState, Entry, HardState } from '../../raft/index.js';
import { BackendCorruptError } from '../backend/errors.js';
import type { Backend } from '../backend/types.js';
import { unsyncedDisk } from '../wal/node-disk.js';
import type { WalOptions } from '../wal/types.js';
import { Wal } from '../wal/wal.js';
import type { PeerAddress } from '../peer/types.js';
import { BootstrapError, dataPaths } from '../config.js';
import type { DataPaths, ServerConfig } from '../config.js';
import { idText } from '../membership/ids.js';
import { initialLog, sameUrls } from '../membership/initial-log.js';
import type { InitialLog } from '../membership/initial-log.js';
import { realMachine } from '../machine.js';
import type { Machine } from '../machine.js';
import { decodeConfState, Membership } from '../membership/membership.js';
import { survivorEntries } from '../membership/survivor.js';

/** The stored state that a member starts from. */
export interface StoredState {
  readonly machine: Machine;
  readonly backend: Backend;
  readonly wal: Wal;
  readonly storage: MemoryStorage;
  readonly clusterId: bigint;
  readonly memberId: bigint;
  /** The raft position that the backend holds. */
  readonly applied: number;
  /** True when this run made the log. */
  readonly fresh: boolean;
  readonly paths: DataPaths;
  /** The other members, for a member that has just joined and whose own log does not name them yet. */
  readonly peers: readonly PeerAddress[];
}

/** The key of the cluster's id in the bucket `meta`. A start writes it, and no log entry. */
export const clusterIdKey = 'clusterId';

/** Members that exist already, as a running cluster names them. */
export interface ExistingCluster {
  readonly clusterId: bigint;
  readonly members: readonly Member[];
}

/** Asks the other members who is in the cluster, for a member without a log of its own. */
export interface ClusterLookup {
  /** Asks the other members until one answers. @throws BootstrapError when none does */
  patiently(): Promise<ExistingCluster>;
  /** Asks each of them once, at most for a second. @returns what the first says that knows anything */
  once(): Promise<ExistingCluster | undefined>;
}

/**
 * Opens or makes the member's state.
 * @param lookup asked where the member has no log of its own, or one that does not name the others yet
 * @throws BootstrapError, WalCorruptError, BackendCorruptError
 */
export async function openState(
  config: ServerConfig,
  lookup: ClusterLookup,
  machine: Machine = realMachine(config),
): Promise<StoredState> {
  const paths = dataPaths(config);
  machine.databases.prepare(paths);
  if (Wal.exists(machine.disk, paths.wal)) {
    const state = reopen(config, paths, machine);
    const unfinished = unfinishedBeginning(config, state);
    if (unfinished !== undefined) return begin(state, unfinished);
    const knowsOthers =
      state.storage.lastIndex() > 0 || state.backend.entries('members').length > 0;
    if (knowsOthers) return state;
    return { ...state, peers: peersOf(await lookup.patiently(), state.memberId) };
  }
  if (machine.databases.exists(paths.database)) {
    throw new BootstrapError(`there is a database in ${config.dataDir} but no raft log beside it`);
  }
  if (config.initialClusterState === 'existing') {
    return joinExisting({ config, paths, machine }, await lookup.patiently());
  }
  if (config.initialCluster.length > 1) {
    const found = await lookup.once();
    if (found !== undefined) refuseSecondBirth(found, initialLog(config).metadata.memberId);
  }
  return createNew(config, paths, machine);
}

/**
 * Refuses to start a member that has taken part before and comes back with an empty disk: it has forgotten its votes
 * and what it acknowledged, and must not count as the member that it was. That it has taken part shows by its client
 * addresses, which it has told the cluster.
 * @throws BootstrapError
 */
export function refuseSecondBirth(cluster: ExistingCluster, memberId: bigint): void {
  const known = cluster.members.find(({ ID }) => ID === memberId);
  if (known === undefined || known.clientURLs.length === 0) return;
  const id = idText(memberId);
  throw new BootstrapError(
    `member ${id} has already been bootstrapped and its data are gone: take it out of the cluster ` +
      `(member remove ${id}), add it again (member add) and start it with --initial-cluster-state=existing`,
  );
}

function walOptions(
  { clock, unsafeNoFsync, telemetry }: ServerConfig,
  machine: Machine,
): WalOptions {
  const { walSegmentBytes: segmentBytes } = machine;
  const disk = unsafeNoFsync ? unsyncedDisk(machine.disk) : machine.disk;
  const onSync = (ms: number, bytes: number): void => telemetry.server.walSynced(ms, bytes);
  return { disk, clock, onSync, ...(segmentBytes === undefined ? {} : { segmentBytes }) };
}

function reopen(config: ServerConfig, paths: DataPaths, machine: Machine): StoredState {
  const backend = machine.databases.open(paths.database);
  const base = backend.consistentIndex;
  const { wal, contents } = Wal.open(paths.wal, base.index, walOptions(config, machine));
  if (contents.tornBytes > 0) {
    config.log.warn({ bytes: contents.tornBytes }, 'cut off the torn end of the raft log');
  }
  mustBelongTogether(backend, paths, contents.metadata.clusterId);
  const begins = contents.entries[0]?.index ?? 0;
  if (begins > base.index + 1) {
    const detail = `it holds entries up to ${base.index}, the raft log ${paths.wal} begins with entry ${begins}`;
    throw new BackendCorruptError(paths.database, detail);
  }
  const storage = new MemoryStorage();
  const confState =
    backend.confState === undefined ? emptyConfState : decodeConfState(backend.confState);
  loadStorage(storage, { base, confState, ...contents });
  const { clusterId, memberId } = contents.metadata;
  return {
    machine,
    backend,
    wal,
    storage,
    clusterId,
    memberId,
    applied: base.index,
    fresh: false,
    paths,
    peers: [],
  };
}

/**
 * Notes in a new database whose it is.
 * @throws BackendCorruptError for one that was put beside another cluster's log
 */
function mustBelongTogether(backend: Backend, paths: DataPaths, clusterId: bigint): void {
  const wanted = idText(clusterId);
  const found = backend.get('meta', clusterIdKey)?.toString();
  if (found === undefined) {
    backend.put('meta', clusterIdKey, Buffer.from(wanted));
  } else if (found !== wanted) {
    const detail = `it belongs to cluster ${found}, the raft log ${paths.wal} to ${wanted}`;
    throw new BackendCorruptError(paths.database, detail);
  }
}

function loadStorage(
  storage: MemoryStorage,
  state: {
    readonly base: { readonly index: number; readonly term: number };
    readonly confState: ConfState;
    readonly hardState: HardState;
    readonly entries: readonly Entry[];
  },
): void {
  const { base, confState, hardState } = state;
  if (base.index > 0) {
    const metadata = { index: base.index, term: base.term, confState };
    storage.applySnapshot({ data: new Uint8Array(0), metadata });
  }
  storage.append(state.entries);
  // The backend may be ahead of the last commit index that reached the log: what is applied was committed.
  storage.setHardState({
    term: Math.max(hardState.term, base.term),
    vote: hardState.term < base.term ? 0n : hardState.vote,
    commit: Math.max(hardState.commit, base.index),
  });
}

async function createNew(
  config: ServerConfig,
  paths: DataPaths,
  machine: Machine,
): Promise<StoredState> {
  const first = initialLog(config);
  const { metadata } = first;
  const wal = Wal.create(paths.wal, metadata, walOptions(config, machine));
  const backend = machine.databases.open(paths.database);
  mustBelongTogether(backend, paths, metadata.clusterId);
  const storage = new MemoryStorage();
  const state = { machine, backend, wal, storage, paths, ...metadata };
  return begin({ ...state, applied: 0, fresh: true, peers: [] }, first);
}

/**
 * Puts the first entries into an empty log. They count as committed and are applied at once, so they must be durable
 * before: a database that is ahead of its log may fall behind it in a power cut, and then entries are missing.
 */
async function begin(state: StoredState, { entries, hardState }: InitialLog): Promise<StoredState> {
  state.wal.append(hardState, entries);
  await state.wal.sync();
  const storage = new MemoryStorage();
  storage.append(entries);
  storage.setHardState(hardState);
  return { ...state, storage, fresh: true };
}

/**
 * A member that died while its first entries were written may hold some of them, and know some of the others only.
 * Their hard state comes last; without it the member has told nobody anything, and begins once more.
 */
function unfinishedBeginning(config: ServerConfig, state: StoredState): InitialLog | undefined {
  const { hardState } = state.storage.initialState();
  if (config.initialClusterState !== 'new' || state.applied > 0 || hardState.term > 0) {
    return undefined;
  }
  const first = initialLog(config);
  const { clusterId, memberId } = first.metadata;
  return clusterId === state.clusterId && memberId === state.memberId ? first : undefined;
}

function joinExisting(
  at: { readonly config: ServerConfig; readonly paths: DataPaths; readonly machine: Machine },
  cluster: ExistingCluster,
): StoredState {
  const { config, paths, machine } = at;
  const local = cluster.members.find((member) => sameUrls(member.peerURLs, config.peerUrls));
  if (local === undefined) {
    throw new BootstrapError(
      'error validating peerURLs: no member of the existing cluster has ' +
        config.peerUrls.join(','),
    );
  }
  refuseSecondBirth(cluster, local.ID);
  if (local.name !== '' && local.name !== config.name) {
    config.log.warn({ was: local.name }, 'this member had another name before');
  }
  const metadata = { clusterId: cluster.clusterId, memberId: local.ID };
  const wal = Wal.create(paths.wal, metadata, walOptions(config, machine));
  const backend = machine.databases.open(paths.database);
  mustBelongTogether(backend, paths, metadata.clusterId);
  const storage = new MemoryStorage();
  const peers = peersOf(cluster, local.ID);
  return { machine, backend, wal, storage, paths, peers, ...metadata, applied: 0, fresh: true };
}

function peersOf(cluster: ExistingCluster, localId: bigint): PeerAddress[] {
  return cluster.members
    .filter((member) => member.ID !== localId)
    .map((member) => ({ id: member.ID, urls: member.peerURLs }));
}

/**
 * Makes a cluster of one out of a member whose cluster lost its quorum for good. Everything in this member's log counts
 * as committed: the last commit index that reached its disk lags behind what clients were told, and a request that was
 * never acknowledged may have happened all the same. The other members are forgotten, by entries that follow.
 * @throws BootstrapError where the cluster had taken this member out
 */
export async function forceNewCluster(
  { wal, storage, backend, applied, clusterId, memberId }: StoredState,
  { peerUrls }: Pick<ServerConfig, 'peerUrls'>,
): Promise<void> {
  const membership = new Membership({ clusterId, localId: memberId, backend });
  if (membership.isRemoved(memberId)) {
    throw new BootstrapError(
      `member ${idText(memberId)} was taken out of its cluster: its data are not the cluster's`,
    );
  }
  const { hardState } = storage.initialState();
  // A term of its own: no former member may have entries of it.
  const term = hardState.term + 1;
  const self = { id: memberId, name: '', peerUrls, clientUrls: [], isLearner: false };
  const log = { unapplied: storage.after(applied), applied, term };
  const entries = survivorEntries(log, membership.members, self);
  const commit = entries.at(-1)?.index ?? storage.lastIndex();
  const next: HardState = { term, vote: 0n, commit };
  wal.append(next, entries);
  await wal.sync();
  storage.append(entries);
  storage.setHardState(next);
}
