/** Compares the members' hashes over the same revisions: when a member starts, and from time to time on the leader. */
import { AlarmRequest, AlarmRequest_AlarmAction, AlarmType } from '../../gen/etcd/rpc.js';
import type { AlarmMember, HashKVResponse } from '../../gen/etcd/rpc.js';
import type { Clock } from '../../lib/clock.js';
import type { Logger } from '../../lib/log.js';
import type { EntryKind } from '../apply/entry.js';
import type { HashKV } from '../mvcc/types.js';
import { blameForCompaction, blameForLatest, differs } from './hash-compare.js';
import type { PeerHash } from './hash-compare.js';

/** The member's data differ from the others': it must not serve. */
export class CorruptMemberError extends Error {
  override readonly name = 'CorruptMemberError';
  readonly code = 'CORRUPT_MEMBER';
  readonly retryable = false;
}

/** The member that compares its data with the others'. */
export interface CorruptionCheckHost {
  readonly config: {
    readonly clock: Clock;
    readonly log: Logger;
    readonly corruptCheckMs: number;
    readonly compactHashCheckMs: number;
  };
  readonly memberId: bigint;
  readonly isLeader: boolean;
  readonly stopped: boolean;
  readonly membership: { readonly members: readonly { readonly id: bigint }[] };
  readonly alarms: { list(alarm: AlarmType): readonly AlarmMember[] };
  readonly store: {
    hashKV(revision: number): Promise<HashKV>;
    /** Of the last compactions, oldest first. */
    readonly compactionHashes: readonly HashKV[];
  };
  readonly network: { hashKV(peer: bigint, revision: number): Promise<HashKVResponse> };
  linearizable<T>(read: () => T): Promise<T>;
  propose(kind: EntryKind, payload: Uint8Array, request: unknown): Promise<unknown>;
}

/** Compares the hashes of all members' keys, at the start and now and then, and raises the alarm CORRUPT. */
export class CorruptionCheck {
  readonly #server: CorruptionCheckHost;
  readonly #log: Logger;
  readonly #cancels = new Map<string, () => void>();
  /** The last compaction that all members agree about. */
  #checkedCompaction = 0;

  constructor(server: CorruptionCheckHost) {
    this.#server = server;
    this.#log = server.config.log.child({ part: 'corruption-check' });
  }

  /**
   * Before the member takes part. Peers that cannot be reached, or are at other revisions, say nothing.
   * @throws CorruptMemberError
   */
  async atStart(): Promise<void> {
    const mine = await this.#server.store.hashKV(0);
    for (const peer of await this.#askPeers(mine.hashRev)) {
      if (!differs(mine, peer)) continue;
      throw new CorruptMemberError(
        `found data inconsistency with peers: member ${peer.id.toString(16)} has hash ${peer.hash} ` +
          `at revision ${mine.hashRev}, this one ${mine.hash}`,
      );
    }
  }

  /** Starts the periodic checks that are wanted. */
  start(): void {
    const { corruptCheckMs, compactHashCheckMs } = this.#server.config;
    this.#every('latest', corruptCheckMs, () => this.#checkLatest());
    this.#every('compactions', compactHashCheckMs, () => this.#checkCompactions());
  }

  stop(): void {
    for (const cancel of this.#cancels.values()) cancel();
  }

  /** On the leader; one check is over before the next begins. */
  #every(name: string, intervalMs: number, check: () => Promise<void>): void {
    if (intervalMs <= 0) return;
    const { clock } = this.#server.config;
    const turn = (): void => {
      const done = (): void => {
        if (!this.#server.stopped) this.#cancels.set(name, clock.schedule(intervalMs, turn));
      };
      if (!this.#server.isLeader) {
        done();
        return;
      }
      check()
        .catch((error: unknown) => this.#log.warn({ error }, 'the hashes could not be compared'))
        .finally(done);
    };
    this.#cancels.set(name, clock.schedule(intervalMs, turn));
  }

  async #checkLatest(): Promise<void> {
    const server = this.#server;
    const before = await server.store.hashKV(0);
    const peers = await this.#askPeers(before.hashRev);
    await server.linearizable(() => undefined);
    const after = await server.store.hashKV(0);
    for (const id of blameForLatest(server.memberId, { before, after, peers })) {
      await this.#raise(id, before.hashRev);
    }
  }

  async #checkCompactions(): Promise<void> {
    const server = this.#server;
    const peerCount = server.membership.members.length - 1;
    const hashes = server.store.compactionHashes.filter(
      ({ hashRev }) => hashRev > this.#checkedCompaction,
    );
    for (const mine of hashes.reverse()) {
      const peers = await this.#askPeers(mine.hashRev);
      if (peers.length === 0 && peerCount > 0) continue;
      const { blamed, complete } = blameForCompaction(server.memberId, mine, { peers, peerCount });
      if (complete) this.#checkedCompaction = mine.hashRev;
      for (const id of blamed) await this.#raise(id, mine.hashRev);
      if (complete || blamed.length > 0) return;
    }
  }

  async #raise(memberID: bigint, revision: number): Promise<void> {
    const { alarms } = this.#server;
    if (alarms.list(AlarmType.CORRUPT).some((one) => one.memberID === memberID)) return;
    this.#log.error({ member: memberID.toString(16), revision }, 'members hold different data');
    const action = AlarmRequest_AlarmAction.ACTIVATE;
    const request = { action, memberID, alarm: AlarmType.CORRUPT };
    await this.#server.propose('alarm', AlarmRequest.encode(request).finish(), request);
  }

  async #askPeers(revision: number): Promise<PeerHash[]> {
    const { membership, memberId, network } = this.#server;
    const others = membership.members.filter(({ id }) => id !== memberId);
    const answers = await Promise.allSettled(others.map(({ id }) => network.hashKV(id, revision)));
    return answers.flatMap((outcome, at) => {
      const id = others[at]?.id;
      if (outcome.status === 'rejected' || id === undefined) return [];
      const { hash, compactRevision: compactRev, header } = outcome.value;
      return [{ id, hash, compactRev, rev: header?.revision ?? 0 }];
    });
  }
}
