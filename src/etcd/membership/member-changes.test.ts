/**
 * Changes of the membership that are refused, as by the `--strict-reconfig-check` of etcd 3.5.30 and 3.6.14, and by
 * their bound for learners.
 */
import { describe, expect, test } from '@jest/globals';
import { MemberChange } from '../../gen/etcd/internal.js';
import { ManualClock } from '../../lib/clock.js';
import { silentLogger } from '../../lib/log.js';
import { encodeConfChange } from '../../raft/index.js';
import type { Entry } from '../../raft/index.js';
import type { Backend } from '../backend/types.js';
import { MemberChanges } from './member-changes.js';
import type { ChangeHost } from './member-changes.js';
import { Membership } from './membership.js';

interface Shape {
  readonly voters: number;
  /** Of the voters, the first so many have started; this member is the first. @default all */
  readonly started?: number;
  /** Of the voters, the last so many cannot be reached. */
  readonly away?: number;
  /** Of the voters, the last so many have been connected for this long. @default long enough */
  readonly young?: { readonly count: number; readonly ageMs: number };
  readonly learners?: number;
  readonly strict?: boolean;
  /** @default etcd's */
  readonly settleMs?: number;
  readonly maxLearners?: number;
}

function clusterOf(shape: Shape): {
  readonly changes: MemberChanges;
  readonly membership: Membership;
  readonly proposed: Uint8Array[];
} {
  const { voters, started = voters, away = 0, learners = 0, young } = shape;
  const stored = Array.from({ length: voters + learners }, (_, at) => ({
    id: (at + 1).toString(16),
    peerURLs: [`http://member${at + 1}:2380`],
    isLearner: at >= voters,
    ...(at < started || at >= voters ? { name: `m${at + 1}` } : {}),
  }));
  const backend = {
    entries: (bucket: string) =>
      bucket === 'members'
        ? stored.map((one) => [one.id, Buffer.from(JSON.stringify(one))] as const)
        : [],
    put: () => undefined,
  } as unknown as Backend;
  const proposed: Uint8Array[] = [];
  const membership = new Membership({ clusterId: 9n, localId: 1n, backend });
  const clock = new ManualClock();
  clock.advance(60_000);
  const ageOf = (id: bigint): number =>
    young !== undefined && id > BigInt(voters - young.count) ? young.ageMs : 5001;
  const isConnected = (id: bigint): boolean => id <= BigInt(voters - away);
  const host = {
    config: {
      clock,
      log: silentLogger,
      initialClusterToken: 'token',
      strictReconfigCheck: shape.strict ?? true,
      ...(shape.settleMs === undefined ? {} : { reconfigSettleMs: shape.settleMs }),
      maxLearners: shape.maxLearners ?? 1,
    },
    memberId: 1n,
    membership,
    network: {
      isConnected,
      connectedSinceMs: (id: bigint) =>
        isConnected(id) ? clock.monotonicMs() - ageOf(id) : undefined,
    },
    node: { applyConfChange: () => ({ voters: [] }) },
    proposeConfChange: async (build: (origin: number, sequence: number) => Uint8Array) => {
      proposed.push(build(1, 1));
    },
  } as unknown as ChangeHost;
  return { changes: new MemberChanges(host), membership, proposed };
}

const notStarted = /re-configuration failed due to not enough started members/;
const unhealthy = /unhealthy cluster/;

async function outcomeOf(change: Promise<unknown>): Promise<string> {
  return change.then(
    () => 'done',
    (error: unknown) => String(error),
  );
}

