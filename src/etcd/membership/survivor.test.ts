/**
 * A survivor of a lost quorum goes on alone, however much of its log its database holds already: the entries that it
 * gets are applied by a raft node and the members' rules, and what must come out is always the same.
 */
import { describe, expect, test } from '@jest/globals';
import { silentLogger } from '../../lib/log.js';
import { Prng } from '../../lib/prng.js';
import { emptyConfState, MemoryStorage, RawNode } from '../../raft/index.js';
import type { ConfState, Entry } from '../../raft/index.js';
import type { Backend } from '../backend/types.js';
import { encodeChange } from './change-entry.js';
import { MemberChanges } from './member-changes.js';
import type { ChangeHost } from './member-changes.js';
import { Membership } from './membership.js';
import type { MemberChangeKind, MemberInfo } from './membership.js';
import { survivorEntries } from './survivor.js';

type Change = readonly [kind: MemberChangeKind, id: bigint, peerUrl?: string];

const nothing = new Uint8Array(0);
/** The survivor. */
const self = 1n;

const urlOf = (id: bigint): string => `http://member${id}:2380`;

function member(id: bigint, peerUrl = urlOf(id)): MemberInfo {
  return { id, name: '', peerUrls: [peerUrl], clientUrls: [], isLearner: false };
}

/** A log of changes, with an entry of another kind in front, between and behind them. */
function logOf(changes: readonly Change[]): Entry[] {
  const entries: Entry[] = [];
  const push = (data: Uint8Array, type: Entry['type']): void => {
    entries.push({ term: 2, index: entries.length + 1, type, data });
  };
  push(nothing, 'normal');
  for (const [kind, id, peerUrl] of changes) {
    push(encodeChange({ kind, member: member(id, peerUrl) }), 'confChange');
    push(nothing, 'normal');
  }
  return entries;
}

function emptyTable(): Backend {
  const rows = new Map<string, Buffer>();
  return {
    entries: (bucket: string) =>
      [...rows]
        .filter(([key]) => key.startsWith(`${bucket}/`))
        .map(([key, value]) => [key.slice(bucket.length + 1), value] as const),
    put: (bucket: string, key: string, value: Buffer) => rows.set(`${bucket}/${key}`, value),
    delete: (bucket: string, key: string) => rows.delete(`${bucket}/${key}`),
  } as unknown as Backend;
}

/** What a member has: the database with what was applied, and the raft log. */
class Replica {
  readonly storage = new MemoryStorage();
  readonly membership: Membership;
  readonly #backend = emptyTable();
  confState: ConfState = emptyConfState;
  applied = 0;

