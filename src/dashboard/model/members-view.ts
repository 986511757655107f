/** The masters as the cluster's page shows them. */
import { formatMs } from '../../client/observation/describe.js';
import { heardMs, isAlive, lagOf, roundTripMs } from '../../client/observation/member-facts.js';
import type { KnownMember, WatchModel } from '../../client/observation/model.js';
import type { Tone } from './tone.js';

/** A master's row. */
export interface MemberView {
  readonly id: string;
  readonly name: string;
  /** `leader`, `follower` and so on; `down` or `silent` where it does not answer. */
  readonly role: string;
  readonly tone: Tone;
  /** By the heads of {@link memberHeads}; undefined where it does not answer. */
  readonly cells: readonly string[] | undefined;
  /** For those who look after it: why it does not answer, a full disk, a wrong clock. */
  readonly trouble: string;
}

/** The heads of the cells of a {@link MemberView}, each with what it means. */
export const memberHeads: readonly { readonly head: string; readonly title: string }[] = [
  { head: 'Term', title: "the member's term" },
  { head: 'Vote', title: 'for whom it has voted in it' },
  { head: 'Commit', title: 'up to which entry the log is known to be committed' },
  { head: 'Applied', title: "up to which entry it is applied to the member's state" },
  { head: 'Lag', title: 'committed entries that it has not applied' },
  {
    head: 'Heard',
    title: "since the leader's last message; on the leader, of the silent-most peer",
  },
  { head: 'RTT', title: 'of the last ping to the leader; on the leader, to its slowest peer' },
  { head: 'Peers', title: 'members to which messages get through in both directions' },
  { head: 'Sync p99', title: '99 of 100 of the latest syncs of the log took no longer' },
];

const roles: Readonly<Record<string, string>> = { preCandidate: 'pre-candidate' };
const tones: Readonly<Record<string, Tone>> = {
  leader: 'good',
  candidate: 'busy',
  preCandidate: 'busy',
};

/** All masters, sorted by name. */
export function memberViews(model: WatchModel, nowMs: number): readonly MemberView[] {
  return model.members.map((member) => memberView(model, member, nowMs));
}

function memberView(model: WatchModel, member: KnownMember, nowMs: number): MemberView {
  const { state, stateMs, error } = member;
  const base = { id: member.id.toString(16), name: model.nameOf(member.id) };
  if (state === undefined) {
    const role = error === undefined ? 'not heard of yet' : 'down';
    const tone = error === undefined ? 'busy' : 'bad';
    return { ...base, role, tone, cells: undefined, trouble: error ?? '' };
  }
  if (!isAlive(member, nowMs)) {
    const silent = `silent for ${formatMs(nowMs - stateMs)}`;
    const was = state.role === 'leader' ? 'it led' : 'it followed';
    const trouble = [`${was} in term ${state.term}`, error ?? ''].filter(Boolean).join('; ');
    return { ...base, role: silent, tone: 'bad', cells: undefined, trouble };
  }
  const heard = heardMs(state);
  const roundTrip = roundTripMs(state);
  const cells = [
    String(state.term),
    state.vote === 0n ? '-' : model.nameOf(state.vote),
    String(state.commit),
    String(state.applied),
    String(lagOf(state, model.members)),
    heard === undefined ? '-' : formatMs(heard + Math.max(0, nowMs - stateMs)),
    roundTrip === undefined ? '-' : formatMs(roundTrip),
    `${state.peers.filter(({ connected }) => connected).length}/${state.peers.length}`,
    state.syncP99Ms === 0 ? '-' : formatMs(state.syncP99Ms),
  ];
  const role = state.learner ? 'learner' : (roles[state.role] ?? state.role);
  return { ...base, role, tone: tones[state.role] ?? 'calm', cells, trouble: troubleOf(member) };
}

function troubleOf({ state, clockAheadMs }: KnownMember): string {
  const texts = [state?.trouble ?? ''];
  if (clockAheadMs !== 0) {
    const side = clockAheadMs > 0 ? 'ahead' : 'behind';
    texts.push(`its clock is ${formatMs(Math.abs(clockAheadMs))} ${side}; times are corrected`);
  }
  return texts.filter(Boolean).join('; ');
}

/** Where a component is active, as the API last knew. */
export interface ComponentView {
  readonly component: string;
  readonly text: string;
  readonly tone: Tone;
}

/** Scheduler and controllers. */
export function componentViews(model: WatchModel, nowMs: number): readonly ComponentView[] {
  return model.leases.map(({ component, holder, renewedMs, durationMs }) => {
    if (holder === '') return { component, text: 'active on nobody', tone: 'bad' };
    const member = model.members.find(({ name }) => name === holder);
    const leftMs = renewedMs + durationMs - nowMs;
    if ((member === undefined || isAlive(member, nowMs)) && leftMs > 0) {
      return { component, text: `active on ${holder}`, tone: 'good' };
    }
    const lease =
      leftMs > 0 ? `runs out in ${formatMs(leftMs)}` : `ran out ${formatMs(-leftMs)} ago`;
    return { component, text: `was on ${holder}; its lease ${lease}`, tone: 'busy' };
  });
}

/** One line about the whole: how many masters answer, and who leads. */
export function summaryOf(model: WatchModel, nowMs: number): { text: string; tone: Tone } {
  const { members } = model;
  if (members.length === 0) return { text: 'waiting for the masters', tone: 'busy' };
  const alive = members.filter((member) => isAlive(member, nowMs));
  const leader = alive.find(({ state }) => state?.role === 'leader');
  const answer = `${alive.length} of ${members.length} masters answer`;
  if (leader !== undefined) {
    const tone = alive.length === members.length ? 'good' : 'busy';
    return { text: `${answer}; ${model.nameOf(leader.id)} leads`, tone };
  }
  return { text: `${answer}; nobody leads, and writes wait`, tone: 'bad' };
}
