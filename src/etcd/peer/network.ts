import type { HashKVResponse, LeaseTimeToLiveResponse } from '../../gen/etcd/rpc.js';
import type { Client } from '../../lib/grpc/index.js';
import { etcdError } from '../apply/errors.js';
import type { MembersResponse } from '../../gen/raft.js';
import type { Message, MsgSnap, NodeId } from '../../raft/index.js';
import { callerMetadata } from './caller.js';
import { PeerLink } from './peer-link.js';
import type { LinkOptions } from './peer-link.js';
import { streamSnapshot } from './snapshot-stream.js';
import type { PeerAddress, PeerNetwork } from './types.js';
import type { peerDefinition } from './peer-definition.js';

/** How long a peer may take to answer what is not a message. */
const callDeadlineMs = 5000;

/** The other members over gRPC. */
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
    const { localId, clusterId } = this.#options;
    const metadata = callerMetadata({ clusterId, from: localId, to: message.to });
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
    const answer = await this.#client(leader).leaseRenew(
      { ID: id },
      { deadlineMs: callDeadlineMs },
    );
    return answer.TTL;
  }

  async leaseTimeToLive(
    leader: NodeId,
    id: bigint,
    keys: boolean,
  ): Promise<LeaseTimeToLiveResponse> {
    const options = { deadlineMs: callDeadlineMs };
    return this.#client(leader).leaseTimeToLive({ ID: id, keys }, options);
  }

  async promoteMember(leader: NodeId, id: bigint): Promise<void> {
    await this.#client(leader).memberPromote({ ID: id }, { deadlineMs: callDeadlineMs });
  }

  async hashKV(peer: NodeId, revision: number): Promise<HashKVResponse> {
    return this.#client(peer).hashKV({ revision }, { deadlineMs: callDeadlineMs });
  }

  async members(peer: NodeId): Promise<MembersResponse> {
    return this.#client(peer).members({}, { deadlineMs: callDeadlineMs });
  }

  close(): void {
    for (const link of this.#links.values()) link.close();
    this.#links.clear();
  }

  #client(id: NodeId): Client<typeof peerDefinition> {
    const link = this.#links.get(id);
    if (link === undefined) throw etcdError('noLeader');
    return link.client;
  }
}
