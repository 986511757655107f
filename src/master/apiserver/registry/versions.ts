/**
 * One object, several versions: kinds with equal storage share their bytes. The stored version is sent as it is;
 * another one is converted, once per entry; so are custom objects whose definition has changed since they were stored.
 */
import { cloneJson } from '../../../api/clone.js';
import { prune } from '../../../api/apiextensions/structural.js';
import { deepEqual } from '../../../api/equal.js';
import type { KindDeclaration } from '../../../api/kind.js';
import type { KubeObject } from '../../../api/object.js';
import { formatGroupVersion } from '../../../api/object.js';
import { applyDefaults } from '../../../api/strategy.js';
import type { Entry } from '../cache/entry.js';

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

function isOf(kind: KindDeclaration, entry: Entry): boolean {
  return entry.startsWith(headOf(kind));
}

/** The entry's JSON in the kind's version. */
export function presentBytes(kind: KindDeclaration, entry: Entry): Buffer {
  if (!kind.custom && isOf(kind, entry)) return entry.bytes;
  let known = converted.get(kind);
  if (known === undefined) {
    known = new WeakMap();
    converted.set(kind, known);
  }
  let bytes = known.get(entry);
  if (bytes === undefined) {
    const object = readAs(kind, entry);
    const isStored = isOf(kind, entry) && deepEqual(object, entry.parse());
    bytes = isStored ? entry.bytes : Buffer.from(JSON.stringify(object));
    known.set(entry, bytes);
  }
  return bytes;
}

/** A fresh object in the kind's version. */
export function readAs(kind: KindDeclaration, entry: Entry): KubeObject {
  const object = entry.parse();
  if (kind.custom) return readCustom(kind, object);
  if (isOf(kind, entry)) return object;
  kind.fromStorage?.(object);
  return {
    ...object,
    kind: kind.kind,
    apiVersion: formatGroupVersion(kind.group, kind.version),
  };
}

/** A custom object by the present definition: with its defaults, without fields that it no longer has. */
function readCustom(kind: KindDeclaration, object: KubeObject): KubeObject {
  const { metadata, kind: _kind, apiVersion: _version, ...rest } = object;
  const read = {
    kind: kind.kind,
    apiVersion: formatGroupVersion(kind.group, kind.version),
    metadata,
    ...(prune(kind.schema, rest, '', []) as object),
  };
  applyDefaults(kind, read);
  return read;
}

/** The object as it is to be stored; a copy where it differs. */
export function toStored(kind: KindDeclaration, object: KubeObject): KubeObject {
  if (kind.toStorage === undefined) return object;
  const copy = cloneJson(object);
  kind.toStorage(copy);
  return copy;
}
