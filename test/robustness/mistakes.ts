/**
 * Known mistakes, to be put into a member that is otherwise the real program: each sits at one of the interfaces
 * between its parts (disk, core, backend, store, leases). They do nothing before `armed`.
 */
import { assertNever } from '../../src/lib/assert.js';
import { systemClock } from '../../src/lib/clock.js';
import type { EtcdServer } from '../../src/etcd/member/server.js';
import type { WatchSink } from '../../src/etcd/mvcc/types.js';
import { RawNode } from '../../src/raft/index.js';
import { noNode } from '../../src/raft/types.js';
import type { RaftConfig, RaftNode } from '../../src/raft/index.js';
import { startRaft } from '../../src/raft/raft.js';
import type { DiskMood } from './lossy-disk.js';

export const mistakes = [
  /** Syncs of the raft log are acknowledged and not done. */
  'ackBeforeSync',
  /** The hard state is stored without the vote. */
  'voteNotSaved',
  /** A leader commits an entry of an earlier term by counting (Raft, figure 8). */
  'oldTermCommitted',
  /** An entry's effects are committed with the index of the entry before. */
  'indexApart',
  /** The database commits in the middle of a transaction. */
  'halfTxn',
  /** After a change of leader, each watch stream loses the first events. */
  'watchLosesAtLeaderChange',
  /** A watch that resumes starts one revision too late. */
  'watchLosesAtResume',
  /** Linearizable reads are answered from what this member has. */
  'staleRead',
  /** A leader confirms reads without asking a quorum. */
  'readWithoutQuorum',
  /** A new leader takes all leases for expired. */
  'leasesDropped',
  /** A new leader does not count the time of leases. */
  'leasesForever',
  /** Leases end by the wall clock. */
  'leasesByWallClock',
  /** A user keeps every right that it once had. */
  'rightsRemembered',
] as const;

export type Mistake = (typeof mistakes)[number];

/** Shared by the parts of one member. */
export interface MistakeState {
  readonly mistake: Mistake | undefined;
  armed: boolean;
  readonly disk: DiskMood;
}

/** The core, with the mistakes that are in it. */
export function faultyNode(config: RaftConfig, state: MistakeState): RaftNode {
  const raft = startRaft(config);
  const node = new RawNode(config, raft);
  const { log, tracker } = raft;
  if (state.mistake === 'oldTermCommitted') {
    const matches = log.matches.bind(log);
    log.matches = (index, term) =>
      state.armed && raft.role === 'leader' && index > log.committed ? true : matches(index, term);
  } else if (state.mistake === 'readWithoutQuorum') {
    const confirmedRound = tracker.confirmedRound.bind(tracker);
    tracker.confirmedRound = () => (state.armed ? Infinity : confirmedRound());
  } else if (state.mistake === 'voteNotSaved') {
    const ready = node.ready.bind(node);
    node.ready = () => {
      const made = ready();
      if (!state.armed || made.hardState === undefined) return made;
      return { ...made, hardState: { ...made.hardState, vote: noNode } };
    };
  }
  return node;
}

/** Puts the mistakes that are not in the core into a server that takes no part yet. */
export function putMistakeIn(server: EtcdServer, state: MistakeState): void {
  const { mistake } = state;
  switch (mistake) {
    case 'indexApart':
      indexApart(server, state);
      return;
    case 'halfTxn':
      halfTxn(server, state);
      return;
    case 'watchLosesAtLeaderChange':
      loseAtLeaderChange(server, state);
      return;
    case 'watchLosesAtResume':
      loseAtResume(server, state);
      return;
    case 'staleRead': {
      const { requests } = server;
      const linearizable = requests.linearizable.bind(requests);
      requests.linearizable = (read) =>
        state.armed ? Promise.resolve().then(read) : linearizable(read);
      return;
    }
    case 'leasesDropped':
    case 'leasesForever':
      loseLeases(server, state);
      return;
    case 'rightsRemembered':
      rememberRights(server, state);
      return;
    case 'leasesByWallClock':
      leasesByWallClock(server, state);
      return;
    case 'ackBeforeSync':
    case 'voteNotSaved':
    case 'oldTermCommitted':
    case 'readWithoutQuorum':
    case undefined:
      return;
    default:
      assertNever(mistake);
  }
}

