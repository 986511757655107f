/** Times and spans of time: their texts, and the fields of a time in a zone. */

const nanosPerSecond = 1_000_000_000n;
const nanosPerMilli = 1_000_000n;
/** The year 1 and the end of year 9999, beyond which CEL has no times. */
const minNanos = -62_135_596_800n * nanosPerSecond;
const maxNanos = 253_402_300_800n * nanosPerSecond - 1n;
const maxInt64 = 2n ** 63n - 1n;

/** True for a time that CEL has. */
export function isTimestamp(nanos: bigint): boolean {
  return nanos >= minNanos && nanos <= maxNanos;
}

/** True for a span of time that CEL has. */
export function isDuration(nanos: bigint): boolean {
  return nanos >= -maxInt64 - 1n && nanos <= maxInt64;
}

const rfc3339 =
  /^(\d{4})-(\d{2})-(\d{2})[Tt](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9})\d*)?([Zz]|[+-]\d{2}:\d{2})$/;

/** Reads a time of RFC 3339; undefined when it is none. */
export function parseTimestamp(text: string): bigint | undefined {
  const match = rfc3339.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second, fraction = '', zone = 'Z'] = match;
  const iso = `${year}-${month}-${day}T${hour}:${minute}:${second}Z`;
  const millis = Date.parse(iso);
  if (Number.isNaN(millis)) return undefined;
  // Days that a month does not have roll over in JavaScript.
  if (!new Date(millis).toISOString().startsWith(`${year}-${month}-${day}T${hour}`)) {
    return undefined;
  }
  let offset = 0;
  if (zone.length > 1) {
    const [hours = 0, minutes = 0] = zone.slice(1).split(':').map(Number);
    if (hours > 24 || minutes > 59) return undefined;
    offset = (hours * 60 + minutes) * 60_000 * (zone.startsWith('-') ? -1 : 1);
  }
  const nanos = BigInt(millis - offset) * nanosPerMilli + BigInt(fraction.padEnd(9, '0') || '0');
  return isTimestamp(nanos) ? nanos : undefined;
}

function floorDivide(value: bigint, by: bigint): bigint {
  const whole = value / by;
  return value % by < 0n ? whole - 1n : whole;
}

/** Writes a time as RFC 3339 in UTC, without zeros at the end of the fraction. */
export function timestampText(nanos: bigint): string {
  const seconds = floorDivide(nanos, nanosPerSecond);
  const rest = nanos - seconds * nanosPerSecond;
  const text = new Date(Number(seconds) * 1000).toISOString().slice(0, 19);
  const fraction = rest === 0n ? '' : `.${String(rest).padStart(9, '0').replace(/0+$/, '')}`;
  return `${text}${fraction}Z`;
}

/** Writes a span as seconds: `90s`, `1.5s`. */
export function durationText(nanos: bigint): string {
  const sign = nanos < 0n ? '-' : '';
  const size = nanos < 0n ? -nanos : nanos;
  const rest = size % nanosPerSecond;
  const fraction = rest === 0n ? '' : `.${String(rest).padStart(9, '0').replace(/0+$/, '')}`;
  return `${sign}${size / nanosPerSecond}${fraction}s`;
}

const units: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n,
  μs: 1_000n,
  ms: nanosPerMilli,
  s: nanosPerSecond,
  m: 60n * nanosPerSecond,
  h: 3_600n * nanosPerSecond,
};
const part = /(\d*)(?:\.(\d*))?(ns|us|µs|μs|ms|s|m|h)/y;

/** Reads a span of time in Go's form (`1h30m`, `-1.5s`); undefined when it is none or too large. */
export function parseDuration(text: string): bigint | undefined {
  const sign = /^[+-]/.exec(text)?.[0] ?? '';
  const rest = text.slice(sign.length);
  if (rest === '0') return 0n;
  if (rest === '' || rest.length > 200) return undefined;
  let total = 0n;
  part.lastIndex = 0;
  while (part.lastIndex < rest.length) {
    const match = part.exec(rest);
    if (match === null) return undefined;
    const [, whole = '', fraction = '', unit = ''] = match;
    if (whole === '' && fraction === '') return undefined;
    const size = units[unit] ?? 0n;
    total += BigInt(whole === '' ? '0' : whole) * size;
    if (fraction !== '') total += (BigInt(fraction) * size) / 10n ** BigInt(fraction.length);
  }
  const nanos = sign === '-' ? -total : total;
  return isDuration(nanos) ? nanos : undefined;
}

/** The fields of a time in a zone; months, days of the month and of the year from 0, Sunday is 0. */
export interface TimeFields {
  readonly year: number;
  readonly month: number;
  readonly date: number;
  readonly dayOfYear: number;
  readonly dayOfWeek: number;
  readonly hours: number;
  readonly minutes: number;
  readonly seconds: number;
  readonly millis: number;
}

const fixedZone = /^([+-]?)(\d\d?):(\d\d)$/;

/** The formats of zones that were asked for lately: to make one takes far longer than to use it. */
const formats = new Map<string, Intl.DateTimeFormat>();
const formatsMax = 64;

function formatOf(zone: string): Intl.DateTimeFormat | undefined {
  const known = formats.get(zone);
  if (known !== undefined) return known;
  try {
    const format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      era: 'short',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    if (formats.size >= formatsMax) formats.clear();
    formats.set(zone, format);
    return format;
  } catch {
    return undefined;
  }
}

function offsetOf(millis: number, zone: string): number | undefined {
  if (zone === '' || zone === 'UTC') return 0;
  const fixed = fixedZone.exec(zone);
  if (fixed !== null) {
    const minutes = Number(fixed[2]) * 60 + Number(fixed[3]);
    return minutes * 60_000 * (fixed[1] === '-' ? -1 : 1);
  }
  const format = formatOf(zone);
  if (format === undefined) return undefined;
  const parts = new Map(format.formatToParts(millis).map(({ type, value }) => [type, value]));
  const read = (name: Intl.DateTimeFormatPartTypes): number => Number(parts.get(name));
  const local = new Date(0);
  local.setUTCFullYear(read('year'), read('month') - 1, read('day'));
  local.setUTCHours(read('hour'), read('minute'), read('second'));
  return local.getTime() - Math.floor(millis / 1000) * 1000;
}

/** Returns the fields of a time; undefined for an unknown zone. */
export function timeFields(nanos: bigint, zone: string): TimeFields | undefined {
  const millis = Number(floorDivide(nanos, nanosPerMilli));
  const offset = offsetOf(millis, zone);
  if (offset === undefined) return undefined;
  const local = new Date(millis + offset);
  const year = local.getUTCFullYear();
  const newYear = new Date(0);
  newYear.setUTCFullYear(year, 0, 1);
  const dayMillis = 86_400_000;
  return {
    year,
    month: local.getUTCMonth(),
    date: local.getUTCDate() - 1,
    dayOfYear: Math.floor((local.getTime() - newYear.getTime()) / dayMillis),
    dayOfWeek: local.getUTCDay(),
    hours: local.getUTCHours(),
    minutes: local.getUTCMinutes(),
    seconds: local.getUTCSeconds(),
    millis: local.getUTCMilliseconds(),
  };
}
