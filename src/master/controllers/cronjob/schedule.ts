/** When a CronJob is due. Pure. */
import { cronParser } from '../../../lib/cron.js';

/** Past times that are looked at; more missed ones are warned of and only the last counts. */
const maxMissed = 100;

/** The times at which a schedule is due, in milliseconds since 1970. */
export interface Due {
  /** The last time that was due and not yet run. */
  readonly dueMs?: number;
  readonly nextMs: number;
  /** More than 100 were missed. */
  readonly tooMany: boolean;
}

/**
 * When the schedule was last due after `sinceMs`, and when it is next.
 * @param timeZone an IANA name. @default 'UTC'
 * @throws Error for a bad schedule
 */
export function dueTimes(
  schedule: string,
  timeZone: string | undefined,
  sinceMs: number,
  nowMs: number,
): Due {
  const expression = cronParser().parse(schedule, {
    currentDate: new Date(nowMs),
    tz: timeZone ?? 'UTC',
  });
  const nextMs = expression.next().getTime();
  // The parser looks back from the whole second before the one that it is given.
  expression.reset(new Date(Math.floor(nowMs / 1000) * 1000 + 1000));
  const previousMs = expression.prev().getTime();
  if (previousMs <= sinceMs) return { nextMs, tooMany: false };
  let missed = 1;
  while (missed <= maxMissed && expression.prev().getTime() > sinceMs) missed++;
  return { dueMs: previousMs, nextMs, tooMany: missed > maxMissed };
}

/** Why `timeZone` names none; undefined when it does. */
export function timeZoneProblem(timeZone: string): string | undefined {
  try {
    formatInZone(0, timeZone);
    return undefined;
  } catch {
    return `unknown time zone ${timeZone}`;
  }
}

/** RFC 3339 with the offset that the zone has at that time. */
export function formatInZone(ms: number, timeZone = 'UTC'): string {
  const format = new Intl.DateTimeFormat('en', { timeZone, timeZoneName: 'longOffset' });
  const name = format.formatToParts(ms).find(({ type }) => type === 'timeZoneName')?.value ?? '';
  const match = /^GMT([+-])(\d\d):(\d\d)$/.exec(name);
  const [, sign = '+', hours = '0', minutes = '0'] = match ?? [];
  const offsetMs = (Number(hours) * 60 + Number(minutes)) * 60_000 * (sign === '+' ? 1 : -1);
  if (offsetMs === 0) return `${new Date(ms).toISOString().slice(0, 19)}Z`;
  return `${new Date(ms + offsetMs).toISOString().slice(0, 19)}${sign}${hours}:${minutes}`;
}
