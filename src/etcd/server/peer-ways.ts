import type { RaftNode } from '../../raft/index.js';
import type { PeerNetwork } from '../peer/types.js';

/** The server, as far as the ways to its peers concern it. */
export interface PeerWaysHost {
  readonly node: RaftNode;
  readonly stopped: boolean;
  /** Undefined until the member has started. */
  readonly way: PeerNetwork | undefined;
  wake(): void;
  /** More peers can be reached than before. */
  onReachable(): void;
}

/** What is known of the ways to and from the other members, and who is told when they open and break. */
export class PeerWays {
  readonly #host: PeerWaysHost;
  /** Streams that are open from each peer. */
  readonly #incoming = new Map<bigint, number>();

  constructor(host: PeerWaysHost) {
    this.#host = host;
  }

  /** Messages get through in both directions. */
  isOpen(id: bigint): boolean {
    return this.#host.way?.isConnected(id) === true && (this.#incoming.get(id) ?? 0) > 0;
  }

  /** A peer can be reached now. */
  connected(): void {
    this.#host.onReachable();
  }

  /** The way to a peer is broken and could not be repaired at once. */
  lost(id: bigint): void {
    const { node, stopped } = this.#host;
    if (stopped) return;
    node.leaderConnectionLost(id);
    this.#host.wake();
  }

  /** A message to the peer was dropped. */
  unreachable(id: bigint): void {
    if (!this.#host.stopped) this.#host.node.reportUnreachable(id);
  }

  /** A stream from a peer is open: it lives, so the way to it is tried at once where that waits to be tried again. */
  streamOpened(id: bigint): void {
    if (this.#host.stopped) return;
    this.#incoming.set(id, (this.#incoming.get(id) ?? 0) + 1);
    this.#host.way?.peerSeen(id);
    this.#host.onReachable();
  }

  /** The stream from a peer has ended: if the way to it is gone as well, it is lost. */
  streamEnded(id: bigint): void {
    this.#incoming.set(id, (this.#incoming.get(id) ?? 1) - 1);
    const { stopped, way } = this.#host;
    if (!stopped && way?.isConnected(id) === false) this.lost(id);
  }
}
