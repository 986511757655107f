/** Describes happenings in one line each, in Raft's terms. Pure. */
import type { MemberEvent } from '../../gen/telemetry.js';
import type { Happening } from './model.js';

/** A member's name by its id. */
export type NameOf = (id: bigint) => string;

const refusals: Readonly<Record<string, string>> = {
  alreadyVoted: 'it has voted for another in that term',
  logBehind: "the candidate's log is behind",
  leaderAlive: 'it hears a leader',
  leaderKnown: 'the term has a leader',
  termOver: 'the term is over',
  ownCandidacy: 'it asks itself, and goes first',
};

/** Returns the name of the member, component or node that a happening concerns. */
export function subjectOf(happening: Happening): string {
  switch (happening.kind) {
    case 'component':
      return happening.component;
    case 'node':
      return happening.node;
    default:
      return happening.member;
  }
}

/** Describes a happening without its subject and time; undefined for one that means nothing to a person. */
export function describeHappening(happening: Happening, nameOf: NameOf): string | undefined {
  switch (happening.kind) {
    case 'event':
      return describeEvent(happening.event, nameOf);
    case 'missed':
      return `${happening.count} events are not kept any more`;
    case 'component':
      return `active on ${happening.holder}`;
    case 'node':
      return happening.ready ? 'Ready' : 'NotReady';
    case 'silent':
      return `does not answer: ${happening.error}`;
    default:
      return 'answers again';
  }
}

/** As {@link describeHappening}, of a member's event. */
export function describeEvent(event: MemberEvent, nameOf: NameOf): string | undefined {
  const { kind, term, index, count } = event;
  const peer = event.peer === 0n ? '' : nameOf(event.peer);
  const vote = event.preVote ? 'pre-vote' : 'vote';
  switch (kind) {
    case 'started':
      return 'started';
    case 'stopping':
      return 'stops';
    case 'electionTimeout':
      return peer === ''
        ? 'election timeout: no leader was found'
        : `election timeout: nothing heard of leader ${peer}`;
    case 'leaderConnectionLost':
      return `lost the connection to leader ${peer}`;
    case 'preCandidate':
      return `pre-candidate: asks ${count} voters about term ${term}`;
    case 'candidate':
      return event.transfer
        ? `candidate in term ${term}, as its leader wishes`
        : `candidate in term ${term}: asks ${count} voters`;
    case 'voteGranted':
      return event.preVote
        ? `would vote for ${peer} in term ${term}`
        : `votes for ${peer} in term ${term}`;
    case 'voteRefused':
      return `refuses ${peer} its ${vote} for term ${term}: ${refusals[event.reason] ?? event.reason}`;
    case 'voteCounted':
      return event.granted ? `has the ${vote} of ${peer}` : `is refused the ${vote} of ${peer}`;
    case 'electionLost':
      return `did not get a majority of ${vote}s`;
    case 'candidacyDeferred':
      return 'may not ask for votes yet: a membership change is to be applied first';
    case 'leader':
      return `leader of term ${term}; entry ${index} starts it`;
    case 'firstCommit':
      return `first commit of term ${term}: entry ${index}`;
    case 'follower':
      return peer === ''
        ? `follower in term ${term}, of nobody yet`
        : `follows ${peer} in term ${term}`;
    case 'quorumLost':
      return 'steps down: it has heard no quorum for an election timeout';
    case 'transferStarted':
      return `hands leadership over to ${peer}`;
    case 'transferAborted':
      return `gives up handing over to ${peer}`;
    case 'timeoutNow':
      return `is asked by ${peer} to campaign at once`;
    case 'commitLearned':
      return `learns from ${peer} that entry ${index} is committed`;
    case 'configChanged':
      return `configuration ${event.detail}`;
    case 'snapshotSent':
      return `starts sending a snapshot to ${peer}`;
    case 'snapshotDelivered':
      return `sent ${peer} a snapshot up to entry ${index} in ${formatMs(event.durationMs)}`;
    case 'snapshotFailed':
      return `could not send ${peer} a snapshot`;
    case 'snapshotRestored':
      return `installs a snapshot up to entry ${index}`;
    case 'snapshotRefused':
      return `refuses a snapshot up to entry ${index}: it does not name this member`;
    case 'peerConnected':
      return `connected to ${peer}`;
    case 'peerLost':
      return `lost the connection to ${peer}`;
    case 'diskSlow':
      return `${count === 1 ? 'a slow sync' : `${count} slow syncs`} of the log, the worst ${formatMs(event.durationMs)}`;
    case 'writesWaited':
      return `${writes(count)} waited; for ${formatMs(event.durationMs)} none was done`;
    case 'writesFailed':
      return `${writes(count)} failed, after ${formatMs(event.durationMs)} in which none was done`;
    default:
      return undefined;
  }
}

function writes(count: number): string {
  return count === 1 ? '1 write' : `${count} writes`;
}

/** Milliseconds below ten seconds, then seconds, then minutes. */
export function formatMs(ms: number): string {
  if (ms < 9.95) return `${ms.toFixed(1)} ms`;
  if (ms < 9_999.5) return `${Math.round(ms)} ms`;
  if (ms < 99_950) return `${(ms / 1000).toFixed(1)} s`;
  return `${Math.round(ms / 60_000)} min`;
}

/** `14:03:22.107`, in UTC as all logs of the program. */
export function formatTimeOfDay(ms: number): string {
  return new Date(ms).toISOString().slice(11, 23);
}
