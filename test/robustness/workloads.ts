/** The further clients of a run, and what is said of them in the end. */
import type { Prng } from '../../src/lib/prng.js';
import { waitFor } from '../cluster/etcd-processes.js';
import { checkAppends, readLists, runAppender } from './append-workload.js';
import type { AppendHistory } from './append-workload.js';
import type { ClusterTraffic } from './history.js';
import { checkLock, lockIsFree, runLockClient } from './lock-workload.js';
import type { LockHistory } from './lock-workload.js';
import { checkSet, readSet, runAdder } from './set-workload.js';
import type { SetHistory } from './set-workload.js';

/** Two clients of each kind. */
export class Workloads {
  readonly #traffic: ClusterTraffic;
  readonly #set: SetHistory = { acknowledged: [], unknown: [] };
  readonly #appends: AppendHistory = { snapshots: [], appends: [] };
  readonly #lock: LockHistory = { holdings: [] };
  readonly #ended: Promise<unknown>;

  constructor(traffic: ClusterTraffic, prng: Prng) {
    this.#traffic = traffic;
    const history = this.#appends;
    this.#ended = Promise.all(
      [0, 1].flatMap((id) => [
        runAdder(traffic, id, this.#set),
        runAppender(traffic, { id, prng: prng.fork(), history }),
        runLockClient(traffic, prng.fork(), this.#lock),
      ]),
    );
  }

  /** The numbers of operations of all workloads. */
  get counts(): { readonly adds: number; readonly appends: number; readonly locks: number } {
    return {
      adds: this.#set.acknowledged.length,
      appends: this.#appends.appends.length,
      locks: this.#lock.holdings.length,
    };
  }

  async ended(): Promise<void> {
    await this.#ended;
  }

  /** After the heal. @returns what is wrong */
  async judge(): Promise<readonly string[]> {
    const { members, clock } = this.#traffic;
    const [channel] = members.channels;
    if (channel === undefined) throw new Error('there is no member');
    await waitFor('the last lease ends', () => lockIsFree(channel).catch(() => false), 30_000);
    return [
      ...checkSet(this.#set, await readSet(channel)),
      ...checkAppends(this.#appends, await readLists(channel, clock.monotonicMs())),
      ...checkLock(this.#lock),
    ];
  }
}
