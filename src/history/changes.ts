/** The fields in which two versions of an object differ, and who changed them. Pure. */
import { deepEqual } from '../api/equal.js';
import type { Json, KubeObject, ManagedFieldsEntry } from '../api/object.js';

/** A field that changed. */
export interface FieldChange {
  /** `spec.template.spec.containers[app].image`. */
  readonly path: string;
  /** Undefined: it was not there. */
  readonly from?: Json | undefined;
  /** Undefined: it is gone. */
  readonly to?: Json | undefined;
}

/** The value that is shown of a Secret's. */
const hidden = '***';
const appliedAnnotation = 'kubectl.kubernetes.io/last-applied-configuration';
/** Fields that change with every write and say nothing of their own. */
const noise = new Set([
  'metadata.managedFields',
  'metadata.resourceVersion',
  'metadata.generation',
]);
/** Fields that name the elements of lists, the first that all elements have. */
const keys = ['name', 'type', 'containerPort', 'port', 'key', 'ip', 'uid', 'conditionType'];

/** What differs, in the order of the fields; Secrets' values are not told. */
export function changedFields(before: KubeObject, after: KubeObject): FieldChange[] {
  const changes: FieldChange[] = [];
  compare(plainOf(before), plainOf(after), '', changes);
  const told = changes.filter(({ path }) => !noise.has(path));
  return after.kind === 'Secret' ? told.map(withoutValues) : told;
}

/** The fields that are compared. The annotation of what was applied repeats the object, a Secret's values too. */
const plainOf = (object: KubeObject): Json => {
  const { apiVersion: _version, kind: _kind, ...rest } = object as unknown as Record<string, Json>;
  const { annotations, ...metadata } = object.metadata as unknown as Record<string, Json>;
  const { [appliedAnnotation]: _applied, ...told } = (annotations ?? {}) as Record<string, Json>;
  const isTold = Object.keys(told).length > 0;
  return { ...rest, metadata: isTold ? { ...metadata, annotations: told } : metadata };
};

function withoutValues(change: FieldChange): FieldChange {
  if (!/^(?:data|stringData)\b/.test(change.path)) return change;
  const shown = (value: Json | undefined): Json | undefined =>
    value === undefined ? undefined : hidden;
  return { path: change.path, from: shown(change.from), to: shown(change.to) };
}

/** True for changes of the status alone, which controllers and nodes write. */
export function isStatusOnly(changes: readonly FieldChange[]): boolean {
  return changes.every(({ path }) => path === 'status' || /^status[.[]/.test(path));
}

function compare(
  from: Json | undefined,
  to: Json | undefined,
  path: string,
  changes: FieldChange[],
): void {
  if (deepEqual(from, to)) return;
  const [left, right] = [partsOf(from), partsOf(to)];
  if (left === undefined || right === undefined || left.isList !== right.isList) {
    changes.push({ path, from, to });
    return;
  }
  for (const name of new Set([...left.parts.keys(), ...right.parts.keys()])) {
    const inner = left.isList ? `${path}[${name}]` : `${path}${fieldPath(name, path)}`;
    if (noise.has(inner)) continue;
    compare(left.parts.get(name), right.parts.get(name), inner, changes);
  }
}

function fieldPath(name: string, path: string): string {
  if (!/^[\w-]+$/.test(name)) return `[${JSON.stringify(name)}]`;
  return path === '' ? name : `.${name}`;
}

interface Parts {
  readonly isList: boolean;
  readonly parts: ReadonlyMap<string, Json>;
}

/** The fields of a map, the elements of a list by their names; undefined for what is compared as a whole. */
function partsOf(value: Json | undefined): Parts | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  if (!Array.isArray(value)) return { isList: false, parts: new Map(Object.entries(value)) };
  if (value.length === 0) return undefined;
  for (const key of keys) {
    const parts = value.flatMap((element): [string, Json][] => {
      const name = nameIn(element, key);
      return name === undefined ? [] : [[name, element]];
    });
    if (parts.length < value.length) continue;
    const byName = new Map(parts);
    // Names that are not their own tell no elements apart.
    return byName.size === value.length ? { isList: true, parts: byName } : undefined;
  }
  return undefined;
}

function nameIn(element: Json, key: string): string | undefined {
  if (typeof element !== 'object' || element === null || Array.isArray(element)) return undefined;
  const name: unknown = element[key];
  if (typeof name === 'string') return name;
  return typeof name === 'number' || typeof name === 'bigint' ? String(name) : undefined;
}

/** A writer of a version. */
export interface Writer {
  readonly name: string;
  readonly time?: string | undefined;
}

/**
 * Who wrote a version: the managers whose entries of managed fields it changed. An entry has whole seconds, so a second
 * write within one leaves it as it is: then it is the manager that owns the first field that changed.
 */
export function writersOf(
  before: KubeObject | undefined,
  after: KubeObject,
  changes: readonly FieldChange[] = [],
): Writer[] {
  const entries = after.metadata.managedFields ?? [];
  const old = new Map((before?.metadata.managedFields ?? []).map((entry) => [idOf(entry), entry]));
  const changed = entries.filter((entry) => !deepEqual(old.get(idOf(entry)), entry));
  return (changed.length > 0 ? changed : ownersOf(entries, changes[0])).map(writerOf);
}

function writerOf({ manager = 'unknown', subresource = '', time }: ManagedFieldsEntry): Writer {
  return { name: subresource === '' ? manager : `${manager} (${subresource})`, time };
}

/** The entries that own a field most exactly. */
function ownersOf(
  entries: readonly ManagedFieldsEntry[],
  change: FieldChange | undefined,
): ManagedFieldsEntry[] {
  if (change === undefined) return [];
  const depths = entries.map(({ fieldsV1 }) => depthOf(fieldsV1, change.path));
  const deepest = Math.max(0, ...depths);
  return deepest === 0 ? [] : entries.filter((_, at) => depths[at] === deepest);
}

/** How many parts of a path a set of managed fields holds. */
function depthOf(fields: Json | undefined, path: string): number {
  let inner: Json | undefined = fields;
  let depth = 0;
  for (const [, name, quoted, element] of path.matchAll(/([^.[\]]+)|\[(".*?")\]|\[([^\]]*)\]/g)) {
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) break;
    const field = quoted === undefined ? name : (JSON.parse(quoted) as string);
    const key =
      field === undefined
        ? Object.keys(inner).find((one) => one.startsWith('k:') && one.includes(`"${element}"`))
        : `f:${field}`;
    if (key === undefined || !Object.hasOwn(inner, key)) break;
    inner = inner[key];
    depth++;
  }
  return depth;
}

function idOf({ manager = '', operation = '', subresource = '' }: ManagedFieldsEntry): string {
  return `${manager}/${operation}/${subresource}`;
}
