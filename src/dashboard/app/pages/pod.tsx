/** A pod: its containers, its logs, a shell in it, its events. */
import type { JSX } from 'preact';
import type { Pod } from '../../../api/types/core.js';
import { containerViews, defaultContainer } from '../../model/pod-view.js';
import { pods } from '../../model/resources.js';
import { formatRoute } from '../../model/route.js';
import { followObject, loadingObject } from '../api/live-object.js';
import type { LiveObject } from '../api/live-object.js';
import { useShell } from '../ui/context.js';
import { useFollowed, useNow } from '../ui/hooks.js';
import { Notice } from '../ui/marks.js';
import { Tabs } from '../ui/tabs.js';
import { ObjectEvents } from './object-events.js';
import { ObjectHistory } from './object-history.js';
import { ObjectWhy } from './object-why.js';
import { ObjectYaml } from './object-yaml.js';
import { PodContainers } from './pod-containers.js';
import { PodLogs } from './pod-logs.js';
import { PodShell } from './pod-shell.js';

const tabs = [
  ['', 'Overview'],
  ['why', 'Why'],
  ['logs', 'Logs'],
  ['shell', 'Shell'],
  ['events', 'Events'],
  ['history', 'History'],
  ['yaml', 'YAML'],
] as const;

/** The page at `#/pods/NAMESPACE/NAME`. */
export function PodPage({ namespace, name }: { namespace: string; name: string }): JSX.Element {
  const { api, clock, route } = useShell();
  const { object, isGone, error } = useFollowed(
    () => loadingObject<Pod>(),
    (store, signal) => followObject({ api, clock, resource: pods, namespace, name }, store, signal),
  );
  const tab = route.query.get('tab') ?? '';
  return (
    <>
      <h1 tabIndex={-1}>
        <span class="faint">Pod {namespace} /</span> {name}
      </h1>
      <Tabs
        label="Parts of the pod"
        tabs={tabs.map(([part, title]) => ({
          title,
          address: formatRoute('pods', [namespace, name], { tab: part }),
          isCurrent: part === tab,
        }))}
      />
      {isGone && <Notice tone="busy">The pod is gone. What is shown is its last state.</Notice>}
      {error !== undefined && !isGone && <Notice tone="bad">{error}</Notice>}
      {error !== undefined && isGone && <p class="empty">{error}</p>}
      {tab === 'history' && (
        <ObjectHistory
          resource={pods}
          namespace={namespace}
          name={name}
          object={isGone ? undefined : object}
        />
      )}
      {object !== undefined && tab !== 'history' && <Part pod={object} tab={tab} />}
    </>
  );
}

function Part({
  pod,
  tab,
}: {
  pod: NonNullable<LiveObject<Pod>['object']>;
  tab: string;
}): JSX.Element {
  const { clock } = useShell();
  const nowMs = useNow(clock);
  const containers = containerViews(pod);
  const first = defaultContainer(pod);
  switch (tab) {
    case 'logs':
      return <PodLogs pod={pod} containers={containers} first={first} />;
    case 'shell':
      return <PodShell pod={pod} containers={containers} first={first} />;
    case 'why':
      return <ObjectWhy object={pod} />;
    case 'events':
      return <ObjectEvents object={pod} />;
    case 'yaml': {
      const { namespace = '', name } = pod.metadata;
      return <ObjectYaml resource={pods} namespace={namespace} name={name} />;
    }
    default:
      return <PodContainers pod={pod} containers={containers} nowMs={nowMs} />;
  }
}
