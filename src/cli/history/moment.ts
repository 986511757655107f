/** A moment of the cluster's past, as users name it, and its revision. */
import { formatTime, parseTime } from '../../api/facts/time.js';
import { isApiError } from '../../client/types.js';
import { parseDurationMs } from '../../lib/go-duration.js';
import { CommandLineError } from '../command/command-line-error.js';
import type { Session } from '../kube/session.js';

/** What `--at`, `--since` and `--to` take, in help. */
export const momentValue = 'AGO|TIME|REVISION';

/** A revision, or a time whose revision the API server names. */
export type Moment =
  | { readonly type: 'revision'; readonly revision: string }
  | { readonly type: 'time'; readonly timeMs: number };

/** A revision, with about the time when it was the present one. */
export interface RevisionAt {
  readonly revision: string;
  readonly time?: string;
}

const plain = (message: string): CommandLineError => new CommandLineError(message, { plain: true });

/** Reads `10m` (so long ago), `2026-01-01T12:00:00Z` or `1234` (a revision). @throws CommandLineError */
export function parseMoment(text: string, nowMs: number): Moment {
  if (/^[1-9]\d*$/.test(text)) return { type: 'revision', revision: text };
  const agoMs = /^\d+$/.test(text) ? undefined : parseDurationMs(text.replace(/ ago$/, ''));
  if (agoMs !== undefined && agoMs >= 0) return { type: 'time', timeMs: nowMs - agoMs };
  const timeMs = /^\d{4}-\d\d-\d\dT/.test(text) ? parseTime(text) : undefined;
  if (timeMs !== undefined) return { type: 'time', timeMs };
  throw plain(
    `"${text}" is no moment: name how long ago (10m), a time (2026-01-01T12:00:00Z) or a revision (1234)`,
  );
}

const path = '/trireme/revisions';

/** The revision of a moment. @throws CommandLineError where the API server tells none */
export async function revisionAt(session: Session, text: string): Promise<RevisionAt> {
  const moment = parseMoment(text, session.context.clock.nowMs());
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
