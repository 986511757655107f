/** Makes one run: a cluster, traffic, a nemesis; then heals, and checks all that was recorded. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/lib/clock.js';
import { KVDefinition } from '../../src/gen/etcd/rpc.js';
import { Prng } from '../../src/lib/prng.js';
import { waitFor } from '../cluster/etcd-processes.js';
import type { Recorded } from './history.js';
import { SmallDisk } from './disk-faults.js';
import { judge } from './judge.js';
import { controlledMember, Members } from './members.js';
import { runNemesis } from './nemesis.js';
import type { Fault } from './nemesis.js';
import { canPartition, MemberNetwork } from './network.js';
import { keyPrefix, runTraffic } from './traffic.js';
import type { WatchHistory } from './watch-guarantees.js';
import { Watchers } from './watchers.js';
import { Workloads } from './workloads.js';
import { putOf } from './requests.js';

const clock = systemClock();

/** The findings of a run. */
export interface Outcome {
  readonly problems: readonly string[];
  readonly faults: readonly string[];
  readonly partitions: boolean;
  readonly operations: number;
  readonly acknowledged: number;
  readonly unknown: number;
  readonly events: number;
  readonly adds: number;
  readonly appends: number;
  readonly locks: number;
  /** The directory of histories and logs, which is kept when there are problems. */
  readonly artefacts: string | undefined;
}

/** After the heal: a last write, which all must come to hold; then all must hold the same. */
async function converge(members: Members, watchers: Watchers): Promise<readonly string[]> {
  await members.healthy();
  await members.noAlarm();
  const [channel] = members.channels;
  if (channel === undefined) throw new Error('there is no member');
  const kv = channel.client(KVDefinition);
  const { header } = await kv.put(putOf(`${keyPrefix}end`, 'end'), { deadlineMs: 5_000 });
  const revision = header?.revision ?? 0;
  await waitFor(`watchers are told of revision ${revision}`, () => watchers.reached(revision));
  const hashes = await Promise.all(members.places.map((_, at) => members.hash(at, revision)));
  return new Set(hashes).size === 1 ? [] : [`hashes differ: ${hashes.join(' ')}`];
}

/** Runs one seed. @throws only when the cluster cannot be started at all */
export async function runRobustness(options: {
  readonly seed: number;
  readonly seconds: number;
  readonly clients?: number;
  readonly only?: readonly Fault[];
  readonly log?: (line: string) => void;
}): Promise<Outcome> {
  const prng = new Prng(options.seed);
  const directory = mkdtempSync(join(tmpdir(), 'rob-'));
  // Addresses for three members, and for one that comes and goes.
  const network = canPartition() ? new MemberNetwork(4) : undefined;
  const smallDisk = SmallDisk.make(join(directory, 'small'));
  const members = await Members.start(directory, 3, network, controlledMember);
  const history: Recorded[] = [];
  const problems: string[] = [];
  let faults: readonly string[] = [];
  let watches: readonly WatchHistory[] = [];
  let counts = { adds: 0, appends: 0, locks: 0 };
  try {
    await members.healthy();
    const untilMs = clock.monotonicMs() + options.seconds * 1_000;
    let over = false;
    const watchers = new Watchers(members, clock);
    const traffic = { members, clock, history, untilMs: () => (over ? 0 : Infinity) };
    const clients = runTraffic(traffic, prng.fork(), options.clients ?? 8);
    const workloads = new Workloads(traffic, prng.fork());
    try {
      const log = options.log ?? (() => undefined);
      const heard = (): number => watchers.heard();
      const plan = { members, clock, prng: prng.fork(), untilMs, heard, smallDisk, log };
      faults = await runNemesis({ ...plan, ...(options.only ? { only: options.only } : {}) });
      over = true;
      await clients;
      await workloads.ended();
      problems.push(...(await converge(members, watchers)), ...(await workloads.judge()));
    } catch (error) {
      problems.push(`no recovery: ${String(error)}`);
    } finally {
      over = true;
      await clients;
      await workloads.ended();
      counts = workloads.counts;
      problems.push(...watchers.failures);
      watches = await watchers.close();
    }
    problems.push(...members.crashes);
  } finally {
    await members.close();
    await smallDisk?.remove();
  }
  const judged = judge(history, watches);
  problems.push(...judged.problems);
  let artefacts: string | undefined;
  if (problems.length > 0) {
    artefacts = join(directory, 'artefacts');
    mkdirSync(artefacts);
    const content = { seed: options.seed, problems, faults, history, watches };
    writeFileSync(join(artefacts, 'history.json'), JSON.stringify(content, null, 1));
  } else rmSync(directory, { recursive: true, force: true });
  const unknown = history.filter((each) => each.output === undefined).length;
  const acknowledged = history.filter((each) => each.output?.changed === true).length;
  return {
    problems,
    faults,
    partitions: network !== undefined,
    operations: history.length,
    acknowledged,
    unknown,
    events: judged.events,
    ...counts,
    artefacts,
  };
}
