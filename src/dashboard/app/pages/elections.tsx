/** The time lines of elections, the newest one in full. */
import type { JSX } from 'preact';
import type { ElectionView, StepView } from '../../model/election-view.js';

/** The newest elections; read out when one is over. */
export function Elections({ elections }: { elections: readonly ElectionView[] }): JSX.Element {
  const [newest] = elections;
  return (
    <section aria-labelledby="elections">
      <h2 id="elections">Elections</h2>
      <p class="unseen" role="status">
        {newest?.isOver === true ? `${newest.terms}: ${newest.outcome}` : ''}
      </p>
      {elections.length === 0 && <p class="empty">None is known of yet.</p>}
      {elections.map((election, n) => (
        <details class="election" key={election.key} open={n === 0}>
          <summary>
            <time>{election.time}</time> <b>{election.isTransfer ? 'Transfer' : 'Election'}</b>{' '}
            {election.terms}, {election.outcome}
            {election.took !== '' && ` in ${election.took}`}
            {election.gap !== '' && <em> writers waited {election.gap}</em>}
          </summary>
          <ol class="steps">
            {election.steps.map((step) => (
              <Step key={step.kind} step={step} />
            ))}
          </ol>
        </details>
      ))}
    </section>
  );
}

function Step({ step }: { step: StepView }): JSX.Element {
  const { bar } = step;
  return (
    <li class={`step step-${step.kind.replace(' ', '-')}`}>
      <span class="offset">{step.offset}</span>
      <span class="kind">{step.kind}</span>
      <span class="line" aria-hidden="true">
        {bar !== undefined && (
          <span class="bar" style={{ left: `${bar.left}%`, width: `${bar.width}%` }} />
        )}
      </span>
      <span class="text">
        <b>{step.member}</b> {step.detail}
      </span>
    </li>
  );
}
