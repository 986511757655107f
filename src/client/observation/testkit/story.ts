/** A cluster of three masters whose leader is killed, as its observations: for tests of everything that shows it. */
import type { Observation } from '../../../gen/cluster.js';
import type { MemberEvent, MemberState, PeerState } from '../../../gen/telemetry.js';
import { WatchModel } from '../model.js';

/** When the story begins: 12:00:00 UTC. */
export const storyBeginsMs = Date.UTC(2026, 0, 1, 12);

const names = ['master-1', 'master-2', 'master-3'];
const ids = [0xa1n, 0xa2n, 0xa3n];

type EventFields = Partial<MemberEvent> & { readonly kind: string };

/** Tells observations to a model, in milliseconds since the beginning. */
export class Story {
  readonly model = new WatchModel();
  readonly #sequence = [0, 0, 0];
  #ms = 0;

  /** @returns the time of now, as the watcher has it */
  get nowMs(): number {
    return storyBeginsMs + this.#ms;
  }

  /** Goes on to a moment. */
  at(ms: number): this {
    this.#ms = ms;
    return this;
  }

  observe(what: Observation['what']): this {
    this.model.observe({ answeredBy: 'master-2', what }, this.nowMs);
    return this;
  }

  tick(): this {
    this.model.tick(this.nowMs);
    return this;
  }

  /** The n-th master (from 1) tells its state, and what has happened just now. */
  says(n: number, state: Partial<MemberState>, ...events: readonly EventFields[]): this {
    const nowMs = this.nowMs;
    const told = events.map((event) => eventOf(this.#next(n), nowMs, event));
    return this.observe({
      $case: 'report',
      value: {
        member: ids[n - 1] ?? 0n,
        name: names[n - 1] ?? '',
        startedMs: storyBeginsMs - 60_000,
        nowMs,
        missed: 0,
        events: told,
        state: stateOf(n, state),
      },
    });
  }

  #next(n: number): number {
    const sequence = (this.#sequence[n - 1] ?? 0) + 1;
    this.#sequence[n - 1] = sequence;
    return sequence;
  }

  /** Only the n-th master's events. */
  happens(n: number, ms: number, ...events: readonly EventFields[]): this {
    return this.at(ms).says(n, this.model.members[n - 1]?.state ?? {}, ...events);
  }

  /** The API tells of leases and nodes. */
  view(scheduler: string, controllers: string, sinceMs = -50_000, renewedMs = this.#ms): this {
    const lease = {
      acquiredMs: storyBeginsMs + sinceMs,
      renewedMs: storyBeginsMs + renewedMs,
      durationMs: 5000,
    };
    return this.observe({
      $case: 'view',
      value: {
        members: names.map((name, n) => ({
          name,
          id: ids[n] ?? 0n,
          clientUrl: `https://10.0.0.${n + 1}:2379`,
          learner: false,
        })),
        leases: [
          { component: 'kube-scheduler', holder: scheduler, ...lease },
          { component: 'kube-controller-manager', holder: controllers, ...lease },
        ],
        nodes: [
          {
            name: 'worker-1',
            address: '10.0.0.101',
            ready: true,
            message: '',
            build: '',
            certificatesEnd: '',
            netproxy: undefined,
          },
          {
            name: 'worker-2',
            address: '10.0.0.102',
            ready: false,
            certificatesEnd: '',
            netproxy: undefined,
            message: 'it is silent',
            build: '',
          },
        ],
        ageMs: this.#ms - renewedMs,
      },
    });
  }
}

function eventOf(sequence: number, atMs: number, event: EventFields): MemberEvent {
  return {
    sequence,
    atMs,
    monotonicMs: atMs - storyBeginsMs + 60_000,
    term: 4,
    peer: 0n,
    index: 0,
    preVote: false,
    granted: false,
    reason: '',
    durationMs: 0,
    count: 0,
    transfer: false,
    detail: '',
    ...event,
  };
}

function stateOf(n: number, state: Partial<MemberState>): MemberState {
  const peers = ids.filter((_, at) => at !== n - 1).map(peerOf);
  return {
    role: 'follower',
    learner: false,
    term: 4,
    vote: ids[0] ?? 0n,
    leader: ids[0] ?? 0n,
    commit: 12_030,
    applied: 12_030,
    lastIndex: 12_030,
    peers,
    syncP99Ms: 2.1,
    pendingWrites: 0,
    trouble: '',
    ...state,
  };
}

function peerOf(id: bigint): PeerState {
  return { id, connected: true, heardMsAgo: 34, roundTripMs: 0.42, match: 0, progress: '' };
}

/** The ids of the three masters. */
export const [master1 = 0n, master2 = 0n, master3 = 0n] = ids;

/** All is well; the first master leads. */
export function calm(): Story {
  return new Story()
    .view('master-1', 'master-1')
    .says(1, { role: 'leader' })
    .says(2, {})
    .says(3, { applied: 12_028, commit: 12_029 });
}

/** The first master is killed after ten seconds, and the second one is elected. */
export function election(story = calm()): Story {
  const pre = { preVote: true, granted: true };
  story
    .happens(3, 10_007, { kind: 'leaderConnectionLost', peer: master1 })
    .happens(2, 10_008, { kind: 'leaderConnectionLost', peer: master1 })
    .happens(2, 10_010, { kind: 'preCandidate', term: 5, count: 3 })
    .happens(2, 10_010, { kind: 'voteCounted', peer: master2, ...pre })
    .happens(3, 10_012, { kind: 'voteGranted', peer: master2, term: 5, ...pre })
    .happens(2, 10_015, { kind: 'voteCounted', peer: master3, ...pre })
    .happens(2, 10_015, { kind: 'candidate', term: 5, count: 3 })
    .happens(2, 10_019, { kind: 'voteCounted', term: 5, peer: master2, granted: true })
    .happens(3, 10_021, { kind: 'voteGranted', term: 5, peer: master2, granted: true })
    .happens(2, 10_026, { kind: 'voteCounted', term: 5, peer: master3, granted: true })
    .happens(2, 10_026, { kind: 'leader', term: 5, index: 12_034 })
    .happens(2, 10_037, { kind: 'firstCommit', term: 5, index: 12_034 })
    .happens(2, 10_041, { kind: 'writesWaited', term: 5, count: 4, durationMs: 212 });
  const after = { term: 5, vote: master2, leader: master2, commit: 12_041, applied: 12_041 };
  return story
    .at(11_700)
    .says(2, { ...after, role: 'leader' })
    .says(3, after)
    .observe({
      $case: 'silence',
      value: { member: master1, error: 'cannot connect to 10.0.0.1:2379:\nECONNREFUSED' },
    })
    .view('master-1', 'master-1', -50_000, 9_600)
    .tick();
}

/** Scheduler and controllers have moved as well. */
export function settled(story = election()): Story {
  const after = { term: 5, vote: master2, leader: master2, commit: 12_077, applied: 12_077 };
  return story
    .at(16_000)
    .says(2, { ...after, role: 'leader' })
    .says(3, after)
    .view('master-2', 'master-3', 15_210, 15_900);
}
