/** `cluster watch` for pipes: a line for each thing that happens, for people or as JSON. Pure. */
import type { MemberEvent } from '../../gen/telemetry.js';
import {
  describeHappening,
  formatMs,
  formatTimeOfDay,
  subjectOf,
} from '../../client/observation/describe.js';
import type { Election } from '../../client/observation/elections.js';
import type { Happening, KnownMember, WatchModel } from '../../client/observation/model.js';

/** Of what happened, a line; undefined where there is nothing to say. */
export function plainLine(happening: Happening, model: WatchModel): string | undefined {
  const text = describeHappening(happening, (id) => model.nameOf(id));
  if (text === undefined) return undefined;
  return `${formatTimeOfDay(happening.atMs)} ${subjectOf(happening)} ${text}`;
}

/** Describes the state of a member at the beginning. */
export function plainMember({ name, state }: KnownMember, nowMs: number): string {
  const time = formatTimeOfDay(nowMs);
  if (state === undefined) return `${time} ${name} does not answer`;
  const role = state.learner ? 'learner' : state.role;
  return `${time} ${name} is ${role} in term ${state.term}, commit ${state.commit}`;
}

/** An election that is over. */
export function plainElection(election: Election): string {
  const { winner, from, term, fromTerm, startedMs, steps, writersWaitedMs } = election;
  const time = formatTimeOfDay(steps.at(-1)?.atMs ?? startedMs);
  const gap = writersWaitedMs === undefined ? '' : `; writers waited ${formatMs(writersWaitedMs)}`;
  if (winner === undefined) return `${time} election none: term ${fromTerm} keeps its leader${gap}`;
  const times = steps.map(({ kind, atMs }) => `${kind} +${formatMs(atMs - startedMs)}`).join(', ');
  return `${time} election ${from ?? 'nobody'} -> ${winner}, term ${fromTerm} -> ${term}: ${times}${gap}`;
}

/** The same as JSON; docs/WATCH.md has the fields. */
export function jsonLine(happening: Happening, model: WatchModel): string {
  const time = new Date(happening.atMs).toISOString();
  switch (happening.kind) {
    case 'event':
      return JSON.stringify({
        type: 'event',
        time,
        member: happening.member,
        ...eventFields(happening.event, model),
      });
    case 'missed':
      return JSON.stringify({
        type: 'missed',
        time,
        member: happening.member,
        count: happening.count,
      });
    case 'component': {
      const { component, holder } = happening;
      return JSON.stringify({ type: 'component', time, component, holder });
    }
    case 'node':
      return JSON.stringify({ type: 'node', time, node: happening.node, ready: happening.ready });
    case 'silent': {
      const { member, error } = happening;
      return JSON.stringify({ type: 'silent', time, member, error });
    }
    default:
      return JSON.stringify({ type: 'answers', time, member: happening.member });
  }
}

/** Fields without a meaning for the kind are left out. */
function eventFields(event: MemberEvent, model: WatchModel): Record<string, unknown> {
  const { kind, sequence, term, monotonicMs, peer, index, reason, durationMs, count, detail } =
    event;
  const isVote = kind.startsWith('vote') || kind === 'electionLost';
  return {
    kind,
    sequence,
    term,
    monotonicMs,
    ...(peer === 0n ? {} : { peer: model.nameOf(peer) }),
    ...(index === 0 ? {} : { index }),
    ...(isVote ? { preVote: event.preVote, granted: event.granted } : {}),
    ...(reason === '' ? {} : { reason }),
    ...(durationMs === 0 ? {} : { durationMs }),
    ...(count === 0 ? {} : { count }),
    ...(event.transfer ? { transfer: true } : {}),
    ...(detail === '' ? {} : { detail }),
  };
}

/** The state of a member. */
export function jsonMember(member: KnownMember, model: WatchModel): string {
  const { name, id, state, stateMs, error } = member;
  const base = { type: 'member', member: name, id: id.toString(16) };
  if (state === undefined) return JSON.stringify({ ...base, answers: false, error });
  return JSON.stringify({
    ...base,
    time: new Date(stateMs).toISOString(),
    answers: error === undefined,
    error,
    role: state.role,
    learner: state.learner,
    term: state.term,
    vote: state.vote === 0n ? null : model.nameOf(state.vote),
    leader: state.leader === 0n ? null : model.nameOf(state.leader),
    commit: state.commit,
    applied: state.applied,
    lastIndex: state.lastIndex,
    syncP99Ms: state.syncP99Ms,
    pendingWrites: state.pendingWrites,
    peers: state.peers.map((peer) => ({
      member: model.nameOf(peer.id),
      connected: peer.connected,
      heardMsAgo: peer.heardMsAgo < 0 ? null : peer.heardMsAgo,
      roundTripMs: peer.roundTripMs < 0 ? null : peer.roundTripMs,
    })),
  });
}

/** An election that is over; milliseconds since its beginning. */
export function jsonElection(election: Election): string {
  const { startedMs, steps, from, winner, fromTerm, term, votes, writersWaitedMs } = election;
  return JSON.stringify({
    type: 'election',
    time: new Date(startedMs).toISOString(),
    from: from ?? null,
    winner: winner ?? null,
    fromTerm,
    term: term ?? null,
    transfer: election.transfer,
    votes,
    steps: steps.map(({ kind, atMs, member }) => ({ step: kind, member, ms: atMs - startedMs })),
    writersWaitedMs: writersWaitedMs ?? null,
  });
}
