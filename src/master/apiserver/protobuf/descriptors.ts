/** Kubernetes' messages: the fields of each, by number and by the name that they have in JSON. */
import tables from './messages.json' with { type: 'json' };

/** One field of a message. */
export interface Field {
  readonly number: number;
  /** In JSON. */
  readonly name: string;
  /** A scalar of protobuf, or another message. */
  readonly type: string;
  readonly repeated: boolean;
  /** Texts to values of the type. */
  readonly map: boolean;
  /** A struct that Go embeds: in JSON its fields stand in the parent. */
  readonly inline: boolean;
}

/** The fields of a message. */
export interface Descriptor {
  readonly name: string;
  /** In the order of their numbers. */
  readonly fields: readonly Field[];
  readonly byNumber: ReadonlyMap<number, Field>;
}

const known = new Map<string, Descriptor>();

function readField(text: string): Field {
  const [number = '', name = '', ...type] = text.split(' ');
  return {
    number: Number(number),
    name,
    type: type.at(-1) ?? '',
    repeated: type[0] === '[]',
    map: type[0] === 'map',
    inline: type[0] === 'inline',
  };
}

/** The message of this name; undefined where there is none. */
export function descriptorOf(name: string): Descriptor | undefined {
  let descriptor = known.get(name);
  if (descriptor !== undefined) return descriptor;
  const all: Readonly<Record<string, string>> = tables;
  const text = Object.hasOwn(all, name) ? all[name] : undefined;
  if (text === undefined) return undefined;
  const fields = text
    .split(';')
    .filter((part) => part !== '')
    .map(readField)
    .sort((a, b) => a.number - b.number);
  const byNumber = new Map(fields.map((field) => [field.number, field]));
  descriptor = { name, fields, byNumber };
  known.set(name, descriptor);
  return descriptor;
}

/** The message of a kind, or of its list; undefined where protobuf knows none. */
export function messageOf(apiVersion: string, kind: string): Descriptor | undefined {
  const [first = '', second] = apiVersion.split('/');
  const group = second === undefined ? 'core' : (first.split('.')[0] ?? '');
  const place = `${group}.${second ?? first}`;
  return messageNamed(place, kind) ?? listOf(place, kind);
}

function messageNamed(place: string, kind: string): Descriptor | undefined {
  return descriptorOf(`${place}.${kind}`) ?? descriptorOf(`meta.v1.${kind}`);
}

/** Every kind's list has its metadata as field 1 and the items as field 2. */
function listOf(place: string, kind: string): Descriptor | undefined {
  if (!kind.endsWith('List')) return undefined;
  const item = messageNamed(place, kind.slice(0, -'List'.length));
  if (item === undefined) return undefined;
  const plain = { map: false, inline: false };
  const fields: Field[] = [
    { number: 1, name: 'metadata', type: 'meta.v1.ListMeta', repeated: false, ...plain },
    { number: 2, name: 'items', type: item.name, repeated: true, ...plain },
  ];
  const byNumber = new Map(fields.map((field) => [field.number, field]));
  return { name: `${item.name}List`, fields, byNumber };
}
