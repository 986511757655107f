import { createRequire } from 'node:module';
import type * as CronParser from 'cron-parser';

/** Returns the library of schedules, loaded by the first call: few programs that know schedules read one. */
export function cronParser(): typeof CronParser.CronExpressionParser {
  const library = createRequire(import.meta.url)('cron-parser') as typeof CronParser;
  return library.CronExpressionParser;
}
