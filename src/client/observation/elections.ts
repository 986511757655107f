/**
 * Elections, as they show in what members told: from the loss of the leader to the first commit under the next one, and
 * on to the components that moved. Pure: the whole is found anew from all that is known, since what an isolated member
 * has to tell comes late.
 */
import type { MemberEvent } from '../../gen/telemetry.js';
import type { Happening } from './model.js';

/** The steps of an election, in their order. */
export type StepKind =
  | 'heartbeat lost'
  | 'pre-vote'
  | 'candidate'
  | 'votes'
  | 'leader'
  | 'first commit'
  | 'scheduler'
  | 'controllers';

/** One step: when, on whom, and what there was. */
export interface Step {
  readonly kind: StepKind;
  readonly atMs: number;
  readonly member: string;
  readonly event: MemberEvent | undefined;
}

/** An election, or an attempt at one. */
export interface Election {
  readonly startedMs: number;
  /** The term before it. */
  readonly fromTerm: number;
  /** Undefined while nobody has won. */
  readonly term: number | undefined;
  readonly from: string | undefined;
  readonly winner: string | undefined;
  /** The leader asked for it, by a transfer. */
  readonly transfer: boolean;
  /** It is over: the first entry is committed, or those who asked follow a leader again. */
  readonly isOver: boolean;
  /** At most one of each kind, in their order of time. */
  readonly steps: readonly Step[];
  /** Of the winner, itself included. */
  readonly votes: readonly string[];
  /** Refused votes and pre-votes. */
  readonly refusals: number;
  /** Rounds of pre-votes and of votes that members began. */
  readonly rounds: number;
  /** The longest time in which writes waited at a master that elected and none was done; undefined: none was felt. */
  readonly writersWaitedMs: number | undefined;
}

type Told = Happening & { readonly kind: 'event' };

/** Components that move later than so long after an election have another reason. */
const componentsWithinMs = 30_000;

const beginnings = new Set([
  'leaderConnectionLost',
  'electionTimeout',
  'quorumLost',
  'transferStarted',
  'timeoutNow',
  'preCandidate',
  'candidate',
]);

const componentSteps: Readonly<Record<string, StepKind>> = {
  'kube-scheduler': 'scheduler',
  'kube-controller-manager': 'controllers',
};

/** The elections in `happenings`, which are sorted by time. @param nameOf of members, by id */
export function findElections(
  happenings: readonly Happening[],
  nameOf: (id: bigint) => string,
): readonly Election[] {
  const drafts: Draft[] = [];
  let leader: { readonly name: string; readonly term: number } | undefined;
  for (const happening of happenings) {
    const current = drafts.at(-1);
    if (happening.kind === 'component') current?.component(happening);
    if (happening.kind !== 'event') continue;
    const { event, atMs } = happening;
    // A member that was away asks in a term that is over, and is told so: that is no election.
    const isLate = leader !== undefined && ownTerm(event) < leader.term;
    const isBeginning = beginnings.has(event.kind) && !isLate;
    if (isBeginning && (current === undefined || current.isOver)) {
      drafts.push(new Draft(atMs, ownTerm(event), leader?.name, nameOf));
    }
    drafts.at(-1)?.take(happening);
    if (event.kind === 'leader') leader = { name: happening.member, term: event.term };
  }
  return drafts.map((draft) => draft.election());
}

/** The term of the member before what it tells: candidates tell of the term that they ask about. */
function ownTerm({ kind, term }: MemberEvent): number {
  return kind === 'preCandidate' || kind === 'candidate' ? term - 1 : term;
}

class Draft {
  readonly #startedMs: number;
  readonly #fromTerm: number;
  #from: string | undefined;
  #won: Told | undefined;
  #firstCommit: Told | undefined;
  #returned = false;
  #transfer = false;
  readonly #told: Told[] = [];
  readonly #nameOf: (id: bigint) => string;
  readonly #components: Step[] = [];
  #refusals = 0;
  #rounds = 0;
  /** The longest gap of writes at each member. */
  readonly #waitedMs = new Map<string, number>();
  #lastMs: number;

  constructor(
    startedMs: number,
    fromTerm: number,
    leader: string | undefined,
    nameOf: (id: bigint) => string,
  ) {
    this.#nameOf = nameOf;
    this.#startedMs = startedMs;
    this.#lastMs = startedMs;
    this.#fromTerm = fromTerm;
    this.#from = leader;
  }

  get term(): number | undefined {
    return this.#won?.event.term;
  }

  get isOver(): boolean {
    return this.#firstCommit !== undefined || this.#returned;
  }

