/** Changes of the membership: checked, proposed as Raft configuration changes, applied in log order. */
import { ConfChangeError, quorumSize, refusedConfChange } from '../../raft/index.js';
import type { ConfState, Entry, RaftNode } from '../../raft/index.js';
import { asEtcdError, etcdError } from '../apply/errors.js';
import { decodeChange, encodeChange } from './change-entry.js';
import { memberIdOf } from './ids.js';
import type { MemberChangeKind, MemberInfo } from './membership.js';
import type { PeerNetwork } from '../peer/types.js';
import type { ServerConfig } from '../config.js';
import type { Membership } from './membership.js';

/** To `--strict-reconfig-check` a voter counts as connected after so long without a break (etcd's HealthInterval). */
export const reconfigSettleMsDefault = 5000;

/** A learner may be promoted once its log reaches this share of the leader's. */
const readyShare = 0.9;

/** The member whose cluster changes. */
export interface ChangeHost {
  readonly config: ServerConfig;
  readonly memberId: bigint;
  readonly leader: bigint;
  readonly isLeader: boolean;
  readonly node: RaftNode;
  readonly membership: Membership;
  readonly network: PeerNetwork;
  proposeConfChange(build: (origin: number, sequence: number) => Uint8Array): Promise<unknown>;
}

/** The outcome of a membership entry that was applied. */
export interface ChangeOutcome {
  readonly origin: number;
  readonly sequence: number;
  readonly confState: ConfState | undefined;
  readonly error: unknown;
}

/** Adds, removes, promotes and updates members, one change at a time. */
export class MemberChanges {
  readonly #server: ChangeHost;

  constructor(server: ChangeHost) {
    this.#server = server;
  }

  /** @throws GrpcError memberExist, peerUrlExist, memberNotEnoughStarted, tooManyLearners, unhealthy, timeouts */
  async add(peerUrls: readonly string[], isLearner: boolean): Promise<MemberInfo> {
    const { membership, config } = this.#server;
    const salt = String(Math.floor(config.clock.nowMs() / 1000));
    const urls = [...peerUrls].sort();
    const id = memberIdOf(urls, config.initialClusterToken, salt);
    const member: MemberInfo = { id, name: '', peerUrls: urls, clientUrls: [], isLearner };
    const kind = isLearner ? 'addLearner' : 'add';
    this.#checkAdd(isLearner);
    membership.check(kind, member, config.maxLearners);
    await this.#propose(kind, member);
    return member;
  }

  /** @throws GrpcError memberNotFound, memberNotEnoughStarted, unhealthy, timeouts */
  async remove(id: bigint): Promise<void> {
    const member = this.#mustKnow(id);
    this.#checkRemove(member);
    await this.#propose('remove', member);
  }

  /** @throws GrpcError memberNotFound, peerUrlExist, timeouts */
  async update(id: bigint, peerUrls: readonly string[]): Promise<void> {
    const member = { ...this.#mustKnow(id), peerUrls: [...peerUrls].sort() };
    this.#server.membership.check('update', member);
    await this.#propose('update', member);
  }

  /**
   * Promotes a learner; a follower asks its leader to.
   * @throws GrpcError memberNotFound, memberNotLearner, learnerNotReady
   */
  async promote(id: bigint): Promise<void> {
    const server = this.#server;
    const member = this.#mustKnow(id);
    if (!member.isLearner) throw etcdError('memberNotLearner');
    if (!server.isLeader) {
      if (server.leader === 0n) throw etcdError('noLeader');
      await server.network.promoteMember(server.leader, id);
      return;
    }
    const status = server.node.status();
    const leaderMatch = status.lastIndex;
    const learner = status.progress.find((progress) => progress.id === id);
    if (learner === undefined || learner.match < leaderMatch * readyShare) {
      server.config.telemetry.server.promotionFailed(
        'etcdserver: can only promote a learner member which is in sync with leader',
      );
      throw etcdError('learnerNotReady');
    }
    if (server.config.strictReconfigCheck) {
      const { voters } = server.membership;
      // The promoted member counts as started: it is in step with the leader.
      if (startedOf(voters) + 1 < quorumSize(voters.length + 1)) {
        throw etcdError('memberNotEnoughStarted');
      }
    }
    await this.#propose('promote', member);
    server.config.telemetry.server.promoted();
  }

  #mustKnow(id: bigint): MemberInfo {
    const member = this.#server.membership.get(id);
    if (member === undefined) throw etcdError('memberNotFound');
    return member;
  }