describe('adding', () => {
  test.each<[string, Shape, boolean, RegExp]>([
    ['to a cluster of one', { voters: 1 }, false, /^done$/],
    ['a learner to a cluster of one', { voters: 1 }, true, /^done$/],
    ['while one of two has not started', { voters: 2, started: 1, away: 1 }, false, notStarted],
    ['the same, a learner', { voters: 2, started: 1, away: 1 }, true, unhealthy],
    ['while one of three is away', { voters: 3, away: 1 }, false, unhealthy],
    ['a learner while one of three is away', { voters: 3, away: 1 }, true, unhealthy],
    ['while one of four is away', { voters: 4, away: 1 }, false, /^done$/],
    ['a learner while one of four is away', { voters: 4, away: 1 }, true, /^done$/],
    ['a learner while one of five is away', { voters: 5, away: 1 }, true, /^done$/],
    ['a learner while two of five are away', { voters: 5, away: 2 }, true, unhealthy],
    ['while all have just met', { voters: 3, young: { count: 2, ageMs: 5000 } }, false, unhealthy],
    ['a learner after two met', { voters: 2, young: { count: 1, ageMs: 0 } }, true, unhealthy],
    [
      'a learner after two met, where that is enough',
      { voters: 2, young: { count: 1, ageMs: 0 }, settleMs: 0 },
      true,
      /^done$/,
    ],
    ['while one of four is new', { voters: 4, young: { count: 1, ageMs: 0 } }, false, /^done$/],
    ['without the check', { voters: 3, away: 2, strict: false }, false, /^done$/],
    ['a learner too many', { voters: 3, learners: 1 }, true, /too many learner members/],
    ['two learners', { voters: 3, learners: 1, maxLearners: 2 }, true, /^done$/],
    ['a voter beside learners', { voters: 3, learners: 1 }, false, /^done$/],
  ])('%s', async (_, shape, isLearner, outcome) => {
    const { changes, proposed } = clusterOf(shape);
    expect(await outcomeOf(changes.add(['http://new:2380'], isLearner))).toMatch(outcome);
    expect(proposed).toHaveLength(outcome.test('done') ? 1 : 0);
  });
});

describe('removing', () => {
  test.each<[string, Shape, bigint, RegExp]>([
    ['one of three', { voters: 3 }, 3n, /^done$/],
    ['the one that is away', { voters: 3, away: 1 }, 3n, /^done$/],
    ['another than the one that is away', { voters: 3, away: 1 }, 2n, unhealthy],
    ['one that has just come', { voters: 3, young: { count: 1, ageMs: 5000 } }, 3n, unhealthy],
    ['one of four, one of them new', { voters: 4, young: { count: 1, ageMs: 0 } }, 2n, /^done$/],
    ['one of five while another is away', { voters: 5, away: 1 }, 2n, /^done$/],
    ['one of five while two are away', { voters: 5, away: 2 }, 2n, unhealthy],
    ['the one that never started', { voters: 2, started: 1, away: 1 }, 2n, /^done$/],
    ['the only one that has started', { voters: 2, started: 1, away: 1 }, 1n, notStarted],
    ['a learner while voters are away', { voters: 3, away: 2, learners: 1 }, 4n, /^done$/],
  ])('%s', async (_, shape, id, outcome) => {
    const { changes } = clusterOf(shape);
    expect(await outcomeOf(changes.remove(id))).toMatch(outcome);
  });
});

describe('a learner that is applied', () => {
  function entryOf(maxLearners: number): Entry {
    const member = { ID: 77n, name: '', peerURLs: ['http://new:2380'], clientURLs: [] };
    const context = MemberChange.encode({
      origin: 1,
      sequence: 1,
      member: { ...member, isLearner: true },
      promote: false,
      maxLearners,
    }).finish();
    const change = { version: 1, id: 0n, type: 'addLearnerNode', nodeId: 77n, context } as const;
    return { term: 1, index: 9, type: 'confChange', data: encodeConfChange(change) };
  }

  // Two were asked for at once, and each was let in to the log by a member that knew of none.
  test('is refused by the bound that stands in the entry, whatever this member was told', () => {
    const { changes, membership } = clusterOf({ voters: 3, learners: 1, maxLearners: 5 });
    expect(String(changes.apply(entryOf(1)).error)).toMatch(/too many learner members/);
    expect(membership.learners).toHaveLength(1);
  });

  test('is let in by an entry without a bound', () => {
    const { changes, membership } = clusterOf({ voters: 3, learners: 1 });
    expect(changes.apply(entryOf(0)).error).toBeUndefined();
    expect(membership.learners).toHaveLength(2);
  });
});
