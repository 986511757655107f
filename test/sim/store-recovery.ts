/** The second phase: nothing breaks any more, and in bounded time everything must be as it should be. */
import { Code, isGrpcError } from '../../src/lib/grpc/types.js';
import { PutRequest } from '../../src/gen/etcd/rpc.js';
import type { HashKV } from '../../src/etcd/mvcc/types.js';
import { check } from './lib/sim-error.js';
import { callContext } from './store-calls.js';
import { keyPrefix, putOf, range, withBytes } from './store-requests.js';
import { leasePrefix } from './store-leases.js';
import type { StoreWorld } from './store-world.js';

/** See above. */
export class Recovery {
  readonly #world: StoreWorld;
  #stage = 'members are up';
  #detail = '';
  #hashes: ReadonlySet<string> = new Set();
  done = false;

  constructor(world: StoreWorld) {
    this.#world = world;
  }

  start(): void {
    this.#run().catch((error: unknown) => {
      this.#world.failure ??= error;
    });
  }

  describe(): string {
    return `after the faults had ended: not yet: ${this.#stage} ${this.#detail}`;
  }

  async #run(): Promise<void> {
    const { clients } = this.#world;
    clients.stopping = true;
    await this.#until('members are up, voters, and agree on a leader', () => this.#isWhole());
    await this.#until('calls are answered', () => clients.calls.pending <= this.#operatorCalls());
    const revision = await this.#write();
    await this.#until('members are equal', () => this.#isEqual());
    await this.#until(`watchers were told of revision ${revision}`, () =>
      clients.watchers.reached(revision),
    );
    clients.watchers.stopping = true;
    await this.#readEverywhere(revision);
    await this.#until('leases nobody keeps alive are gone', () => this.#leasesAreGone());
    let hashed = '';
    do {
      await this.#until('members are equal again', () => this.#isEqual());
      hashed = this.#detail;
      await this.#takeHashes();
      // A compaction that a client asked for long ago may come meanwhile.
    } while (!this.#isEqual() || this.#detail !== hashed);
    check(this.#hashes.size === 1, () => `hashKV differs: ${[...this.#hashes].join(' ')}`);
    this.done = true;
  }

  async #until(stage: string, holds: () => boolean): Promise<void> {
    this.#stage = stage;
    while (!holds()) await this.#world.sleep(20_000);
    this.#world.log(() => `recovered: ${stage}`);
  }

  /** The operator goes on looking. */
  #operatorCalls(): number {
    return this.#world.operator.idle ? 0 : 1;
  }

  #isWhole(): boolean {
    const { processes, operator } = this.#world;
    const leader = this.#world.leader()?.memberId;
    this.#detail = operator.describe();
    if (leader === undefined || !operator.idle) return false;
    return processes.every(({ server }) => {
      const voters = server?.membership.voters.length;
      return server?.leader === leader && voters === processes.length;
    });
  }

  async #write(): Promise<number> {
    const { processes, clients } = this.#world;
    for (let at = 0; ; at++) {
      this.#stage = 'a write is acknowledged';
      const process = processes[at % processes.length];
      if (process === undefined) throw new Error('there is no member');
      try {
        const request = withBytes(PutRequest, putOf(`${keyPrefix}end`, `end.${at}`));
        await clients.calls.call(process, ({ kv }) => kv.put(request, callContext));
        return process.server?.store.rev ?? 0;
      } catch (error) {
        if (!isGrpcError(error)) throw error;
        this.#detail = error.message;
        // A full disk is its member's own matter: it never raises the cluster's alarm.
        check(error.code !== Code.ResourceExhausted, () => error.message);
        await this.#world.sleep(50_000);
      }
    }
  }

  async #readEverywhere(revision: number): Promise<void> {
    for (const process of this.#world.processes) {
      for (let answered = false; !answered;) {
        this.#stage = `${process.name} answers a read`;
        try {
          const answer = await this.#world.clients.calls.call(process, (services) =>
            range(services, `${keyPrefix}end`),
          );
          check(answer.count === 1, () => `${process.name} does not have the last write`);
          check((answer.header?.revision ?? 0) >= revision, () => `${process.name} reads the past`);
          answered = true;
        } catch (error) {
          if (!isGrpcError(error)) throw error;
          this.#detail = error.message;
          await this.#world.sleep(50_000);
        }
      }
    }
  }

  #isEqual(): boolean {
    const positions = this.#world.processes.map(({ server }) => {
      const index = server?.backend.consistentIndex.index ?? 0;
      return `${index}/${server?.node.commitIndex}/${server?.store.rev}`;
    });
    this.#detail = positions.join(' ');
    const [index, commit] = positions[0]?.split('/') ?? [];
    return index === commit && new Set(positions).size === 1;
  }

  #leasesAreGone(): boolean {
    return this.#world.processes.every(({ server }) => {
      if (server === undefined) return false;
      const left = server.lessor.list();
      this.#detail = left.join();
      if (left.length > 0) return false;
      const { kvs } = server.store.range(leasePrefix, 'l0');
      check(kvs.length === 0, () => `a key outlives its lease: ${kvs[0]?.key.toString()}`);
      return true;
    });
  }

  async #takeHashes(): Promise<void> {
    this.#stage = 'hashes are computed';
    const { processes } = this.#world;
    const hashes: HashKV[] = [];
    for (const { server } of processes) {
      if (server !== undefined) hashes.push(await server.store.hashKV(0));
    }
    const shown = hashes.map(({ hash, hashRev, compactRev }) => `${hash}@${hashRev}/${compactRev}`);
    this.#hashes = new Set(shown);
  }
}
