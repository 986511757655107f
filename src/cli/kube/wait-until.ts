import type { KubeObject } from '../../api/object.js';
import { isApiError } from '../../client/types.js';
import { pathOf } from './resource.js';
import type { ObjectRef } from './resource.js';
import type { Session } from './session.js';
import { watchEvents } from './watch.js';

/**
 * Follows an object until a condition holds.
 * @param timeoutMs 0 is without a bound
 * @param holds is given the object, undefined when it is not there; what it throws is thrown
 * @returns false when it did not hold within that time
 */
export async function waitUntil<T extends KubeObject>(
  session: Pick<Session, 'kube' | 'context'>,
  ref: ObjectRef,
  timeoutMs: number,
  holds: (object: T | undefined) => boolean,
): Promise<boolean> {
  const ended = new AbortController();
  const cancel =
    timeoutMs === 0
      ? () => undefined
      : session.context.clock.schedule(timeoutMs, () => ended.abort());
  try {
    while (!ended.signal.aborted) {
      if (await holdsInWatch(session, ref, holds, ended.signal)) return true;
    }
    return false;
  } catch (error) {
    if (ended.signal.aborted && (error as Error).name !== 'CommandLineError') return false;
    throw error;
  } finally {
    cancel();
  }
}

/** One list and watch. @returns false when the watch ended before */
async function holdsInWatch<T extends KubeObject>(
  { kube }: Pick<Session, 'kube'>,
  { resource, namespace, name }: ObjectRef,
  holds: (object: T | undefined) => boolean,
  signal: AbortSignal,
): Promise<boolean> {
  const path = pathOf(resource, { namespace });
  const fieldSelector = `metadata.name=${name}`;
  const list = await kube.json<{ items?: T[]; metadata: { resourceVersion?: string } }>({
    path,
    query: { fieldSelector },
  });
  if (holds(list.items?.[0])) return true;
  const { resourceVersion } = list.metadata;
  try {
    const query = { fieldSelector, resourceVersion };
    for await (const { type, object } of watchEvents<T>(kube, { path, query }, signal)) {
      if (type !== 'BOOKMARK' && holds(type === 'DELETED' ? undefined : object)) return true;
    }
  } catch (error) {
    if (!isApiError(error, 'Expired')) throw error;
  }
  return false;
}
