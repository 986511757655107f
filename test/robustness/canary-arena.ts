/**
 * Three members that take orders, and a client that writes down what it asks and is told: where a known mistake is
 * provoked.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/lib/clock.js';
import { KVDefinition, LeaseDefinition, MaintenanceDefinition } from '../../src/gen/etcd/rpc.js';
import { waitFor } from '../cluster/etcd-processes.js';
import type { Recorded } from './history.js';
import type { Command, Report } from './member-control.js';
import { memberThatTakesOrders, Members } from './members.js';
import type { Mistake } from './mistakes.js';
import type { Input } from './register-model.js';
import { isDefinite, keyPrefix, sendInputs } from './traffic.js';
import type { WatchHistory } from './watch-guarantees.js';
import { Watchers } from './watchers.js';
import { putOf, rangeOf } from './requests.js';

const clock = systemClock();

/** Key of a run, by its short name. */
const keyOf = (name: string): string => `${keyPrefix}${name}`;

export class Arena {
  readonly members: Members;
  readonly ids: readonly string[];
  readonly watchers: Watchers;
  readonly history: Recorded[] = [];
  /** The problems that a plan itself has found. */
  readonly problems: string[] = [];
  readonly #directory: string;
  /** By term, as far as anybody reported to lead. */
  readonly #leaders = new Map<number, number>();
  #clientCount = 0;

  private constructor(members: Members, ids: readonly string[], directory: string) {
    this.members = members;
    this.ids = ids;
    this.#directory = directory;
    this.watchers = new Watchers(members, clock);
  }

  /** Starts the members, makes m0 the leader and arms the mistake. @param faulty who makes it; the others are right */
  static async start(
    mistake: Mistake | undefined,
    faulty: readonly number[],
    flags: readonly string[] = [],
  ): Promise<Arena> {
    const directory = mkdtempSync(join(tmpdir(), 'canary-'));
    const program = memberThatTakesOrders((at) =>
      faulty.includes(at) ? (mistake ?? 'none') : 'none',
    );
    const members = await Members.start(directory, 3, undefined, { ...program, flags });
    try {
      await members.healthy();
      const ids: string[] = [];
      for (const at of members.places.keys()) ids.push(String((await members.status(at))?.id));
      const arena = new Arena(members, ids, directory);
      await arena.moveLeader(0);
      for (const at of members.places.keys()) await arena.order(at, { do: 'arm' });
      return arena;
    } catch (error) {
      await members.close();
      throw error;
    }
  }

  async order(at: number, command: Command): Promise<Report> {
    const report = await this.members.order(at, command);
    const { role, term } = report;
    if (role !== 'leader') return report;
    const other = this.#leaders.get(term) ?? at;
    if (other !== at) this.problems.push(`m${other} and m${at} lead in term ${term}`);
    this.#leaders.set(term, at);
    return report;
  }

  /** No message passes between these two groups any more; a member that is in neither is left as it was. */
  async cut(one: readonly number[], other: readonly number[]): Promise<void> {
    for (const [here, there] of [
      [one, other],
      [other, one],
    ] as const) {
      const members = there.map((at) => this.ids[at] ?? '');
      for (const at of here) await this.order(at, { do: 'block', members });
    }
  }

  /** All messages pass. */
  async heal(): Promise<void> {
    const all = Number.MAX_SAFE_INTEGER;
    for (const at of this.members.places.keys()) {
      await this.order(at, { do: 'block', members: [] });
      await this.order(at, { do: 'hold', types: [] });
      await this.order(at, { do: 'upTo', term: all, commit: all });
    }
  }

  /** Hands leadership over in a healthy cluster, and waits until all have heard of it. */
  async moveLeader(to: number): Promise<void> {
    const id = this.ids[to] ?? String((await this.members.status(to))?.id);
    const seen = async (at: number): Promise<string> =>
      String((await this.members.status(at))?.leader);
    await waitFor(`m${to} leads`, async () => {
      const leader = await this.members.leader();
      if (leader >= 0 && leader !== to) {
        const client = this.members.channels[leader]?.client(MaintenanceDefinition);
        await client?.moveLeader({ targetID: BigInt(id) }, { deadlineMs: 2_000 }).catch(() => null);
      }
      const all = await Promise.all(this.members.places.map((_, at) => seen(at)));
      return all.every((each) => each === id);
    });
  }

