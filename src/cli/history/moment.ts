/** A moment of the cluster's past, as users name it, and its revision. */
import { formatTime } from '../../api/facts/time.js';
import { isApiError } from '../../client/types.js';
import type { Moment } from '../../history/moment.js';
import { parseMoment } from '../../history/moment.js';
import { CommandLineError } from '../command/command-line-error.js';
import type { Session } from '../kube/session.js';

/** What `--at`, `--since` and `--to` take, in help. */
export const momentValue = 'AGO|TIME|REVISION';

/** A revision, with about the time when it was the present one. */
export interface RevisionAt {
  readonly revision: string;
  readonly time?: string;
}

const plain = (message: string): CommandLineError => new CommandLineError(message, { plain: true });

/** @throws CommandLineError for words that name no moment */
function momentOf(text: string, nowMs: number): Moment {
  const moment = parseMoment(text, nowMs);
  if (moment !== undefined) return moment;
  throw plain(
    `"${text}" is no moment: name how long ago (10m), a time (2026-01-01T12:00:00Z) or a revision (1234)`,
  );
}

const path = '/trireme/revisions';

/** The revision of a moment. @throws CommandLineError where the API server tells none */
export async function revisionAt(session: Session, text: string): Promise<RevisionAt> {
  const moment = momentOf(text, session.context.clock.nowMs());
  if (moment.type === 'revision') return moment;
  try {
    const at = formatTime(moment.timeMs);
    return await session.kube.json<RevisionAt>({ path, query: { at } });
  } catch (error) {
    throw isApiError(error) ? withoutTimes(error) : error;
  }
}

/** About when a revision was the present one; undefined where nobody tells. */
export async function timeOfRevision(
  session: Session,
  revision: string,
): Promise<string | undefined> {
  try {
    const { time } = await session.kube.json<RevisionAt>({ path, query: { revision } });
    return time;
  } catch (error) {
    if (isApiError(error)) return undefined;
    throw error;
  }
}

/** Other API servers know no times of revisions. */
function withoutTimes(error: { readonly reason: string; readonly code: number }): unknown {
  if (error.code !== 404) return error;
  return plain('this API server does not tell which revision a time had: name a revision');
}