  constructor() {
    this.membership = new Membership({ clusterId: 9n, localId: self, backend: this.#backend });
  }

  /** Applies all that counts as committed, as a member that starts. */
  start(): RawNode {
    const node = new RawNode({
      id: self,
      storage: this.storage,
      applied: this.applied,
      electionTicks: 10,
      heartbeatTicks: 1,
      prng: new Prng(1),
    });
    this.#run(node);
    return node;
  }

  /** An election that needs nobody else. */
  elect(node: RawNode): void {
    node.campaign();
    this.#run(node);
  }

  #run(node: RawNode): void {
    const host = { node, membership: this.membership, config: { log: silentLogger } };
    const changes = new MemberChanges(host as unknown as ChangeHost);
    while (node.hasReady()) {
      const ready = node.ready();
      this.storage.append(ready.entries);
      if (ready.hardState !== undefined) this.storage.setHardState(ready.hardState);
      for (const entry of ready.committedEntries) {
        if (entry.type !== 'normal') {
          this.confState = changes.apply(entry).confState ?? node.status().confState;
        }
        this.applied = entry.index;
      }
      node.advance(ready);
    }
  }

  /** The database has come so far and no further. */
  static having(entries: readonly Entry[], applied: number): Replica {
    const earlier = new Replica();
    earlier.storage.append(entries.slice(0, applied));
    earlier.storage.setHardState({ term: 2, vote: 0n, commit: applied });
    earlier.start();
    if (applied > 0) {
      const metadata = { index: applied, term: 2, confState: earlier.confState };
      earlier.storage.applySnapshot({ data: nothing, metadata });
    }
    earlier.storage.append(entries.slice(applied));
    return earlier;
  }

  survive(): void {
    const { applied, storage, membership } = this;
    const log = { unapplied: storage.after(applied), applied, term: 3 };
    const entries = survivorEntries(log, membership.members, member(self, 'http://flags:2380'));
    storage.append(entries);
    storage.setHardState({ term: 3, vote: 0n, commit: storage.lastIndex() });
  }
}

const founded: readonly Change[] = [
  ['add', 1n],
  ['add', 2n],
  ['add', 3n],
];

describe('the survivor is the only member', () => {
  test.each<[string, readonly Change[], { readonly removed: readonly bigint[]; url?: string }]>([
    ['of a cluster of three', founded, { removed: [2n, 3n] }],
    ['of one that grew', [...founded, ['addLearner', 4n]], { removed: [2n, 3n, 4n] }],
    ['of one that shrank', [...founded, ['remove', 3n]], { removed: [2n, 3n] }],
    ['of itself', [['add', 1n]], { removed: [] }],
    [
      'with a new address',
      [...founded, ['update', 1n, 'http://new:2380']],
      { removed: [2n, 3n], url: 'http://new:2380' },
    ],
    [
      'as a learner',
      [
        ['add', 2n],
        ['addLearner', 1n],
      ],
      { removed: [2n] },
    ],
    [
      'as a learner that was promoted',
      [
        ['add', 2n],
        ['addLearner', 1n],
        ['promote', 1n],
      ],
      { removed: [2n] },
    ],
  ])('%s', (_, changes, { removed, url = urlOf(self) }) => {
    const entries = logOf(changes);
    for (let applied = 0; applied <= entries.length; applied++) {
      const replica = Replica.having(entries, applied);
      replica.survive();
      const node = replica.start();
      const { members } = replica.membership;
      expect({ applied, members }).toEqual({ applied, members: [member(self, url)] });
      expect(replica.confState).toEqual({ ...emptyConfState, voters: [self] });
      expect(removed.filter((id) => !replica.membership.isRemoved(id))).toEqual([]);
      replica.elect(node);
      expect(node.role).toBe('leader');
    }
  });
});

test('an entry that takes the survivor out does not count', () => {
  const entries = logOf([...founded, ['remove', self]]);
  for (let applied = 0; applied < entries.length - 1; applied++) {
    const replica = Replica.having(entries, applied);
    replica.survive();
    replica.start();
    expect(replica.membership.members).toEqual([member(self)]);
    expect(replica.confState.voters).toEqual([self]);
  }
});

test('what stands in the log is not written again, up to an entry that no longer counts', () => {
  const written = (entries: readonly Entry[]): number[] =>
    survivorEntries({ unapplied: entries, applied: 0, term: 3 }, [], member(self)).map(
      ({ index }) => index,
    );
  const whole = logOf(founded);
  expect(written(whole)).toEqual([8, 9]);
  expect(written(logOf([...founded, ['remove', self]]))).toEqual([8, 9, 10, 11]);
});

test('a survivor that nothing names yet joins with the address of its flags', () => {
  const entries = logOf([['add', 2n]]);
  const replica = Replica.having(entries, 0);
  replica.survive();
  replica.start();
  expect(replica.membership.members).toEqual([member(self, 'http://flags:2380')]);
  expect(replica.confState.voters).toEqual([self]);
});

test('a survivor that is alone already gets no entries', () => {
  const log = { unapplied: [], applied: 7, term: 3 };
  expect(survivorEntries(log, [member(self)], member(self))).toEqual([]);
});
