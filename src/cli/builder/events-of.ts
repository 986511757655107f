import type { KubeObject } from '../../api/object.js';
import type { Event } from '../../api/types/core.js';
import { isApiError } from '../../client/types.js';
import type { Session } from '../kube/session.js';
import { listObjects } from './objects.js';

/** The events of an object; none for who may not read them. */
export async function eventsOf(
  session: Session,
  { kind = '', metadata }: KubeObject,
): Promise<readonly Event[]> {
  const resource = await session.mapper.byName('events');
  // A node's kubelet knows no uid of its node but its name.
  const uid = kind === 'Node' ? [] : [`involvedObject.uid=${metadata.uid ?? ''}`];
  const fields = [`involvedObject.kind=${kind}`, `involvedObject.name=${metadata.name}`, ...uid];
  return listObjects<Event>(session, resource, {
    namespace: metadata.namespace ?? 'default',
    fieldSelector: fields.join(','),
  }).catch((error: unknown) => {
    if (isApiError(error, 'Forbidden')) return [];
    throw error;
  });
}
