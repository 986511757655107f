/**
 * The ownership of objects by a controller: adoption of matching orphans and release of those that match no more
 * (kubernetes controller_ref_manager). `api/facts/owners` decides; `claim` carries it out.
 */
import type { Owner } from '../../api/facts/owners.js';
import { controllerReference, decideClaims } from '../../api/facts/owners.js';
import type { KubeObject, OwnerReference } from '../../api/object.js';
import type { ApiClient, ResourceId } from '../types.js';
import { isApiError } from '../types.js';
import type { Labels } from '../../api/facts/selectors.js';

/**
 * Carries {@link decideClaims} out: patches owner references with the uid as precondition. Before adopting, the owner
 * is read afresh, since a cache may still show one that was deleted and made again.
 * @returns what the owner has now
 */
export async function claim<T extends KubeObject>(options: {
  readonly client: ApiClient;
  readonly owner: Owner;
  readonly ownerResource: ResourceId;
  readonly resource: ResourceId;
  readonly objects: readonly T[];
  readonly matches: (labels: Labels | undefined) => boolean;
  /** Put on what is adopted, and taken off what is released. */
  readonly finalizer?: string;
}): Promise<T[]> {
  const { owner } = options;
  const claims = decideClaims(owner, options.objects, options.matches);
  const owned = [...claims.owned];
  if (claims.adopt.length > 0 && (await mayAdopt(options.client, options.ownerResource, owner))) {
    for (const object of claims.adopt) {
      const adopted = await adopt(options, object);
      if (adopted !== undefined) owned.push(adopted);
    }
  }
  for (const object of claims.release) await release(options, object);
  return owned;
}

async function mayAdopt(client: ApiClient, resource: ResourceId, owner: Owner): Promise<boolean> {
  try {
    const fresh = await client.get(resource, owner.metadata);
    return (
      fresh.metadata.uid === owner.metadata.uid && fresh.metadata.deletionTimestamp === undefined
    );
  } catch (error) {
    if (isApiError(error, 'NotFound')) return false;
    throw error;
  }
}

interface Claimant {
  readonly client: ApiClient;
  readonly owner: Owner;
  readonly resource: ResourceId;
  readonly finalizer?: string;
}

async function adopt<T extends KubeObject>(by: Claimant, object: T): Promise<T | undefined> {
  const { ownerReferences = [], finalizers = [] } = object.metadata;
  const references = [...ownerReferences, controllerReference(by.owner)];
  const { finalizer } = by;
  if (finalizer === undefined || finalizers.includes(finalizer)) {
    return patchReferences(by, object, references);
  }
  return patchReferences(by, object, references, [...finalizers, finalizer]);
}

async function release<T extends KubeObject>(by: Claimant, object: T): Promise<void> {
  const { ownerReferences = [], finalizers = [] } = object.metadata;
  const references = ownerReferences.filter(({ uid }) => uid !== by.owner.metadata.uid);
  const { finalizer } = by;
  const isHeld = finalizer !== undefined && finalizers.includes(finalizer);
  const left = isHeld ? finalizers.filter((name) => name !== finalizer) : undefined;
  await patchReferences(by, object, references, left);
}

/** Replaces the references; undefined when the object is gone or has changed (its change event comes). */
async function patchReferences<T extends KubeObject>(
  { client, resource }: Claimant,
  object: T,
  ownerReferences: OwnerReference[],
  finalizers?: readonly string[],
): Promise<T | undefined> {
  const { uid, resourceVersion } = object.metadata;
  try {
    return await client.patch<T>(resource, object.metadata, 'application/merge-patch+json', {
      metadata: {
        ...(uid === undefined ? {} : { uid }),
        ...(resourceVersion === undefined ? {} : { resourceVersion }),
        ownerReferences: ownerReferences.length === 0 ? null : ownerReferences,
        ...(finalizers === undefined
          ? {}
          : { finalizers: finalizers.length === 0 ? null : finalizers }),
      },
    });
  } catch (error) {
    if (isApiError(error, 'NotFound') || isApiError(error, 'Invalid')) return undefined;
    throw error;
  }
}
