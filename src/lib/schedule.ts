/**
 * Schedules as Kubernetes reads them (robfig/cron's standard parser): five fields, `@daily` and the like, `@every 1h`.
 * Over a change of the clock a time that a day does not have is left out, and one that it has twice is due twice.
 */
import { parseDurationMs } from './go-duration.js';
import { fieldsAt, msOf } from './time-zone.js';
import type { WallTime } from './time-zone.js';

/** The times at which something is due. */
export interface Schedule {
  /** The first time after `ms`, in whole seconds; undefined when there is none within five years. */
  next(ms: number): number | undefined;
}

interface Bounds {
  readonly min: number;
  readonly max: number;
  readonly names: readonly string[];
}

const months = 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ');
const days = 'sun mon tue wed thu fri sat'.split(' ');
const bounds: readonly Bounds[] = [
  { min: 0, max: 59, names: [] },
  { min: 0, max: 23, names: [] },
  { min: 1, max: 31, names: [] },
  { min: 1, max: 12, names: months },
  { min: 0, max: 6, names: days },
];
const descriptors: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};
const every = '@every ';

/** The values of one field. */
interface Matches {
  readonly values: ReadonlySet<number>;
  /** Says nothing about the day: `*` or `?`. */
  readonly isStar: boolean;
}

function numberOf(text: string): number {
  if (!/^[+-]?\d+$/.test(text)) {
    const problem = `strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`;
    throw new Error(`failed to parse int from ${text}: ${problem}`);
  }
  const value = Number(text);
  if (value < 0) throw new Error(`negative number (${value}) not allowed: ${text}`);
  return value;
}

function valueOf(text: string, { names, min }: Bounds): number {
  const index = names.indexOf(text.toLowerCase());
  return index < 0 ? numberOf(text) : index + min;
}

/** Adds the values of one term, such as `1-5/2`. @returns true for one that stands for all values */
function readTerm(term: string, limits: Bounds, values: Set<number>): boolean {
  const [range = '', stepText, ...slashes] = term.split('/');
  const [low = '', high, ...hyphens] = range.split('-');
  const isStar = low === '*' || low === '?';
  let [start, end] = [limits.min, limits.max];
  if (!isStar) {
    start = valueOf(low, limits);
    if (hyphens.length > 0) throw new Error(`too many hyphens: ${term}`);
    end = high === undefined ? start : valueOf(high, limits);
  }
  if (slashes.length > 0) throw new Error(`too many slashes: ${term}`);
  const step = stepText === undefined ? 1 : numberOf(stepText);
  if (stepText !== undefined && high === undefined) end = limits.max;
  if (start < limits.min) {
    throw new Error(`beginning of range (${start}) below minimum (${limits.min}): ${term}`);
  }
  if (end > limits.max) {
    throw new Error(`end of range (${end}) above maximum (${limits.max}): ${term}`);
  }
  if (start > end) {
    throw new Error(`beginning of range (${start}) beyond end of range (${end}): ${term}`);
  }
  if (step === 0) throw new Error(`step of range should be a positive number: ${term}`);
  for (let value = start; value <= end; value += step) values.add(value);
  return isStar && step === 1;
}

function readField(text: string, limits: Bounds): Matches {
  const values = new Set<number>();
  let isStar = false;
  for (const term of text.split(',').filter((part) => part !== '')) {
    if (readTerm(term, limits, values)) isStar = true;
  }
  return { values, isStar };
}

/**
 * Reads a schedule.
 * @param timeZone an IANA name. @default 'UTC'
 * @throws Error in robfig/cron's words
 */
export function parseSchedule(text: string, timeZone = 'UTC'): Schedule {
  if (text === '') throw new Error('empty spec string');
  if (text.startsWith(every)) return everySchedule(text);
  let fields = text.trim().split(/\s+/);
  if (text.startsWith('@')) {
    const known = Object.hasOwn(descriptors, text) ? descriptors[text] : undefined;
    if (known === undefined) throw new Error(`unrecognized descriptor: ${text}`);
    fields = known.split(' ');
  }
  if (fields.length !== 5) {
    throw new Error(`expected exactly 5 fields, found ${fields.length}: [${fields.join(' ')}]`);
  }
  const [minute, hour, date, month, weekday] = bounds.map((limits, index) =>
    readField(fields[index] ?? '', limits),
  ) as [Matches, Matches, Matches, Matches, Matches];
  return new FieldSchedule({ minute, hour, date, month, weekday }, timeZone);
}

function everySchedule(text: string): Schedule {
  const duration = text.slice(every.length);
  const ms = parseDurationMs(duration);
  if (ms === undefined) {
    const problem = `time: invalid duration ${JSON.stringify(duration)}`;
    throw new Error(`failed to parse duration ${text}: ${problem}`);
  }
  const delayMs = Math.max(1_000, Math.floor(ms / 1_000) * 1_000);
  return { next: (from) => Math.floor(from / 1_000) * 1_000 + delayMs };
}

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const maxYears = 5;

/** Looks for the next time field by field, the largest first, and anew when one runs over (robfig's `Next`). */
class FieldSchedule implements Schedule {
  readonly #fields: Readonly<Record<'minute' | 'hour' | 'date' | 'month' | 'weekday', Matches>>;
  readonly #zone: string;

  constructor(
    fields: Readonly<Record<'minute' | 'hour' | 'date' | 'month' | 'weekday', Matches>>,
    zone: string,
  ) {
    this.#fields = fields;
    this.#zone = zone;
  }

  next(from: number): number | undefined {
    let ms = Math.floor(from / 1_000) * 1_000 + 1_000;
    const lastYear = fieldsAt(this.#zone, ms).year + maxYears;
    for (;;) {
      const at = fieldsAt(this.#zone, ms);
      if (at.year > lastYear) return undefined;
      const later = this.#later(ms, at);
      if (later === undefined) return ms;
      ms = later;
    }
  }

  /** A time before the next one that is due, and later than `ms`; undefined when `ms` is due itself. */
  #later(ms: number, at: WallTime): number | undefined {
    const { minute, hour, month } = this.#fields;
    if (!month.values.has(at.month)) {
      return msOf(this.#zone, {
        ...at,
        month: at.month + 1,
        day: 1,
        hour: 0,
        minute: 0,
        second: 0,
      });
    }
    if (!this.#isDay(at)) return this.#nextDay(at);
    const [inMinute, inHour] = [at.second * 1_000, at.minute * minuteMs + at.second * 1_000];
    // Hours and minutes pass as they do on a clock that nobody changes.
    if (!hour.values.has(at.hour)) return ms - inHour + hourMs;
    if (!minute.values.has(at.minute)) return ms - inMinute + minuteMs;
    return at.second === 0 ? undefined : ms - inMinute + minuteMs;
  }

  /** Where both say something about the day, either will do. */
  #isDay({ day, weekday }: WallTime): boolean {
    const { date, weekday: of } = this.#fields;
    const [isDate, isWeekday] = [date.values.has(day), of.values.has(weekday)];
    return date.isStar || of.isStar ? isDate && isWeekday : isDate || isWeekday;
  }

  /** The first moment of the next day, which is not midnight where the clock leaves that out. */
  #nextDay(at: WallTime): number {
    const midnight = { ...at, day: at.day + 1, hour: 0, minute: 0, second: 0 };
    const ms = msOf(this.#zone, midnight);
    const { hour } = fieldsAt(this.#zone, ms);
    return hour > 12 ? ms + (24 - hour) * hourMs : ms;
  }
}
