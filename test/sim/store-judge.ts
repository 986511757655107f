/** Judges what was recorded in a run: with the checkers that judge real processes, and a few more. */
import { checkAcknowledged, checkReads, checkRealTime, settle } from '../robustness/history.js';
import { checkLinearizable } from '../robustness/linearizability.js';
import { registerModel } from '../robustness/register-model.js';
import { checkWatches } from '../robustness/watch-guarantees.js';
import type { WatchHistory } from '../robustness/watch-guarantees.js';
import { CorrectnessError } from './lib/sim-error.js';
import { keyPrefix } from './store-requests.js';
import type { StoreWorld } from './store-world.js';

/** @throws CorrectnessError naming the first broken promises */
export function judgeRun(world: StoreWorld): void {
  const problems = [...judgeHistory(world), ...judgeLeases(world)];
  if (problems.length > 0) throw new CorrectnessError(problems.slice(0, 5).join('\n'));
}

function judgeHistory(world: StoreWorld): string[] {
  const { clients, checker } = world;
  const events = checker.log.filter(({ key }) => key.startsWith(keyPrefix));
  const whole: WatchHistory = {
    name: 'as applied',
    key: '',
    rangeEnd: '~',
    startRevision: 1,
    answers: [{ revision: checker.log.at(-1)?.revision ?? 1, events }],
  };
  // An entry of several changes was applied in order of the request, a watch of several keys in order of the revision.
  const { log, violations } = checkWatches([whole, ...clients.watchers.histories]);
  const settled = settle(clients.history, log);
  const linearizable = settled.filter((each) => !each.serializable);
  const result = checkLinearizable(registerModel, linearizable, { maxSteps: 300_000 });
  if (result.verdict === 'unknown') world.count('undecided');
  const refused = log.filter(({ value }) => value !== undefined && clients.refused.has(value));
  return [
    ...violations.map((each) => `watch ${each.watch}: ${each.guarantee}: ${each.detail}`),
    ...checkAcknowledged(clients.history, log),
    ...checkReads(clients.history, log),
    ...checkRealTime(settled),
    ...refused.map((event) => `a write that was refused happened: ${JSON.stringify(event)}`),
    ...(result.verdict === 'invalid'
      ? [`${result.partition} is not linearizable, after ${JSON.stringify(result.longest?.at(-1))}`]
      : []),
  ];
}

/** No lease ends before the time that its holder was promised, unless somebody asked for it. */
function judgeLeases({ clients, checker, options }: StoreWorld): string[] {
  const { promises, revoked } = clients.leases;
  const fastest = 1 + Math.max(0, ...options.driftPpm) / 1_000_000;
  const broken: string[] = [];
  for (const { id, askedAt, ttlSeconds } of promises) {
    const endedAt = checker.leaseEnds.get(id);
    if (endedAt === undefined || endedAt >= (revoked.get(id) ?? Infinity)) continue;
    const until = askedAt + (ttlSeconds * 1_000_000) / fastest;
    if (endedAt >= until) continue;
    broken.push(`lease ${id}, promised at ${askedAt} for ${ttlSeconds} s, ended at ${endedAt}`);
  }
  return broken;
}
