/** Owners of objects: the reference to a controller, and which objects it owns, adopts and releases. Pure. */
import type { KubeObject, OwnerReference } from '../object.js';
import { controllerOf } from '../object.js';
import type { Labels } from './selectors.js';

/** An object that owns others. */
export interface Owner {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid?: string;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
  };
}

/** The reference that a controller puts on what it makes. */
export function controllerReference(owner: Owner): OwnerReference {
  return {
    apiVersion: owner.apiVersion,
    kind: owner.kind,
    name: owner.metadata.name,
    uid: owner.metadata.uid ?? '',
    controller: true,
    blockOwnerDeletion: true,
  };
}

/** The objects that an owner keeps, adopts and releases. */
export interface Claims<T> {
  readonly owned: T[];
  readonly adopt: T[];
  readonly release: T[];
}

/** Sorts `objects` (of the owner's namespace) into owned, to adopt and to release. */
export function decideClaims<T extends KubeObject>(
  owner: Owner,
  objects: readonly T[],
  matches: (labels: Labels | undefined) => boolean,
): Claims<T> {
  const claims: Claims<T> = { owned: [], adopt: [], release: [] };
  const dying = owner.metadata.deletionTimestamp !== undefined;
  for (const object of objects) {
    const reference = controllerOf(object);
    const fits = matches(object.metadata.labels);
    if (reference !== undefined) {
      if (reference.uid !== owner.metadata.uid) continue;
      if (fits) claims.owned.push(object);
      else if (!dying) claims.release.push(object);
    } else if (fits && !dying && object.metadata.deletionTimestamp === undefined) {
      claims.adopt.push(object);
    }
  }
  return claims;
}
