/** One service: where traffic enters, by which ports, and which pods get it. */
import type { JSX } from 'preact';
import type { Service } from '../../../api/types/core.js';
import type { EndpointSlice, Ingress } from '../../../api/types/networking.js';
import { endpointSlices, ingresses, pathOf, services } from '../../model/resources.js';
import { formatRoute } from '../../model/route.js';
import type { Backend, Traffic } from '../../model/traffic.js';
import { trafficOf } from '../../model/traffic.js';
import { followObject, loadingObject } from '../api/live-object.js';
import { followObjects, loadingObjects } from '../api/live-objects.js';
import { useShell } from '../ui/context.js';
import { useFollowed } from '../ui/hooks.js';
import { Notice, State } from '../ui/marks.js';
import { Tabs } from '../ui/tabs.js';
import { ObjectEvents } from './object-events.js';
import { ObjectHistory } from './object-history.js';
import { ObjectWhy } from './object-why.js';
import { ObjectYaml } from './object-yaml.js';

/** The page at `#/services/NAMESPACE/NAME`. */
export function ServicePage(props: { namespace: string; name: string }): JSX.Element {
  const { api, clock, route } = useShell();
  const { namespace, name } = props;
  const { object, isGone, error } = useFollowed(
    () => loadingObject<Service>(),
    (store, signal) =>
      followObject({ api, clock, resource: services, namespace, name }, store, signal),
  );
  const tab = route.query.get('tab') ?? '';
  const parts = [
    ['', 'Traffic'],
    ['why', 'Why'],
    ['events', 'Events'],
    ['history', 'History'],
    ['yaml', 'YAML'],
  ] as const;
  return (
    <>
      <h1 tabIndex={-1}>
        <span class="faint">Service {namespace} /</span> {name}
      </h1>
      <Tabs
        label="Parts of the service"
        tabs={parts.map(([part, title]) => ({
          title,
          address: formatRoute('services', [namespace, name], { tab: part }),
          isCurrent: part === tab,
        }))}
      />
      {isGone && <Notice tone="busy">It is gone. What is shown is its last state.</Notice>}
      {error !== undefined && <Notice tone="bad">{error}</Notice>}
      {object !== undefined && tab === '' && <Flow service={object} />}
      {object !== undefined && tab === 'why' && <ObjectWhy object={object} />}
      {tab === 'history' && (
        <ObjectHistory resource={services} {...props} object={isGone ? undefined : object} />
      )}
      {object !== undefined && tab === 'yaml' && <ObjectYaml resource={services} {...props} />}
      {object !== undefined && tab === 'events' && <ObjectEvents object={object} />}
    </>
  );
}

function Flow({ service }: { service: Service }): JSX.Element {
  const { api, clock } = useShell();
  const { namespace = '', name } = service.metadata;
  const slices = useFollowed(
    () => loadingObjects<EndpointSlice>(),
    (store, signal) => {
      const path = pathOf(endpointSlices, { namespace });
      const labelSelector = `kubernetes.io/service-name=${name}`;
      return followObjects({ api, clock, path, labelSelector }, store, signal);
    },
  );
  const entries = useFollowed(
    () => loadingObjects<Ingress>(),
    (store, signal) =>
      followObjects({ api, clock, path: pathOf(ingresses, { namespace }) }, store, signal),
  );
  const traffic = trafficOf(service, [...slices.objects.values()], [...entries.objects.values()]);
  return (
    <>
      {slices.error !== undefined && <Notice tone="bad">{slices.error}</Notice>}
      <ol class="flow" aria-label="How traffic flows">
        <li>
          <h2>Enters by</h2>
          <ul>
            {traffic.entries.map(({ kind, text }) => (
              <li class="node" key={`${kind} ${text}`}>
                <span class="faint">{kind}</span> <b>{text}</b>
              </li>
            ))}
          </ul>
        </li>
        <li>
          <h2>Service</h2>
          <Ports name={name} traffic={traffic} />
        </li>
        <li>
          <h2>Listed in</h2>
          <ul>
            {traffic.slices.map((slice) => (
              <li class="node" key={slice.name}>
                <span class="faint">EndpointSlice</span> <b>{slice.name}</b>{' '}
                <State tone={slice.tone}>{slice.text}</State>
              </li>
            ))}
          </ul>
          {traffic.slices.length === 0 && <p class="empty">No EndpointSlice is there.</p>}
        </li>
        <li>
          <h2>Answered by</h2>
          <ul>
            {traffic.backends.map((one) => (
              <BackendNode key={one.key} backend={one} namespace={namespace} />
            ))}
          </ul>
          {traffic.backends.length === 0 && (
            <Notice tone="bad">Nobody: no pod that its selector finds has an address.</Notice>
          )}
        </li>
      </ol>
    </>
  );
}

function Ports({ name, traffic }: { name: string; traffic: Traffic }): JSX.Element {
  return (
    <div class="node">
      <b>{name}</b>
      <ul>
        {traffic.ports.map((port) => (
          <li key={port}>{port}</li>
        ))}
      </ul>
      <span class="faint">
        {traffic.selector === '' ? 'without a selector' : `selects ${traffic.selector}`}
      </span>
    </div>
  );
}

function BackendNode({ backend, namespace }: { backend: Backend; namespace: string }): JSX.Element {
  const { pod, address, ports, node, state, tone } = backend;
  const place = ports === '' ? address : `${address}:${ports}`;
  return (
    <li class="node">
      {pod === '' ? <b>{place}</b> : <a href={formatRoute('pods', [namespace, pod])}>{pod}</a>}{' '}
      <State tone={tone}>{state}</State>
      <div class="faint">
        {pod === '' ? '' : place}
        {node !== '' && ` on ${node}`}
      </div>
    </li>
  );
}
