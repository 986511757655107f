/** The log of a container, which goes on as it is written. */
import type { JSX } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Pod } from '../../../api/types/core.js';
import { failureText } from '../../model/api-failure.js';
import { LogLines } from '../../model/log-lines.js';
import type { ContainerView } from '../../model/pod-view.js';
import { pathOf, pods } from '../../model/resources.js';
import { delay } from '../../../lib/clock.js';
import { ContainerChoice } from '../ui/container-choice.js';
import { useShell } from '../ui/context.js';
import { useFollowed } from '../ui/hooks.js';
import { Notice } from '../ui/marks.js';

/** Lines that are asked for at first. */
const tailLines = 1_000;
/** The text is drawn anew so often at most. */
const drawEveryMs = 250;

interface Followed {
  readonly log: LogLines;
  readonly end: string | undefined;
}

/** The part of a pod's page with its logs. */
export function PodLogs(props: {
  pod: Pod;
  containers: readonly ContainerView[];
  first: string;
}): JSX.Element {
  const [container, setContainer] = useState(props.first);
  const [isPrevious, setPrevious] = useState(false);
  const [hasTimes, setTimes] = useState(false);
  const { namespace = '', name } = props.pod.metadata;
  const query = new URLSearchParams({
    container,
    follow: 'true',
    tailLines: String(tailLines),
    ...(isPrevious ? { previous: 'true' } : {}),
    ...(hasTimes ? { timestamps: 'true' } : {}),
  });
  const path = `${pathOf(pods, { namespace, name, subresource: 'log' })}?${query.toString()}`;
  return (
    <>
      <div class="tools">
        <ContainerChoice {...props} container={container} onChoose={setContainer} />
        <label>
          <input
            type="checkbox"
            checked={isPrevious}
            onChange={(event) => setPrevious(event.currentTarget.checked)}
          />{' '}
          Of its last run
        </label>
        <label>
          <input
            type="checkbox"
            checked={hasTimes}
            onChange={(event) => setTimes(event.currentTarget.checked)}
          />{' '}
          With times
        </label>
      </div>
      <Log key={path} path={path} label={`Log of ${container}`} />
    </>
  );
}

function Log({ path, label }: { path: string; label: string }): JSX.Element {
  const { api, clock } = useShell();
  const [search, setSearch] = useState('');
  const { log, end } = useFollowed<Followed>(
    () => ({ log: new LogLines(), end: undefined }),
    async (store, signal) => {
      void (async () => {
        while (!signal.aborted) {
          await delay(clock, drawEveryMs, signal);
          if (!signal.aborted) store.set({ ...store.value });
        }
      })();
      let text = 'The log has ended.';
      try {
        for await (const piece of api.pieces(path, { signal, accept: '*/*' })) {
          store.value.log.add(piece);
        }
      } catch (error) {
        text = failureText(error);
      }
      if (!signal.aborted) store.set({ ...store.value, end: text });
    },
  );
  return (
    <>
      <p class="search">
        <label>
          Lines with{' '}
          <input
            type="search"
            value={search}
            onInput={(event) => setSearch(event.currentTarget.value)}
          />
        </label>
      </p>
      {log.dropped > 0 && <p class="hint">{log.dropped} earlier lines are not kept.</p>}
      <LogText text={log.text(search)} label={label} />
      {end !== undefined && <Notice tone="calm">{end}</Notice>}
    </>
  );
}

/** The text stays at its end as it grows, unless somebody has scrolled up to read. */
function LogText({ text, label }: { text: string; label: string }): JSX.Element {
  const box = useRef<HTMLPreElement>(null);
  const isAtEnd = useRef(true);
  useLayoutEffect(() => {
    const element = box.current;
    if (element !== null && isAtEnd.current) element.scrollTop = element.scrollHeight;
  }, [text]);
  useEffect(() => {
    const element = box.current;
    if (element === null) return undefined;
    const scrolled = (): void => {
      const left = element.scrollHeight - element.clientHeight - element.scrollTop;
      isAtEnd.current = left < 24;
    };
    element.addEventListener('scroll', scrolled, { passive: true });
    return () => element.removeEventListener('scroll', scrolled);
  }, []);
  return (
    <pre class="log" ref={box} tabIndex={0} role="region" aria-label={label}>
      {text === '' ? 'Nothing is written yet.' : text}
    </pre>
  );
}