  take(told: Told): void {
    const { event, member } = told;
    const { kind } = event;
    if (kind === 'writesWaited' || kind === 'writesFailed') {
      this.#waited(told);
      return;
    }
    if (this.isOver && kind !== 'quorumLost') return;
    this.#lastMs = told.atMs;
    this.#told.push(told);
    if (kind === 'transferStarted' || (kind === 'candidate' && event.transfer)) {
      this.#transfer = true;
    }
    if (kind === 'preCandidate' || kind === 'candidate') this.#rounds++;
    if (kind === 'voteRefused') this.#refusals++;
    if (kind === 'leader') this.#won = told;
    if (kind === 'firstCommit' && this.#won?.member === member) this.#firstCommit = told;
    const lost = kind === 'leaderConnectionLost' || kind === 'electionTimeout';
    if (lost && event.peer !== 0n) this.#from ??= this.#nameOf(event.peer);
    // A member that asked in vain follows a leader again: there was nothing to elect.
    const isBack = kind === 'follower' && event.peer !== 0n && event.term >= this.#fromTerm;
    if (isBack && this.#won === undefined && !this.#othersAsk(member)) this.#returned = true;
  }

  /** Tells whether another member has asked for votes, and not found a leader since. */
  #othersAsk(except: string): boolean {
    const asking = new Set<string>();
    for (const { member, event } of this.#told) {
      if (event.kind === 'preCandidate' || event.kind === 'candidate') asking.add(member);
      if (event.kind === 'follower' && event.peer !== 0n) asking.delete(member);
    }
    asking.delete(except);
    return asking.size > 0;
  }

  #waited({ atMs, event, member }: Told): void {
    const beganMs = atMs - event.durationMs;
    const end = this.#firstCommit?.atMs ?? this.#lastMs;
    // A gap that begins long after the first commit has another cause.
    if (beganMs > end + 1000) return;
    this.#waitedMs.set(member, Math.max(this.#waitedMs.get(member) ?? 0, event.durationMs));
  }

  component({ component, holder, atMs }: Happening & { readonly kind: 'component' }): void {
    const kind = componentSteps[component];
    if (kind === undefined || atMs < this.#startedMs) return;
    if (atMs > this.#startedMs + componentsWithinMs) return;
    if (this.#components.some((step) => step.kind === kind)) return;
    this.#components.push({ kind, atMs, member: holder, event: undefined });
  }

  /** The winner's latest event of a kind, which led to the votes; or else anybody's first. */
  #step(kind: StepKind, eventKind: string): Step | undefined {
    const isOne = ({ event }: Told): boolean => event.kind === eventKind;
    const told =
      this.#told.findLast((one) => isOne(one) && one.member === this.#won?.member) ??
      this.#told.find(isOne);
    return told === undefined ? undefined : stepOf(kind, told);
  }

  /** The votes of the winner: what it was given in its last round. */
  #votes(): readonly Told[] {
    const winner = this.#won;
    if (winner === undefined) return [];
    const own = this.#told.filter(({ member }) => member === winner.member);
    const begin = own.findLastIndex(({ event }) => event.kind === 'candidate');
    return own
      .slice(begin + 1, own.indexOf(winner))
      .filter(({ event }) => event.kind === 'voteCounted' && event.granted && !event.preVote);
  }

  /** Of the masters that elected: writers of an old leader that is cut off wait until they turn to another master. */
  #longestWaitMs(): number | undefined {
    const counted = [...this.#waitedMs].filter(([name]) => this.#transfer || name !== this.#from);
    return counted.length === 0 ? undefined : Math.max(...counted.map(([, ms]) => ms));
  }

  election(): Election {
    const votes = this.#votes();
    const last = votes.at(-1);
    const lost = this.#told.find(({ event }) => beginnings.has(event.kind));
    const steps = [
      lost === undefined ? undefined : stepOf('heartbeat lost', lost),
      this.#step('pre-vote', 'preCandidate'),
      this.#step('candidate', 'candidate'),
      last === undefined ? undefined : stepOf('votes', last),
      this.#won === undefined ? undefined : stepOf('leader', this.#won),
      this.#firstCommit === undefined ? undefined : stepOf('first commit', this.#firstCommit),
      ...this.#components.toSorted((a, b) => a.atMs - b.atMs),
    ].filter((step) => step !== undefined);
    return {
      startedMs: this.#startedMs,
      fromTerm: this.#fromTerm,
      term: this.term,
      from: this.#from,
      winner: this.#won?.member,
      transfer: this.#transfer,
      isOver: this.isOver,
      steps,
      votes: votes.map(({ event }) => this.#nameOf(event.peer)),
      refusals: this.#refusals,
      rounds: this.#rounds,
      writersWaitedMs: this.#longestWaitMs(),
    };
  }
}

function stepOf(kind: StepKind, { atMs, member, event }: Told): Step {
  return { kind, atMs, member, event };
}
