import { cronParser } from '../../lib/cron.js';

/**
 * Returns the time at which a schedule is due next, in the machine's time zone.
 * @param cron five or six fields
 * @returns milliseconds since the epoch, later than `afterMs`
 * @throws Error for what is no schedule
 */
export function nextDueMs(cron: string, afterMs: number): number {
  const expression = cronParser().parse(cron, { currentDate: new Date(afterMs) });
  return expression.next().getTime();
}
