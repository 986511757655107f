/** The slider into the past: from the oldest state that the store keeps to now. */
import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { failureText } from '../../model/api-failure.js';
import { formatRoute } from '../../model/route.js';
import type { TimeLine } from '../../model/time-line.js';
import { placeOf, placeText, revisionIn, timeLineOf } from '../../model/time-line.js';
import { delay } from '../../../lib/clock.js';
import { readSpan, revisionOfPlace, timeOfRevision } from '../api/past.js';
import { useShell } from './context.js';
import { Notice } from './marks.js';

/** The slider must rest so long before its place is asked for. */
const restMs = 250;
/** The buttons' steps, in seconds or revisions. */
const steps = { seconds: 60, revisions: 1 } as const;

/** The revision that the address names, and what changes it: the state of the page, as a link to it has it. */
export function usePast(): {
  readonly at: string | undefined;
  readonly goTo: (revision: string | undefined) => void;
} {
  const { route } = useShell();
  const { page, names, query } = route;
  return {
    at: revisionIn(query.get('at')),
    goTo: (revision) => {
      const kept = Object.fromEntries(query);
      // Places on the way do not fill the list of pages that one can go back to.
      location.replace(formatRoute(page, names, { ...kept, at: revision ?? '' }));
    },
  };
}

/** The slider. It names the revision of its place in the address. */
export function TimeMachine(): JSX.Element {
  const { api, clock } = useShell();
  const { at, goTo } = usePast();
  const [line, setLine] = useState<TimeLine>();
  const [place, setPlace] = useState<number>();
  const [error, setError] = useState<string>();
  const moving = useRef<AbortController>(undefined);

  useEffect(() => {
    const abort = new AbortController();
    const { signal } = abort;
    void (async () => {
      try {
        const span = await readSpan(api, signal);
        const time = at === undefined ? undefined : await timeOfRevision(api, at, signal);
        if (signal.aborted) return;
        const found = timeLineOf(span, clock.nowMs());
        setLine(found);
        const moment = { revision: at ?? '', ...(time === undefined ? {} : { time }) };
        setPlace(at === undefined ? found.most : placeOf(found, moment));
      } catch (failed) {
        if (!signal.aborted) setError(`The past cannot be shown: ${failureText(failed)}`);
      }
    })();
    return () => {
      abort.abort();
      moving.current?.abort();
    };
  }, []);

  const move = (wanted: number): void => {
    if (line === undefined) return;
    const next = Math.min(line.most, Math.max(line.least, wanted));
    setPlace(next);
    moving.current?.abort();
    const abort = new AbortController();
    moving.current = abort;
    void (async () => {
      await delay(clock, restMs, abort.signal);
      if (abort.signal.aborted) return;
      try {
        if (next >= line.most) goTo(undefined);
        else goTo((await revisionOfPlace(api, line, next, abort.signal)).revision);
        setError(undefined);
      } catch (failed) {
        if (!abort.signal.aborted) setError(failureText(failed));
      }
    })();
  };

  if (error !== undefined && line === undefined) return <Notice tone="bad">{error}</Notice>;
  if (line === undefined || place === undefined) return <p class="empty">Looking into the past…</p>;
  const step = steps[line.unit];
  const text = placeText(line, place, clock.nowMs());
  return (
    <div class="time-machine" role="group" aria-label="Time machine">
      <label>
        As it was{' '}
        <input
          type="range"
          min={line.least}
          max={line.most}
          step={1}
          value={place}
          aria-valuetext={text}
          onInput={(event) => move(Number(event.currentTarget.value))}
        />
      </label>
      <output>
        {text}
        {at !== undefined && line.unit === 'seconds' && <span class="faint"> revision {at}</span>}
      </output>
      <span class="buttons">
        <button type="button" disabled={place <= line.least} onClick={() => move(place - step)}>
          Earlier
        </button>
        <button type="button" disabled={place >= line.most} onClick={() => move(place + step)}>
          Later
        </button>
        <button type="button" disabled={at === undefined} onClick={() => move(line.most)}>
          Now
        </button>
      </span>
      {error !== undefined && <Notice tone="bad">{error}</Notice>}
    </div>
  );
}
