/** One run from a seed: pods come and go, faults strike; then all is healed, and nothing may be wrong or left. */
import { delay, systemClock } from '../../src/lib/clock.js';
import { Prng } from '../../src/lib/prng.js';
import type { Census } from './census.js';
import { compare, takeCensus } from './census.js';
import { runningTwice } from './doubles.js';
import type { FaultName } from './faults.js';
import { faultNames, Faults } from './faults.js';
import { judgePods } from './judge.js';
import { Machines, until } from './machine.js';
import { Workload } from './workload.js';

const clock = systemClock();
/** So long pods may take to be as they should be after the last fault: a back-off, and a resync. */
const patienceMs = 240_000;

/** What is to be done. */
export interface ChaosPlan {
  readonly seed: number;
  /** Of faults and churn; healing and comparing come on top. */
  readonly seconds: number;
  readonly podsMax: number;
  /** @default all kinds */
  readonly only?: readonly FaultName[];
  readonly log: (line: string) => void;
}

/** What came of it. */
export interface ChaosOutcome {
  readonly problems: readonly string[];
  readonly faults: number;
  readonly starts: number;
  readonly settleMs: number;
}

/** @throws Error when the machines cannot be made */
export async function runChaos(plan: ChaosPlan): Promise<ChaosOutcome> {
  const machine = new Machines();
  try {
    await machine.start();
    return await run(plan, machine);
  } catch (error) {
    for (const name of ['worker', 'netproxy'] as const) plan.log(`${name}:\n${machine.log(name)}`);
    throw error;
  } finally {
    await machine.stop();
  }
}

async function run(plan: ChaosPlan, machine: Machines): Promise<ChaosOutcome> {
  const { seed, log } = plan;
  const begunMs = clock.monotonicMs();
  const say = (line: string): void =>
    log(`${((clock.monotonicMs() - begunMs) / 1000).toFixed(1).padStart(6)} ${line}`);
  const random = new Prng(seed);
  const workload = new Workload(machine, new Prng(random.uint32()), plan.podsMax);
  const faults = new Faults(machine, new Prng(random.uint32()));
  await warmUp(machine, workload);
  const before = takeCensus(machine);
  say('begins');
  workload.begin();
  await until('pods run', () => running(machine) > 0, patienceMs);
  let struck = 0;
  const doubles = new Set<string>();
  const lookForDoubles = (): void => {
    for (const line of runningTwice()) doubles.add(line);
  };
  const endMs = clock.monotonicMs() + plan.seconds * 1000;
  const kinds = plan.only ?? faultNames;
  while (clock.monotonicMs() < endMs) {
    for (let n = random.between(0, 2); n > 0; n--) say(workload.act());
    // Some strike while others still last: an agent that is away when containers end.
    for (let n = random.between(1, 3); n > 0; n--) {
      say(await faults.strike(random.pick(kinds)));
      struck += 1;
      lookForDoubles();
      await delay(clock, random.between(0, 1500));
    }
    faults.heal();
    for (let n = random.between(0, 12); n > 0; n--) {
      await delay(clock, 500);
      lookForDoubles();
    }
  }
  faults.heal();
  const healedMs = clock.monotonicMs();
  say('healed');
  await machine.untilReady();
  workload.settle();
  const problems: string[] = [];
  const settled = await last(() => {
    lookForDoubles();
    return judgePods(machine, workload, faults.ends);
  });
  problems.push(...settled, ...doubles);
  const settleMs = clock.monotonicMs() - healedMs;
  say(`settled: ${problems.length} problems`);
  workload.end();
  problems.push(...(await last(() => leftOver(machine, before))));
  say('compared');
  for (const problem of problems) say(`PROBLEM ${problem}`);
  if (problems.length > 0)
    for (const name of ['worker', 'netproxy'] as const) log(machine.log(name));
  const starts = [...workload.starts().values()].reduce((sum, count) => sum + count, 0);
  return { problems, faults: struck, starts, settleMs };
}

/** What the first pod makes and what then stays: the bridge, chains without pods. */
async function warmUp(machine: Machines, workload: Workload): Promise<void> {
  workload.begin();
  await until('first pods run', () => running(machine) >= 2, patienceMs);
  workload.end();
  // Views of images stay mounted for a while after their last container.
  const views = (census: Census): number =>
    census.get('mount')!.filter((line) => line.includes('/runtime/images/')).length;
  const held = (): number => {
    const census = takeCensus(machine);
    return pods(machine) + census.get('network namespace')!.length + views(census);
  };
  await until('the first pods are gone', () => held() === 0, patienceMs);
  await delay(clock, 3000);
}

function leftOver(machine: Machines, before: Census): string[] {
  const there = pods(machine);
  return [
    ...(there > 0 ? [`${there} pods are still there`] : []),
    ...compare(before, takeCensus(machine)),
  ];
}

/** Looks until nothing is found, or patience ends. @returns what was found last */
async function last(find: () => readonly string[]): Promise<readonly string[]> {
  const endMs = clock.monotonicMs() + patienceMs;
  for (;;) {
    const found = find();
    if (found.length === 0 || clock.monotonicMs() > endMs) return found;
    await delay(clock, 2000);
  }
}

function pods(machine: Machines): number {
  return machine.kubectl(['get', 'pods', '-A', '-o', 'name']).out.split('\n').filter(Boolean)
    .length;
}

function running(machine: Machines): number {
  const phase = '--field-selector=status.phase=Running';
  return machine.kubectl(['get', 'pods', phase, '-o', 'name']).out.split('\n').filter(Boolean)
    .length;
}