  /** Has a member elected now by those whose votes it needs, though they may have heard of another leader. */
  async elect(candidate: number, voters: readonly number[]): Promise<void> {
    const role = async (): Promise<string> => (await this.order(candidate, { do: 'report' })).role;
    const leads = async (): Promise<boolean> => (await role()) === 'leader';
    let patienceMs = 300;
    await waitFor(`m${candidate} is elected`, async () => {
      const now = await role();
      if (now === 'leader') return true;
      // It has raised its term: another try would raise it once more.
      if (now === 'candidate') return false;
      for (const at of [candidate, ...voters]) await this.order(at, { do: 'forgetLeader' });
      await this.order(candidate, { do: 'campaign' });
      // Another try would forget the pre-votes that are on their way: where they are slow, it comes later each time.
      patienceMs *= 1.5;
      return waitFor('votes come', leads, patienceMs).then(
        () => true,
        () => false,
      );
    });
  }

  /** Waits until a member's own report says so. */
  async until(what: string, at: number, holds: (report: Report) => boolean): Promise<Report> {
    let report = await this.order(at, { do: 'report' });
    await waitFor(`m${at}: ${what}`, async () => {
      report = await this.order(at, { do: 'report' });
      return holds(report);
    });
    return report;
  }

  /** All logs are equally long and applied. */
  async level(): Promise<number> {
    const { lastIndex } = await this.order(0, { do: 'report' });
    for (const at of this.members.places.keys()) {
      await this.until('is level', at, (each) => each.applied >= lastIndex);
    }
    return lastIndex;
  }

  /** Makes the calls in one request, as a client of its own. @returns whether it was acknowledged */
  async call(
    at: number,
    inputs: readonly Input[],
    options: { readonly serializable?: boolean; readonly deadlineMs?: number } = {},
  ): Promise<boolean> {
    const { serializable = false, deadlineMs = 5_000 } = options;
    const channel = this.members.channels[at];
    if (channel === undefined) throw new RangeError(`there is no member ${at}`);
    const client = ++this.#clientCount;
    const calledAt = clock.monotonicMs();
    const note = (output: Recorded['output']): void => {
      const returnedAt = output === undefined ? Infinity : clock.monotonicMs();
      for (const input of inputs) {
        const kept = { client, input, calledAt, returnedAt, output, serializable, member: at };
        this.history.push(kept);
      }
    };
    try {
      const kv = channel.client(KVDefinition);
      note(await sendInputs(kv, inputs, { serializable, deadlineMs }));
      return true;
    } catch (error) {
      if (!isDefinite(error)) note(undefined);
      return false;
    }
  }

  /** Puts one value under all the names; must be acknowledged. */
  async put(at: number, value: string, ...names: readonly string[]): Promise<void> {
    if (!(await this.tryPut(at, value, ...names))) throw new Error(`m${at} refused ${value}`);
  }

  tryPut(at: number, value: string, ...names: readonly string[]): Promise<boolean> {
    return this.call(
      at,
      names.map((name) => ({ kind: 'put', key: keyOf(name), value })),
    );
  }

  get(at: number, name: string, options: { serializable?: boolean } = {}): Promise<boolean> {
    return this.call(at, [{ kind: 'get', key: keyOf(name) }], { deadlineMs: 700, ...options });
  }

  /** A key that lives as long as its lease. @returns when the lease may end at the earliest */
  async putLeased(at: number, name: string, ttlSeconds: number): Promise<number> {
    const channel = this.members.channels[at];
    if (channel === undefined) throw new RangeError(`there is no member ${at}`);
    const calledAt = clock.monotonicMs();
    const lease = channel.client(LeaseDefinition);
    const { ID, TTL } = await lease.leaseGrant({ ID: 0n, TTL: ttlSeconds }, { deadlineMs: 5_000 });
    const pair = { ...putOf(keyOf(name), name), lease: ID };
    await channel.client(KVDefinition).put(pair, { deadlineMs: 5_000 });
    return calledAt + TTL * 1_000;
  }

  /** Tells whether the key exists, by a read that is not recorded. */
  async has(at: number, name: string): Promise<boolean> {
    const channel = this.members.channels[at];
    const kv = channel?.client(KVDefinition);
    const answer = await kv?.range(rangeOf(keyOf(name)), { deadlineMs: 5_000 });
    return (answer?.kvs.length ?? 0) > 0;
  }

  async close(): Promise<readonly WatchHistory[]> {
    const watches = await this.watchers.close();
    await this.members.close();
    rmSync(this.#directory, { recursive: true, force: true });
    return watches;
  }
}
