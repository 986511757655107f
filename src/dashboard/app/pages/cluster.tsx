/** The cluster: masters with their live Raft state, elections as they happen, and the workers. */
import type { JSX } from 'preact';
import {
  describeHappening,
  formatTimeOfDay,
  subjectOf,
} from '../../../client/observation/describe.js';
import { findElections } from '../../../client/observation/elections.js';
import type { WatchModel } from '../../../client/observation/model.js';
import { electionViews } from '../../model/election-view.js';
import { componentViews, memberHeads, memberViews, summaryOf } from '../../model/members-view.js';
import { nodes } from '../../model/resources.js';
import { formatRoute } from '../../model/route.js';
import { followObservation, nothingObserved } from '../api/observation.js';
import { useShell } from '../ui/context.js';
import { useFollowed } from '../ui/hooks.js';
import { Notice, State } from '../ui/marks.js';
import { ResourceTable } from '../ui/resource-table.js';
import { Elections } from './elections.js';

const electionsShown = 5;
const happeningsShown = 60;

/** The page at `#/cluster`. */
export function ClusterPage(): JSX.Element {
  const { api, clock } = useShell();
  const observed = useFollowed(nothingObserved, (store, signal) =>
    followObservation({ api, clock }, store, signal),
  );
  const { model, error, isForbidden } = observed;
  const nowMs = clock.nowMs();
  const nameOf = (id: bigint): string => model.nameOf(id);
  const summary = summaryOf(model, nowMs);
  return (
    <>
      <h1 tabIndex={-1}>Cluster</h1>
      {isForbidden ? (
        <Notice tone="calm">
          The masters' state is not shown: you may not get the path /trireme/cluster.
        </Notice>
      ) : (
        <>
          {error !== undefined && (
            <Notice tone="bad">
              {error}. What is shown is from before; another master may serve this page still.
            </Notice>
          )}
          <p class="summary" role="status">
            <State tone={summary.tone}>{summary.text}</State>
          </p>
          <Masters model={model} nowMs={nowMs} />
          <Elections
            elections={electionViews(
              findElections(model.happenings, nameOf),
              nameOf,
              electionsShown,
            )}
          />
        </>
      )}
      <section aria-labelledby="workers">
        <h2 id="workers">Workers</h2>
        <ResourceTable
          resource={nodes}
          caption="Workers"
          wanted={['Internal-IP']}
          linkOf={(row) => formatRoute('pods', [], { node: row.meta.name })}
        />
      </section>
      {!isForbidden && <Happenings model={model} />}
    </>
  );
}

function Masters({ model, nowMs }: { model: WatchModel; nowMs: number }): JSX.Element {
  return (
    <section aria-labelledby="masters">
      <h2 id="masters">Masters</h2>
      <div class="table-box" role="region" aria-label="Masters" tabIndex={0}>
        <table class="numbers">
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col">Role</th>
              {memberHeads.map(({ head, title }) => (
                <th scope="col" title={title} key={head}>
                  {head}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {memberViews(model, nowMs).map(({ id, name, role, tone, cells, trouble }) => (
              <tr key={id}>
                <th scope="row">{name}</th>
                <td>
                  <State tone={tone}>{role}</State>
                  {cells !== undefined && trouble !== '' && <p class="trouble">{trouble}</p>}
                </td>
                {cells === undefined ? (
                  <td colSpan={memberHeads.length}>{trouble}</td>
                ) : (
                  cells.map((cell, n) => <td key={n}>{cell}</td>)
                )}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <dl class="facts">
        {componentViews(model, nowMs).map(({ component, text, tone }) => (
          <div key={component}>
            <dt>{component}</dt>
            <dd>
              <State tone={tone}>{text}</State>
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function Happenings({ model }: { model: WatchModel }): JSX.Element {
  const nameOf = (id: bigint): string => model.nameOf(id);
  const lines = model.happenings
    .slice(-happeningsShown * 2)
    .toReversed()
    .flatMap((happening, n) => {
      const text = describeHappening(happening, nameOf);
      const time = formatTimeOfDay(happening.atMs);
      return text === undefined ? [] : [{ n, time, subject: subjectOf(happening), text }];
    })
    .slice(0, happeningsShown);
  return (
    <section aria-labelledby="happenings">
      <h2 id="happenings">What the masters tell</h2>
      <p class="hint">The newest first; times are UTC.</p>
      <ol class="happenings" tabIndex={0} aria-labelledby="happenings">
        {lines.map(({ n, time, subject, text }) => (
          <li key={n}>
            <time>{time}</time> <b>{subject}</b> {text}
          </li>
        ))}
      </ol>
    </section>
  );
}
