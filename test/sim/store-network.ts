/**
 * The ways between simulated members: what `GrpcPeerNetwork` offers, on packets of encoded bytes that are late, lost,
 * repeated or cut off.
 */
import type { HashKVResponse, LeaseTimeToLiveResponse } from '../../src/gen/etcd/rpc.js';
import type { MembersResponse } from '../../src/gen/raft.js';
import { firstLogVersion } from '../../src/etcd/apply/entry-format.js';
import { asEtcdError, EtcdError } from '../../src/etcd/apply/errors.js';
import { clientError } from '../../src/etcd/grpc-status.js';
import { peerError } from '../../src/etcd/peer/peer-error.js';
import { batchCodec } from '../../src/etcd/peer/batch-codec.js';
import { fromWire, toWire } from '../../src/etcd/peer/message-codec.js';
import type { PeerAddress, PeerHost, PeerNetwork } from '../../src/etcd/peer/types.js';
import { Code, GrpcError } from '../../src/lib/grpc/types.js';
import type { Prng } from '../../src/lib/prng.js';
import type { Message, MsgSnap } from '../../src/raft/index.js';
import { Message as WireMessage } from '../../src/gen/raft.js';
import { readFile } from './lib/sim-database.js';
import type { StoreWorld } from './store-world.js';
import type { SimProcess } from './store-process.js';

const callDeadlineMs = 5000;
const backoffUsMin = 20_000;
const backoffUsMax = 500_000;

interface Link {
  readonly peer: PeerAddress;
  connectedSinceMs: number | undefined;
  /** The life of the process at the other end. */
  remoteLife: number;
  backoffUs: number;
  closed: boolean;
  /** On an ordered link nothing arrives before it. */
  lastArrival: number;
}

/** A member's side of the network. */
export class SimPeerNetwork implements PeerNetwork {
  readonly #world: StoreWorld;
  readonly #local: SimProcess;
  readonly #prng: Prng;
  readonly #links = new Map<bigint, Link>();
  #closed = false;

  constructor(world: StoreWorld, local: SimProcess) {
    this.#world = world;
    this.#local = local;
    this.#prng = world.fork();
  }

