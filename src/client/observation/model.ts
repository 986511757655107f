/**
 * Knows what is known of a cluster that is watched: a fold of observations. Those of several masters may be mixed, and
 * come twice or late: each event of a member counts once, by its number, and the newest state of a member holds. No
 * clock, no output.
 */
import type { ClusterView, ComponentLease, Observation, ViewMember } from '../../gen/cluster.js';
import type { MemberCursor, NodeStatus } from '../../gen/cluster.js';
import type { MemberEvent, MemberReport, MemberState } from '../../gen/telemetry.js';

/** One thing that happened. Times are the watcher's, as well as they are known. */
export type Happening = { readonly atMs: number } & (
  | { readonly kind: 'event'; readonly member: string; readonly event: MemberEvent }
  | { readonly kind: 'missed'; readonly member: string; readonly count: number }
  | { readonly kind: 'component'; readonly component: string; readonly holder: string }
  | { readonly kind: 'node'; readonly node: string; readonly ready: boolean }
  | { readonly kind: 'silent'; readonly member: string; readonly error: string }
  | { readonly kind: 'answers'; readonly member: string }
);

/** A member as it was last heard of. */
export interface KnownMember {
  readonly id: bigint;
  readonly name: string;
  readonly learner: boolean;
  /** Undefined before its first report. */
  readonly state: MemberState | undefined;
  /** When that state came. */
  readonly stateMs: number;
  /** Why it does not answer; undefined while it does. */
  readonly error: string | undefined;
  /** The lead of its clock over ours, where it is more than a network's delay. */
  readonly clockAheadMs: number;
}

interface Tracked {
  member: KnownMember;
  startedMs: number;
  sequence: number;
  /** Of the state. */
  saidMs: number;
  /** Why some master does not reach it, told since its last report. */
  reason: string | undefined;
  /** The smallest difference seen between our time of receipt and the member's own time. */
  lagMs: number;
}

/** Things that happened, so many of the newest. */
export const happeningsKept = 4000;
/** A member of which nothing was heard for so long is silent. */
export const silentAfterMs = 1500;
/** The error of a member that is reached and says nothing. */
export const saysNothing = 'it says nothing';
/** A clock that differs by less is taken as right. */
const clockToleranceMs = 500;

/** Folds observations; see the head of this file. */
export class WatchModel {
  readonly #members = new Map<bigint, Tracked>();
  #happenings: Happening[] = [];
  #leases: readonly ComponentLease[] = [];
  #nodes: readonly NodeStatus[] = [];
  #apiAnsweredMs: number | undefined;

