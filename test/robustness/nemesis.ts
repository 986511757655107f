/** What goes wrong, drawn from a seed: one fault at a time, healed before the next. */
import { assertNever } from '../../src/lib/assert.js';
import { delay } from '../../src/lib/clock.js';
import type { Clock } from '../../src/lib/clock.js';
import type { Prng } from '../../src/lib/prng.js';
import type { Members } from './members.js';

const faults = [
  'kill',
  'kill-all',
  'pause',
  'terminate',
  'isolate',
  'cut-one-way',
  'replace',
] as const;

export type Fault = (typeof faults)[number];

interface Fray {
  readonly members: Members;
  readonly prng: Prng;
  readonly clock: Clock;
  /** Half of the faults hit the leader. */
  readonly target: number;
  readonly holdMs: number;
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
    case 'replace':
      await members.replace(target);
      return;
    default:
      assertNever(fault);
  }
}

/** Strikes until the time is over; then all is healed and runs. @returns what was done */
export async function runNemesis(options: {
  readonly members: Members;
  readonly prng: Prng;
  readonly clock: Clock;
  readonly untilMs: number;
  readonly log: (line: string) => void;
}): Promise<readonly string[]> {
  const { members, prng, clock } = options;
  const possible = faults.filter(
    (fault) => members.network !== undefined || (fault !== 'isolate' && fault !== 'cut-one-way'),
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
    await strike(fault, { members, prng, clock, target, holdMs: prng.between(200, 1_200) });
    await members.healthy();
    await delay(clock, prng.between(100, 500));
  }
  return done;
}