  /**
   * Etcd's `--strict-reconfig-check`, as 3.5.30 and 3.6.14 have it: with the new member, of which nothing is known yet,
   * there must be a quorum of started and of connected voters. A learner counts there as well: it will be promoted.
   */
  #checkAdd(isLearner: boolean): void {
    const server = this.#server;
    if (!server.config.strictReconfigCheck) return;
    const { voters } = server.membership;
    const started = startedOf(voters);
    // A cluster of one grows: its data were restored, perhaps.
    const isAlone = voters.length === 1;
    const quorum = quorumSize(voters.length + 1);
    if (!isLearner && started < quorum && !(isAlone && started === 1)) {
      throw etcdError('memberNotEnoughStarted');
    }
    if (!isAlone && this.#healthyOf(voters) < quorum) throw etcdError('unhealthy');
  }

  /**
   * The same: of those who are connected, one less must be a quorum of those who are left. A member that is away may
   * always go.
   */
  #checkRemove(member: MemberInfo): void {
    const server = this.#server;
    if (!server.config.strictReconfigCheck || member.isLearner) return;
    const left = server.membership.voters.filter((voter) => voter.id !== member.id);
    const quorum = quorumSize(left.length);
    if (startedOf(left) < quorum) throw etcdError('memberNotEnoughStarted');
    const { memberId, network, membership } = server;
    if (member.id !== memberId && !network.isConnected(member.id)) return;
    if (this.#healthyOf(membership.voters) - 1 < quorum) throw etcdError('unhealthy');
  }

  #healthyOf(members: readonly MemberInfo[]): number {
    return members.filter((member) => this.#isHealthy(member.id)).length;
  }

  #isHealthy(id: bigint): boolean {
    const { memberId, network, config } = this.#server;
    const sinceMs = network.connectedSinceMs(id);
    if (id === memberId) return true;
    const { reconfigSettleMs = reconfigSettleMsDefault } = config;
    if (sinceMs === undefined) return false;
    return reconfigSettleMs === 0 || config.clock.monotonicMs() - sinceMs > reconfigSettleMs;
  }

  async #propose(kind: MemberChangeKind, member: MemberInfo): Promise<void> {
    const maxLearners = kind === 'addLearner' ? this.#server.config.maxLearners : 0;
    await this.#server.proposeConfChange((origin, sequence) =>
      encodeChange({ kind, member, maxLearners, origin, sequence }),
    );
  }

  /** Applies a committed change. A change that has become impossible changes nothing, on every member alike. */
  apply(entry: Entry): ChangeOutcome {
    const { node, membership } = this.#server;
    const { raft, change } = decodeChange(entry);
    if (change === undefined) {
      return { origin: 0, sequence: 0, confState: node.applyConfChange(raft), error: undefined };
    }
    const { kind, member, maxLearners, origin, sequence } = change;
    try {
      membership.check(kind, member, maxLearners);
      const confState = node.applyConfChange(raft);
      membership.apply(kind, member);
      this.#server.config.log.info({ kind, member: member.id.toString(16) }, 'membership changed');
      return { origin, sequence, confState, error: undefined };
    } catch (error) {
      const known = error instanceof ConfChangeError ? etcdError('unhealthy') : asEtcdError(error);
      if (known === undefined) throw error;
      const confState = node.applyConfChange(refusedConfChange);
      return { origin, sequence, confState, error: known };
    }
  }
}

/** Members that have started once have a name. */
function startedOf(members: readonly MemberInfo[]): number {
  return members.filter((member) => member.name !== '').length;
}
