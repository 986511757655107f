/** An object as it was at a revision, and in which fields it differs from now. */
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { KubeObject } from '../../../api/object.js';
import { formatYaml } from '../../../api/print/yaml.js';
import { changedFields } from '../../../history/changes.js';
import type { HistoryEntry } from '../../../history/history.js';
import { valueText } from '../../../history/history.js';
import { objectAt } from '../../../history/past.js';
import { failureText } from '../../model/api-failure.js';
import type { Resource } from '../../model/resources.js';
import { pastOf } from '../api/past.js';
import { useShell } from '../ui/context.js';
import { Notice } from '../ui/marks.js';

/** Which object a page is about. */
export interface ObjectPlace {
  readonly resource: Resource;
  readonly namespace: string;
  readonly name: string;
}

/** How the object was, and in which fields it differs from now. */
export function ObjectThen(
  props: ObjectPlace & { object: KubeObject | undefined; entry: HistoryEntry },
): JSX.Element {
  const { api } = useShell();
  const { resource, namespace, name, object, entry } = props;
  const [then, setThen] = useState<KubeObject>();
  const [error, setError] = useState<string>();
  useEffect(() => {
    const abort = new AbortController();
    const { signal } = abort;
    void (async () => {
      try {
        const { list } = pastOf({ api, resource, namespace, signal });
        const read = await objectAt(list, name, entry.revision);
        if (signal.aborted) return;
        setThen(read);
        setError(read === undefined ? 'It did not exist at that revision.' : undefined);
      } catch (failed) {
        if (!signal.aborted) setError(failureText(failed));
      }
    })();
    return () => abort.abort();
  }, [entry.revision]);
  if (error !== undefined) return <Notice tone="bad">{error}</Notice>;
  if (then === undefined) return <p class="empty">Reading…</p>;
  return (
    <section aria-labelledby="then">
      <h2 id="then">As it was at revision {entry.revision}</h2>
      {object === undefined ? (
        <Notice tone="busy">It is gone by now.</Notice>
      ) : (
        <Differences then={then} now={object} />
      )}
      <details>
        <summary>The whole, as YAML</summary>
        <pre tabIndex={0} aria-label={`YAML of ${name} at revision ${entry.revision}`}>
          {formatYaml(withoutManaged(then))}
        </pre>
      </details>
      <p class="hint">
        Back to it, after the server has checked it: <code>{rewindCommand(props)}</code>
      </p>
    </section>
  );
}

function rewindCommand({
  resource,
  namespace,
  name,
  entry,
}: ObjectPlace & { entry: HistoryEntry }): string {
  return `trireme rewind ${resource.kind.toLowerCase()}/${name} -n ${namespace} --to ${entry.revision}`;
}

function withoutManaged({ metadata, ...rest }: KubeObject): object {
  const { managedFields: _managed, ...kept } = metadata;
  return { ...rest, metadata: kept };
}

function Differences({ then, now }: { then: KubeObject; now: KubeObject }): JSX.Element {
  const changes = changedFields(then, now);
  if (changes.length === 0) return <Notice tone="calm">It is now as it was then.</Notice>;
  return (
    <div class="table-box" role="region" aria-label="Differences from now" tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th scope="col">Field</th>
            <th scope="col">Then</th>
            <th scope="col">Now</th>
          </tr>
        </thead>
        <tbody>
          {changes.map(({ path, from, to }) => (
            <tr key={path}>
              <th scope="row">{path}</th>
              <td class="long removed">{from === undefined ? 'not set' : valueText(from)}</td>
              <td class="long added">{to === undefined ? 'not set' : valueText(to)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
