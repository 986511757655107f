/** Follows one object: as it is, then each change, until it is gone. */
import type { Clock } from '../../../lib/clock.js';
import { delay } from '../../../lib/clock.js';
import { parseJson } from '../../../lib/json.js';
import { ApiFailure, failureText } from '../../model/api-failure.js';
import type { Resource } from '../../model/resources.js';
import { pathOf } from '../../model/resources.js';
import type { Api } from './api.js';
import type { Store } from './store.js';

/** The object, where it is known; `gone` once it was deleted. */
export interface LiveObject<T> {
  readonly object: T | undefined;
  readonly isGone: boolean;
  readonly error: string | undefined;
}

/** Before the first answer. */
export function loadingObject<T>(): LiveObject<T> {
  return { object: undefined, isGone: false, error: undefined };
}

interface Versioned {
  readonly metadata: { readonly resourceVersion?: string };
}

/** The object to follow, with what it is asked by. */
export interface ObjectSource {
  readonly api: Api;
  readonly clock: Clock;
  readonly resource: Resource;
  readonly namespace: string;
  readonly name: string;
}

const retryMs = 2_000;

/** Follows the object until `signal` aborts; never rejects. */
export async function followObject<T extends Versioned>(
  source: ObjectSource,
  store: Store<LiveObject<T>>,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await readAndWatch(source, store, signal);
    } catch (error) {
      if (signal.aborted) return;
      const isGone = error instanceof ApiFailure && error.code === 404;
      if (isGone && store.value.object !== undefined) store.set({ ...store.value, isGone });
      else store.set({ ...store.value, isGone, error: failureText(error) });
    }
    await delay(source.clock, retryMs, signal);
  }
}

async function readAndWatch<T extends Versioned>(
  { api, resource, namespace, name }: ObjectSource,
  store: Store<LiveObject<T>>,
  signal: AbortSignal,
): Promise<void> {
  const object = await api.json<T>(pathOf(resource, { namespace, name }), { signal });
  store.set({ object, isGone: false, error: undefined });
  const query = new URLSearchParams({
    watch: 'true',
    fieldSelector: `metadata.name=${name}`,
    resourceVersion: object.metadata.resourceVersion ?? '',
  });
  const path = `${pathOf(resource, { namespace })}?${query.toString()}`;
  for await (const lines of api.lines(path, { signal })) {
    for (const line of lines) {
      const event = parseJson(line) as { type: string; object: T };
      // What was missed is read anew.
      if (event.type === 'ERROR') return;
      if (event.type === 'DELETED') store.set({ ...store.value, isGone: true });
      else if (event.type !== 'BOOKMARK') {
        store.set({ object: event.object, isGone: false, error: undefined });
      }
    }
  }
}
