/**
 * The shell's view of a member: inputs as methods, work as `Ready`. README.md has the contract and the loop to copy.
 */
import { assert } from '../lib/assert.js';
import { confChangeEntryType, encodeConfChange } from './confchange/codec.js';
import type { ConfChange, ConfChangeV2 } from './confchange/types.js';
import type { RaftConfig } from './config.js';
import { ProposalDroppedError } from './errors.js';
import type { DropReason } from './errors.js';
import { becomeFollower, hurryFirstElection, loseLeader, startElection } from './election.js';
import { applyConfChange, appliedTo } from './membership.js';
import type { Message } from './messages.js';
import type { RaftNode, Ready, Status } from './node-api.js';
import { startRaft, stepRaft, tickRaft } from './raft.js';
import { ackOwnAppend, readAtLeader, reportSnapshot, reportUnreachable } from './raft-leader.js';
import type { RaftState } from './raft-state.js';
import { flushAppends, releaseUncommitted } from './replication.js';
import { statusOf } from './status.js';
import { noNode } from './types.js';
import type {
  ConfState,
  HardState,
  LogGap,
  LogIndex,
  NodeId,
  Proposal,
  Role,
  SoftState,
  Term,
} from './types.js';

const noMessages: readonly Message[] = [];

/** A Raft member: see `RaftNode` for what each method does. */
export class RawNode implements RaftNode {
  readonly #r: RaftState;
  #hardState: HardState;
  #softState: SoftState;
  #readyCount = 0;
  #doneCount = 0;
  /** Per Ready that is not durable yet: what this member has to tell itself then. */
  readonly #selfMessages: (readonly Message[])[] = [];

  /**
   * Starts from what `config.storage` holds. The first members of a new cluster start with the same stored snapshot,
   * which names them as voters.
   * @param state made from `config`; given by tests that put faults into it
   */
  constructor(config: RaftConfig, state: RaftState = startRaft(config)) {
    this.#r = state;
    this.#hardState = this.#currentHardState();
    this.#softState = { leader: this.#r.leader, role: this.#r.role };
  }

  get id(): NodeId {
    return this.#r.id;
  }

  get term(): Term {
    return this.#r.term;
  }

  get leader(): NodeId {
    return this.#r.leader;
  }

  get role(): Role {
    return this.#r.role;
  }

  get commitIndex(): LogIndex {
    return this.#r.log.committed;
  }

  get appliedIndex(): LogIndex {
    return this.#r.log.applied;
  }

  get lastIndex(): LogIndex {
    return this.#r.log.lastIndex();
  }

  termAt(index: LogIndex): Term | LogGap {
    return this.#r.log.term(index);
  }

