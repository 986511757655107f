/** The conversions of cel-spec's standard definitions, its text functions and the parts of times. */
import { CelError } from '../errors.js';
import type { Library, Overloads, Run } from '../functions.js';
import { matchText } from '../regex.js';
import type { TimeFields } from '../time.js';
import { durationText, parseDuration, parseTimestamp, timeFields, timestampText } from '../time.js';
import { Duration, Timestamp, TypeValue, Uint, typeNameOf } from '../value.js';
import { bytes, double, duration, int, text, timestamp, uint } from './arguments.js';
import { checkedInt, checkedUint } from './standard.js';

const nanosPerSecond = 1_000_000_000n;

const same: Run = ([value = null]) => value;

function readInt(source: string): bigint {
  if (!/^[+-]?\d{1,40}$/.test(source)) throw notConverted('string', 'int');
  return checkedIntText(BigInt(source), source);
}

function checkedIntText(value: bigint, source: string): bigint {
  if (BigInt.asIntN(64, value) === value) return value;
  throw new CelError(
    `type conversion error from 'string' to 'int': strconv.ParseInt: parsing ${JSON.stringify(source)}: value out of range`,
  );
}

function notConverted(from: string, to: string): CelError {
  return new CelError(`type conversion error from '${from}' to '${to}'`);
}

function truncated(value: number): bigint {
  if (!Number.isFinite(value)) throw new CelError('integer overflow');
  return BigInt(Math.trunc(value));
}

/** Go's conversion of doubles keeps away from the ends of the range, where doubles are coarse. */
function doubleToInt(value: number): bigint {
  if (value <= -(2 ** 63) || value >= 2 ** 63) throw new CelError('integer overflow');
  return checkedInt(truncated(value));
}

function readDouble(source: string): number {
  const special = /^([+-]?)(inf|infinity|nan)$/i.exec(source);
  if (special !== null) {
    if (special[2]?.toLowerCase() === 'nan') return Number.NaN;
    return special[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  }
  if (!/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(source)) {
    throw notConverted('string', 'double');
  }
  return Number(source);
}

/** Writes a double as Go's `%g` with the fewest digits: `1e+21`, `0.1`. */
export function doubleText(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  if (Object.is(value, -0)) return '-0';
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e21)) {
    return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2');
  }
  return String(value);
}

const booleans: Readonly<Record<string, boolean>> = {
  ...Object.fromEntries(['1', 't', 'T', 'true', 'TRUE', 'True'].map((word) => [word, true])),
  ...Object.fromEntries(['0', 'f', 'F', 'false', 'FALSE', 'False'].map((word) => [word, false])),
};

const decoder = new TextDecoder('utf-8', { fatal: true });

function decode(value: Uint8Array): string {
  try {
    return decoder.decode(value);
  } catch {
    throw new CelError('invalid UTF-8 in bytes, cannot convert to string');
  }
}

const conversions: Library = {
  bool: {
    bool_to_bool: ['(bool) bool', same],
    string_to_bool: [
      '(string) bool',
      (args) => {
        const source = text(args, 0);
        const value = Object.hasOwn(booleans, source) ? booleans[source] : undefined;
        if (value === undefined) throw notConverted('string', 'bool');
        return value;
      },
    ],
  },
  bytes: {
    bytes_to_bytes: ['(bytes) bytes', same],
    string_to_bytes: ['(string) bytes', (args) => new TextEncoder().encode(text(args, 0))],
  },
  double: {
    double_to_double: ['(double) double', same],
    int64_to_double: ['(int) double', (args) => Number(int(args, 0))],
    string_to_double: ['(string) double', (args) => readDouble(text(args, 0))],
    uint64_to_double: ['(uint) double', (args) => Number(uint(args, 0))],
  },
  duration: {
    duration_to_duration: ['(duration) duration', same],
    int64_to_duration: ['(int) duration', (args) => new Duration(int(args, 0))],
    string_to_duration: [
      '(string) duration',
      (args) => {
        const nanos = parseDuration(text(args, 0));
        if (nanos === undefined) throw notConverted('string', 'google.protobuf.Duration');
        return new Duration(nanos);
      },
    ],
  },
  dyn: { to_dyn: ['(A) dyn', same] },
  int: {
    int64_to_int64: ['(int) int', same],
    double_to_int64: ['(double) int', (args) => doubleToInt(double(args, 0))],
    duration_to_int64: ['(duration) int', (args) => duration(args, 0)],
    string_to_int64: ['(string) int', (args) => readInt(text(args, 0))],
    timestamp_to_int64: [
      '(timestamp) int',
      (args) => BigInt.asIntN(64, floorSeconds(timestamp(args, 0))),
    ],
    uint64_to_int64: ['(uint) int', (args) => checkedInt(uint(args, 0))],
  },
  string: {
    string_to_string: ['(string) string', same],
    bool_to_string: ['(bool) string', ([value]) => (value === true ? 'true' : 'false')],
    bytes_to_string: ['(bytes) string', (args) => decode(bytes(args, 0))],
    double_to_string: ['(double) string', (args) => doubleText(double(args, 0))],
    duration_to_string: ['(duration) string', (args) => durationText(duration(args, 0))],
    int64_to_string: ['(int) string', (args) => String(int(args, 0))],
    timestamp_to_string: ['(timestamp) string', (args) => timestampText(timestamp(args, 0))],
    uint64_to_string: ['(uint) string', (args) => String(uint(args, 0))],
  },
  timestamp: {
    timestamp_to_timestamp: ['(timestamp) timestamp', same],
    int64_to_timestamp: ['(int) timestamp', (args) => new Timestamp(int(args, 0) * nanosPerSecond)],
    string_to_timestamp: [
      '(string) timestamp',
      (args) => {
        const nanos = parseTimestamp(text(args, 0));
        if (nanos === undefined) throw notConverted('string', 'google.protobuf.Timestamp');
        return new Timestamp(nanos);
      },
    ],
  },
  type: { type: ['(A) type(A)', ([value = null]) => new TypeValue(typeNameOf(value))] },
  uint: {
    uint64_to_uint64: ['(uint) uint', same],
    double_to_uint64: [
      '(double) uint',
      (args) => {
        const value = double(args, 0);
        if (value >= 2 ** 64 || value < 0) throw new CelError('unsigned integer overflow');
        return checkedUint(truncated(value));
      },
    ],
    int64_to_uint64: ['(int) uint', (args) => checkedUint(int(args, 0))],
    string_to_uint64: [
      '(string) uint',
      (args) => {
        if (!/^\d{1,40}$/.test(text(args, 0))) throw notConverted('string', 'uint');
        const value = BigInt(text(args, 0));
        if (value >= 2n ** 64n) throw notConverted('string', 'uint');
        return new Uint(value);
      },
    ],
  },
};