  /** By name, and by id where names are equal or not known. */
  get members(): readonly KnownMember[] {
    return [...this.#members.values()]
      .map(({ member }) => member)
      .toSorted((a, b) => compare(a.name, b.name) || compare(a.id, b.id));
  }

  /** Sorted by time. */
  get happenings(): readonly Happening[] {
    return this.#happenings;
  }

  get leases(): readonly ComponentLease[] {
    return this.#leases;
  }

  get nodes(): readonly NodeStatus[] {
    return this.#nodes;
  }

  /** When the API last told of leases and nodes. */
  get apiAnsweredMs(): number | undefined {
    return this.#apiAnsweredMs;
  }

  /** Tells whether scheduler and controllers are active on masters that answer. */
  isSettled(nowMs: number): boolean {
    return this.#leases.every(({ holder, renewedMs, durationMs }) => {
      const member = this.members.find(({ name }) => name === holder);
      return member?.error === undefined && renewedMs + durationMs > nowMs;
    });
  }

  /** Up to where the members' events are known. */
  cursors(): MemberCursor[] {
    return [...this.#members.entries()]
      .filter(([, { startedMs }]) => startedMs !== 0)
      .map(([member, { startedMs, sequence }]) => ({ member, startedMs, sequence }));
  }

  /** A member's name, or its id as etcdctl prints it. */
  nameOf(id: bigint): string {
    return this.#members.get(id)?.member.name || id.toString(16);
  }

  /** Takes an observation. @returns what is new in it, oldest first */
  observe({ what }: Observation, nowMs: number): readonly Happening[] {
    switch (what?.$case) {
      case 'report':
        return this.#keep(this.#report(what.value, nowMs));
      case 'silence':
        return this.#keep(this.#silence(what.value.member, what.value.error, nowMs));
      case 'view':
        return this.#keep(this.#view(what.value, nowMs));
      default:
        return [];
    }
  }

  /** Notes members of which nothing was heard for too long. @returns what is new */
  tick(nowMs: number): readonly Happening[] {
    const silent: Happening[] = [];
    for (const { member } of this.#members.values()) {
      if (member.state === undefined || nowMs - member.stateMs < silentAfterMs) continue;
      silent.push(...this.#silence(member.id, saysNothing, nowMs));
    }
    return this.#keep(silent);
  }

  #keep(found: readonly Happening[]): readonly Happening[] {
    if (found.length === 0) return found;
    const last = this.#happenings.at(-1);
    const isInOrder = found.every(
      ({ atMs }, n) => atMs >= (n === 0 ? (last?.atMs ?? -Infinity) : (found[n - 1]?.atMs ?? 0)),
    );
    const all = [...this.#happenings, ...found];
    const sorted = isInOrder ? all : all.toSorted((a, b) => a.atMs - b.atMs);
    this.#happenings = sorted.slice(-happeningsKept);
    return found;
  }

  #tracked(id: bigint, name: string): Tracked {
    let tracked = this.#members.get(id);
    if (tracked === undefined) {
      const member: KnownMember = {
        id,
        name,
        learner: false,
        state: undefined,
        stateMs: 0,
        error: undefined,
        clockAheadMs: 0,
      };
      tracked = {
        member,
        startedMs: 0,
        sequence: 0,
        saidMs: 0,
        reason: undefined,
        lagMs: Infinity,
      };
      this.#members.set(id, tracked);
    }
    return tracked;
  }

  #report(report: MemberReport, nowMs: number): Happening[] {
    const tracked = this.#tracked(report.member, report.name);
    if (report.startedMs < tracked.startedMs) return [];
    if (report.startedMs > tracked.startedMs) {
      tracked.startedMs = report.startedMs;
      tracked.sequence = 0;
      tracked.saidMs = 0;
      tracked.lagMs = Infinity;
    }
    tracked.lagMs = Math.min(tracked.lagMs, nowMs - report.nowMs);
    const clockAheadMs = Math.abs(tracked.lagMs) > clockToleranceMs ? -tracked.lagMs : 0;
    const name = tracked.member.name || report.name || report.member.toString(16);
    const found: Happening[] = [];
    if (tracked.member.error !== undefined && report.nowMs >= tracked.saidMs) {
      found.push({ kind: 'answers', atMs: nowMs, member: name });
    }
    for (const event of report.events) {
      if (event.sequence <= tracked.sequence) continue;
      const count = event.sequence - tracked.sequence - 1;
      const atMs = event.atMs - clockAheadMs;
      if (count > 0) found.push({ kind: 'missed', atMs, member: name, count });
      tracked.sequence = event.sequence;
      found.push({ kind: 'event', atMs, member: name, event });
    }
    if (report.nowMs < tracked.saidMs || report.state === undefined) return found;
    tracked.saidMs = report.nowMs;
    tracked.reason = undefined;
    const { state } = report;
    tracked.member = {
      ...tracked.member,
      name,
      learner: state.learner,
      state,
      stateMs: nowMs,
      error: undefined,
      clockAheadMs,
    };
    return found;
  }

  /** A master that cannot reach a member says little, while another one hears it. */
  #silence(id: bigint, error: string, nowMs: number): Happening[] {
    const tracked = this.#tracked(id, '');
    const { member } = tracked;
    tracked.reason ??= oneLine(error);
    const isHeard = member.state !== undefined && nowMs - member.stateMs < silentAfterMs;
    if (isHeard || member.error !== undefined) return [];
    tracked.member = { ...member, error: tracked.reason };
    return [{ kind: 'silent', atMs: nowMs, member: this.nameOf(id), error: tracked.reason }];
  }

  #view(view: ClusterView, nowMs: number): Happening[] {
    for (const { id, name, learner } of view.members) {
      const tracked = this.#tracked(id, name);
      if (name !== '') tracked.member = { ...tracked.member, name };
      if (tracked.member.state === undefined) tracked.member = { ...tracked.member, learner };
    }
    if (view.members.length > 0) this.#forgetAllBut(view.members);
    if (view.ageMs < 0) return [];
    const answeredMs = nowMs - view.ageMs;
    if (answeredMs < (this.#apiAnsweredMs ?? -Infinity)) return [];
    this.#apiAnsweredMs = answeredMs;
    const found = [...this.#newHolders(view.leases, nowMs), ...this.#newNodes(view.nodes, nowMs)];
    this.#leases = view.leases;
    this.#nodes = view.nodes;
    return found.toSorted((a, b) => a.atMs - b.atMs);
  }

  /** Removed from the cluster. */
  #forgetAllBut(members: readonly ViewMember[]): void {
    const listed = new Set(members.map(({ id }) => id));
    for (const [id, { member }] of this.#members) {
      if (!listed.has(id) && member.error !== undefined) this.#members.delete(id);
    }
  }

  #newHolders(leases: readonly ComponentLease[], nowMs: number): Happening[] {
    return leases.flatMap(({ component, holder, acquiredMs }): Happening[] => {
      const before = this.#leases.find((one) => one.component === component);
      const isSame = before?.holder === holder && before.acquiredMs === acquiredMs;
      if (isSame || holder === '') return [];
      return [{ kind: 'component', atMs: acquiredMs || nowMs, component, holder }];
    });
  }

  #newNodes(nodes: readonly NodeStatus[], nowMs: number): Happening[] {
    return nodes.flatMap(({ name, ready }): Happening[] => {
      const before = this.#nodes.find((one) => one.name === name);
      return before?.ready === ready ? [] : [{ kind: 'node', atMs: nowMs, node: name, ready }];
    });
  }
}

/** The text on one line, however it came. */
export function oneLine(text: string): string {
  return text.replace(/\s*[\r\n]+\s*/g, ' ').trim();
}

function compare<T extends string | bigint>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
