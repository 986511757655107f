/** Compares the members' hashes over the same revisions, when a member starts and from time to time on the leader. */
import { AlarmRequest, AlarmRequest_AlarmAction, AlarmType } from '../../gen/etcd/rpc.js';
import type { HashKVResponse } from '../../gen/etcd/rpc.js';
import type { Logger } from '../../lib/log.js';
import type { HashKV } from '../mvcc/types.js';
import type { EtcdServer } from './server.js';

/** The member's data differ from the others': it must not serve. */
export class CorruptMemberError extends Error {
  override readonly name = 'CorruptMemberError';
  readonly code = 'CORRUPT_MEMBER';
  readonly retryable = false;
}

/** Two hashes say something only about the same range of revisions. */
function differs(mine: HashKV, theirs: HashKVResponse): boolean {
  return mine.compactRev === theirs.compactRevision && mine.hash !== theirs.hash;
}

export class CorruptionCheck {
  readonly #server: EtcdServer;
  readonly #log: Logger;
  #cancel: (() => void) | undefined;
  #running = false;

  constructor(server: EtcdServer) {
    this.#server = server;
    this.#log = server.config.log.child({ part: 'corruption-check' });
  }

  /** Peers that cannot be reached, or are at other revisions, say nothing. @throws CorruptMemberError */
  async atStart(): Promise<void> {
    const { store } = this.#server;
    const mine = await store.hashKV(0);
    for (const { id, answer } of await this.#askPeers(mine.hashRev)) {
      if (!differs(mine, answer)) continue;
      throw new CorruptMemberError(
        `member ${id.toString(16)} has hash ${answer.hash} at revision ${mine.hashRev}, this one ${mine.hash}`,
      );
    }
  }

  /** Starts the periodic check, if one is wanted. */
  start(): void {
    const { config } = this.#server;
    if (config.corruptCheckMs <= 0) return;
    const turn = (): void => {
      this.#cancel = config.clock.schedule(config.corruptCheckMs, turn);
      if (!this.#server.isLeader || this.#running) return;
      this.#running = true;
      this.#compare()
        .catch((error: unknown) => this.#log.warn({ error }, 'the hashes could not be compared'))
        .finally(() => {
          this.#running = false;
        });
    };
    this.#cancel = config.clock.schedule(config.corruptCheckMs, turn);
  }

  stop(): void {
    this.#cancel?.();
  }

  async #compare(): Promise<void> {
    const server = this.#server;
    await server.linearizable(() => undefined);
    const mine = await server.store.hashKV(0);
    for (const { id, answer } of await this.#askPeers(mine.hashRev)) {
      if (!differs(mine, answer)) continue;
      const fields = { member: id.toString(16), revision: mine.hashRev };
      this.#log.error(fields, 'a member holds other data than the leader');
      await this.#raise(id);
    }
  }

  async #raise(memberID: bigint): Promise<void> {
    const action = AlarmRequest_AlarmAction.ACTIVATE;
    const request = { action, memberID, alarm: AlarmType.CORRUPT };
    await this.#server.propose('alarm', AlarmRequest.encode(request).finish(), request);
  }

  async #askPeers(
    revision: number,
  ): Promise<{ readonly id: bigint; readonly answer: HashKVResponse }[]> {
    const { membership, memberId, network } = this.#server;
    const others = membership.members.filter(({ id }) => id !== memberId);
    const answers = await Promise.allSettled(others.map(({ id }) => network.hashKV(id, revision)));
    return answers.flatMap((outcome, at) => {
      const id = others[at]?.id;
      return outcome.status === 'fulfilled' && id !== undefined
        ? [{ id, answer: outcome.value }]
        : [];
    });
  }
}
