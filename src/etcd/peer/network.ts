import type { HashKVResponse, LeaseTimeToLiveResponse } from '../../gen/etcd/rpc.js';
import type { Client, Metadata } from '../../lib/grpc/index.js';
import { etcdError } from '../apply/errors.js';
import type { MembersResponse } from '../../gen/raft.js';
import type { Message, MsgSnap, NodeId } from '../../raft/index.js';
import { callerMetadata } from './caller.js';
import { askPeer } from './peer-error.js';
import { PeerLink } from './peer-link.js';
import type { LinkOptions } from './peer-link.js';
import { streamSnapshot } from './snapshot-stream.js';
import type { PeerAddress, PeerNetwork } from './types.js';
import type { peerDefinition } from './peer-definition.js';

/** The deadline of calls to a peer; Raft messages have none. */
const callDeadlineMs = 5000;

/** Talks to the other members over gRPC. */
export class GrpcPeerNetwork implements PeerNetwork {
  readonly #options: LinkOptions;
  readonly #links = new Map<NodeId, PeerLink>();

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  setPeers(peers: readonly PeerAddress[]): void {
    const wanted = new Map(peers.map((peer) => [peer.id, peer]));
    for (const [id, link] of this.#links) {
      const peer = wanted.get(id);
      if (peer === undefined) {
        this.#links.delete(id);
        link.retire();
      } else if (peer.urls.join() !== link.peer.urls.join()) {
        link.moveTo(peer);
      }
    }
    for (const peer of peers) {
      if (!this.#links.has(peer.id)) this.#links.set(peer.id, new PeerLink(peer, this.#options));
    }
  }

  send(messages: readonly Message[]): void {
    for (const message of messages) this.#links.get(message.to)?.send(message);
    for (const link of this.#links.values()) link.flush();
  }

  async sendSnapshot(message: MsgSnap, path: string): Promise<void> {
    const metadata = this.#metadata(message.to);
    await streamSnapshot(this.#client(message.to), { message, path, metadata });
  }

  peerSeen(id: NodeId): void {
    this.#links.get(id)?.retryNow();
  }

  isConnected(id: NodeId): boolean {
    return this.connectedSinceMs(id) !== undefined;
  }

  connectedSinceMs(id: NodeId): number | undefined {
    return this.#links.get(id)?.connectedSinceMs;
  }

  async renewLease(leader: NodeId, id: bigint): Promise<number> {
    const answer = await this.#ask(leader, (peer, options) => peer.leaseRenew({ ID: id }, options));
    return answer.TTL;
  }

  async leaseTimeToLive(
    leader: NodeId,
    id: bigint,
    keys: boolean,
  ): Promise<LeaseTimeToLiveResponse> {
    return this.#ask(leader, (peer, options) => peer.leaseTimeToLive({ ID: id, keys }, options));
  }

  async promoteMember(leader: NodeId, id: bigint): Promise<void> {
    await this.#ask(leader, (peer, options) => peer.memberPromote({ ID: id }, options));
  }

  async hashKV(peer: NodeId, revision: number): Promise<HashKVResponse> {
    const answer = await this.#ask(peer, (client, options) => client.hashKV({ revision }, options));
    // Another cluster's member at the same address, of a build that does not check who asks.
    const { clusterId, memberId } = answer.header ?? {};
    if (clusterId !== this.#options.clusterId) throw etcdError('clusterIdMismatch');
    if (memberId !== peer) throw etcdError('memberNotFound');
    return answer;
  }

  async members(peer: NodeId): Promise<MembersResponse> {
    return this.#ask(peer, (client, options) => client.members({}, options));
  }

  close(): void {
    for (const link of this.#links.values()) link.close();
    this.#links.clear();
  }

  #ask<T>(
    id: NodeId,
    call: (
      client: Client<typeof peerDefinition>,
      options: { readonly deadlineMs: number; readonly metadata: Metadata },
    ) => Promise<T>,
  ): Promise<T> {
    const options = { deadlineMs: callDeadlineMs, metadata: this.#metadata(id) };
    return askPeer(() => call(this.#client(id), options));
  }

  #metadata(to: NodeId): Metadata {
    const { localId, clusterId, logVersion } = this.#options;
    return callerMetadata({ clusterId, from: localId, to, logVersion });
  }

  #client(id: NodeId): Client<typeof peerDefinition> {
    const link = this.#links.get(id);
    if (link === undefined) throw etcdError('noLeader');
    return link.client;
  }
}