  setPeers(peers: readonly PeerAddress[]): void {
    const wanted = new Map(peers.map((peer) => [peer.id, peer]));
    for (const [id, link] of this.#links) {
      if (wanted.get(id)?.urls.join() === link.peer.urls.join()) continue;
      link.closed = true;
      this.#links.delete(id);
    }
    for (const peer of peers) {
      if (this.#links.has(peer.id) || this.#closed) continue;
      const link: Link = {
        peer,
        connectedSinceMs: undefined,
        remoteLife: 0,
        backoffUs: 0,
        closed: false,
        lastArrival: 0,
      };
      this.#links.set(peer.id, link);
      this.#later(this.#world.delay(), () => this.#connect(link));
    }
  }

  send(messages: readonly Message[]): void {
    const batches = new Map<bigint, Message[]>();
    for (const message of messages) {
      const batch = batches.get(message.to);
      if (batch === undefined) batches.set(message.to, [message]);
      else batch.push(message);
    }
    for (const [to, batch] of batches) this.#sendBatch(to, batch);
  }

  #sendBatch(to: bigint, batch: readonly Message[]): void {
    const link = this.#links.get(to);
    if (link === undefined) return;
    if (link.connectedSinceMs === undefined) {
      for (const message of batch) this.#local.server?.peers.dropped(message);
      return;
    }
    const bytes = batchCodec.encode(batch).finish();
    this.#world.trace.bytes(bytes);
    const { net } = this.#world.options;
    if (this.#world.chance(this.#prng, net.loss)) return;
    this.#deliver(link, bytes);
    // A stream may be opened twice, but a proposal that comes twice is carried out twice: none is sent again.
    const isProposal = batch.some(({ type }) => type === 'MsgProp');
    if (!isProposal && this.#world.chance(this.#prng, net.duplication)) this.#deliver(link, bytes);
  }

  #deliver(link: Link, bytes: Uint8Array): void {
    const world = this.#world;
    let delay = world.delay();
    if (world.options.net.ordered) {
      link.lastArrival = Math.max(link.lastArrival, world.queue.now + delay);
      delay = link.lastArrival - world.queue.now;
    }
    const remote = world.memberProcess(link.peer.id);
    if (remote === undefined) return;
    const { life } = remote;
    world.queue.add(
      delay,
      () => {
        if (remote.life !== life || world.isCut(this.#local, remote)) return;
        // A copy: nothing that is sent may be shared.
        for (const message of batchCodec.decode(Buffer.from(bytes))) remote.host?.step(message);
      },
      remote,
    );
  }

  async sendSnapshot(message: MsgSnap, path: string): Promise<void> {
    const world = this.#world;
    const remote = this.#mustReach(message.to);
    const file = this.#local.databases.files.get(path);
    if (file === undefined) throw new GrpcError(Code.DataLoss, `there is no ${path}`);
    const image = readFile(file);
    const wire = WireMessage.encode(toWire(message)).finish();
    const pieces = 1 + this.#prng.below(6);
    for (let piece = 0; piece < pieces; piece++) {
      await this.#wait(world.delay());
      if (!this.#reaches(remote) || world.chance(this.#prng, world.options.net.loss)) {
        throw new GrpcError(Code.Unavailable, 'the stream broke', { definite: false });
      }
    }
    const decoded = fromWire(WireMessage.decode(Buffer.from(wire)));
    await this.#ask(remote, async (host) => {
      const { directory, name } = host.newSnapshotPath();
      const target = `${directory}/${name}`;
      remote.databases.files.set(target, { durable: image, batches: [] });
      if (decoded.type === 'MsgSnap') await host.snapshotReceived(decoded, target);
    });
    world.count('snapshots');
  }

  isConnected(id: bigint): boolean {
    return this.connectedSinceMs(id) !== undefined;
  }

  connectedSinceMs(id: bigint): number | undefined {
    return this.#links.get(id)?.connectedSinceMs;
  }

  async renewLease(leader: bigint, id: bigint): Promise<number> {
    return this.#ask(this.#mustReach(leader), (host) => host.renewLease(id));
  }

  async leaseTimeToLive(
    leader: bigint,
    id: bigint,
    keys: boolean,
  ): Promise<LeaseTimeToLiveResponse> {
    return this.#ask(this.#mustReach(leader), (host) => host.leaseTimeToLive(id, keys));
  }

  async promoteMember(leader: bigint, id: bigint): Promise<void> {
    return this.#ask(this.#mustReach(leader), (host) => host.promoteMember(id));
  }

  async hashKV(peer: bigint, revision: number): Promise<HashKVResponse> {
    return this.#ask(this.#mustReach(peer), (host) => host.hashKV(revision));
  }

  async members(peer: bigint): Promise<MembersResponse> {
    return this.#ask(this.#mustReach(peer), (host) => host.members());
  }

  peerSeen(id: bigint): void {
    const link = this.#links.get(id);
    if (link !== undefined) this.#connect(link);
  }

  close(): void {
    this.#closed = true;
    for (const link of this.#links.values()) link.closed = true;
    this.#links.clear();
  }

  /** Something about the ways has changed: each link notices after a while. @param withinUs at most so late */
  recheck(withinUs: number): void {
    for (const link of this.#links.values()) {
      this.#later(this.#prng.below(withinUs) + 1, () => this.#check(link));
    }
  }

  #mustReach(id: bigint): SimProcess {
    const remote = this.#world.memberProcess(id);
    if (!this.#links.has(id) || remote === undefined || !this.#reaches(remote)) {
      throw new EtcdError('peerUnreachable', { text: 'cannot connect' });
    }
    return remote;
  }

  #reaches(remote: SimProcess): boolean {
    const world = this.#world;
    return (
      remote.host !== undefined &&
      !world.isCut(this.#local, remote) &&
      !world.isCut(remote, this.#local)
    );
  }

  #check(link: Link): void {
    if (link.closed || link.connectedSinceMs === undefined) return;
    const remote = this.#world.memberProcess(link.peer.id);
    const isAlive =
      remote !== undefined && remote.life === link.remoteLife && this.#reaches(remote);
    if (isAlive) return;
    link.connectedSinceMs = undefined;
    this.#connect(link);
  }

  #connect(link: Link): void {
    if (link.closed || link.connectedSinceMs !== undefined) return;
    const remote = this.#world.memberProcess(link.peer.id);
    const { server } = this.#local;
    if (remote?.host !== undefined && !remote.paused && this.#reaches(remote)) {
      // A member that learned its id from one that lagged is told so by the others, and ends.
      if (remote.host.isRemoved(this.#local.memberId)) {
        this.#world.removed(this.#local);
        return;
      }
      if (server !== undefined && !this.#takesVersion(remote.host)) {
        server.outdated();
        return;
      }
      link.connectedSinceMs = this.#local.clock.monotonicMs();
      link.remoteLife = remote.life;
      link.backoffUs = 0;
      server?.peers.connected();
      this.#tellOpened(remote);
      return;
    }
    server?.peers.lost(link.peer.id);
    link.backoffUs = Math.min(Math.max(backoffUsMin, 2 * link.backoffUs), backoffUsMax);
    this.#later(link.backoffUs, () => this.#connect(link));
  }

  #takesVersion(host: PeerHost): boolean {
    try {
      host.checkLogVersion(this.#local.memberId, this.#logVersion());
      return true;
    } catch (error) {
      if (asEtcdError(error)?.code !== 'logVersionUnknown') throw error;
      return false;
    }
  }

  #logVersion(): number {
    return this.#local.server?.entryFormat.version ?? firstLogVersion;
  }

