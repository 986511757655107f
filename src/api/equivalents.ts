/** Kinds that are the same objects: versions of one resource, and resources of two groups that share their storage. */
import { cloneJson } from './clone.js';
import type { KindDeclaration } from './kind.js';
import { builtInKinds } from './kinds.js';
import type { KubeObject } from './object.js';
import { formatGroupVersion } from './object.js';

const known = new WeakMap<KindDeclaration, readonly KindDeclaration[]>();

/**
 * The other resources that are the same objects: the versions of a definition, served or not, and built-in kinds that
 * share their storage (`EquivalentResourceRegistry`, whose key is the place in the store). Found once for a
 * declaration, and the same ones each time: what is remembered of a kind holds for them as well.
 */
export function equivalentsOf(kind: KindDeclaration): readonly KindDeclaration[] {
  let found = known.get(kind);
  if (found === undefined) {
    found = findEquivalents(kind);
    known.set(kind, found);
  }
  return found;
}

function findEquivalents(kind: KindDeclaration): readonly KindDeclaration[] {
  if (kind.custom) {
    const versions = [...(kind.versions?.schemas ?? [])];
    return versions
      .filter(([name]) => name !== kind.version)
      .map(([version, schema]) => ({ ...kind, version, schema }));
  }
  return builtInKinds.filter(
    (other) =>
      other.storage.group === kind.storage.group &&
      other.storage.plural === kind.storage.plural &&
      !isSameVersion(other, kind),
  );
}

/** True for kinds of one group and version. */
export function isSameVersion(a: KindDeclaration, b: KindDeclaration): boolean {
  return a.group === b.group && a.version === b.version;
}

/**
 * An object as one of an equivalent kind, a new one: built-in kinds are converted, custom objects keep their fields, as
 * where no webhook converts them.
 */
export function convertedTo(
  kind: KindDeclaration,
  object: KubeObject,
  as: KindDeclaration,
): KubeObject {
  const apiVersion = formatGroupVersion(as.group, as.version);
  if (kind.custom) return { ...object, apiVersion };
  const copy = cloneJson(object);
  kind.toStorage?.(copy);
  as.fromStorage?.(copy);
  return { ...copy, kind: as.kind, apiVersion };
}
