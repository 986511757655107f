import { createRequire } from 'node:module';
import type * as CronParser from 'cron-parser';

/**
 * When a schedule is due next, in the machine's time zone. The library is loaded when there is a schedule: a member
 * without starts the sooner.
 * @param cron five or six fields
 * @returns milliseconds since the epoch, later than `afterMs`
 * @throws Error for what is no schedule
 */
export function nextDueMs(cron: string, afterMs: number): number {
  const { CronExpressionParser } = createRequire(import.meta.url)(
    'cron-parser',
  ) as typeof CronParser;
  return CronExpressionParser.parse(cron, { currentDate: new Date(afterMs) })
    .next()
    .getTime();
}
