/** Objects as they were, by lists of an exact revision, as Kubernetes has them: with the rights to list them. */
import type { KubeObject } from '../../api/object.js';
import { isApiError } from '../../client/types.js';
import { pathOf } from '../kube/resource.js';
import type { ObjectRef, Resource } from '../kube/resource.js';
import { apiVersionOf } from '../kube/resource.js';
import type { Session } from '../kube/session.js';

/** Versions that are walked over at most: more would take minutes. */
const versionsMax = 2_000;

/** The query for a list of a past revision. */
export function exactly(revision: string): Record<string, string> {
  return { resourceVersion: revision, resourceVersionMatch: 'Exact' };
}

/** An object at a revision; undefined when it did not exist then. @throws ApiError `Expired` for a compacted one */
export async function objectAt(
  { kube }: Pick<Session, 'kube'>,
  { resource, namespace, name }: ObjectRef,
  revision: string,
): Promise<KubeObject | undefined> {
  const list = await kube.json<{ readonly items?: readonly KubeObject[] | null }>({
    path: pathOf(resource, { namespace }),
    query: { fieldSelector: `metadata.name=${name}`, ...exactly(revision) },
  });
  const found = list.items?.[0];
  return found === undefined ? undefined : typed(found, resource);
}

/** An object of a list, which leaves the kind out. */
function typed(object: KubeObject, resource: Resource): KubeObject {
  return { ...object, apiVersion: apiVersionOf(resource), kind: resource.kind };
}

/** All objects of a resource at a revision, by pages. */
export async function listAt(
  { kube }: Pick<Session, 'kube'>,
  resource: Resource,
  options: { readonly namespace: string | undefined; readonly revision: string | undefined },
): Promise<KubeObject[]> {
  const { namespace, revision } = options;
  const objects: KubeObject[] = [];
  let next: string | undefined;
  do {
    const first = next === undefined && revision !== undefined ? exactly(revision) : {};
    const list = await kube.json<{
      readonly items?: readonly KubeObject[] | null;
      readonly metadata?: { readonly continue?: string };
    }>({
      path: pathOf(resource, { namespace: resource.namespaced ? namespace : undefined }),
      query: { limit: '500', continue: next, ...first },
    });
    for (const item of list.items ?? []) objects.push(typed(item, resource));
    next = list.metadata?.continue === '' ? undefined : list.metadata?.continue;
  } while (next !== undefined);
  return objects;
}

/** One version of an object, and the one before it. */
export interface Version {
  readonly object: KubeObject;
  /** `created`: the object began with this version. `compacted`: what was before it is no longer kept. */
  readonly before: KubeObject | 'created' | 'compacted';
}

/** The versions of an object, the newest first. */
export async function* versionsOf(
  session: Pick<Session, 'kube'>,
  ref: ObjectRef,
  newest: KubeObject,
): AsyncGenerator<Version> {
  let object = newest;
  for (let count = 0; count < versionsMax; count++) {
    const before = await versionBefore(session, ref, object);
    yield { object, before };
    if (typeof before === 'string') return;
    object = before;
  }
}

async function versionBefore(
  session: Pick<Session, 'kube'>,
  ref: ObjectRef,
  { metadata }: KubeObject,
): Promise<Version['before']> {
  const revision = Number(metadata.resourceVersion) - 1;
  if (!(revision > 0)) return 'created';
  try {
    const found = await objectAt(session, ref, String(revision));
    return found === undefined || found.metadata.uid !== metadata.uid ? 'created' : found;
  } catch (error) {
    if (isApiError(error, 'Expired') || isApiError(error, 'Gone')) return 'compacted';
    throw error;
  }
}
