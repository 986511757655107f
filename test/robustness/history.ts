/** The records of a run, and their checks besides linearizability. */
import type { Clock } from '../../src/lib/clock.js';
import type { Operation } from './linearizability.js';
import type { Members } from './members.js';
import type { Input, Output } from './register-model.js';
import type { WatchedEvent } from './watch-guarantees.js';

/** A call and the member it went to. Only calls that are known not to have happened are left out. */
export interface Recorded extends Operation<Input, Output> {
  readonly serializable: boolean;
  readonly member: number;
}

/** The state that clients share. */
export interface ClusterTraffic {
  readonly members: Members;
  readonly clock: Clock;
  readonly untilMs: () => number;
  readonly history: Recorded[];
}

const valueOf = (input: Input): string | undefined =>
  input.kind === 'put' || input.kind === 'cas' ? input.value : undefined;

/**
 * Settles the writes of unknown outcome by the log of events: every written value is unique, so a write whose value
 * never became an event did not happen, and one that did has a revision. They still may come at any time after their
 * call.
 */
export function settle(history: readonly Recorded[], log: readonly WatchedEvent[]): Recorded[] {
  const revisions = new Map(log.map((event) => [`${event.key}=${event.value}`, event.revision]));
  return history.flatMap((each): Recorded[] => {
    if (each.output !== undefined) return [each];
    if (each.input.kind === 'get') return [];
    const value = valueOf(each.input);
    if (value === undefined) return [each];
    const revision = revisions.get(`${each.input.key}=${value}`);
    return revision === undefined ? [] : [{ ...each, output: { revision, changed: true } }];
  });
}

/** Each acknowledged write must be the event of its revision. */
export function checkAcknowledged(
  history: readonly Recorded[],
  log: readonly WatchedEvent[],
): string[] {
  const events = new Map(log.map((event) => [`${event.revision}/${event.key}`, event]));
  return history
    .filter((each) => each.output?.changed === true && each.input.kind !== 'get')
    .filter(({ input, output }) => {
      const event = events.get(`${output?.revision}/${input.key}`);
      return event === undefined || event.value !== valueOf(input);
    })
    .map((each) => `acknowledged write is lost: ${JSON.stringify(each)}`);
}

/** Each read, stale ones included, must show what the log says of its key at the revision in its header. */
export function checkReads(history: readonly Recorded[], log: readonly WatchedEvent[]): string[] {
  const byKey = new Map<string, WatchedEvent[]>();
  for (const event of log) {
    const list = byKey.get(event.key);
    if (list === undefined) byKey.set(event.key, [event]);
    else list.push(event);
  }
  const wrong: string[] = [];
  for (const each of history) {
    const { input, output } = each;
    if (output === undefined || output.changed || input.kind === 'put') continue;
    const last = (byKey.get(input.key) ?? []).findLast(
      (event) => event.revision <= output.revision,
    );
    const held = last?.type === 'put' ? last : undefined;
    const right =
      output.found?.value === held?.value && output.found?.modRevision === held?.revision;
    if (!right) wrong.push(`the log says ${JSON.stringify(held)}: ${JSON.stringify(each)}`);
  }
  return wrong;
}

/** Across keys: a call that starts after another returned must not be told of an older revision. */
export function checkRealTime(history: readonly Recorded[]): string[] {
  const known = history.filter((each) => each.output !== undefined && !each.serializable);
  const byReturn = known
    .filter((each) => each.returnedAt !== Infinity)
    .toSorted((a, b) => a.returnedAt - b.returnedAt);
  const wrong: string[] = [];
  let at = 0;
  let newest: Recorded | undefined;
  for (const each of known.toSorted((a, b) => a.calledAt - b.calledAt)) {
    for (let other = byReturn[at]; other !== undefined; other = byReturn[++at]) {
      if (other.returnedAt >= each.calledAt) break;
      if ((other.output?.revision ?? 0) > (newest?.output?.revision ?? 0)) newest = other;
    }
    if (newest === undefined || each.output === undefined) continue;
    const least = (newest.output?.revision ?? 0) + (each.output.changed ? 1 : 0);
    if (each.output.revision < least) {
      wrong.push(`${JSON.stringify(each)} came after ${JSON.stringify(newest)}`);
    }
  }
  return wrong;
}
