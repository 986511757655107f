/** Time in a zone: what its clocks show at a moment, and the moment at which they show something. */

/** What a clock and a calendar show. */
export interface WallTime {
  readonly year: number;
  /** 1..12; to ask for a moment it may be 13, the next January. */
  readonly month: number;
  /** 1..31; to ask for a moment it may be beyond the month. */
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  /** 0 is Sunday; of no account to ask for a moment. */
  readonly weekday: number;
}

const formats = new Map<string, Intl.DateTimeFormat>();
/** The zones that are remembered: there are some 600, and a client may name any. */
const maxZones = 64;

function formatOf(zone: string): Intl.DateTimeFormat {
  let format = formats.get(zone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en', { timeZone: zone, timeZoneName: 'longOffset' });
    if (formats.size >= maxZones) formats.clear();
    formats.set(zone, format);
  }
  return format;
}

/** How far the zone's clocks are ahead of UTC at a moment, in milliseconds. @throws RangeError for no zone */
export function offsetAt(zone: string, ms: number): number {
  if (zone === 'UTC') return 0;
  const parts = formatOf(zone).formatToParts(ms);
  const name = parts.find(({ type }) => type === 'timeZoneName')?.value ?? '';
  const match = /^GMT([+-])(\d\d):(\d\d)(?::(\d\d))?$/.exec(name);
  const [, sign = '+', hours = '0', minutes = '0', seconds = '0'] = match ?? [];
  const size = (Number(hours) * 60 + Number(minutes)) * 60_000 + Number(seconds) * 1_000;
  return sign === '+' ? size : -size;
}

/** What the zone's clocks show at a moment. */
export function fieldsAt(zone: string, ms: number): WallTime {
  const date = new Date(ms + offsetAt(zone, ms));
  return {
    year: date.getUTCFullYear(),
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    hour: date.getUTCHours(),
    minute: date.getUTCMinutes(),
    second: date.getUTCSeconds(),
    weekday: date.getUTCDay(),
  };
}

/** The moment at which the clocks show a time; near one where they leave it out (as Go's `time.Date`). */
export function msOf(zone: string, { year, month, day, hour, minute, second }: WallTime): number {
  const shown = Date.UTC(year, month - 1, day, hour, minute, second);
  const guess = shown - offsetAt(zone, shown);
  return shown - offsetAt(zone, guess);
}
