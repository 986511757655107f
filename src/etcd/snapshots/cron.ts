import { parseSchedule } from '../../lib/schedule.js';

/**
 * Returns the time at which a schedule is due next, in the machine's time zone.
 * @param cron five fields, `@daily` and the like, or `@every 6h`, as a CronJob's
 * @returns milliseconds since the epoch, later than `afterMs`
 * @throws Error for what is no schedule, and for one that is due at no time within five years
 */
export function nextDueMs(cron: string, afterMs: number): number {
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  const dueMs = parseSchedule(cron, timeZone).next(afterMs);
  if (dueMs === undefined) throw new Error('no such time within five years');
  return dueMs;
}
