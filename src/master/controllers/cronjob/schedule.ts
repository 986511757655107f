/** When a CronJob is due. Pure. */
import { parseSchedule } from '../../../lib/schedule.js';
import { offsetAt } from '../../../lib/time-zone.js';

/** Past times that may be missed; more of them are warned of. */
const maxMissed = 100;

/** The times at which a schedule is due, in milliseconds since 1970. */
export interface Due {
  /** The last time that was due and not yet run. */
  readonly dueMs?: number;
  readonly nextMs: number;
  /** More than 100 were missed, as the interval between the first two of them tells. */
  readonly tooMany: boolean;
}

/** A schedule that can be read and has no times. */
export class NoTimesError extends Error {
  override readonly name = 'NoTimesError';
  readonly code = 'NO_TIMES';
}

/**
 * When the schedule was last due after `sinceMs`, and when it is next (Kubernetes' `mostRecentScheduleTime`).
 * @param timeZone an IANA name. @default 'UTC'
 * @throws Error for a bad schedule; NoTimesError for one that is never due
 */
export function dueTimes(
  text: string,
  timeZone: string | undefined,
  sinceMs: number,
  nowMs: number,
): Due {
  const schedule = parseSchedule(text, timeZone);
  const first = schedule.next(sinceMs);
  const second = first === undefined ? undefined : schedule.next(first);
  const nextMs = schedule.next(nowMs);
  if (first === undefined || second === undefined || nextMs === undefined) {
    throw new NoTimesError('time difference between two schedules is less than 1 second');
  }
  if (nowMs < first) return { nextMs, tooMany: false };
  if (nowMs < second) return { dueMs: first, nextMs, tooMany: false };
  const missed = Math.floor((nowMs - first) / (second - first)) + 1;
  // From shortly before the last one on: the times need not be evenly spread.
  const from = first + (missed - 2) * (second - first);
  let dueMs: number | undefined;
  for (let ms = schedule.next(from); ms !== undefined && ms <= nowMs; ms = schedule.next(ms)) {
    dueMs = ms;
  }
  return { ...(dueMs === undefined ? {} : { dueMs }), nextMs, tooMany: missed > maxMissed };
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
  const offsetMs = offsetAt(timeZone, ms);
  if (offsetMs === 0) return `${new Date(ms).toISOString().slice(0, 19)}Z`;
  const minutes = Math.round(Math.abs(offsetMs) / 60_000);
  const two = (value: number): string => String(value).padStart(2, '0');
  const offset = `${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
  const sign = offsetMs > 0 ? '+' : '-';
  return `${new Date(ms + offsetMs).toISOString().slice(0, 19)}${sign}${offset}`;
}
