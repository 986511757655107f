import { formatTime, parseTime } from '../../../api/facts/time.js';
import { header } from '../rest/exchange.js';
import { negotiate } from '../rest/negotiate.js';
import type { PathHandler } from '../rest/pipeline.js';
import { sendJson } from '../rest/respond.js';
import { mapStoreError } from '../registry/store-errors.js';
import { badRequest, expired } from '../status.js';
import type { RevisionTime, RevisionTimes } from './revision-times.js';

/** The path at which {@link revisionPath} answers; RBAC knows it as a non-resource URL. */
export const revisionUrl = '/trireme/revisions';

/**
 * Serves `/trireme/revisions`: `?at=TIME` names the revision of a time, `?revision=N` the time of a revision, without
 * either the present and the oldest one that can still be read. What was in the cluster then is read by lists with
 * `resourceVersionMatch=Exact`, as Kubernetes has them, so this path tells numbers and times and nothing else.
 */
export function revisionPath(times: RevisionTimes): PathHandler {
  return async (exchange) => {
    if (exchange.info.path !== revisionUrl || exchange.method !== 'GET') return false;
    const body = JSON.stringify(await answer(exchange.query, times).catch(mapStoreError));
    const format = negotiate(header(exchange, 'accept'));
    await sendJson(exchange, 200, Buffer.from(body), format);
    return true;
  };
}

async function answer(query: URLSearchParams, times: RevisionTimes): Promise<object> {
  const [at, revision] = [query.get('at'), query.get('revision')];
  if (at !== null) {
    const timeMs = parseTime(at);
    if (timeMs === undefined) throw badRequest(`at: ${JSON.stringify(at)} is not a time`);
    const found = await times.at(timeMs);
    if (found !== undefined) return shown(found);
    const oldest = shown(await times.oldest());
    const since = oldest.time === undefined ? '' : `, of ${oldest.time}`;
    throw expired(
      `the history does not go back to ${at}: its oldest revision is ${oldest.revision}${since}`,
    );
  }
  if (revision !== null) {
    if (!/^[1-9]\d{0,15}$/.test(revision)) {
      throw badRequest(`revision: ${JSON.stringify(revision)} is not a revision`);
    }
    return shown(await times.time(Number(revision)));
  }
  const [present, oldest] = await Promise.all([times.present(), times.oldest()]);
  return { ...shown(present), oldest: shown(oldest) };
}

interface Shown {
  /** As a resourceVersion: text. */
  readonly revision: string;
  readonly time?: string;
}

function shown({ revision, timeMs }: RevisionTime): Shown {
  return {
    revision: String(revision),
    ...(timeMs === undefined ? {} : { time: formatTime(timeMs) }),
  };
}
