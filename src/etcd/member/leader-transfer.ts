import type { Clock } from '../../lib/clock.js';
import { delay } from '../../lib/clock.js';
import type { RaftNode } from '../../raft/index.js';
import { etcdError } from '../apply/errors.js';
import type { Membership } from '../membership/membership.js';

const pollMs = 5;

/** The member that hands over leadership. */
export interface TransferHost {
  readonly config: { readonly clock: Clock; readonly electionMs: number };
  readonly memberId: bigint;
  readonly node: RaftNode;
  readonly stopped: boolean;
  readonly membership: Pick<Membership, 'voters'>;
  /** Undefined until the member has started. */
  readonly openNetwork: { isConnected(id: bigint): boolean } | undefined;
  wake(): void;
}

/** Hands leadership to a voter and waits until it leads. @throws timeout, with the outcome open */
export async function moveLeader(server: TransferHost, target: bigint): Promise<void> {
  if (server.node.leader === target) return;
  const { clock, electionMs } = server.config;
  const untilMs = clock.monotonicMs() + electionMs;
  server.node.transferLeader(target);
  server.wake();
  while (server.node.leader !== target) {
    if (server.stopped || clock.monotonicMs() > untilMs) throw etcdError('timeout');
    await delay(clock, pollMs);
  }
}

/** Before a leader stops: the voter that is connected and furthest along takes over, if there is one. */
export async function yieldLeadership(server: TransferHost): Promise<void> {
  await stepBack(server, 0);
}

/**
 * Hands leadership to the connected voter that is furthest along; at the n-th attempt, to the n-th of them.
 * Never rejects: who leads tells whether it worked.
 */
export async function stepBack(server: TransferHost, attempt: number): Promise<void> {
  if (server.node.role !== 'leader') return;
  const voters = new Set(server.membership.voters.map(({ id }) => id));
  const candidates = server.node
    .status()
    .progress.filter(({ id }) => id !== server.memberId && voters.has(id))
    .filter(({ id }) => server.openNetwork?.isConnected(id) === true)
    .sort((a, b) => b.match - a.match);
  const next = candidates[attempt % Math.max(1, candidates.length)];
  if (next === undefined) return;
  await moveLeader(server, next.id).catch(() => undefined);
}
