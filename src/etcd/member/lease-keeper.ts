import { LeaseCheckpointRequest } from '../../gen/etcd/rpc.js';
import type { LeaseTimeToLiveResponse } from '../../gen/etcd/rpc.js';
import { delay } from '../../lib/clock.js';
import { asEtcdError, etcdError } from '../apply/errors.js';
import type { EtcdErrorName } from '../apply/errors.js';
import { NotPrimaryError } from '../lease/errors.js';
import type { EtcdServer } from './server.js';

/** Between two attempts to reach a leader. */
const retryMs = 50;

/** Renews leases and tells how long they last, from any member: only the leader counts their time, so it is asked. */
export class LeaseKeeper {
  readonly #server: EtcdServer;
  /** A quorum followed this member, as the leader of that term, after that time. */
  #confirmed = { term: 0, sinceMs: -Infinity };

  constructor(server: EtcdServer) {
    this.#server = server;
  }

  /** Restarts the lease's TTL. @returns the TTL in seconds @throws leaseNotFound, noLeader, timeout */
  renew(id: bigint): Promise<number> {
    return this.#atLeader(
      () => this.renewHere(id),
      (leader) => this.#server.network.renewLease(leader, id),
    );
  }

  /** @throws leaseNotFound, noLeader, timeout */
  timeToLive(id: bigint, keys: boolean): Promise<LeaseTimeToLiveResponse> {
    return this.#atLeader(
      () => Promise.resolve(this.timeToLiveHere(id, keys)),
      (leader) => this.#server.network.leaseTimeToLive(leader, id, keys),
    );
  }

  /** On the leader. @throws leaseNotFound, NotPrimaryError */
  async renewHere(id: bigint): Promise<number> {
    const { lessor } = this.#server;
    if (lessor.isPrimary && lessor.needsCheckpointClear(id)) {
      const request = { checkpoints: [{ ID: id, remainingTTL: 0 }] };
      const payload = LeaseCheckpointRequest.encode(request).finish();
      await this.#server.propose('leaseCheckpoint', payload, request);
    }
    await this.#confirmLeadership();
    return lessor.renew(id);
  }

  /**
   * A leader that was cut off, or stood still, may have a successor that counts the lease's time without this renewal.
   * All leases start anew, with an election timeout on top, when somebody becomes leader: so it is enough that nobody
   * else had become it one election timeout ago.
   */
  async #confirmLeadership(): Promise<void> {
    const server = this.#server;
    const { clock, electionMs } = server.config;
    const { term } = server.node;
    const sinceMs = clock.monotonicMs();
    if (this.#confirmed.term === term && sinceMs - this.#confirmed.sinceMs < electionMs) return;
    if (!server.isLeader) throw new NotPrimaryError();
    await server.linearizable(() => undefined);
    if (!server.isLeader || server.node.term !== term) throw new NotPrimaryError();
    this.#confirmed = { term, sinceMs };
  }

  /** On the leader. @throws leaseNotFound */
  timeToLiveHere(id: bigint, keys: boolean): LeaseTimeToLiveResponse {
    const lease = this.#server.lessor.timeToLive(id);
    return {
      header: this.#server.header(),
      ID: id,
      TTL: lease.remainingTtlSeconds,
      grantedTTL: lease.grantedTtlSeconds,
      keys: keys ? lease.keys.map((key) => Buffer.from(key, 'latin1')) : [],
    };
  }

  async #atLeader<T>(here: () => Promise<T>, there: (leader: bigint) => Promise<T>): Promise<T> {
    const server = this.#server;
    const { clock, electionMs } = server.config;
    const untilMs = clock.monotonicMs() + 5000 + 2 * electionMs;
    for (;;) {
      try {
        if (server.isLeader && server.lessor.isPrimary) return await here();
        if (server.leader !== 0n && !server.isLeader) return await there(server.leader);
      } catch (error) {
        if (!mayRetry(error)) throw error;
      }
      if (server.stopped) throw etcdError('stopped');
      if (clock.monotonicMs() > untilMs) {
        throw etcdError(server.leader === 0n ? 'noLeader' : 'timeout');
      }
      await delay(clock, retryMs);
    }
  }
}

/** Renewing twice does no harm: after these, a leader is looked for again. */
const passing: ReadonlySet<EtcdErrorName> = new Set<EtcdErrorName>([
  'noLeader',
  'notLeader',
  'notPrimary',
  'leaderChanged',
  'stopped',
  'timeout',
  'timeoutDueToLeaderFail',
  'timeoutDueToConnectionLost',
  'unhealthy',
  'memberRemoved',
  'clusterIdMismatch',
  'diskFull',
  'peerUnreachable',
]);

function mayRetry(error: unknown): boolean {
  const known = asEtcdError(error);
  return known !== undefined && passing.has(known.code);
}
