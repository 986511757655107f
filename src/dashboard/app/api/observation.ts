/** Follows what this master tells of all members: state, elections, components, nodes. */
import { WatchModel } from '../../../client/observation/model.js';
import { Observation } from '../../../gen/cluster.js';
import type { Clock } from '../../../lib/clock.js';
import { delay } from '../../../lib/clock.js';
import { ApiFailure, failureText } from '../../model/api-failure.js';
import type { Api } from './api.js';
import type { Store } from './store.js';

/** The model, which changes in place, and a number that counts its changes. */
export interface Observed {
  readonly model: WatchModel;
  readonly change: number;
  readonly error: string | undefined;
  /** The user may not see it; nothing comes until roles change. */
  readonly isForbidden: boolean;
}

const path = '/trireme/cluster';
/** The page is drawn anew so often; ages grow without any news. */
const drawEveryMs = 250;
const retryMs = 1_000;
const forbiddenRetryMs = 15_000;

/** Before anything was heard. */
export function nothingObserved(): Observed {
  return { model: new WatchModel(), change: 0, error: undefined, isForbidden: false };
}

/** Follows until `signal` aborts; never rejects. */
export async function followObservation(
  { api, clock }: { readonly api: Api; readonly clock: Clock },
  store: Store<Observed>,
  signal: AbortSignal,
): Promise<void> {
  void draw(clock, store, signal);
  const { model } = store.value;
  while (!signal.aborted) {
    let isForbidden = false;
    try {
      await read(api, clock, store, signal);
    } catch (error) {
      if (signal.aborted) return;
      isForbidden = error instanceof ApiFailure && error.code === 403;
      store.set({ ...store.value, model, error: failureText(error), isForbidden });
    }
    await delay(clock, isForbidden ? forbiddenRetryMs : retryMs, signal);
  }
}

async function read(
  api: Api,
  clock: Clock,
  store: Store<Observed>,
  signal: AbortSignal,
): Promise<void> {
  const { model } = store.value;
  const query = new URLSearchParams();
  for (const { member, startedMs, sequence } of model.cursors()) {
    query.append('cursor', `${member}:${startedMs}:${sequence}`);
  }
  for await (const lines of api.lines(`${path}?${query.toString()}`, { signal })) {
    if (store.value.error !== undefined) {
      store.set({ ...store.value, error: undefined, isForbidden: false });
    }
    for (const line of lines) {
      model.observe(Observation.fromJSON(JSON.parse(line)), clock.nowMs());
    }
  }
}

async function draw(clock: Clock, store: Store<Observed>, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await delay(clock, drawEveryMs, signal);
    if (signal.aborted) return;
    const { model, change } = store.value;
    model.tick(clock.nowMs());
    store.set({ ...store.value, change: change + 1 });
  }
}
