import { delay } from '../../lib/clock.js';
import { etcdError } from '../apply/errors.js';
import type { EtcdServer } from './server.js';

const pollMs = 5;

/** Hands leadership to a voter and waits until it leads. @throws timeout, with the outcome open */
export async function moveLeader(server: EtcdServer, target: bigint): Promise<void> {
  if (server.leader === target) return;
  const { clock, electionMs } = server.config;
  const untilMs = clock.monotonicMs() + electionMs;
  server.node.transferLeader(target);
  server.wake();
  while (server.leader !== target) {
    if (server.stopped || clock.monotonicMs() > untilMs) throw etcdError('timeout');
    await delay(clock, pollMs);
  }
}

/** Before a leader stops: the voter that is connected and furthest along takes over, if there is one. */
export async function yieldLeadership(server: EtcdServer): Promise<void> {
  if (!server.isLeader) return;
  const voters = new Set(server.membership.voters.map(({ id }) => id));
  const candidates = server.node
    .status()
    .progress.filter(({ id }) => id !== server.memberId && voters.has(id))
    .filter(({ id }) => server.network.isConnected(id))
    .sort((a, b) => b.match - a.match);
  const [best] = candidates;
  if (best === undefined) return;
  await moveLeader(server, best.id).catch(() => undefined);
}
