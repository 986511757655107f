/** The verdict on what clients and watchers recorded. */
import { checkAcknowledged, checkReads, checkRealTime, settle } from './history.js';
import type { Recorded } from './history.js';
import { checkLinearizable } from './linearizability.js';
import { registerModel } from './register-model.js';
import { checkWatches } from './watch-guarantees.js';
import type { WatchHistory } from './watch-guarantees.js';

/** All checks of what was recorded; pure. */
export function judge(
  history: readonly Recorded[],
  watches: readonly WatchHistory[],
): { readonly problems: readonly string[]; readonly events: number } {
  const { log, violations } = checkWatches(watches);
  const settled = settle(history, log);
  const linearizable = settled.filter((each) => !each.serializable);
  const result = checkLinearizable(registerModel, linearizable);
  const problems = [
    ...violations.map((each) => `watch ${each.watch}: ${each.guarantee}: ${each.detail}`),
    ...checkAcknowledged(history, log),
    ...checkReads(history, log),
    ...checkRealTime(settled),
  ];
  if (result.verdict !== 'valid') {
    const last = JSON.stringify(result.longest?.at(-1));
    problems.push(`linearizability of ${result.partition} is ${result.verdict}, after ${last}`);
  }
  return { problems, events: log.length };
}
