import { etcdError } from '../apply/errors.js';
import type { Clock } from '../../lib/clock.js';

/** A member's knowledge of its leader. */
interface LeaderView {
  readonly leader: bigint;
  readonly memberId: bigint;
  readonly config: { readonly clock: Clock };
  readonly network: { isConnected(id: bigint): boolean };
}

/**
 * Why a call was not answered in time, as far as the member can tell.
 * @param leaderLostMs monotonic: when it last lost its leader
 */
export function timeoutError(
  server: LeaderView,
  leaderLostMs: number,
  timeoutMs: number,
): ReturnType<typeof etcdError> {
  const { leader, memberId } = server;
  const lost = leaderLostMs > server.config.clock.monotonicMs() - timeoutMs;
  if (lost) return etcdError('timeoutDueToLeaderFail');
  if (leader !== 0n && leader !== memberId && !server.network.isConnected(leader)) {
    return etcdError('timeoutDueToConnectionLost');
  }
  return etcdError('timeout');
}
