/** The versions of an object that the store still keeps: who changed which field, and how each was. */
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { KubeObject } from '../../../api/object.js';
import type { HistoryEntry } from '../../../history/history.js';
import { changeLines, entriesOf } from '../../../history/history.js';
import { objectAt } from '../../../history/past.js';
import { failureText } from '../../model/api-failure.js';
import { indexOfRevision } from '../../model/history-view.js';
import { pastOf } from '../api/past.js';
import { useShell } from '../ui/context.js';
import { useNow } from '../ui/hooks.js';
import { Age, Notice } from '../ui/marks.js';
import { usePast } from '../ui/time-machine.js';
import type { ObjectPlace } from './object-then.js';
import { ObjectThen } from './object-then.js';

/** Versions that are read at first, and with each "show more". */
const step = 20;
/** Versions that are read for each that is shown, at most. */
const readMax = 10;

interface Found {
  readonly entries: readonly HistoryEntry[];
  readonly leftOut: number;
  readonly isWhole: boolean;
  readonly isReading: boolean;
  readonly error: string | undefined;
}

const nothingFound: Found = {
  entries: [],
  leftOut: 0,
  isWhole: false,
  isReading: true,
  error: undefined,
};

/** The part of an object's page with its past. @param object as it is; undefined: it is gone, and was at a revision */
export function ObjectHistory(
  props: ObjectPlace & { object: KubeObject | undefined },
): JSX.Element {
  const { at, goTo } = usePast();
  const [limit, setLimit] = useState(step);
  const [withStatus, setWithStatus] = useState(false);
  const found = useEntries({ ...props, at, limit, withStatus });
  const { entries, leftOut, error, isReading, isWhole } = found;
  const index = indexOfRevision(entries, at);
  const chosen = at === undefined ? undefined : entries[index];
  const choose = (place: number): void => {
    const entry = entries[place];
    goTo(place === 0 && props.object !== undefined ? undefined : entry?.revision);
  };
  return (
    <>
      <div class="tools">
        <label>
          <input
            type="checkbox"
            checked={withStatus}
            onChange={(event) => setWithStatus(event.currentTarget.checked)}
          />{' '}
          With changes of the status alone
        </label>
        <span class="hint" role="status">
          {isReading ? 'Reading…' : `${entries.length} versions`}
          {leftOut > 0 && `, ${leftOut} of the status alone left out`}
        </span>
      </div>
      {error !== undefined && <Notice tone="bad">{error}</Notice>}
      {entries.length > 1 && (
        <div class="time-machine" role="group" aria-label="Time machine">
          <label>
            Version{' '}
            <input
              type="range"
              min={0}
              max={entries.length - 1}
              value={entries.length - 1 - index}
              aria-valuetext={versionText(entries[index], index, props.object !== undefined)}
              onInput={(event) => choose(entries.length - 1 - Number(event.currentTarget.value))}
            />
          </label>
          <output>{versionText(entries[index], index, props.object !== undefined)}</output>
        </div>
      )}
      {chosen !== undefined && <ObjectThen {...props} entry={chosen} />}
      <h2 id="versions">Versions</h2>
      <Versions entries={entries} chosen={at === undefined ? -1 : index} onChoose={choose} />
      {!isWhole && !isReading && (
        <p class="more">
          <button type="button" onClick={() => setLimit(limit + step)}>
            Show {step} more
          </button>
        </p>
      )}
    </>
  );
}

function versionText(entry: HistoryEntry | undefined, index: number, isThere: boolean): string {
  if (entry === undefined) return '';
  if (index === 0 && isThere) return `revision ${entry.revision}, as it is`;
  const time = entry.time === undefined ? '' : `, ${entry.time.slice(11, 19)} UTC`;
  return `revision ${entry.revision}${time}`;
}

/** Reads the versions, as they come. The present one is where it begins, or the one of the address for what is gone. */
function useEntries(
  options: ObjectPlace & {
    object: KubeObject | undefined;
    at: string | undefined;
    limit: number;
    withStatus: boolean;
  },
): Found {
  const { api } = useShell();
  const { resource, namespace, name, object, at, limit, withStatus } = options;
  const [found, setFound] = useState(nothingFound);
  // Of what is there, the history is read anew when it changes; of what is gone, once.
  const version = object?.metadata.resourceVersion ?? '';
  useEffect(() => {
    const abort = new AbortController();
    const { signal } = abort;
    setFound((before) => ({ ...before, isReading: true }));
    void (async () => {
      const reader = pastOf({ api, resource, namespace, signal });
      const entries: HistoryEntry[] = [];
      let leftOut = 0;
      const tell = (more: Partial<Found>): void => {
        if (signal.aborted) return;
        setFound({ ...nothingFound, entries: [...entries], leftOut, ...more });
      };
      try {
        const newest =
          object ?? (at === undefined ? undefined : await objectAt(reader.list, name, at));
        if (newest === undefined) {
          tell({ error: 'It did not exist at that revision.', isReading: false, isWhole: true });
          return;
        }
        for await (const one of entriesOf(reader, newest, { limit, status: withStatus })) {
          if (signal.aborted) return;
          ({ leftOut } = one);
          if (one.entry !== undefined) entries.push(one.entry);
          tell({});
          // Of an object whose status changes all the time, a part is read, and more when asked for.
          if (entries.length + leftOut >= limit * readMax) break;
        }
        tell({ isReading: false, isWhole: entries.at(-1)?.begins !== undefined });
      } catch (failed) {
        tell({ error: failureText(failed), isReading: false, isWhole: true });
      }
    })();
    return () => abort.abort();
  }, [version, limit, withStatus]);
  return found;
}

function Versions(props: {
  entries: readonly HistoryEntry[];
  chosen: number;
  onChoose: (index: number) => void;
}): JSX.Element {
  const { clock } = useShell();
  const nowMs = useNow(clock);
  return (
    <div class="table-box" role="region" aria-labelledby="versions" tabIndex={0}>
      <table>
        <thead>
          <tr>
            {['Revision', 'Age', 'Who', 'What'].map((head) => (
              <th scope="col" key={head}>
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {props.entries.map((entry, n) => (
            <tr key={entry.revision} class={n === props.chosen ? 'chosen' : ''}>
              <th scope="row">
                <button
                  type="button"
                  class="link"
                  aria-pressed={n === props.chosen}
                  onClick={() => props.onChoose(n)}
                >
                  {entry.revision}
                </button>
              </th>
              <td>
                <Age since={entry.time} nowMs={nowMs} />
              </td>
              <td>{entry.who.length === 0 ? '<unknown>' : entry.who.join(', ')}</td>
              <td class="long">
                {changeLines(entry).map((line) => (
                  <div key={line}>{line}</div>
                ))}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
