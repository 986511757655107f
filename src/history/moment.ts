/** A moment of the cluster's past, as users name it. Pure. */
import { parseTime } from '../api/facts/time.js';
import { parseDurationMs } from '../lib/go-duration.js';

/** A revision, or a time whose revision the API server names. */
export type Moment =
  | { readonly type: 'revision'; readonly revision: string }
  | { readonly type: 'time'; readonly timeMs: number };

/** Reads `10m` (so long ago), `2026-01-01T12:00:00Z` or `1234` (a revision); undefined for what is none. */
export function parseMoment(text: string, nowMs: number): Moment | undefined {
  if (/^[1-9]\d*$/.test(text)) return { type: 'revision', revision: text };
  const agoMs = /^\d+$/.test(text) ? undefined : parseDurationMs(text.replace(/ ago$/, ''));
  if (agoMs !== undefined && agoMs >= 0) return { type: 'time', timeMs: nowMs - agoMs };
  const timeMs = /^\d{4}-\d\d-\d\dT/.test(text) ? parseTime(text) : undefined;
  return timeMs === undefined ? undefined : { type: 'time', timeMs };
}
