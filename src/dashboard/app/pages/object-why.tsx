/** Why an object does not work, from it down to the cause, with what would mend it: what `trireme why` says. */
import type { JSX } from 'preact';
import { useRef } from 'preact/hooks';
import type { KubeObject } from '../../../api/object.js';
import { delay } from '../../../lib/clock.js';
import type { Finding } from '../../../why/finding.js';
import type { Explained } from '../../../why/gather.js';
import { failureText } from '../../model/api-failure.js';
import { addressOf, toneOfFinding } from '../../model/finding-view.js';
import { useShell } from '../ui/context.js';
import { useFollowed, useNow } from '../ui/hooks.js';
import { Age, Notice, State } from '../ui/marks.js';

/** It is asked again when the object has changed, so often at most. */
const askEveryMs = 2_000;

interface Answer {
  readonly explained: Explained | undefined;
  readonly error: string | undefined;
}

/** The part of an object's page that says why. */
export function ObjectWhy({ object }: { object: KubeObject }): JSX.Element {
  const { api, clock } = useShell();
  const latest = useRef(object);
  latest.current = object;
  const wishes = useRef(0);
  const nowMs = useNow(clock);
  const { explained, error } = useFollowed<Answer>(
    () => ({ explained: undefined, error: undefined }),
    async (store, signal) => {
      let asked = '';
      while (!signal.aborted) {
        const now = latest.current;
        const wanted = `${now.metadata.resourceVersion ?? ''} ${wishes.current}`;
        if (wanted !== asked) {
          asked = wanted;
          try {
            // The scheduler's filters are in it: it comes when it is needed.
            const { explain } = await import('../api/why.js');
            const answer = await explain({ api, clock, object: now, signal });
            if (!signal.aborted) store.set({ explained: answer, error: undefined });
          } catch (failed) {
            if (!signal.aborted) store.set({ ...store.value, error: failureText(failed) });
          }
        }
        await delay(clock, askEveryMs, signal);
      }
    },
  );
  return (
    <section aria-label="Why" aria-busy={explained === undefined && error === undefined}>
      {error !== undefined && <Notice tone="bad">{error}</Notice>}
      {explained === undefined && error === undefined && <p class="empty">Looking…</p>}
      {explained !== undefined && (
        <>
          <p class="unseen" role="status">
            {`${explained.finding.about}: ${explained.finding.says}`}
          </p>
          <ul class="findings">
            <FindingItem
              finding={explained.finding}
              namespace={object.metadata.namespace ?? ''}
              nowMs={nowMs}
            />
          </ul>
          {explained.hidden.length > 0 && (
            <Notice tone="calm">
              You may not read {explained.hidden.join(', ')}: there may be more to say.
            </Notice>
          )}
          <div class="tools">
            <button
              type="button"
              onClick={() => {
                wishes.current++;
              }}
            >
              Look again
            </button>
            <span class="hint">It looks again by itself when the object changes.</span>
          </div>
        </>
      )}
    </section>
  );
}

function FindingItem(props: { finding: Finding; namespace: string; nowMs: number }): JSX.Element {
  const { finding, namespace, nowMs } = props;
  const { about, says, since, details = [], mend = [], causes = [] } = finding;
  const address = addressOf(about, namespace);
  return (
    <li class="finding">
      <State tone={toneOfFinding(finding)}>
        <b>{address === undefined ? about : <a href={address}>{about}</a>}</b>
      </State>{' '}
      {says}
      {since !== undefined && (
        <span class="faint">
          {' '}
          since <Age since={since} nowMs={nowMs} />
        </span>
      )}
      {details.map((detail, n) => (
        <p class="detail" key={n}>
          {detail}
        </p>
      ))}
      {causes.length > 0 && (
        <ul>
          {causes.map((cause, n) => (
            <FindingItem key={n} finding={cause} namespace={namespace} nowMs={nowMs} />
          ))}
        </ul>
      )}
      {mend.map(({ words, command }, n) => (
        <div class="mend" key={n}>
          <span class="faint">To mend it:</span> {words}
          {command !== undefined && (
            <pre tabIndex={0} aria-label="Command">
              <code>{command}</code>
            </pre>
          )}
        </div>
      ))}
    </li>
  );
}
