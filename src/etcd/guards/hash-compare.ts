/** Decides which member is corrupt when hashes differ: etcd's rules (server/etcdserver/corrupt.go), on plain data. */
import { quorumSize } from '../../raft/index.js';
import type { HashKV } from '../mvcc/types.js';

/** A hash as another member gave it. */
export interface PeerHash {
  readonly id: bigint;
  readonly hash: number;
  readonly compactRev: number;
  /** The peer's present revision. */
  readonly rev: number;
}

/** Two hashes say something only about the same range of revisions. */
export function differs(mine: HashKV, theirs: PeerHash): boolean {
  return mine.compactRev === theirs.compactRev && mine.hash !== theirs.hash;
}

/**
 * The periodic check of the latest revision. The leader counts as right unless it contradicts itself.
 * @param before the leader's hash that the peers' are compared with
 * @param after the leader's hash, taken once it had applied all that was committed when the peers had answered
 * @returns the members to blame, each once
 */
export function blameForLatest(
  leader: bigint,
  hashes: { readonly before: HashKV; readonly after: HashKV; readonly peers: readonly PeerHash[] },
): bigint[] {
  const { before, after, peers } = hashes;
  const blamed = new Set<bigint>();
  const sameRange = after.hashRev === before.hashRev && after.compactRev === before.compactRev;
  if (sameRange && after.hash !== before.hash) blamed.add(leader);
  for (const peer of peers) {
    const isAhead = peer.rev > after.rev || peer.compactRev > after.compactRev;
    if (isAhead || differs(before, peer)) blamed.add(peer.id);
  }
  return [...blamed];
}

/** The result of comparing the hashes of one compaction. */
export interface CompactionVerdict {
  /** The members whose hash is not that of a majority; member 0 stands for all when there is no majority. */
  readonly blamed: readonly bigint[];
  /** Every peer has answered about this compaction, and agrees. */
  readonly complete: boolean;
}

/** The check of one compaction: the hash that a majority of all members has is right, whoever leads. */
export function blameForCompaction(
  leader: bigint,
  hash: HashKV,
  answers: { readonly peers: readonly PeerHash[]; readonly peerCount: number },
): CompactionVerdict {
  const groups = new Map<number, bigint[]>([[hash.hash, [leader]]]);
  let checked = 0;
  for (const peer of answers.peers) {
    if (peer.compactRev !== hash.compactRev) continue;
    checked += 1;
    groups.set(peer.hash, [...(groups.get(peer.hash) ?? []), peer.id]);
  }
  if (groups.size === 1) return { blamed: [], complete: checked === answers.peerCount };
  const quorum = quorumSize(answers.peerCount + 1);
  const right = [...groups].find(([, members]) => members.length >= quorum);
  if (right === undefined) return { blamed: [0n], complete: false };
  const blamed = [...groups].flatMap(([key, members]) => (key === right[0] ? [] : members));
  return { blamed: blamed.sort((a, b) => (a < b ? -1 : 1)), complete: false };
}
