/** Times of objects: RFC 3339 in UTC, whole seconds or microseconds. Pure. */
import type { Clock } from '../../lib/clock.js';

/** Many objects carry the times of the last seconds: each is laid out once. */
const latest = {
  seconds: new Float64Array(64).fill(Number.NaN),
  texts: Array.from({ length: 64 }, () => ''),
};

/** RFC 3339 in UTC with whole seconds, as `metav1.Time` is written. */
export function formatTime(ms: number): string {
  const second = Math.floor(Math.trunc(ms) / 1000);
  const place = second & 63;
  const known = latest.texts[place];
  if (known !== undefined && latest.seconds[place] === second) return known;
  const text = `${new Date(ms).toISOString().slice(0, 19)}Z`;
  latest.seconds[place] = second;
  latest.texts[place] = text;
  return text;
}

/** RFC 3339 in UTC with microseconds, as `metav1.MicroTime` is written. */
export function formatMicroTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 23)}000Z`;
}

/** Now, as {@link formatTime}. */
export function now(clock: Clock): string {
  return formatTime(clock.nowMs());
}

/** Milliseconds since 1970; undefined for an absent or unreadable time. */
export function parseTime(time: string | null | undefined): number | undefined {
  if (time === undefined || time === null || time === '') return undefined;
  const ms = Date.parse(time);
  return Number.isNaN(ms) ? undefined : ms;
}

/** Order by time of creation, then by name; objects without a time come first. */
export function byCreation(
  a: { metadata: { creationTimestamp?: string | undefined; name?: string | undefined } },
  b: { metadata: { creationTimestamp?: string | undefined; name?: string | undefined } },
): number {
  const left = a.metadata.creationTimestamp ?? '';
  const right = b.metadata.creationTimestamp ?? '';
  if (left !== right) return left < right ? -1 : 1;
  const leftName = a.metadata.name ?? '';
  const rightName = b.metadata.name ?? '';
  return leftName < rightName ? -1 : leftName > rightName ? 1 : 0;
}
