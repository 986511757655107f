import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { DecodeError } from '../../../api/schema/decode.js';
import { formatMicroTime, formatTime } from '../../../api/facts/time.js';
import { badRequest } from '../status.js';
import tables from './messages.json' with { type: 'json' };

interface Field {
  readonly name: string;
  readonly type: string;
  readonly repeated: boolean;
  readonly map: boolean;
}

type Fields = Record<string, unknown>;

const magic = Buffer.from('k8s\0');
const maxDepth = 100;
/** Go structs that are embedded: their fields stand in the parent's JSON. */
const inlined = new Set([
  'ephemeralContainerCommon',
  'handler',
  'ingressRuleValue',
  'localObjectReference',
  'persistentVolumeSource',
  'volumeSource',
]);
/** Messages around one list: in JSON the list itself. */
const listWrappers = /\.(ExtraValue|Verbs|NonResourceURLs)$/;

/** The errors of the wire's reader: its own are plain ones. */
const unreadable: ReadonlySet<unknown> = new Set([Error, RangeError, SyntaxError]);
const known = new Map<string, ReadonlyMap<number, Field>>();

function fieldsOf(message: string): ReadonlyMap<number, Field> | undefined {
  let fields = known.get(message);
  if (fields !== undefined) return fields;
  const text = (tables as Readonly<Record<string, string>>)[message];
  if (text === undefined) return undefined;
  fields = new Map(
    text
      .split(';')
      .filter((part) => part !== '')
      .map((part): [number, Field] => {
        const [number = '', name = '', ...type] = part.split(' ');
        const repeated = type[0] === '[]';
        const map = type[0] === 'map';
        return [Number(number), { name, type: type.at(-1) ?? '', repeated, map }];
      }),
  );
  known.set(message, fields);
  return fields;
}

/** True for a content type that {@link decodeProtobuf} reads. */
export function isProtobuf(contentType: string): boolean {
  return contentType.startsWith('application/vnd.kubernetes.protobuf');
}

/** Reads a body in Kubernetes' protobuf envelope. @throws DecodeError, StatusError BadRequest */
export function decodeProtobuf(body: Buffer): unknown {
  if (body.length < magic.length || !body.subarray(0, magic.length).equals(magic)) {
    throw new DecodeError(
      'provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]',
    );
  }
  try {
    const envelope = readMessage(
      new BinaryReader(body.subarray(magic.length)),
      'runtime.Unknown',
      0,
    );
    const meta = (envelope['typeMeta'] ?? {}) as { apiVersion?: string; kind?: string };
    const { apiVersion = '', kind = '' } = meta;
    const raw = Buffer.from(textField(envelope, 'raw'), 'base64');
    const message = messageName(apiVersion, kind);
    const object = readMessage(new BinaryReader(raw), message, 0);
    return { ...object, kind, apiVersion };
  } catch (error) {
    if (!(error instanceof Error) || !unreadable.has(error.constructor)) throw error;
    throw new DecodeError(`the protobuf body could not be read: ${error.message}`);
  }
}

function textField(fields: Fields, name: string): string {
  const value = fields[name];
  return typeof value === 'string' ? value : '';
}

function messageName(apiVersion: string, kind: string): string {
  const [first = '', second] = apiVersion.split('/');
  const group = second === undefined ? 'core' : (first.split('.')[0] ?? '');
  const name = `${group}.${second ?? first}.${kind}`;
  if (fieldsOf(name) !== undefined) return name;
  const shared = `meta.v1.${kind}`;
  if (fieldsOf(shared) !== undefined) return shared;
  throw badRequest(
    `no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)}`,
  );
}

function readMessage(reader: BinaryReader, message: string, depth: number): Fields {
  if (depth > maxDepth) throw new RangeError('nested too deeply');
  const fields = fieldsOf(message);
  if (fields === undefined) throw new RangeError(`unknown message ${message}`);
  const out: Fields = {};
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    const field = fields.get(number);
    if (field === undefined) {
      reader.skip(wireType, number);
      continue;
    }
    readField(reader, field, wireType, out, depth);
  }
  return out;
}

function readField(
  reader: BinaryReader,
  field: Field,
  wireType: WireType,
  out: Fields,
  depth: number,
): void {
  const { name, type } = field;
  if (field.map) {
    const [key, value] = readEntry(reader, type, depth);
    const map = (out[name] ??= {}) as Fields;
    if (key !== '__proto__') map[key] = value;
    return;
  }
  if (field.repeated) {
    const list = (out[name] ??= []) as unknown[];
    if (wireType === WireType.LengthDelimited && isNumeric(type)) {
      const end = reader.uint32() + reader.pos;
      while (reader.pos < end) list.push(readValue(reader, type, depth));
    } else list.push(readValue(reader, type, depth));
    return;
  }
  const value = readValue(reader, type, depth);
  if (inlined.has(name) || type === 'admissionregistration.v1.Rule') Object.assign(out, value);
  else out[name] = value;
}

function isNumeric(type: string): boolean {
  return /^(bool|u?int(32|64)|double|float)$/.test(type);
}

function readEntry(reader: BinaryReader, type: string, depth: number): [string, unknown] {
  const end = reader.uint32() + reader.pos;
  let key = '';
  let value: unknown;
  while (reader.pos < end) {
    const [number, wireType] = reader.tag();
    if (number === 1) key = reader.string();
    else if (number === 2) value = readValue(reader, type, depth);
    else reader.skip(wireType, number);
  }
  return [key, value ?? (type === 'string' || type === 'bytes' ? '' : undefined)];
}

function readValue(reader: BinaryReader, type: string, depth: number): unknown {
  switch (type) {
    case 'string':
      return reader.string();
    case 'bytes':
      return Buffer.from(reader.bytes()).toString('base64');
    case 'bool':
      return reader.bool();
    case 'int32':
      return reader.int32();
    case 'uint32':
      return reader.uint32();
    case 'int64':
    case 'uint64':
      return Number(reader.int64());
    case 'double':
      return reader.double();
    case 'float':
      return reader.float();
    default:
      return readNested(new BinaryReader(reader.bytes()), type, depth + 1);
  }
}

/** A message inside another one, as the JSON value that Go makes of it. */
function readNested(reader: BinaryReader, type: string, depth: number): unknown {
  const fields = readMessage(reader, type, depth);
  switch (type) {
    case 'meta.v1.Time':
      return timeOf(fields, formatTime);
    case 'meta.v1.MicroTime':
      return timeOf(fields, formatMicroTime);
    case 'meta.v1.Duration':
      return `${Number(fields['duration'] ?? 0) / 1e9}s`;
    case 'api.resource.Quantity':
      return fields['string'] ?? '0';
    case 'util.intstr.IntOrString':
      return fields['type'] === 1 ? (fields['strVal'] ?? '') : (fields['intVal'] ?? 0);
    case 'runtime.RawExtension':
      return rawJson(fields['raw']);
    case 'meta.v1.FieldsV1':
      return rawJson(fields['Raw']);
    default:
      return listWrappers.test(type) ? (fields['items'] ?? []) : fields;
  }
}

function timeOf(fields: Fields, format: (ms: number) => string): string | null {
  const seconds = fields['seconds'];
  if (typeof seconds !== 'number') return null;
  return format(seconds * 1_000 + Number(fields['nanos'] ?? 0) / 1e6);
}

function rawJson(value: unknown): unknown {
  if (typeof value !== 'string' || value === '') return null;
  return JSON.parse(Buffer.from(value, 'base64').toString()) as unknown;
}
