/** Derives from a member's state what those who watch it show. Pure. */
import type { MemberState, PeerState } from '../../gen/telemetry.js';
import type { KnownMember } from './model.js';
import { silentAfterMs } from './model.js';

/** Tells whether a member has reported its state lately. */
export function isAlive({ state, stateMs, error }: KnownMember, nowMs: number): boolean {
  return error === undefined && state !== undefined && nowMs - stateMs < silentAfterMs;
}

/**
 * Milliseconds since the leader's last message when the state was told; on the leader since the last one of the peer
 * that was silent longest. Undefined where nothing was heard.
 */
export function heardMs(state: MemberState): number | undefined {
  return largest(peersThatMatter(state).map(({ heardMsAgo }) => heardMsAgo));
}

/** Milliseconds of the last ping to the leader; on the leader to the slowest peer. Undefined before the first. */
export function roundTripMs(state: MemberState): number | undefined {
  return largest(peersThatMatter(state).map((peer) => peer.roundTripMs));
}

/** Entries that other members know to be committed and that this one has not applied. */
export function lagOf(state: MemberState, members: readonly KnownMember[]): number {
  const maxCommit = Math.max(0, ...members.map((member) => member.state?.commit ?? 0));
  return Math.max(0, maxCommit - state.applied);
}

/** A negative number says that there is none yet. */
function largest(values: readonly number[]): number | undefined {
  const known = values.filter((ms) => ms >= 0);
  return known.length === 0 ? undefined : Math.max(...known);
}

function peersThatMatter(state: MemberState): readonly PeerState[] {
  if (state.role === 'leader') return state.peers.filter(({ connected }) => connected);
  return state.peers.filter(({ id }) => id === state.leader);
}
