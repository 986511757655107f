import type { HashKVResponse, LeaseTimeToLiveResponse } from '../../gen/etcd/rpc.js';
import type { MembersResponse } from '../../gen/raft.js';
import type { Message, MsgSnap, NodeId } from '../../raft/index.js';

/** A member and its addresses. */
export interface PeerAddress {
  readonly id: NodeId;
  /** `http://host:port`, `https://host:port` or `unix://path`. */
  readonly urls: readonly string[];
}

/**
 * The other members, as the server talks to them. Messages may be lost, and are dropped rather than queued without
 * bound.
 */
export interface PeerNetwork {
  /** Replaces the list of peers: new ones are connected to, others let go. */
  setPeers(peers: readonly PeerAddress[]): void;
  /** To whom each message is addressed. MsgSnap goes by `sendSnapshot`. */
  send(messages: readonly Message[]): void;
  /** Streams the file behind the message. Rejects when it did not arrive whole. */
  sendSnapshot(message: MsgSnap, path: string): Promise<void>;
  /** The peer has come to us: what waits to try it again tries now. */
  peerSeen(id: NodeId): void;
  /** True while messages get through to the peer. */
  isConnected(id: NodeId): boolean;
  /** Monotonic milliseconds since when; undefined while not connected. */
  connectedSinceMs(id: NodeId): number | undefined;
  /** Renews a lease at the leader. @throws EtcdError */
  renewLease(leader: NodeId, id: bigint): Promise<number>;
  /** @throws EtcdError */
  leaseTimeToLive(leader: NodeId, id: bigint, keys: boolean): Promise<LeaseTimeToLiveResponse>;
  /** Has the leader promote a learner, since only it knows how far the learner is. @throws EtcdError */
  promoteMember(leader: NodeId, id: bigint): Promise<void>;
  /** @throws EtcdError */
  hashKV(peer: NodeId, revision: number): Promise<HashKVResponse>;
  /** Asks a peer for the members that it knows. @throws EtcdError */
  members(peer: NodeId): Promise<MembersResponse>;
  close(): void;
}

/** Events of the peer network. */
export interface PeerEvents {
  /** The stream to the peer broke, and could not be opened again at once. Called again on each further failure. */
  onPeerLost(id: NodeId): void;
  /** A message was dropped: it has not left this member. */
  onDropped(message: Message): void;
  /** Streams to the peer are open. */
  onPeerConnected(id: NodeId): void;
  /** A peer says that this member was removed from the cluster. */
  onRemoved(): void;
  /** A peer says that this member does not know the log version of the cluster. */
  onOutdated(): void;
}

/** Facts that a peer tells about itself when it opens a stream. */
export interface PeerCaller {
  /** The addresses that it gives. */
  readonly urls: readonly string[];
  /** The newest log version that it knows. */
  readonly logVersion: number;
  /** True when it takes forwarded proposals only in the term that they are meant for. */
  readonly bindsProposals: boolean;
}

/** The member behind the peer service. */
export interface PeerHost {
  readonly clusterId: bigint;
  readonly memberId: bigint;
  isRemoved(id: NodeId): boolean;
  /** Resolves when messages of the peer may be taken. @throws EtcdError when they may not, or not yet */
  admit(from: NodeId): Promise<void>;
  /** Refuses a peer that does not know the log version of the cluster. @throws logVersionUnknown */
  checkLogVersion(from: NodeId, logVersion: number): void;
  step(message: Message): void;
  /** A stream from the peer is open. */
  streamOpened(from: NodeId, caller: PeerCaller): void;
  /** A stream from the peer has ended. */
  streamEnded(from: NodeId): void;
  newSnapshotPath(): { readonly directory: string; readonly name: string };
  snapshotReceived(message: MsgSnap, path: string): Promise<void>;
  members(): MembersResponse;
  renewLease(id: bigint): Promise<number>;
  leaseTimeToLive(id: bigint, keys: boolean): LeaseTimeToLiveResponse;
  promoteMember(id: bigint): Promise<void>;
  hashKV(revision: number): Promise<HashKVResponse>;
}
