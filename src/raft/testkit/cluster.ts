/**
 * Members in one process without faults or time of their own: each tick, write and delivery happens when a test says
 * so.
 */
import { mustExist } from '../../lib/assert.js';
import { Prng } from '../../lib/prng.js';
import { decodeConfChange } from '../confchange/codec.js';
import type { RaftConfig } from '../config.js';
import type { RaftEvent } from '../events.js';
import { MemoryStorage } from '../memory-storage.js';
import type { Message } from '../messages.js';
import type { Ready } from '../node-api.js';
import { RawNode } from '../raw-node.js';
import { emptyConfState } from '../types.js';
import type { ConfState, Entry, NodeId, Snapshot } from '../types.js';
import { describeEntry, describeMessage } from './describe.js';

/** Options of a test's members. */
export interface TestClusterOptions extends Partial<Omit<RaftConfig, 'id' | 'storage' | 'prng'>> {
  readonly voters: readonly NodeId[];
  readonly learners?: readonly NodeId[];
}

/** Makes a snapshot of the present when one is asked for, as a shell does. */
class TestStorage extends MemoryStorage {
  refresh: () => void = () => undefined;

  override snapshot(): Snapshot | undefined {
    this.refresh();
    return super.snapshot();
  }
}

/** A member with what its shell would keep. */
export class TestMember {
  readonly node: RawNode;
  readonly storage = new TestStorage();
  readonly applied: Entry[] = [];
  confState: ConfState;

  constructor(config: Omit<RaftConfig, 'storage'>, confState: ConfState) {
    this.confState = confState;
    if (confState.voters.length > 0) {
      const metadata = { index: 1, term: 1, confState };
      this.storage.applySnapshot({ data: new Uint8Array(0), metadata });
      this.storage.setHardState({ term: 1, vote: 0n, commit: 1 });
    }
    const applied = confState.voters.length > 0 ? 1 : 0;
    this.node = new RawNode({ ...config, applied, storage: this.storage });
    this.storage.refresh = () => {
      const index = this.node.appliedIndex;
      this.storage.createSnapshot(index, this.confState, new Uint8Array(0));
    };
  }

  /** Stores what a Ready wants stored. */
  persist(ready: Ready): void {
    if (ready.snapshot !== undefined) {
      this.storage.applySnapshot(ready.snapshot);
      this.confState = ready.snapshot.metadata.confState;
    }
    this.storage.append(ready.entries);
    if (ready.hardState !== undefined) this.storage.setHardState(ready.hardState);
  }

  /** Applies what a Ready wants applied. */
  apply(ready: Ready): void {
    for (const entry of ready.committedEntries) {
      if (entry.type !== 'normal')
        this.confState = this.node.applyConfChange(decodeConfChange(entry));
      this.applied.push(entry);
    }
  }
}

/** Members and the messages between them. */
export class TestCluster {
  readonly members = new Map<NodeId, TestMember>();
  /** Sent and not delivered, oldest first. */
  inbox: Message[] = [];
  /** The record of what happened, for golden scripts. */
  lines: string[] = [];
  /** The same as the members tell it. */
  events: { readonly id: NodeId; readonly event: RaftEvent }[] = [];
  /** Messages for which this is true get lost. */
  loses: (message: Message) => boolean = () => false;
  readonly #options: TestClusterOptions;

  constructor(options: TestClusterOptions) {
    this.#options = options;
    const { voters, learners = [] } = options;
    for (const id of [...voters, ...learners]) {
      this.add(id, { ...emptyConfState, voters, learners });
    }
  }

  /** Adds a member; without a configuration it waits to be added by the others. */
  add(id: NodeId, confState: ConfState = emptyConfState): TestMember {
    const { voters: _voters, learners: _learners, ...options } = this.#options;
    const config = {
      electionTicks: 10,
      heartbeatTicks: 1,
      prng: new Prng(Number(id)),
      trace: (line: string) => this.lines.push(line),
      onEvent: (event: RaftEvent) => this.events.push({ id, event }),
      ...options,
      id,
    };
    const member = new TestMember(config, confState);
    this.members.set(id, member);
    return member;
  }

  /** The member `id`. */
  get(id: NodeId): TestMember {
    return mustExist(this.members.get(id), `member ${id}`);
  }

  /** Handles one Ready of `id`, if there is one: stores, sends, applies. */
  handleReady(id: NodeId): boolean {
    const member = this.get(id);
    if (!member.node.hasReady()) return false;
    const ready = member.node.ready();
    this.#describeReady(id, ready);
    member.persist(ready);
    for (const message of [...ready.messages, ...ready.messagesAfterAppend]) {
      if (this.loses(message)) this.lines.push(`  lost ${describeMessage(message)}`);
      else this.inbox.push(message);
    }
    member.apply(ready);
    member.node.advance(ready);
    return true;
  }

  /** Delivers what is in the inbox now. */
  deliver(): void {
    const messages = this.inbox;
    this.inbox = [];
    for (const message of messages) this.members.get(message.to)?.node.step(message);
  }

  /** Readys and deliveries until nothing happens any more. */
  stabilize(): void {
    for (let busy = true; busy;) {
      busy = this.inbox.length > 0;
      for (const id of this.members.keys()) busy = this.handleReady(id) || busy;
      this.deliver();
    }
  }

  /** Makes `id` the leader. */
  elect(id: NodeId): TestMember {
    const member = this.get(id);
    member.node.campaign();
    this.stabilize();
    return member;
  }

  #describeReady(id: NodeId, ready: Ready): void {
    const { lines } = this;
    lines.push(`Ready ${ready.number} of ${id}:`);
    const { hardState, softState, snapshot } = ready;
    if (softState !== undefined) lines.push(`  ${softState.role}, leader ${softState.leader}`);
    if (hardState !== undefined) {
      const { term, vote, commit } = hardState;
      lines.push(`  hard state term=${term} vote=${vote} commit=${commit}`);
    }
    if (snapshot !== undefined) lines.push(`  snapshot ${snapshot.metadata.index}`);
    for (const entry of ready.entries) lines.push(`  append ${describeEntry(entry)}`);
    for (const entry of ready.committedEntries) lines.push(`  apply ${describeEntry(entry)}`);
    for (const message of ready.messages) lines.push(`  send ${describeMessage(message)}`);
    for (const message of ready.messagesAfterAppend) {
      lines.push(`  send after append ${describeMessage(message)}`);
    }
    for (const { index, context } of ready.readStates) {
      lines.push(`  read ${Buffer.from(context).toString()} at ${index}`);
    }
  }
}
