/**
 * One object, several versions: kinds with equal storage share their bytes. The stored version is sent as it is;
 * another one is converted, once per entry; so are custom objects whose definition has changed since they were stored.
 *
 * A custom object is read as apiextensions-apiserver reads it: pruned and defaulted by the schema of the version that
 * is stored, then converted, then pruned by the schema of the version that was asked for. A write goes the other way,
 * without defaults.
 */
import { cloneJson } from '../../../api/clone.js';
import { prune } from '../../../api/apiextensions/structural.js';
import { deepEqual } from '../../../api/equal.js';
import type { KindDeclaration } from '../../../api/kind.js';
import type { KubeObject } from '../../../api/object.js';
import { formatGroupVersion, parseGroupVersion } from '../../../api/object.js';
import { applySchemaDefaults } from '../../../api/schema/defaults.js';
import type { SchemaNode } from '../../../api/schema/node.js';
import type { Entry } from '../cache/entry.js';
import { formatJson } from '../../../lib/json.js';

const heads = new WeakMap<KindDeclaration, Buffer>();
const converted = new WeakMap<KindDeclaration, WeakMap<Entry, Buffer>>();

function headOf(kind: KindDeclaration): Buffer {
  let head = heads.get(kind);
  if (head === undefined) {
    const version = formatGroupVersion(kind.group, kind.version);
    head = Buffer.from(
      `{"kind":${JSON.stringify(kind.kind)},"apiVersion":${JSON.stringify(version)},`,
    );
    heads.set(kind, head);
  }
  return head;
}

/** True when the entry's object is in the kind's version. */
export function isOf(kind: KindDeclaration, entry: Entry): boolean {
  return entry.startsWith(headOf(kind));
}

/** True when a built-in object is stored in the kind's own version and form. */
function isAsStored(kind: KindDeclaration, entry: Entry): boolean {
  return !kind.custom && kind.fromStorage === undefined && isOf(kind, entry);
}

/** The entry's JSON in the kind's version. Webhooks have been asked before ({@link Conversion}). */
export function presentBytes(kind: KindDeclaration, entry: Entry): Buffer {
  if (entry.isConverted || isAsStored(kind, entry)) return entry.bytes;
  let known = converted.get(kind);
  if (known === undefined) {
    known = new WeakMap();
    converted.set(kind, known);
  }
  let bytes = known.get(entry);
  if (bytes === undefined) {
    const object = readAs(kind, entry);
    const isStored = isOf(kind, entry) && deepEqual(object, entry.parse());
    bytes = isStored ? entry.bytes : Buffer.from(formatJson(object));
    known.set(entry, bytes);
  }
  return bytes;
}

const openBrace = Buffer.from('{');

/**
 * The entry's JSON as the item of a list, in parts: of built-in kinds, whose lists say it once, without kind and
 * apiVersion, as Go's typed lists are; custom objects have both in every place.
 */
export function itemBytes(kind: KindDeclaration, entry: Entry): readonly Buffer[] {
  const bytes = presentBytes(kind, entry);
  const head = headOf(kind);
  if (kind.custom || !head.equals(bytes.subarray(0, head.length))) return [bytes];
  return [openBrace, bytes.subarray(head.length)];
}

/** A fresh object in the kind's version. Webhooks have been asked before. */
export function readAs(kind: KindDeclaration, entry: Entry): KubeObject {
  const object = entry.parse();
  if (entry.isConverted) return object;
  if (kind.custom) return inVersion(kind, readStored(kind, object));
  if (isAsStored(kind, entry)) return object;
  const { storage } = kind;
  if (storage.apiVersion !== undefined && object.apiVersion !== storage.apiVersion) {
    storage.adopt?.(object);
  }
  kind.fromStorage?.(object);
  return {
    ...object,
    kind: kind.kind,
    apiVersion: formatGroupVersion(kind.group, kind.version),
  };
}

/** The schema of the version that a custom object says it has; that of the kind where there is no such version. */
function schemaOf(kind: KindDeclaration, { apiVersion }: KubeObject): SchemaNode {
  const { version } = parseGroupVersion(apiVersion ?? '');
  return kind.versions?.schemas.get(version) ?? kind.schema;
}

/** A custom object by its own version's present schema: with its defaults, without fields that it no longer has. */
export function readStored(kind: KindDeclaration, object: KubeObject): KubeObject {
  const schema = schemaOf(kind, object);
  const read = pruned(schema, object);
  applySchemaDefaults(schema, read);
  return read;
}

/** A custom object in the kind's version, where a version differs in nothing but its fields. */
function inVersion(kind: KindDeclaration, object: KubeObject): KubeObject {
  const apiVersion = formatGroupVersion(kind.group, kind.version);
  if (object.apiVersion === apiVersion) return object;
  return pruned(kind.schema, { ...object, kind: kind.kind, apiVersion });
}

/** A custom object without the fields that its version's schema does not have. */
export function prunedToVersion(kind: KindDeclaration, object: KubeObject): KubeObject {
  return pruned(schemaOf(kind, object), object);
}

function pruned(schema: SchemaNode, object: KubeObject): KubeObject {
  const { metadata, kind = '', apiVersion = '', ...rest } = object;
  return { kind, apiVersion, metadata, ...(prune(schema, rest, '', []) as object) };
}

/** True when objects are stored as they are written. */
export function storesOwnForm({ toStorage, versions, version }: KindDeclaration): boolean {
  return toStorage === undefined && (versions === undefined || versions.stored === version);
}

/** The object as it is to be stored, where no webhook is to be asked; a copy where it differs. */
export function toStored(kind: KindDeclaration, object: KubeObject): KubeObject {
  if (storesOwnForm(kind)) return object;
  if (kind.versions !== undefined) {
    const apiVersion = formatGroupVersion(kind.group, kind.versions.stored);
    return prunedToVersion(kind, { ...object, apiVersion });
  }
  const copy = cloneJson(object);
  kind.toStorage?.(copy);
  if (kind.storage.apiVersion !== undefined) copy.apiVersion = kind.storage.apiVersion;
  return copy;
}
