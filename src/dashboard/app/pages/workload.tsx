/** One workload: its pods, its YAML, its events. */
import type { JSX } from 'preact';
import type { KubeObject } from '../../../api/object.js';
import type { Resource } from '../../model/resources.js';
import { pods } from '../../model/resources.js';
import { formatRoute } from '../../model/route.js';
import type { Selector } from '../../model/yaml-text.js';
import { selectorText } from '../../model/yaml-text.js';
import { followObject, loadingObject } from '../api/live-object.js';
import { useShell } from '../ui/context.js';
import { useFollowed } from '../ui/hooks.js';
import { Notice } from '../ui/marks.js';
import { ResourceTable } from '../ui/resource-table.js';
import { Tabs } from '../ui/tabs.js';
import { ObjectEvents } from './object-events.js';
import { ObjectHistory } from './object-history.js';
import { ObjectWhy } from './object-why.js';
import { ObjectYaml } from './object-yaml.js';

type Workload = KubeObject & { readonly spec?: { readonly selector?: Selector } };

const titles: Readonly<Record<string, string>> = {
  pods: 'Pods',
  why: 'Why',
  events: 'Events',
  history: 'History',
  yaml: 'YAML',
};

/** The page at `#/workloads/PLURAL/NAMESPACE/NAME`. */
export function WorkloadPage(props: {
  resource: Resource;
  namespace: string;
  name: string;
}): JSX.Element {
  const { api, clock, route } = useShell();
  const { resource, namespace, name } = props;
  const { object, isGone, error } = useFollowed(
    () => loadingObject<Workload>(),
    (store, signal) => followObject({ api, clock, resource, namespace, name }, store, signal),
  );
  const selector = object?.spec?.selector;
  const first = selector === undefined ? 'why' : 'pods';
  const tab = route.query.get('tab') ?? first;
  const parts = [...(selector === undefined ? [] : ['pods']), 'why', 'events', 'history', 'yaml'];
  return (
    <>
      <h1 tabIndex={-1}>
        <span class="faint">
          {resource.kind} {namespace} /
        </span>{' '}
        {name}
      </h1>
      {isGone && <Notice tone="busy">It is gone. What is shown is its last state.</Notice>}
      {error !== undefined && <Notice tone="bad">{error}</Notice>}
      {(object !== undefined || tab === 'history') && (
        <>
          <Tabs
            label={`Parts of the ${resource.kind}`}
            tabs={parts.map((part) => ({
              title: titles[part] ?? part,
              address: formatRoute('workloads', [resource.plural, namespace, name], { tab: part }),
              isCurrent: part === tab,
            }))}
          />
          {tab === 'pods' && selector !== undefined && (
            <ResourceTable
              resource={pods}
              caption="Pods"
              namespace={namespace}
              labelSelector={selectorText(selector)}
              wanted={['IP', 'Node']}
              linkOf={({ meta }) => formatRoute('pods', [namespace, meta.name])}
            />
          )}
          {tab === 'history' && <ObjectHistory {...props} object={isGone ? undefined : object} />}
          {tab === 'yaml' && <ObjectYaml {...props} />}
          {tab === 'events' && object !== undefined && <ObjectEvents object={object} />}
          {tab === 'why' && object !== undefined && <ObjectWhy object={object} />}
        </>
      )}
    </>
  );
}
