/**
 * The invariants, checked after whatever a member did (Raft figure 3): one leader a term, log matching, committed
 * entries never change, leader completeness, state machine safety, one durable vote a term, acks of durable entries
 * only, commit never falls, reads see what was there.
 */
import type { Entry, HardState, Message, RaftNode } from '../../src/raft/index.js';
import { check } from './lib/sim-error.js';
import { digestOf } from './raft-machine.js';
import type { MachineState } from './raft-machine.js';

interface EntryRecord {
  readonly digest: number;
  readonly prevTerm: number | undefined;
}

/** A member as it is looked at. */
export interface CheckedMember {
  readonly id: bigint;
  readonly node: RaftNode | undefined;
  readonly state: { readonly applied: number };
  /** The hard state that would survive a crash. */
  readonly durableHardState: HardState;
  readonly storage: { lastIndex(): number };
}

/** Checks Raft's invariants against everything that has been observed so far. */
export class RaftChecker {
  readonly #options: { readonly canary?: string };
  readonly #leaders = new Map<number, bigint>();
  readonly #votes = new Map<string, bigint>();
  readonly #entries = new Map<string, EntryRecord>();
  /** Terms of committed entries by index. */
  readonly #committed = new Map<number, number>();
  /** The term by which an entry was committed, by index: that of the member that first knew. */
  readonly #committedBy = new Map<number, number>();
  /** Digest of the state machine by applied index. */
  readonly #digests = new Map<number, number>();
  readonly #commits = new Map<bigint, { node: unknown; commit: number; term: number }>();
  #maxCommitted = 0;
  /** The highest index that any state machine has applied: somebody may have seen its effect. */
  maxApplied = 0;

  constructor(options: { readonly canary?: string }) {
    this.#options = options;
  }

  /** Looks at a member after it did something. */
  observe(member: CheckedMember): void {
    const { node } = member;
    if (node === undefined) return;
    this.#observeCommit(member);
    if (node.role !== 'leader') return;
    const { term, id } = node;
    const known = this.#leaders.get(term);
    if (known === id) return;
    check(known === undefined, () => `election safety: ${known} and ${id} both lead term ${term}`);
    this.#leaders.set(term, id);
    for (const [index, committedTerm] of this.#committed) {
      // A vote that comes late can elect the leader of a term that is over, who commits nothing (§5.4: later terms).
      if (term < (this.#committedBy.get(index) ?? 0)) continue;
      const found = node.termAt(index);
      check(
        found === 'compacted' || found === committedTerm,
        () =>
          `leader completeness: ${id} leads term ${term} without entry ${index} of ` +
          `term ${committedTerm} (has ${found})`,
      );
    }
  }

  #observeCommit(member: CheckedMember): void {
    const { id, node } = member;
    if (node === undefined) return;
    const { commitIndex, term } = node;
    let seen = this.#commits.get(id);
    if (seen?.node !== node) {
      const { state } = member;
      check(commitIndex >= state.applied, () => `${id} started below what it had applied`);
      const durable = member.durableHardState.term;
      check(term >= durable, () => `${id} started in a term before ${durable}`);
      seen = { node, commit: state.applied, term };
      this.#commits.set(id, seen);
    }
    check(term >= seen.term, () => `the term of ${id} fell from ${seen.term} to ${term}`);
    seen.term = term;
    if (commitIndex === seen.commit) return;
    check(commitIndex >= seen.commit, () => `the commit index of ${id} fell to ${commitIndex}`);
    for (let index = seen.commit + 1; index <= commitIndex; index++) {
      const found = node.termAt(index);
      if (found === 'compacted') continue;
      const known = this.#committed.get(index);
      check(
        typeof found === 'number' && (known === undefined || known === found),
        () => `committed entry ${index} changed from term ${known} to ${found} at ${id}`,
      );
      if (typeof found !== 'number') continue;
      this.#committed.set(index, found);
      if (known === undefined) this.#committedBy.set(index, term);
    }
    seen.commit = commitIndex;
    this.#maxCommitted = Math.max(this.#maxCommitted, commitIndex);
  }

  /** Log matching (§5.3): an entry is unique by index and term, and so is what comes before it. */
  appended(member: CheckedMember, entries: readonly Entry[]): void {
    for (const entry of entries) {
      const { index, term } = entry;
      const before = member.node?.termAt(index - 1);
      const prevTerm = typeof before === 'number' ? before : undefined;
      const record = { digest: digestOf(0, entry.data), prevTerm };
      const key = `${index}:${term}`;
      const known = this.#entries.get(key);
      if (known === undefined) {
        this.#entries.set(key, record);
        continue;
      }
      check(known.digest === record.digest, () => `log matching: two entries ${key}`);
      check(
        known.prevTerm === undefined || prevTerm === undefined || known.prevTerm === prevTerm,
        () => `log matching: ${key} follows terms ${known.prevTerm} and ${prevTerm}`,
      );
    }
  }

  /**
   * A message leaves: promises in it must be durable. A canary that breaks this very rule must be found by its effects.
   */
  sent(member: CheckedMember, message: Message): void {
    if (message.type === 'MsgVoteResp' && !message.reject) {
      const key = `${member.id}:${message.term}`;
      const known = this.#votes.get(key);
      check(
        known === undefined || known === message.to,
        () => `${member.id} votes for ${known} and ${message.to} in term ${message.term}`,
      );
      this.#votes.set(key, message.to);
      if (this.#options.canary !== undefined) return;
      const { term, vote } = member.durableHardState;
      check(
        term > message.term || (term === message.term && vote === message.to),
        () => `${member.id} sends a vote that is not durable`,
      );
    }
    if (this.#options.canary !== undefined) return;
    if (message.type === 'MsgAppResp' && !message.reject) {
      check(
        member.storage.lastIndex() >= message.index || member.durableHardState.term > message.term,
        () => `${member.id} acks entry ${message.index}, which is not durable`,
      );
    }
  }

  /** State machine safety: everybody applies the same at the same index. */
  applied(member: CheckedMember, state: MachineState): void {
    const { applied, digest } = state;
    const known = this.#digests.get(applied);
    check(
      known === undefined || known === digest,
      () => `state machine safety: ${member.id} differs at index ${applied}`,
    );
    this.#digests.set(applied, digest);
    this.maxApplied = Math.max(this.maxApplied, applied);
    check(
      member.node === undefined || applied <= member.node.commitIndex,
      () => `${member.id} applied entry ${applied} before it was committed`,
    );
  }

  /** A read index was given for a read that was asked when `mustSee` was applied somewhere. */
  read(member: CheckedMember, index: number, mustSee: number): void {
    check(
      index >= mustSee,
      () => `stale read at ${member.id}: index ${index}, but ${mustSee} had been applied before`,
    );
  }
}
