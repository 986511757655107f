import { isApiError } from '../../client/types.js';
import type { Answer, Want } from '../../why/view.js';
import { fetchObject, listObjects } from '../builder/objects.js';
import type { Session } from '../kube/session.js';

/** Reads what an answer of `why` wants over the session; undefined for what its user may not read. */
export async function readWanted(
  session: Session,
  { type, namespace, name }: Want,
): Promise<Answer> {
  const resource = await session.mapper.byName(type);
  try {
    if (name === undefined) return await listObjects(session, resource, { namespace });
    return [await fetchObject(session, { resource, namespace, name })];
  } catch (error) {
    if (isApiError(error, 'NotFound')) return [];
    if (isApiError(error, 'Forbidden')) return undefined;
    throw error;
  }
}
