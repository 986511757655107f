/**
 * Messages that are no objects in JSON: times, quantities, raw JSON, lists around one field. Each is read from the
 * fields of its message, and written to them; bytes are base64 texts where they were read, and may be bytes to write.
 */
import { isJsonObject } from '../../../api/object.js';
import { formatDurationMs, parseDurationMs } from '../../../lib/go-duration.js';
import { formatJson, parseJson } from '../../../lib/json.js';

/** A message's fields by name. */
export type Fields = Record<string, unknown>;

interface Special {
  /** The value in JSON. */
  readonly read: (fields: Fields) => unknown;
  /** The fields of the message. */
  readonly write: (value: unknown) => Fields;
}

function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}

/** A time without date is null, as Go's zero time is. */
function readTime(fields: Fields, fraction: (nanos: number) => string): string | null {
  const [seconds, nanos] = [numberOf(fields['seconds']), numberOf(fields['nanos'])];
  if (seconds === 0 && nanos === 0) return null;
  return `${new Date(seconds * 1_000).toISOString().slice(0, 19)}${fraction(nanos)}Z`;
}

function writeTime(value: unknown, keepsFraction: boolean): Fields {
  const text = typeof value === 'string' ? value : '';
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) return {};
  const digits = keepsFraction ? (/\.(\d{1,9})/.exec(text)?.[1] ?? '') : '';
  return { seconds: Math.floor(ms / 1_000), nanos: Number(digits.padEnd(9, '0')) };
}

/** Microseconds, cut as Go's layout cuts them. */
function microseconds(nanos: number): string {
  return `.${String(Math.floor(nanos / 1_000)).padStart(6, '0')}`;
}

function readJson(text: unknown): unknown {
  if (typeof text !== 'string' || text === '') return null;
  return parseJson(Buffer.from(text, 'base64').toString());
}

function rawJson(field: string): Special {
  return {
    read: (fields) => readJson(fields[field]),
    write: (value) => ({ [field]: Buffer.from(formatJson(value)) }),
  };
}

/** A message around one list: in JSON the list itself. */
const listWrapper: Special = {
  read: ({ items }) => items ?? [],
  write: (items) => ({ items }),
};

const specials: Readonly<Record<string, Special>> = {
  'meta.v1.Time': {
    read: (fields) => readTime(fields, () => ''),
    write: (value) => writeTime(value, false),
  },
  'meta.v1.MicroTime': {
    read: (fields) => readTime(fields, microseconds),
    write: (value) => writeTime(value, true),
  },
  'meta.v1.Duration': {
    read: ({ duration }) => formatDurationMs(numberOf(duration) / 1e6),
    write: (value) => {
      const ms = typeof value === 'string' ? (parseDurationMs(value) ?? 0) : 0;
      return { duration: Math.round(ms * 1e6) };
    },
  },
  'api.resource.Quantity': {
    read: ({ string }) => string ?? '0',
    write: (value) => ({ string: String(value) }),
  },
  'util.intstr.IntOrString': {
    read: ({ type, intVal, strVal }) => (type === 1 ? (strVal ?? '') : (intVal ?? 0)),
    write: (value) =>
      typeof value === 'number' ? { type: 0, intVal: value } : { type: 1, strVal: String(value) },
  },
  'runtime.RawExtension': rawJson('raw'),
  'meta.v1.FieldsV1': rawJson('Raw'),
  'apiextensions.v1.JSON': rawJson('raw'),
  'apiextensions.v1.JSONSchemaPropsOrArray': {
    read: ({ schema, jSONSchemas }) => jSONSchemas ?? schema ?? {},
    write: (value) => (Array.isArray(value) ? { jSONSchemas: value } : { schema: value }),
  },
  'apiextensions.v1.JSONSchemaPropsOrBool': {
    read: ({ allows, schema }) => schema ?? allows ?? false,
    // Beside a schema Go has the default, true.
    write: (value) => (isJsonObject(value) ? { allows: true, schema: value } : { allows: value }),
  },
  'apiextensions.v1.JSONSchemaPropsOrStringArray': {
    read: ({ schema, property }) => property ?? schema ?? {},
    write: (value) => (Array.isArray(value) ? { property: value } : { schema: value }),
  },
  'authentication.v1.ExtraValue': listWrapper,
  'authorization.v1.ExtraValue': listWrapper,
  'certificates.v1.ExtraValue': listWrapper,
  'meta.v1.Verbs': listWrapper,
};

/** How a message is read and written that is no object in JSON; undefined for those that are. */
export function specialOf(message: string): Special | undefined {
  return Object.hasOwn(specials, message) ? specials[message] : undefined;
}
