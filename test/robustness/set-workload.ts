/** Unique keys are added; in the end all that were acknowledged must be there, and none that nobody asked for. */
import { delay } from '../../src/lib/clock.js';
import { KVDefinition } from '../../src/gen/etcd/rpc.js';
import type { Channel } from '../../src/lib/grpc/index.js';
import type { ClusterTraffic } from './history.js';
import { isDefinite } from './traffic.js';
import { putOf, rangeOf } from './requests.js';

const prefix = 's/';

export interface SetHistory {
  readonly acknowledged: string[];
  /** May be there or not. */
  readonly unknown: string[];
}

export function checkSet(history: SetHistory, found: readonly string[]): string[] {
  const there = new Set(found);
  const asked = new Set([...history.acknowledged, ...history.unknown]);
  return [
    ...history.acknowledged.filter((key) => !there.has(key)).map((key) => `set: ${key} is lost`),
    ...found.filter((key) => !asked.has(key)).map((key) => `set: nobody added ${key}`),
  ];
}

/** Adds until the time is over. */
export async function runAdder(
  traffic: ClusterTraffic,
  id: number,
  history: SetHistory,
): Promise<void> {
  const { members, clock, untilMs } = traffic;
  const channels = members.places.map((_, at) => members.connect(at));
  let at = id;
  for (let count = 0; clock.monotonicMs() < untilMs(); count++) {
    const key = `${prefix}${id}.${count}`;
    const kv = channels[at % channels.length]?.client(KVDefinition);
    try {
      await kv?.put(putOf(key, ''), { deadlineMs: 2_000 });
      history.acknowledged.push(key);
    } catch (error) {
      if (!isDefinite(error)) history.unknown.push(key);
      at++;
    }
    await delay(clock, 15);
  }
  for (const channel of channels) channel.close();
}

/** Reads the present elements. */
export async function readSet(channel: Channel): Promise<readonly string[]> {
  const answer = await channel
    .client(KVDefinition)
    .range(rangeOf(prefix, { rangeEnd: 's0' }), { deadlineMs: 10_000 });
  return answer.kvs.map((pair) => pair.key.toString());
}
