import type { ClusterStatus, MemberStatus } from '../gen/cluster.js';

/** The numbers of masters that a cluster needs and has. */
export interface Quorum {
  readonly voters: readonly MemberStatus[];
  readonly down: readonly MemberStatus[];
  /** The masters that must come back before anything is read or written; 0 while the cluster has its quorum. */
  readonly missing: number;
}

/** Counts the masters that vote: a majority of them must answer (Raft §5.2). */
export function quorumOf({ members }: Pick<ClusterStatus, 'members'>): Quorum {
  const voters = members.filter((member) => !member.learner);
  const down = voters.filter((member) => !member.reachable);
  const needed = Math.floor(voters.length / 2) + 1;
  return { voters, down, missing: Math.max(0, needed - (voters.length - down.length)) };
}

/**
 * Explains a lost quorum and both ways out of it; undefined while there is one.
 * @param recover the command that makes a survivor the only master
 */
export function lostQuorum(
  status: Pick<ClusterStatus, 'members'>,
  recover = 'trireme master recover',
): string | undefined {
  const { voters, down, missing } = quorumOf(status);
  if (missing === 0) return undefined;
  const names = down
    .map(({ name }) => name)
    .toSorted()
    .join(', ');
  const back = missing === 1 ? 'one of them is' : `${missing} of them are`;
  return (
    `${down.length} of ${voters.length} masters do not answer (${names}): nothing is read or written until ${back} back.\n` +
    `If they are lost for good, one that is left carries on alone: stop it, then ${recover}`
  );
}
