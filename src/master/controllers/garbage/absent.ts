/** Owners that are surely gone, so that a thousand orphans of one owner ask the API server once. */
import type { OwnerReference } from '../../../api/object.js';
import { parseGroupVersion } from '../../../api/object.js';

/** Most owners that are remembered (kube-controller-manager keeps 500). */
const absentLimit = 500;

/** The place of an owner: what a reference says, with the namespace that it is looked for in. */
export interface OwnerPlace {
  readonly reference: Pick<OwnerReference, 'apiVersion' | 'kind' | 'name' | 'uid'>;
  /** Undefined for owners without a namespace. */
  readonly namespace: string | undefined;
}

/**
 * The set of places where an owner was looked for in vain. A uid alone is not enough: a reference from another
 * namespace, or under a wrong name, would make an owner absent for those that really have it.
 */
export class AbsentOwners {
  readonly #places = new Set<string>();

  has(place: OwnerPlace): boolean {
    return this.#places.has(textOf(place));
  }

  add(place: OwnerPlace): void {
    this.#places.add(textOf(place));
    if (this.#places.size <= absentLimit) return;
    for (const oldest of this.#places) {
      this.#places.delete(oldest);
      return;
    }
  }
}

/** All versions of a group share their objects, so the version is left out. */
function textOf({ reference, namespace = '' }: OwnerPlace): string {
  const { apiVersion, kind, name, uid } = reference;
  return [parseGroupVersion(apiVersion).group, kind, namespace, name, uid].join('/');
}
