import { etcdError } from '../apply/errors.js';
import type { EtcdServer } from './server.js';

/**
 * Why a call was not answered in time, as far as the member can tell.
 * @param leaderLostMs monotonic: when it last lost its leader
 */
export function timeoutError(
  server: EtcdServer,
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