  tick(): void {
    tickRaft(this.#r);
  }

  campaign(): void {
    const r = this.#r;
    if (r.config.readMode === 'lease' && r.inLease()) return;
    startElection(r, r.config.preVote ? 'preElection' : 'election');
  }

  campaignEarly(): void {
    if (hurryFirstElection(this.#r)) this.campaign();
  }

  propose(data: Uint8Array): void {
    this.proposeBatch([{ type: 'normal', data }]);
  }

  proposeBatch(entries: readonly Proposal[]): void {
    const { id } = this;
    // From nobody: a follower forwards only what does not come from its leader.
    const proposal = {
      type: 'MsgProp',
      to: id,
      from: id,
      term: 0,
      onlyInTerm: 0,
      entries,
    } as const;
    const dropped = stepRaft(this.#r, proposal);
    if (dropped !== undefined) throw new ProposalDroppedError(dropped);
  }

  proposeConfChange(change: ConfChange | ConfChangeV2): void {
    const type = confChangeEntryType(change);
    this.proposeBatch([{ type, data: encodeConfChange(change) }]);
  }

  applyConfChange(change: ConfChange | ConfChangeV2): ConfState {
    return applyConfChange(this.#r, change);
  }

  step(message: Message): DropReason | undefined {
    if (message.to !== this.id || message.from === this.id) return undefined;
    return stepRaft(this.#r, message);
  }

  hasReady(): boolean {
    const r = this.#r;
    flushAppends(r);
    return (
      r.messages.length > 0 ||
      r.messagesAfterAppend.length > 0 ||
      r.selfAfterAppend.length > 0 ||
      r.readStates.length > 0 ||
      r.log.hasNextUnstable() ||
      r.log.hasNextCommitted() ||
      this.#softStateChanged() ||
      this.#hardStateChanged()
    );
  }

  ready(): Ready {
    const r = this.#r;
    flushAppends(r);
    r.reads.close();
    const number = ++this.#readyCount;
    const softState = this.#takeSoftState();
    const { hardState, voted } = this.#takeHardState();
    const { entries, snapshot } = r.log.takeUnstable(number);
    const committedEntries = r.log.takeCommitted();
    if (r.role === 'leader') releaseUncommitted(r, committedEntries);
    const { messages, messagesAfterAppend, readStates } = r;
    this.#selfMessages.push(r.selfAfterAppend.length > 0 ? r.selfAfterAppend : noMessages);
    r.messages = [];
    r.messagesAfterAppend = [];
    r.readStates = [];
    if (r.selfAfterAppend.length > 0) r.selfAfterAppend = [];
    return {
      number,
      softState,
      hardState,
      entries,
      snapshot,
      committedEntries,
      messages,
      messagesAfterAppend,
      readStates,
      mustSync: voted || entries.length > 0 || snapshot !== undefined,
    };
  }

  onAppendDone(ready: Ready): void {
    const r = this.#r;
    this.#doneCount++;
    assert(ready.number === this.#doneCount, 'each Ready becomes durable once, in order');
    r.log.writeDone(ready.number);
    if (r.log.pendingSnapshot === undefined) r.overtakenConfig = undefined;
    if (r.role === 'leader') ackOwnAppend(r);
    for (const message of this.#selfMessages.shift() ?? noMessages) stepRaft(r, message);
  }

  appliedTo(index: LogIndex): void {
    appliedTo(this.#r, index);
  }

  advance(ready: Ready): void {
    this.onAppendDone(ready);
    const last = ready.committedEntries.at(-1);
    if (last !== undefined) this.appliedTo(last.index);
  }

  readIndex(context: Uint8Array): boolean {
    const r = this.#r;
    const { id } = this;
    if (r.role === 'leader') return readAtLeader(r, { from: id, context });
    if (r.role !== 'follower' || r.leader === noNode) return false;
    stepRaft(r, { type: 'MsgReadIndex', to: id, from: id, term: 0, context });
    return true;
  }

  transferLeader(transferee: NodeId): void {
    const { id } = this;
    stepRaft(this.#r, { type: 'MsgTransferLeader', to: id, from: id, term: 0, transferee });
  }

  abstain(on: boolean): void {
    const r = this.#r;
    r.abstains = on;
    if (on && (r.role === 'preCandidate' || r.role === 'candidate')) {
      becomeFollower(r, r.term, noNode);
    }
  }

  reportUnreachable(id: NodeId): void {
    if (this.#r.role === 'leader') reportUnreachable(this.#r, id);
  }

  reportSnapshot(id: NodeId, status: 'finished' | 'failed'): void {
    if (this.#r.role === 'leader') reportSnapshot(this.#r, id, status);
  }

  leaderConnectionLost(leader: NodeId): void {
    loseLeader(this.#r, leader);
  }

  forgetLeader(): void {
    const r = this.#r;
    if (r.role !== 'follower' || r.leader === noNode || r.config.readMode === 'lease') return;
    becomeFollower(r, r.term, noNode);
  }

  status(): Status {
    return statusOf(this.#r);
  }

  #currentHardState(): HardState {
    return { term: this.#r.term, vote: this.#r.vote, commit: this.#r.log.committed };
  }

  #hardStateChanged(): boolean {
    const { term, vote, commit } = this.#hardState;
    const r = this.#r;
    return r.log.committed !== commit || r.term !== term || r.vote !== vote;
  }

  #takeHardState(): { readonly hardState: HardState | undefined; readonly voted: boolean } {
    if (!this.#hardStateChanged()) return { hardState: undefined, voted: false };
    const { term, vote } = this.#hardState;
    this.#hardState = this.#currentHardState();
    return { hardState: this.#hardState, voted: this.#r.term !== term || this.#r.vote !== vote };
  }

  #softStateChanged(): boolean {
    return this.#r.leader !== this.#softState.leader || this.#r.role !== this.#softState.role;
  }

  #takeSoftState(): SoftState | undefined {
    if (!this.#softStateChanged()) return undefined;
    this.#softState = { leader: this.#r.leader, role: this.#r.role };
    return this.#softState;
  }
}
