/** Draws faults from a seed: one at a time, healed before the next. */
import { assertNever } from '../../src/lib/assert.js';
import { delay } from '../../src/lib/clock.js';
import type { Clock } from '../../src/lib/clock.js';
import type { Prng } from '../../src/lib/prng.js';
import { flipBitInLog } from './disk-faults.js';
import type { SmallDisk } from './disk-faults.js';
import type { Members } from './members.js';

/** By name. */
export const faults = [
  'kill',
  'kill-all',
  'pause',
  'terminate',
  /** From all other members, in both directions. */
  'isolate',
  'cut-one-way',
  /** Two members do not reach each other, each reaches the third: every member sees a majority, each another one. */
  'cut-pair',
  /** Clients do not reach the member, the other members do. */
  'cut-clients',
  'replace',
  /** A further member joins as a learner, is promoted and leaves. */
  'come-and-go',
  /** Syncs of the raft log take longer. */
  'slow-disk',
  'full-disk',
  /** In the log of a member that is down: it must refuse to start, and is replaced. */
  'flip-bit',
  'compact',
  'defragment',
  /** A member's wall clock is set by minutes, one way and then the other. */
  'clock-jump',
] as const;

/** They need what only root can make. */
const needNetwork: ReadonlySet<Fault> = new Set([
  'isolate',
  'cut-one-way',
  'cut-pair',
  'cut-clients',
]);

export type Fault = (typeof faults)[number];

interface Fray {
  readonly members: Members;
  readonly prng: Prng;
  readonly clock: Clock;
  /** Half of the faults hit the leader. */
  readonly target: number;
  readonly holdMs: number;
  /** All watchers were told of everything up to it. */
  readonly heard: () => number;
  /** Of the last member. */
  readonly smallDisk: SmallDisk | undefined;
}

function others(members: Members, at: number): number[] {
  return members.places.map((_, index) => index).filter((index) => index !== at);
}

async function strike(fault: Fault, fray: Fray): Promise<void> {
  const { members, target, clock, holdMs, prng } = fray;
  switch (fault) {
    case 'kill':
    case 'terminate':
      await members.end(target, fault === 'kill' ? 'SIGKILL' : 'SIGTERM');
      await delay(clock, holdMs);
      members.startMember(target);
      return;
    case 'kill-all':
      await Promise.all(members.places.map((_, at) => members.end(at)));
      for (const at of members.places.keys()) members.startMember(at);
      return;
    case 'pause':
      members.signal(target, 'SIGSTOP');
      await delay(clock, holdMs);
      members.signal(target, 'SIGCONT');
      return;
    case 'isolate':
      for (const other of others(members, target)) {
        members.network?.cut(other, target);
        members.network?.cut(target, other);
      }
      await delay(clock, 2 * holdMs);
      members.network?.heal();
      return;
    case 'cut-one-way':
      members.network?.cut(target, prng.pick(others(members, target)));
      await delay(clock, 2 * holdMs);
      members.network?.heal();
      return;
    case 'cut-pair':
      await cutPair(fray);
      return;
    case 'cut-clients':
      members.network?.cutClients(target, members.clientPort(target));
      await delay(clock, 2 * holdMs);
      members.network?.heal();
      return;
    case 'replace':
      await members.replace(target);
      return;
    case 'come-and-go':
      await members.comeAndGo();
      return;
    case 'slow-disk':
      await members.order(target, { do: 'syncDelay', ms: Math.round(holdMs / 4) });
      await delay(clock, 2 * holdMs);
      await members.order(target, { do: 'syncDelay', ms: 0 });
      return;
    case 'full-disk':
      fray.smallDisk?.fill();
      await delay(clock, 2 * holdMs);
      fray.smallDisk?.empty();
      return;
    case 'flip-bit':
      await flipBit(fray);
      return;
    case 'compact':
      await members.compact(target, fray.heard());
      return;
    case 'defragment':
      await members.defragment(target);
      return;
    case 'clock-jump':
      await clockJump(fray);
      return;
    default:
      assertNever(fault);
  }
}

async function cutPair({ members, target, prng, clock, holdMs }: Fray): Promise<void> {
  const other = prng.pick(others(members, target));
  members.network?.cut(target, other);
  members.network?.cut(other, target);
  await delay(clock, 2 * holdMs);
  members.network?.heal();
}

/** It stays wrong after the second jump. */
async function clockJump({ members, target, prng, clock, holdMs }: Fray): Promise<void> {
  const minutes = prng.between(1, 10) * (prng.below(2) === 0 ? 1 : -1);
  members.setWallClock(target, minutes * 60_000);
  await delay(clock, 2 * holdMs);
  members.setWallClock(target, -Math.sign(minutes) * prng.between(1, 10) * 60_000);
}

async function flipBit({ members, target, prng }: Fray): Promise<void> {
  const id = await members.idOf(target);
  await members.end(target);
  const where = flipBitInLog(members.dataDir(target), prng);
  if (where === undefined) {
    members.startMember(target);
    return;
  }
  const { code, said } = await members.refuses(target);
  if (code !== 1 || !/is damaged at byte \d+/.test(said)) {
    members.crashes.push(
      `m${target} did not see the bit in ${where}: ${code}, ${said.slice(-500)}`,
    );
  }
  await members.replace(target, id);
}

/** Strikes until the time is over; then all is healed and runs. @returns what was done */
export async function runNemesis(options: {
  readonly members: Members;
  readonly prng: Prng;
  readonly clock: Clock;
  readonly untilMs: number;
  readonly heard: () => number;
  readonly smallDisk: SmallDisk | undefined;
  /** Only these. @default all */
  readonly only?: readonly Fault[];
  readonly log: (line: string) => void;
}): Promise<readonly string[]> {
  const { members, prng, clock, heard, smallDisk } = options;
  const possible = (options.only ?? faults).filter(
    (fault) =>
      (members.network !== undefined || !needNetwork.has(fault)) &&
      (smallDisk !== undefined || fault !== 'full-disk'),
  );
  const done: string[] = [];
  // Every kind once, in an order of the seed, before any comes again.
  let bag: Fault[] = [];
  while (clock.monotonicMs() < options.untilMs) {
    if (bag.length === 0) bag = prng.shuffle([...possible]);
    const fault = bag.pop() ?? 'kill';
    const leader = prng.below(2) === 0 ? await members.leader() : -1;
    const target = leader >= 0 ? leader : prng.below(members.count);
    const line = `${Math.round(clock.monotonicMs())} ${fault} m${target}${leader >= 0 ? ' (leader)' : ''}`;
    options.log(line);
    done.push(line);
    const holdMs = prng.between(200, 1_200);
    await strike(fault, { members, prng, clock, target, holdMs, heard, smallDisk });
    await members.healthy();
    if (smallDisk !== undefined) await members.noAlarm();
    await delay(clock, prng.between(100, 500));
  }
  return done;
}
