/** What nodes and pods use, over the time that the page is open. */
import type { JSX } from 'preact';
import { formatRoute } from '../../model/route.js';
import type { NodeUse, PodUse } from '../../model/usage.js';
import { bytesText, coresText, linesOf } from '../../model/usage.js';
import { followUsage, noUsage } from '../api/usage.js';
import { Chart } from '../ui/chart.js';
import { useShell } from '../ui/context.js';
import { useFollowed } from '../ui/hooks.js';
import { Notice } from '../ui/marks.js';

const podsShown = 20;

/** The page at `#/usage`. */
export function UsagePage(): JSX.Element {
  const { api, clock } = useShell();
  const { readings, error } = useFollowed(
    () => noUsage,
    (store, signal) => followUsage({ api, clock }, store, signal),
  );
  const last = readings.at(-1);
  return (
    <>
      <h1 tabIndex={-1}>Usage</h1>
      {error !== undefined && <Notice tone="bad">{error}</Notice>}
      {last === undefined && error === undefined && <p class="empty">Reading…</p>}
      {last !== undefined && (
        <>
          <div class="charts">
            <Chart
              title="CPU of nodes, cores"
              lines={linesOf(readings, ({ cores }) => cores)}
              format={coresText}
            />
            <Chart
              title="Memory of nodes, working set"
              lines={linesOf(readings, ({ bytes }) => bytes)}
              format={bytesText}
              areBytes
            />
          </div>
          <h2 id="nodes">Nodes</h2>
          <Uses
            label="nodes"
            rows={last.nodes.map((node: NodeUse) => ({
              ...node,
              link: formatRoute('pods', [], { node: node.name }),
            }))}
          />
          <h2 id="pods">Pods that use most</h2>
          <Uses label="pods" rows={busiest(last.pods)} />
        </>
      )}
    </>
  );
}

interface Use {
  readonly name: string;
  readonly link: string;
  readonly cores: number | undefined;
  readonly bytes: number;
}

function busiest(pods: readonly PodUse[]): Use[] {
  return pods
    .toSorted((a, b) => b.cores - a.cores || b.bytes - a.bytes)
    .slice(0, podsShown)
    .map(({ namespace, name, cores, bytes }) => ({
      name: `${namespace}/${name}`,
      link: formatRoute('pods', [namespace, name]),
      cores,
      bytes,
    }));
}

function Uses({ label, rows }: { label: string; rows: readonly Use[] }): JSX.Element {
  return (
    <div class="table-box" role="region" aria-labelledby={label} tabIndex={0}>
      <table class="numbers">
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">CPU</th>
            <th scope="col">Memory</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ name, link, cores, bytes }) => (
            <tr key={name}>
              <th scope="row">
                <a href={link}>{name}</a>
              </th>
              <td>{coresText(cores)}</td>
              <td>{bytesText(bytes)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