  /** The other side sees the stream a little later. */
  #tellOpened(remote: SimProcess): void {
    const { memberId, server } = this.#local;
    const { life } = remote;
    const urls = server?.membership.local?.peerUrls ?? [];
    const logVersion = this.#logVersion();
    const caller = { urls, logVersion, bindsProposals: true };
    const open = (): void => {
      if (remote.life === life) remote.host?.streamOpened(memberId, caller);
    };
    this.#world.queue.add(this.#world.delay(), open, remote);
  }

  /** A call and its answer; either may be lost, then the deadline ends it. */
  #ask<T>(remote: SimProcess, run: (host: PeerHost) => Promise<T> | T): Promise<T> {
    const world = this.#world;
    const { life } = remote;
    return new Promise<T>((resolve, reject) => {
      const cancel = this.#local.clock.schedule(callDeadlineMs, () => {
        reject(new GrpcError(Code.DeadlineExceeded, 'deadline exceeded', { definite: false }));
      });
      const answer = (settle: () => void): void => {
        if (world.isCut(remote, this.#local)) return;
        this.#later(world.delay(), () => {
          cancel();
          settle();
        });
      };
      const call = async (): Promise<void> => {
        const { host } = remote;
        if (remote.life !== life || host === undefined || world.isCut(this.#local, remote)) return;
        try {
          const value = await run(host);
          answer(() => resolve(value));
        } catch (error) {
          const told = clientError(error) ?? new GrpcError(Code.Unknown, String(error));
          answer(() => reject(peerError(told)));
        }
      };
      world.queue.add(world.delay(), () => void call(), remote);
    });
  }

  #wait(us: number): Promise<void> {
    return new Promise((resolve) => this.#later(us, resolve));
  }

  #later(us: number, run: () => void): void {
    this.#world.queue.add(us, run, this.#local);
  }
}
