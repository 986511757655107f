/** The time line of elections, as lines. Pure. */
import { describeStep, outcomeOf, termsOf } from '../../client/observation/describe-election.js';
import {
  describeHappening,
  formatMs,
  formatTimeOfDay,
  subjectOf,
} from '../../client/observation/describe.js';
import type { NameOf } from '../../client/observation/describe.js';
import type { Election, Step } from '../../client/observation/elections.js';
import type { Happening } from '../../client/observation/model.js';
import { fit, piece } from './style.js';
import type { Line, Tone } from './style.js';

const stepTones: Readonly<Record<string, Tone>> = {
  'heartbeat lost': 'down',
  'pre-vote': 'candidate',
  candidate: 'candidate',
  votes: 'candidate',
  leader: 'leader',
  'first commit': 'leader',
  scheduler: 'accent',
  controllers: 'accent',
};

/** As the steps of an election name them. */
const shortNames: Readonly<Record<string, string>> = {
  'kube-scheduler': 'scheduler',
  'kube-controller-manager': 'controllers',
};

/** An election in full: a title, and a line for each step with its time since the beginning. */
export function electionLines(election: Election, nameOf: NameOf): Line[] {
  return [titleOf(election), ...election.steps.map((step) => stepLine(election, step, nameOf))];
}

/** An election on one line. */
export function electionSummary(election: Election): Line {
  const { winner, steps, startedMs } = election;
  const commit = steps.find(({ kind }) => kind === 'first commit');
  const took = commit === undefined ? '' : ` in ${formatMs(commit.atMs - startedMs)}`;
  return [
    piece(` ${formatTimeOfDay(startedMs)}  `, 'dim'),
    piece(`${termsOf(election)}  `),
    piece(`${outcomeOf(election)}${winner === undefined ? '' : took}`),
    piece(gapOf(election), 'accent'),
  ];
}

function titleOf(election: Election): Line {
  return [
    piece(election.transfer ? 'TRANSFER ' : 'ELECTION ', 'bold'),
    piece(`${formatTimeOfDay(election.startedMs)}  `, 'dim'),
    piece(`${termsOf(election)}  `),
    piece(outcomeOf(election), 'bold'),
    piece(gapOf(election), 'accent'),
  ];
}

function gapOf({ writersWaitedMs }: Election): string {
  return writersWaitedMs === undefined ? '' : `  writers waited ${formatMs(writersWaitedMs)}`;
}

function stepLine(election: Election, step: Step, nameOf: NameOf): Line {
  const tone = stepTones[step.kind] ?? 'plain';
  return [
    piece(fit(`+${formatMs(Math.max(0, step.atMs - election.startedMs))}`, 10, 'right'), 'dim'),
    piece('  '),
    piece(fit(step.kind, 15), tone),
    piece(`${step.member} `),
    piece(describeStep(election, step, nameOf), 'dim'),
  ];
}

/** A happening on one line. */
export function happeningLine(happening: Happening, nameOf: NameOf): Line | undefined {
  const text = describeHappening(happening, nameOf);
  if (text === undefined) return undefined;
  return [
    piece(` ${formatTimeOfDay(happening.atMs)}  `, 'dim'),
    piece(`${fit(shortNames[subjectOf(happening)] ?? subjectOf(happening), 12)} `),
    piece(text, toneOf(happening)),
  ];
}

function toneOf(happening: Happening): Tone {
  if (happening.kind === 'component') return 'accent';
  if (happening.kind === 'silent') return 'down';
  if (happening.kind !== 'event') return 'plain';
  switch (happening.event.kind) {
    case 'leader':
    case 'firstCommit':
      return 'leader';
    case 'preCandidate':
    case 'candidate':
      return 'candidate';
    case 'leaderConnectionLost':
    case 'electionTimeout':
    case 'quorumLost':
    case 'writesFailed':
    case 'diskSlow':
      return 'down';
    case 'writesWaited':
      return 'accent';
    default:
      return 'plain';
  }
}
