import type { ObjectRef } from './resource.js';
import type { Session } from './session.js';
import { waitUntil } from './wait-until.js';

/**
 * Waits until an object is gone, or another with its name has taken its place.
 * @param uid of the object; '' is any
 * @param timeoutMs 0 is without a bound
 * @returns false when it is still there after that time
 */
export function waitGone(
  session: Pick<Session, 'kube' | 'context'>,
  ref: ObjectRef,
  uid: string,
  timeoutMs: number,
): Promise<boolean> {
  return waitUntil(session, ref, timeoutMs, (object) =>
    object === undefined ? true : uid !== '' && object.metadata.uid !== uid,
  );
}
