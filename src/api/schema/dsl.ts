/**
 * The words in which schemas are written. Each returns a node that carries the TypeScript type of its
 * values, so that the types of the kinds are inferred from the same text.
 *
 *     const port = struct('core/v1.ContainerPort', 'A port of a container.', {
 *       containerPort: req(num32('Number of the port, 1 to 65535.', { checks: [portNumber] })),
 *       protocol: str('TCP, UDP or SCTP.', { default: 'TCP', enum: ['TCP', 'UDP', 'SCTP'] }),
 *     });
 *
 * Go's pointers matter to the API: a plain field drops its zero value, a pointer keeps it. So there
 * are two words each: `flag`/`bool`, `num32`/`int32`, `num64`/`int64`, `str`/`strPtr` (the second
 * is the pointer).
 */
import type { Check, Fields, InferFields, Required, SchemaNode, Typed } from './node.js';

/** The options of a scalar beside its description. */
export interface ScalarOptions {
  readonly default?: unknown;
  readonly enum?: readonly string[];
  readonly checks?: readonly Check[];
  /** The checks decide about an empty text too. */
  readonly checksEmpty?: boolean;
  /** What the error says of a required text that is missing. */
  readonly missing?: string;
}

/** The options of a list. */
export interface ListOptions {
  readonly checks?: readonly Check[];
  /** Merge key of strategic merge patches, which may differ from the list's map keys. */
  readonly merge?: string;
  readonly strategy?: string;
}

function scalar<T>(
  type: SchemaNode['type'],
  format: string | undefined,
  pointer: boolean,
): (description: string, options?: ScalarOptions) => Typed<T> {
  return (description, options = {}) => ({ type, format, pointer, description, ...options });
}

/** A string; `''` counts as not set. */
export const str = scalar<string>('string', undefined, false);
/** A string whose `''` has a meaning of its own. */
export const strPtr = scalar<string>('string', undefined, true);
/** A boolean whose `false` counts as not set. */
export const flag = scalar<boolean>('boolean', undefined, false);
/** A boolean with three states. */
export const bool = scalar<boolean>('boolean', undefined, true);
/** A 32-bit integer whose 0 counts as not set. */
export const num32 = scalar<number>('integer', 'int32', false);
/** A 32-bit integer; 0 is kept. */
export const int32 = scalar<number>('integer', 'int32', true);
/** A 64-bit integer whose 0 counts as not set; a bigint where a double would round it (`src/lib/json.ts`). */
export const num64 = scalar<number | bigint>('integer', 'int64', false);
/** Such an integer; 0 is kept. */
export const int64 = scalar<number | bigint>('integer', 'int64', true);
/** A 64-bit integer that its checks keep far below 2^53; 0 is kept. */
export const bounded64 = scalar<number>('integer', 'int64', true);
/** A quantity such as `250m` or `1Gi`, kept in canonical form. */
export const quantity = scalar<string>('string', 'quantity', true);
/** A time, RFC 3339 with whole seconds. */
export const time = scalar<string>('string', 'date-time', true);
/** A time that Kubernetes writes as null while it is not set: a struct in Go, and not a pointer. */
export const timeOrNull = scalar<string | null>('string', 'date-time', true);
/** A time with microseconds. */
export const microTime = scalar<string>('string', 'micro-time', true);
/** Base64 in JSON. */
export const bytes = scalar<string>('string', 'byte', false);
/** A number or a string such as `25%` or a port's name. */
export const intOrString = scalar<number | string>('int-or-string', undefined, true);
/** Any JSON value, kept as it is. */
export const anything = scalar<unknown>('any', undefined, true);

/** A list without merge rules; server-side apply replaces it as a whole. */
export function list<T>(
  description: string,
  items: Typed<T>,
  options: ListOptions = {},
): Typed<T[]> {
  return {
    type: 'array',
    description,
    items,
    listType: 'atomic',
    checks: options.checks,
    patchStrategy: options.strategy ?? (options.merge === undefined ? undefined : 'merge'),
    patchMergeKey: options.merge,
  };
}

/** A list of unique scalars. */
export function set<T>(
  description: string,
  items: Typed<T>,
  options: ListOptions = {},
): Typed<T[]> {
  return { ...list(description, items, options), listType: 'set' };
}

/** A list of objects that are told apart by some of their fields. */
export function listMap<T>(
  description: string,
  keys: readonly string[],
  items: Typed<T>,
  options: ListOptions = {},
): Typed<T[]> {
  const node = list(description, items, { ...options, merge: options.merge ?? keys[0] ?? 'name' });
  return { ...node, listType: 'map', listMapKeys: keys };
}

/** A map from strings. */
export function dict<T>(
  description: string,
  items: Typed<T>,
  options: { checks?: readonly Check[] } = {},
): Typed<Record<string, T>> {
  return { type: 'map', description, items, checks: options.checks };
}

/** A map of strings. */
export function labels(
  description: string,
  options: { checks?: readonly Check[] } = {},
): Typed<Record<string, string>> {
  return dict(description, str(''), options);
}

/** Amounts by resource name (`ResourceList`). */
export function quantities(
  description: string,
  options: { checks?: readonly Check[] } = {},
): Typed<Record<string, string>> {
  return dict(description, quantity(''), options);
}

/** `core/v1.Pod` → `io.k8s.api.core.v1.Pod`; full names stay as they are. */
export function definitionName(short: string): string {
  return short.startsWith('io.') ? short : `io.k8s.api.${short.replace('/', '.')}`;
}

/** An object with fixed fields and a name in OpenAPI. */
export function struct<F extends Fields>(
  definition: string,
  description: string,
  fields: F,
  options: { checks?: readonly Check[]; atomic?: boolean } = {},
): Typed<InferFields<F>> {
  return {
    type: 'object',
    definition: definition === '' ? undefined : definitionName(definition),
    description,
    properties: fields,
    required: Object.keys(fields).filter((name) => isRequired(fields[name])),
    checks: options.checks,
    mapType: options.atomic === true ? 'atomic' : undefined,
  };
}

function isRequired(node: (SchemaNode & Partial<Required>) | undefined): boolean {
  return node?.isRequired === true && node.always !== true;
}

/** A field that must be given. */
export function req<T>(node: Typed<T>): Typed<T> & Required {
  return { ...node, isRequired: true };
}

/** A field that must be given and is no pointer in Go: what is missing are the fields that it requires. */
export function reqValue<T>(node: Typed<T>): Typed<T> & Required {
  return { ...node, isRequired: true, isValue: true };
}

/** A struct field that is always written, and always there for readers. */
export function always<T>(node: Typed<T>): Typed<T> & Required {
  return { ...node, isRequired: true, always: true };
}

/** A struct field that is always written but need not be given by TypeScript code. */
export function written<T>(node: Typed<T>): Typed<T> {
  return { ...node, always: true };
}

/** The same schema with a description for this use of it. */
export function doc<T>(description: string, node: Typed<T>): Typed<T> {
  return { ...node, description };
}

/** The same schema with further attributes. */
export function tuned<N extends SchemaNode>(node: N, attributes: Partial<SchemaNode>): N {
  return { ...node, ...attributes };
}
