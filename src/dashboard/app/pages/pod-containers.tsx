/** A pod at a glance: where it runs, its containers, its conditions. */
import type { ComponentChildren, JSX } from 'preact';
import type { Pod } from '../../../api/types/core.js';
import type { ContainerView } from '../../model/pod-view.js';
import { formatRoute } from '../../model/route.js';
import { toneOf } from '../../model/tone.js';
import { Age, State } from '../ui/marks.js';

/** The first part of a pod's page. */
export function PodContainers(props: {
  pod: Pod;
  containers: readonly ContainerView[];
  nowMs: number;
}): JSX.Element {
  const { pod, containers, nowMs } = props;
  return (
    <>
      <Facts pod={pod} nowMs={nowMs} />
      <h2 id="containers">Containers</h2>
      <div class="table-box" role="region" aria-labelledby="containers" tabIndex={0}>
        <table>
          <thead>
            <tr>
              {['Name', 'State', 'Why', 'Restarts', 'Image', 'Ports'].map((head) => (
                <th scope="col" key={head}>
                  {head}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {containers.map((one) => (
              <tr key={one.name}>
                <th scope="row">
                  {one.name}
                  {one.role !== 'container' && <span class="faint"> {one.role}</span>}
                </th>
                <td>
                  <State tone={one.tone}>{one.state}</State>
                </td>
                <td class="long">{one.detail}</td>
                <td>{one.restarts}</td>
                <td>{one.image}</td>
                <td>{one.ports}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <Conditions pod={pod} nowMs={nowMs} />
    </>
  );
}

function Facts({ pod, nowMs }: { pod: Pod; nowMs: number }): JSX.Element {
  const { metadata, spec, status } = pod;
  const phase = status?.phase ?? '';
  const labels = Object.entries(metadata.labels ?? {}).map(([name, value]) => `${name}=${value}`);
  const owner = metadata.ownerReferences?.find(({ controller }) => controller === true);
  const facts: [string, ComponentChildren][] = [
    ['Phase', <State tone={toneOf(phase)}>{phase}</State>],
    [
      'Node',
      spec.nodeName === undefined ? (
        'none yet'
      ) : (
        <a href={formatRoute('pods', [], { node: spec.nodeName })}>{spec.nodeName}</a>
      ),
    ],
    ['Address', status?.podIP ?? 'none yet'],
    ['Age', <Age since={metadata.creationTimestamp} nowMs={nowMs} />],
    ['Controlled by', owner === undefined ? 'nobody' : `${owner.kind} ${owner.name}`],
    ['Service account', spec.serviceAccountName ?? 'default'],
    ['Labels', labels.length === 0 ? 'none' : labels.join(', ')],
  ];
  const message = status?.message ?? status?.reason;
  if (message !== undefined) facts.push(['Message', message]);
  return (
    <dl class="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Conditions({ pod, nowMs }: { pod: Pod; nowMs: number }): JSX.Element {
  const conditions = pod.status?.conditions ?? [];
  return (
    <>
      <h2 id="conditions">Conditions</h2>
      <div class="table-box" role="region" aria-labelledby="conditions" tabIndex={0}>
        <table>
          <thead>
            <tr>
              {['Type', 'Status', 'Since', 'Why'].map((head) => (
                <th scope="col" key={head}>
                  {head}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {conditions.map((one) => (
              <tr key={one.type}>
                <th scope="row">{one.type}</th>
                <td>
                  <State tone={one.status === 'True' ? 'good' : 'busy'}>{one.status}</State>
                </td>
                <td>
                  <Age since={one.lastTransitionTime} nowMs={nowMs} />
                </td>
                <td class="long">{[one.reason, one.message].filter(Boolean).join(': ')}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}
