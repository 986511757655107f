/**
 * Transactions over several keys: read four lists at once, then append an id to two of them and to the list of all, if
 * none has changed meanwhile. The list of all is the order in which the transactions happened, so strict
 * serializability can be read off: each snapshot shows the effects of a beginning of that order, and of all that had
 * returned before it was asked for.
 */
import { delay } from '../../src/lib/clock.js';
import type { Prng } from '../../src/lib/prng.js';
import { KVDefinition } from '../../src/gen/etcd/rpc.js';
import type { Channel, Client } from '../../src/lib/grpc/index.js';
import type { ClusterTraffic } from './history.js';
import { isDefinite } from './traffic.js';
import { putOf, rangeOf } from './requests.js';

const prefix = 'a/';
const lists = ['x', 'y', 'z'] as const;
const all = 'all';

type ListName = (typeof lists)[number];

/** The lists as one transaction saw them. */
export interface AppendSnapshot {
  readonly calledAt: number;
  readonly all: readonly string[];
  readonly lists: Readonly<Record<ListName, readonly string[]>>;
}

/** An attempt to append. */
export interface Append {
  readonly id: string;
  readonly to: readonly ListName[];
  readonly outcome: 'done' | 'unknown';
  /** `Infinity` when the outcome is unknown. */
  readonly returnedAt: number;
}

export interface AppendHistory {
  readonly snapshots: AppendSnapshot[];
  readonly appends: Append[];
}

/** @param last what the lists held in the end */
export function checkAppends(history: AppendHistory, last: AppendSnapshot): string[] {
  const problems: string[] = [];
  const order = last.all;
  const byId = new Map(history.appends.map((each) => [each.id, each]));
  const place = new Map(order.map((id, at) => [id, at]));
  if (place.size !== order.length) problems.push('append: an id was appended twice');
  for (const id of order) if (!byId.has(id)) problems.push(`append: nobody appended ${id}`);
  for (const { id, outcome } of history.appends) {
    if (outcome === 'done' && !place.has(id)) problems.push(`append: ${id} is lost`);
  }
  const done = history.appends
    .filter(({ outcome, id }) => outcome === 'done' && place.has(id))
    .toSorted((a, b) => a.returnedAt - b.returnedAt);
  for (const snapshot of [...history.snapshots, last]) {
    const count = snapshot.all.length;
    const isBeginning = snapshot.all.every((id, at) => id === order[at]);
    if (!isBeginning) problems.push(`append: not a beginning: ${snapshot.all.slice(-3).join()}`);
    for (const name of lists) {
      const expected = order.slice(0, count).filter((id) => byId.get(id)?.to.includes(name));
      if (expected.join() !== snapshot.lists[name].join()) {
        problems.push(`append: ${name} is not of the same moment as the ${count} first`);
      }
    }
    const missed = done.find(
      ({ id, returnedAt }) =>
        returnedAt < snapshot.calledAt && (place.get(id) ?? Infinity) >= count,
    );
    if (missed !== undefined)
      problems.push(`append: a snapshot does not show ${missed.id} before it`);
  }
  return problems;
}

interface Read extends AppendSnapshot {
  readonly modRevisions: ReadonlyMap<string, number>;
}

const names: readonly string[] = [...lists, all];
const keyOf = (name: string): string => `${prefix}${name}`;

async function read(kv: Client<typeof KVDefinition>, calledAt: number): Promise<Read> {
  const success = names.map((name) => ({
    request: { $case: 'requestRange' as const, value: rangeOf(keyOf(name)) },
  }));
  const answer = await kv.txn({ compare: [], success, failure: [] }, { deadlineMs: 2_000 });
  const found = new Map<string, readonly string[]>();
  const modRevisions = new Map<string, number>();
  for (const [at, name] of names.entries()) {
    const response = answer.responses[at]?.response;
    const pair = response?.$case === 'responseRange' ? response.value.kvs[0] : undefined;
    const text = pair?.value.toString() ?? '';
    found.set(name, text === '' ? [] : text.split(','));
    modRevisions.set(name, pair?.modRevision ?? 0);
  }
  const list = (name: string): readonly string[] => found.get(name) ?? [];
  return {
    calledAt,
    all: list(all),
    lists: { x: list('x'), y: list('y'), z: list('z') },
    modRevisions,
  };
}

/** The lists now. */
export function readLists(channel: Channel, nowMs: number): Promise<AppendSnapshot> {
  return read(channel.client(KVDefinition), nowMs);
}

async function append(
  kv: Client<typeof KVDefinition>,
  seen: Read,
  id: string,
  to: readonly ListName[],
): Promise<boolean> {
  const compare = names.map((name) => ({
    result: 0 as const,
    target: 2 as const,
    key: Buffer.from(keyOf(name)),
    targetUnion: { $case: 'modRevision' as const, value: seen.modRevisions.get(name) ?? 0 },
    rangeEnd: Buffer.alloc(0),
  }));
  const longer = [
    { name: all, list: seen.all },
    ...to.map((name) => ({ name, list: seen.lists[name] })),
  ];
  const success = longer.map(({ name, list }) => ({
    request: {
      $case: 'requestPut' as const,
      value: putOf(keyOf(name), [...list, id].join()),
    },
  }));
  const answer = await kv.txn({ compare, success, failure: [] }, { deadlineMs: 2_000 });
  return answer.succeeded;
}

/** Appends until the time is over. */
export async function runAppender(
  traffic: ClusterTraffic,
  options: { readonly id: number; readonly prng: Prng; readonly history: AppendHistory },
): Promise<void> {
  const { members, clock, untilMs } = traffic;
  const { prng, history } = options;
  const channels = members.places.map((_, at) => members.connect(at));
  for (let count = 0; clock.monotonicMs() < untilMs(); count++) {
    const kv = prng.pick(channels).client(KVDefinition);
    const id = `${options.id}.${count}`;
    const to = prng.shuffle([...lists]).slice(0, 2);
    let asked = false;
    try {
      const seen = await read(kv, clock.monotonicMs());
      history.snapshots.push(seen);
      asked = true;
      if (await append(kv, seen, id, to)) {
        history.appends.push({ id, to, outcome: 'done', returnedAt: clock.monotonicMs() });
      }
    } catch (error) {
      if (asked && !isDefinite(error)) {
        history.appends.push({ id, to, outcome: 'unknown', returnedAt: Infinity });
      }
      await delay(clock, 50);
    }
    await delay(clock, prng.between(20, 60));
  }
  for (const channel of channels) channel.close();
}
