import type { KubeObject } from '../../api/object.js';
import type { PastReader } from '../../history/history.js';
import type { ListCall, ListPage } from '../../history/past.js';
import { apiVersionOf, pathOf } from '../kube/resource.js';
import type { ObjectRef, Resource } from '../kube/resource.js';
import type { Session } from '../kube/session.js';
import { timeOfRevision } from './moment.js';

/** Lists a resource over the session, with the kind in each object: lists leave it out. */
export function listerOf(
  { kube }: Pick<Session, 'kube'>,
  resource: Resource,
  namespace: string | undefined,
): ListCall {
  const path = pathOf(resource, { namespace: resource.namespaced ? namespace : undefined });
  const typed = (object: KubeObject): KubeObject => ({
    ...object,
    apiVersion: apiVersionOf(resource),
    kind: resource.kind,
  });
  return async (query) => {
    const page = await kube.json<ListPage>({ path, query });
    return { ...page, items: (page.items ?? []).map(typed) };
  };
}

/** Reads the past of one object. */
export function pastOf(session: Session, { resource, namespace }: ObjectRef): PastReader {
  return {
    list: listerOf(session, resource, namespace),
    timeOf: (revision) => timeOfRevision(session, revision),
  };
}