function indexApart({ backend }: EtcdServer, state: MistakeState): void {
  const endApply = backend.endApply.bind(backend);
  let last = backend.consistentIndex;
  backend.endApply = (index, term) => {
    if (state.armed) endApply(last.index, last.term);
    else endApply(index, term);
    last = { index, term };
  };
}

function halfTxn({ backend, node }: EtcdServer, state: MistakeState): void {
  const putRevision = backend.putRevision.bind(backend);
  const endApply = backend.endApply.bind(backend);
  let last = backend.consistentIndex.index;
  backend.endApply = (index, term) => {
    endApply(index, term);
    last = index;
  };
  backend.putRevision = (main, sub, tombstone, value) => {
    if (state.armed && sub === 1) {
      endApply(last + 1, node.term);
      backend.commit();
    }
    putRevision(main, sub, tombstone, value);
  };
}

function loseAtLeaderChange(server: EtcdServer, state: MistakeState): void {
  const { store } = server;
  const watch = store.watch.bind(store);
  const sinks = new Set<WatchSink>();
  const losing = new Set<WatchSink>();
  server.onLeaderChange(() => {
    if (state.armed) for (const sink of sinks) losing.add(sink);
  });
  store.watch = (request, sink) => {
    if (!sinks.has(sink)) {
      sinks.add(sink);
      const send = sink.send.bind(sink);
      sink.send = (batch) => (batch.kind === 'events' && losing.delete(sink) ? true : send(batch));
    }
    return watch(request, sink);
  };
}

function loseAtResume({ store }: EtcdServer, state: MistakeState): void {
  const watch = store.watch.bind(store);
  store.watch = (request, sink) => {
    const { startRevision } = request;
    const resumes = state.armed && startRevision > 1;
    return watch(resumes ? { ...request, startRevision: startRevision + 1 } : request, sink);
  };
}

function loseLeases({ lessor }: EtcdServer, state: MistakeState): void {
  const promote = lessor.promote.bind(lessor);
  const expired = lessor.expired.bind(lessor);
  let lost = false;
  lessor.promote = (extendSeconds) => {
    promote(extendSeconds);
    lost = state.armed;
  };
  lessor.expired = (limit) => {
    if (!lost) return expired(limit);
    if (state.mistake === 'leasesForever') return [];
    lost = false;
    return lessor.list();
  };
}

function leasesByWallClock({ lessor }: EtcdServer, state: MistakeState): void {
  const clock = systemClock();
  const expired = lessor.expired.bind(lessor);
  const renew = lessor.renew.bind(lessor);
  const grant = lessor.grant.bind(lessor);
  const promote = lessor.promote.bind(lessor);
  const ends = new Map<bigint, number>();
  const start = (id: bigint): void => {
    ends.set(id, clock.nowMs() + lessor.timeToLive(id).grantedTtlSeconds * 1_000);
  };
  lessor.grant = (id, ttlSeconds) => {
    const lease = grant(id, ttlSeconds);
    start(lease.id);
    return lease;
  };
  lessor.promote = (extendSeconds) => {
    promote(extendSeconds);
    for (const id of lessor.list()) start(id);
  };
  lessor.renew = (id) => {
    start(id);
    return renew(id);
  };
  lessor.expired = (limit) => {
    if (!state.armed) return expired(limit);
    const isOver = (id: bigint): boolean => (ends.get(id) ?? Infinity) <= clock.nowMs();
    return lessor.isPrimary ? lessor.list().filter(isOver) : [];
  };
}

function rememberRights({ auth }: EtcdServer, state: MistakeState): void {
  const checkRange = auth.checkRange.bind(auth);
  const known = new Set<string>();
  auth.checkRange = (info, access, range) => {
    const right = `${info?.username} ${access} ${range.key} ${range.end}`;
    if (state.armed && known.has(right)) return;
    checkRange(info, access, range);
    known.add(right);
  };
}
