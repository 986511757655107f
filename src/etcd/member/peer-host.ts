import type { HashKVResponse, LeaseTimeToLiveResponse } from '../../gen/etcd/rpc.js';
import type { MembersResponse } from '../../gen/raft.js';
import type { Message, MsgSnap } from '../../raft/index.js';
import { etcdError } from '../apply/errors.js';
import { clientUrlsInLog } from '../membership/attributes-in-log.js';
import type { PeerCaller, PeerHost } from '../peer/types.js';
import { refuseSecondBirth } from './bootstrap.js';
import { LeaseKeeper } from './lease-keeper.js';
import type { EtcdServer } from './server.js';

/** The server as its peers see it. */
export class ServerPeerHost implements PeerHost {
  readonly clusterId: bigint;
  readonly memberId: bigint;
  readonly #server: EtcdServer;
  readonly #leases: LeaseKeeper;
  readonly #admitted = new Set<bigint>();

  constructor(server: EtcdServer) {
    this.#server = server;
    this.#leases = new LeaseKeeper(server);
    this.clusterId = server.clusterId;
    this.memberId = server.memberId;
  }

  isRemoved(id: bigint): boolean {
    return this.#server.membership.isRemoved(id);
  }

  /**
   * Admits a peer's stream, once this member takes part. A member that starts with an empty disk asks each peer, before
   * it listens to it, whether it has taken part before.
   */
  async admit(from: bigint): Promise<void> {
    const server = this.#server;
    if (server.startUp === undefined) throw etcdError('stopped');
    const begins = server.stored.fresh && !server.startUp.published;
    if (!begins || this.#admitted.has(from)) return;
    const cluster = await server.network.members(from);
    try {
      refuseSecondBirth(cluster, server.memberId);
    } catch (error) {
      server.fail(error);
      throw error;
    }
    this.#admitted.add(from);
  }

  step(message: Message): void {
    this.#server.step(message);
  }

  checkLogVersion(from: bigint, logVersion: number): void {
    if (logVersion >= this.#server.logVersion.agreed) return;
    this.#server.peers.refuseOutdated(from);
    throw etcdError('logVersionUnknown');
  }

  streamOpened(from: bigint, caller: PeerCaller): void {
    this.#server.peers.streamOpened(from, caller);
  }

  streamEnded(from: bigint): void {
    // The link to the peer tries its own connection at once and reports when that is gone, too.
    this.#server.peers.streamEnded(from);
  }

  newSnapshotPath(): { readonly directory: string; readonly name: string } {
    return this.#server.snapshots.newPath();
  }

  async snapshotReceived(message: MsgSnap, path: string): Promise<void> {
    const { index } = message.snapshot.metadata;
    await this.#server.snapshots.received(index, path, () => {
      this.#server.step(message);
      return this.#server.node.status().pendingSnapshot === index;
    });
  }

  /**
   * Lists the members. Their client addresses count from the moment they are in the log: this member may have been
   * killed before its database held what it had applied, and who asks has to hear whether it has taken part.
   */
  members(): MembersResponse {
    const { clusterId, membership, node, stored } = this.#server;
    const unapplied = stored.storage.after(node.appliedIndex);
    const told = clientUrlsInLog(unapplied);
    const members = membership.members.map((member) => ({
      ID: member.id,
      name: member.name,
      peerURLs: [...member.peerUrls],
      clientURLs: [...(told.get(member.id) ?? member.clientUrls)],
      isLearner: member.isLearner,
    }));
    return { clusterId, members };
  }

  renewLease(id: bigint): Promise<number> {
    return this.#leases.renewHere(id);
  }

  leaseTimeToLive(id: bigint, keys: boolean): LeaseTimeToLiveResponse {
    return this.#leases.timeToLiveHere(id, keys);
  }

  /** Not passed on: two members that take each other for the leader would ask each other for ever. @throws notLeader */
  promoteMember(id: bigint): Promise<void> {
    if (!this.#server.isLeader) throw etcdError('notLeader');
    return this.#server.changes.promote(id);
  }

  async hashKV(revision: number): Promise<HashKVResponse> {
    const found = await this.#server.store.hashKV(revision);
    return {
      header: this.#server.header(found.rev),
      hash: found.hash,
      compactRevision: found.compactRev,
      hashRevision: found.hashRev,
    };
  }
}
