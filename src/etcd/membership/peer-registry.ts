import type { Message, RaftNode } from '../../raft/index.js';
import type { PeerAddress, PeerCaller, PeerNetwork } from '../peer/types.js';
import type { Membership } from './membership.js';

/** The member whose peers are registered. */
export interface PeerRegistryHost {
  readonly node: RaftNode;
  readonly stopped: boolean;
  /** Undefined until the member has started. */
  readonly openNetwork: PeerNetwork | undefined;
  wake(): void;
  /** Takes a message. */
  step(message: Message): void;
  /** More peers can be reached than before. */
  onReachable(): void;
}

/**
 * Knows which peers are connected, in which direction, and tells Raft when a connection breaks. Two streams connect two
 * members: each opens one and sends its messages on it.
 */
export class PeerRegistry {
  readonly #host: PeerRegistryHost;
  /** The number of streams that each peer has open to this member. */
  readonly #incoming = new Map<bigint, number>();
  /** The newest log version that each peer with an open stream knows. */
  readonly #logVersions = new Map<bigint, number>();
  /** Peers with an open stream that take forwarded proposals only in their term. */
  readonly #binding = new Set<bigint>();
  /** Peers of older builds than the cluster allows: nothing is sent to them until they come with a newer one. */
  readonly #outdated = new Set<bigint>();
  #members: readonly PeerAddress[] = [];
  /** Peers with an open stream that no applied membership entry names. */
  readonly #unlisted = new Map<bigint, PeerAddress>();

  constructor(host: PeerRegistryHost) {
    this.#host = host;
  }

  /** Sets the other members that this member's log names. */
  setMembers(members: readonly PeerAddress[]): void {
    this.#members = members;
    for (const { id } of members) this.#unlisted.delete(id);
    this.#setPeers();
  }

  #setPeers(): void {
    const all = [...this.#members, ...this.#unlisted.values()];
    this.#host.openNetwork?.setPeers(all.filter(({ id }) => !this.#outdated.has(id)));
  }

  /** Messages get through in both directions. */
  isOpen(id: bigint): boolean {
    return this.#host.openNetwork?.isConnected(id) === true && (this.#incoming.get(id) ?? 0) > 0;
  }

  /** The newest log version that a peer knows; undefined while it has no stream to this member. */
  logVersionOf(id: bigint): number | undefined {
    return this.#logVersions.get(id);
  }

  /** True when the peer, should it lead, takes forwarded proposals only in the term that they are meant for. */
  bindsProposals(id: bigint): boolean {
    return this.#binding.has(id);
  }

  /** A peer does not know the log version of the cluster: it must not be sent entries. */
  refuseOutdated(id: bigint): void {
    if (this.#outdated.has(id)) return;
    this.#outdated.add(id);
    this.#setPeers();
  }

  /** A peer can be reached now. */
  connected(): void {
    this.#host.onReachable();
  }

  /** The stream to a peer broke, and could not be opened again at once. */
  lost(id: bigint): void {
    const { node, stopped } = this.#host;
    if (stopped) return;
    node.leaderConnectionLost(id);
    this.#host.wake();
  }

  /** A message has not left this member; proposals in it may go to whoever leads next. */
  dropped(message: Message): void {
    const { node, stopped } = this.#host;
    if (stopped) return;
    node.reportUnreachable(message.to);
    if (message.type !== 'MsgProp' || message.from !== node.id) return;
    const { to, from, entries } = message;
    const reason = 'noLeader';
    this.#host.step({ type: 'MsgPropDropped', to: from, from: to, term: 0, entries, reason });
  }

  /**
   * A peer has opened a stream: it lives, so this member opens its own stream to it at once, if it waits to try again.
   *
   * A member that was away while others were added may first hear of one of them when that one leads. It must be able
   * to answer, or it would never be sent the entries that tell of its leader:
   * 1. Member 1 of 1, 2, 3 stops. Member 4 is added, and leads.
   * 2. Member 1 starts, and gets a heartbeat and a first append from 4, which it must refuse: it lacks entries.
   * 3. If the refusal has nowhere to go, 4 keeps on probing, and if 2 stops now, 3 and 4 are no quorum of four.
   *
   * @param caller.urls where it says it can be reached
   * @param caller.logVersion the newest log version that it knows
   * @param caller.bindsProposals whether it takes forwarded proposals only in their term
   */
  streamOpened(id: bigint, { urls, logVersion, bindsProposals }: PeerCaller): void {
    if (this.#host.stopped) return;
    this.#logVersions.set(id, logVersion);
    if (bindsProposals) this.#binding.add(id);
    else this.#binding.delete(id);
    if (this.#outdated.delete(id)) this.#setPeers();
    this.#incoming.set(id, (this.#incoming.get(id) ?? 0) + 1);
    if (urls.length > 0 && !this.#members.some((member) => member.id === id)) {
      this.#unlisted.set(id, { id, urls });
      this.#setPeers();
    }
    this.#host.openNetwork?.peerSeen(id);
    this.#host.onReachable();
  }

  /** A stream from a peer has ended. If there is no stream to the peer either, Raft is told that the peer is lost. */
  streamEnded(id: bigint): void {
    const left = (this.#incoming.get(id) ?? 1) - 1;
    if (left === 0) this.#incoming.delete(id);
    else this.#incoming.set(id, left);
    const { stopped, openNetwork } = this.#host;
    if (stopped) return;
    if (left === 0) this.#logVersions.delete(id);
    if (left === 0) this.#binding.delete(id);
    if (left === 0 && this.#unlisted.delete(id)) this.#setPeers();
    if (openNetwork?.isConnected(id) === false) this.lost(id);
  }
}

/** Returns the members beside `own`. @param known those that the member was told of before it joined */
export function otherMembers(
  { members, local }: Pick<Membership, 'members' | 'local'>,
  own: bigint,
  known: readonly PeerAddress[],
): PeerAddress[] {
  const peers = members
    .filter(({ id }) => id !== own)
    .map(({ id, peerUrls }) => ({ id, urls: peerUrls }));
  if (local !== undefined) return peers;
  // A member that joins learns the others from the cluster before its own log names them.
  const listed = new Set(peers.map(({ id }) => id));
  return [...peers, ...known.filter(({ id }) => !listed.has(id))];
}
