/** Follows a short list of objects. */
import type { KubeObject } from '../../../api/object.js';
import type { Clock } from '../../../lib/clock.js';
import { delay } from '../../../lib/clock.js';
import { parseJson } from '../../../lib/json.js';
import { failureText } from '../../model/api-failure.js';
import type { ObjectEvent, ObjectList } from '../../model/object-list.js';
import { afterEvents, objectsKept, objectsOf } from '../../model/object-list.js';
import type { Api } from './api.js';
import type { Store } from './store.js';

/** The objects as they are known. */
export interface LiveObjects<T> {
  readonly objects: ObjectList<T>;
  readonly error: string | undefined;
}

/** Before the first answer. */
export function loadingObjects<T>(): LiveObjects<T> {
  return { objects: new Map(), error: undefined };
}

const retryMs = 2_000;

/** Follows the list at `path` until `signal` aborts; never rejects. */
export async function followObjects<T extends KubeObject>(
  source: {
    readonly api: Api;
    readonly clock: Clock;
    readonly path: string;
    readonly labelSelector?: string;
  },
  store: Store<LiveObjects<T>>,
  signal: AbortSignal,
): Promise<void> {
  const { api, clock, path, labelSelector = '' } = source;
  while (!signal.aborted) {
    try {
      const first = new URLSearchParams({ labelSelector, limit: String(objectsKept) });
      const list = await api.json<{ metadata: { resourceVersion: string }; items: T[] }>(
        `${path}?${first.toString()}`,
        { signal },
      );
      let objects = objectsOf(list.items);
      store.set({ objects, error: undefined });
      const { resourceVersion } = list.metadata;
      const then = new URLSearchParams({ labelSelector, watch: 'true', resourceVersion });
      for await (const lines of api.lines(`${path}?${then.toString()}`, { signal })) {
        const events = lines.map((line) => parseJson(line) as ObjectEvent<T>);
        // What was missed is listed anew.
        if (events.some(({ type }) => type === 'ERROR')) break;
        objects = afterEvents(objects, events);
        store.set({ objects, error: undefined });
      }
    } catch (error) {
      if (signal.aborted) return;
      store.set({ ...store.value, error: failureText(error) });
    }
    await delay(clock, retryMs, signal);
  }
}
