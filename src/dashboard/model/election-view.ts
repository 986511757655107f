/** The time line of an election as the page draws it: texts, and where each step lies in the whole. */
import { formatMs, formatTimeOfDay } from '../../client/observation/describe.js';
import type { NameOf } from '../../client/observation/describe.js';
import { describeStep, outcomeOf, termsOf } from '../../client/observation/describe-election.js';
import type { Election, StepKind } from '../../client/observation/elections.js';

/** One step on the line. */
export interface StepView {
  readonly kind: StepKind;
  /** Since the beginning: `+312 ms`. */
  readonly offset: string;
  readonly member: string;
  readonly detail: string;
  /** From the step before to this one, in hundredths of the time to the first commit; undefined past that. */
  readonly bar: { readonly left: number; readonly width: number } | undefined;
}

/** An election with its steps. */
export interface ElectionView {
  /** Stays the same as the election goes on. */
  readonly key: string;
  readonly time: string;
  readonly isTransfer: boolean;
  readonly isOver: boolean;
  readonly terms: string;
  readonly outcome: string;
  /** The time to the first commit; empty while there is none. */
  readonly took: string;
  /** For how long writers waited; empty where none did. */
  readonly gap: string;
  readonly steps: readonly StepView[];
}

/** The elections, the newest first. @param most how many of the newest */
export function electionViews(
  elections: readonly Election[],
  nameOf: NameOf,
  most: number,
): readonly ElectionView[] {
  return elections
    .slice(-most)
    .toReversed()
    .map((election) => electionView(election, nameOf));
}

function electionView(election: Election, nameOf: NameOf): ElectionView {
  const { startedMs, steps, writersWaitedMs } = election;
  const commit = steps.find(({ kind }) => kind === 'first commit');
  const wholeMs = ((commit ?? steps.at(-1))?.atMs ?? startedMs) - startedMs;
  let before = 0;
  return {
    key: String(startedMs),
    time: formatTimeOfDay(startedMs),
    isTransfer: election.transfer,
    isOver: election.isOver,
    terms: termsOf(election),
    outcome: outcomeOf(election),
    took: commit === undefined ? '' : formatMs(commit.atMs - startedMs),
    gap: writersWaitedMs === undefined ? '' : formatMs(writersWaitedMs),
    steps: steps.map((step) => {
      const sinceMs = Math.max(0, step.atMs - startedMs);
      const isRaft = step.kind !== 'scheduler' && step.kind !== 'controllers';
      const to = Math.min(100, (sinceMs / Math.max(1, wholeMs)) * 100);
      const bar = isRaft ? { left: before, width: Math.max(0, to - before) } : undefined;
      if (isRaft) before = Math.max(before, to);
      return {
        kind: step.kind,
        offset: `+${formatMs(sinceMs)}`,
        member: step.member,
        detail: describeStep(election, step, nameOf),
        bar,
      };
    }),
  };
}
