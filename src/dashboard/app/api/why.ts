/** Asks why an object does not work: reads with the user's rights what `src/why` wants, and hands it over. */
import type { KubeObject } from '../../../api/object.js';
import type { Clock } from '../../../lib/clock.js';
import { explainObject } from '../../../why/explain.js';
import type { Explained } from '../../../why/gather.js';
import { gather } from '../../../why/gather.js';
import type { Answer, Want } from '../../../why/view.js';
import { ApiFailure } from '../../model/api-failure.js';
import { wantedPath, wantedResource } from '../../model/wanted.js';
import type { Api } from './api.js';

/** Objects on a page of a list. */
const pageSize = 500;
/** Objects of one resource that are read: the answer would be wrong with a part of them. */
const objectsMax = 10_000;

/** What an answer is asked with. */
export interface WhySource {
  readonly api: Api;
  readonly clock: Clock;
  readonly object: KubeObject;
  readonly signal: AbortSignal;
}

/** Explains the object as it is now. @throws ApiFailure */
export function explain({ api, clock, object, signal }: WhySource): Promise<Explained> {
  const read = (want: Want): Promise<Answer> => readWanted(api, want, signal);
  // Commands are to be copied to a terminal, whose namespace nobody knows here: another than this one is named.
  return gather({ read, nowMs: clock.nowMs(), namespace: 'default' }, (view) =>
    explainObject(object, view),
  );
}

async function readWanted(api: Api, want: Want, signal: AbortSignal): Promise<Answer> {
  const path = wantedPath(want);
  try {
    if (want.name === undefined) return await readAll(api, want, signal);
    return [await api.json<KubeObject>(path, { signal })];
  } catch (error) {
    if (error instanceof ApiFailure && error.code === 404) return [];
    if (error instanceof ApiFailure && error.code === 403) return undefined;
    throw error;
  }
}

async function readAll(api: Api, want: Want, signal: AbortSignal): Promise<readonly KubeObject[]> {
  const { group, version, kind } = wantedResource(want);
  const apiVersion = group === '' ? version : `${group}/${version}`;
  const objects: KubeObject[] = [];
  let next = '';
  do {
    const query = new URLSearchParams({
      limit: String(pageSize),
      ...(next === '' ? {} : { continue: next }),
    });
    const page = await api.json<{ items?: KubeObject[] | null; metadata: { continue?: string } }>(
      `${wantedPath(want)}?${query.toString()}`,
      { signal },
    );
    for (const item of page.items ?? []) objects.push({ ...item, apiVersion, kind });
    next = page.metadata.continue ?? '';
    if (objects.length > objectsMax) {
      throw new ApiFailure(
        0,
        '',
        `there are more than ${objectsMax} ${want.type}: ask trireme why`,
      );
    }
  } while (next !== '');
  return objects;
}