function floorSeconds(nanos: bigint): bigint {
  const whole = nanos / nanosPerSecond;
  return nanos % nanosPerSecond < 0n ? whole - 1n : whole;
}

function fieldsOf(nanos: bigint, zone: string): TimeFields {
  const fields = timeFields(nanos, zone);
  if (fields === undefined) throw new CelError(`unknown time zone ${zone}`);
  return fields;
}

/** What the fields of a time in a zone take, in steps of an expression. */
const zoneWork = 300;

function part(suffix: string, read: (fields: TimeFields) => number): Overloads {
  return {
    [`timestamp_to_${suffix}`]: [
      'timestamp.() int',
      (args) => BigInt(read(fieldsOf(timestamp(args, 0), 'UTC'))),
    ],
    [`timestamp_to_${suffix}_with_tz`]: [
      'timestamp.(string) int',
      (args, work) => {
        work.spend(zoneWork);
        return BigInt(read(fieldsOf(timestamp(args, 0), text(args, 1))));
      },
    ],
  };
}

function span(suffix: string, unit: bigint): Overloads {
  return {
    [`duration_to_${suffix}`]: ['duration.() int', (args) => duration(args, 0) / unit],
  };
}

const times: Library = {
  getFullYear: part('year', ({ year }) => year),
  getMonth: part('month', ({ month }) => month),
  getDayOfYear: part('day_of_year', ({ dayOfYear }) => dayOfYear),
  getDayOfMonth: part('day_of_month', ({ date }) => date),
  getDate: part('day_of_month_1_based', ({ date }) => date + 1),
  getDayOfWeek: part('day_of_week', ({ dayOfWeek }) => dayOfWeek),
  getHours: {
    ...part('hours', ({ hours }) => hours),
    ...span('hours', 3_600n * nanosPerSecond),
  },
  getMinutes: {
    ...part('minutes', ({ minutes }) => minutes),
    ...span('minutes', 60n * nanosPerSecond),
  },
  getSeconds: {
    ...part('seconds', ({ seconds }) => seconds),
    ...span('seconds', nanosPerSecond),
  },
  getMilliseconds: {
    ...part('milliseconds', ({ millis }) => millis),
    duration_to_milliseconds: [
      'duration.() int',
      (args) => (duration(args, 0) % nanosPerSecond) / 1_000_000n,
    ],
  },
};

/** Conversions, tests of texts, and the parts of times and spans. */
export const conversionsAndTimes: Library = {
  ...conversions,
  ...times,
  contains: {
    contains_string: ['string.(string) bool', (args) => text(args, 0).includes(text(args, 1))],
  },
  endsWith: {
    ends_with_string: ['string.(string) bool', (args) => text(args, 0).endsWith(text(args, 1))],
  },
  startsWith: {
    starts_with_string: ['string.(string) bool', (args) => text(args, 0).startsWith(text(args, 1))],
  },
  matches: {
    matches: [
      '(string, string) bool',
      (args, work) => matchText(text(args, 1), text(args, 0), work),
    ],
    matches_string: [
      'string.(string) bool',
      (args, work) => matchText(text(args, 1), text(args, 0), work),
    ],
  },
};
