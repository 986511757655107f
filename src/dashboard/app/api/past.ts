/** Reads the cluster's past: which revision a time had, and objects as they were, with the user's rights to list. */
import type { KubeObject } from '../../../api/object.js';
import type { PastReader } from '../../../history/history.js';
import type { ListPage } from '../../../history/past.js';
import { ApiFailure } from '../../model/api-failure.js';
import type { Resource } from '../../model/resources.js';
import { pathOf } from '../../model/resources.js';
import type { RevisionAt, RevisionSpan, TimeLine } from '../../model/time-line.js';
import { placeQuery } from '../../model/time-line.js';
import type { Api } from './api.js';

const path = '/trireme/revisions';

/** The present revision and the oldest that is kept. @throws ApiFailure */
export function readSpan(api: Api, signal: AbortSignal): Promise<RevisionSpan> {
  return api.json<RevisionSpan>(path, { signal });
}

/** The revision of a place on the slider. @throws ApiFailure */
export async function revisionOfPlace(
  api: Api,
  line: TimeLine,
  place: number,
  signal: AbortSignal,
): Promise<RevisionAt> {
  const query = placeQuery(line, place);
  if (query === undefined) return { revision: String(place) };
  return api.json<RevisionAt>(`${path}?${query}`, { signal });
}

/** About when a revision was the present one; undefined where nobody tells. */
export async function timeOfRevision(
  api: Api,
  revision: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    const query = new URLSearchParams({ revision }).toString();
    return (await api.json<RevisionAt>(`${path}?${query}`, { signal })).time;
  } catch (error) {
    if (error instanceof ApiFailure && error.code !== 0) return undefined;
    throw error;
  }
}

/** The past of one object. */
export function pastOf(options: {
  readonly api: Api;
  readonly resource: Resource;
  readonly namespace: string;
  readonly signal: AbortSignal;
}): PastReader {
  const { api, resource, namespace, signal } = options;
  const { group, version, kind } = resource;
  const apiVersion = group === '' ? version : `${group}/${version}`;
  return {
    list: async (query) => {
      const given = Object.entries(query).flatMap(([name, value]) =>
        value === undefined ? [] : [[name, value]],
      );
      const page = await api.json<ListPage>(
        `${pathOf(resource, { namespace })}?${new URLSearchParams(given).toString()}`,
        { signal },
      );
      const typed = (object: KubeObject): KubeObject => ({ ...object, apiVersion, kind });
      return { ...page, items: (page.items ?? []).map(typed) };
    },
    timeOf: (revision) => timeOfRevision(api, revision, signal),
  };
}
