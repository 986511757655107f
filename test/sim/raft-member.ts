/**
 * A simulated member: the real core, a disk that loses unsynced writes, a state machine, and a shell that runs the
 * Ready loop, one Ready after the other or pipelined. Durable are `storage` and the state in its snapshot.
 */
import type { Prng } from '../../src/lib/prng.js';
import { MemoryStorage, RawNode, decodeConfChange } from '../../src/raft/index.js';
import { noNode } from '../../src/raft/types.js';
import type { Entry, HardState, Message, Ready, Snapshot } from '../../src/raft/index.js';
import { startRaft } from '../../src/raft/raft.js';
import { applyEntry, decodeState, encodeState } from './raft-machine.js';
import type { MachineState } from './raft-machine.js';
import { putBugBack } from './raft-canaries.js';
import type { SimOptions } from './raft-options.js';

/** Callbacks for the acts of a member that the world must know. */
export interface MemberHooks {
  send(member: SimMember, message: Message): void;
  /** Entries are being written for the first time or again. */
  appended(member: SimMember, entries: readonly Entry[]): void;
  applied(member: SimMember, entry: Entry, state: MachineState): void;
  restored(member: SimMember, state: MachineState): void;
  readIndex(member: SimMember, context: Uint8Array, index: number): void;
}

/** The stored log; makes a fresh snapshot when the leader needs one. */
class SimStorage extends MemoryStorage {
  refresh: () => void = () => undefined;

  override snapshot(): Snapshot | undefined {
    this.refresh();
    return super.snapshot();
  }
}

interface Write {
  readonly ready: Ready;
  readonly doneAt: number;
}

/** A member of the simulated cluster, running or crashed. */
export class SimMember {
  readonly id: bigint;
  readonly storage = new SimStorage();
  readonly #options: SimOptions;
  readonly #hooks: MemberHooks;
  readonly #prng: Prng;
  #node: RawNode | undefined;
  #state: MachineState;
  #writes: Write[] = [];
  #applies: { readonly entries: readonly Entry[]; readonly at: number }[] = [];
  #nextTickAt = 0;
  /** Removed from the cluster and switched off for good. */
  retired = false;
  /** Has been started at least once. */
  hasRun = false;

  constructor(
    id: bigint,
    start: { readonly options: SimOptions; readonly hooks: MemberHooks; readonly prng: Prng },
    state: MachineState,
  ) {
    this.id = id;
    this.#options = start.options;
    this.#hooks = start.hooks;
    this.#prng = start.prng;
    this.#state = state;
    this.storage.refresh = () => this.takeSnapshot();
  }

  get node(): RawNode | undefined {
    return this.#node;
  }

  get state(): MachineState {
    return this.#state;
  }

  /** The hard state that would survive a crash. */
  get durableHardState(): HardState {
    return this.storage.initialState().hardState;
  }

  /** Stores the first configuration, before the first start. */
  bootstrap(state: MachineState): void {
    const { applied, confState } = state;
    const metadata = { index: applied, term: 1, confState };
    this.storage.applySnapshot({ data: encodeState(state), metadata });
    this.storage.setHardState({ term: 1, vote: noNode, commit: applied });
  }

  /** Starts from what the disk holds. */
  start(now: number): void {
    const snapshot = this.storage.initialState();
    const stored = MemoryStorage.prototype.snapshot.call(this.storage) as Snapshot;
    if (stored.metadata.index > 0) this.#state = decodeState(stored.data);
    else this.#state = { applied: 0, digest: 0, confState: snapshot.confState };
    const o = this.#options;
    const config = {
      id: this.id,
      storage: this.storage,
      prng: this.#prng.fork(),
      applied: this.#state.applied,
      electionTicks: o.electionTicks,
      heartbeatTicks: o.heartbeatTicks,
      connectionLostTicks: o.connectionLostTicks,
      preVote: o.preVote,
      checkQuorum: o.checkQuorum,
      readMode: o.readMode,
      applyUnstable: o.applyUnstable,
      stepDownOnRemoval: o.stepDownOnRemoval,
      maxSizePerMsg: o.maxSizePerMsg,
      maxInflightMsgs: o.maxInflightMsgs,
      maxApplyingBytes: o.maxApplyingBytes,
      maxUncommittedBytes: o.maxUncommittedBytes,
    };
    const state = startRaft(config);
    if (o.canary !== undefined) putBugBack(state, o.canary);
    this.#node = new RawNode(config, state);
    this.hasRun = true;
    this.retired = false;
    this.#nextTickAt = now + this.#prng.below(this.#unitsPerTick) + 1;
    this.#hooks.restored(this, this.#state);
  }

  /**
   * Loses all that is not durable. Writes under way may have got through in part: whole ones in order, then a torn one.
   */
  crash(): void {
    const survived = this.#prng.below(this.#writes.length + 1);
    for (const { ready } of this.#writes.slice(0, survived)) this.#persist(ready);
    const torn = this.#writes[survived]?.ready;
    if (torn !== undefined && torn.snapshot === undefined) {
      this.storage.append(torn.entries.slice(0, this.#prng.below(torn.entries.length + 1)));
    }
    this.#node = undefined;
    this.#writes = [];
    this.#applies = [];
  }

  /** Stops for good. */
  retire(): void {
    this.crash();
    this.retired = true;
  }

  get #unitsPerTick(): number {
    return this.#options.unitsPerTick[Number(this.id) - 1] as number;
  }

  /** Runs one unit of time: ticks, disk, state machine. */
  run(now: number): void {
    const node = this.#node;
    if (node === undefined) return;
    if (now >= this.#nextTickAt) {
      this.#nextTickAt = now + this.#unitsPerTick;
      node.tick();
    }
    this.finishWrites(now);
    this.#finishApplies(now);
    this.pump(now);
  }

  /** Takes Readys while the pipeline has room. */
  pump(now: number): void {
    const node = this.#node;
    const { pipelineDepth, syncUnitsMax, applyUnitsMax, canary } = this.#options;
    while (node?.hasReady() === true && this.#writes.length < pipelineDepth) {
      const ready = node.ready();
      this.#hooks.appended(this, ready.entries);
      for (const message of ready.messages) this.#hooks.send(this, message);
      if (canary === 'ackBeforeSync') {
        for (const message of ready.messagesAfterAppend) this.#hooks.send(this, message);
      }
      for (const { context, index } of ready.readStates) {
        this.#hooks.readIndex(this, context, index);
      }
      this.#writes.push({ ready, doneAt: now + this.#prng.below(syncUnitsMax + 1) });
      if (ready.committedEntries.length > 0) {
        const at = now + this.#prng.below(applyUnitsMax + 1);
        this.#applies.push({ entries: ready.committedEntries, at });
      }
      this.finishWrites(now);
      this.#finishApplies(now);
    }
  }

  /** True while something is on its way to the disk. */
  get writing(): boolean {
    return this.#writes.length > 0;
  }

  /** A sync fails and is repeated later. */
  delayWrites(units: number): void {
    this.#writes = this.#writes.map(({ ready, doneAt }) => ({ ready, doneAt: doneAt + units }));
  }

  /** The clock stands still for a while, or the member does not come round to look at it. */
  stallClock(units: number): void {
    this.#nextTickAt += units;
  }

  /** Completes the writes that are due, in order. */
  finishWrites(now: number): void {
    for (let write = this.#writes[0]; write !== undefined && write.doneAt <= now;) {
      this.#writes.shift();
      const { ready } = write;
      this.#persist(ready);
      if (ready.snapshot !== undefined) {
        this.#state = decodeState(ready.snapshot.data);
        this.#applies = [];
        this.#hooks.restored(this, this.#state);
      }
      if (this.#options.canary !== 'ackBeforeSync') {
        for (const message of ready.messagesAfterAppend) this.#hooks.send(this, message);
      }
      this.#node?.onAppendDone(ready);
      write = this.#writes[0];
    }
  }

  #persist(ready: Ready): void {
    if (ready.snapshot !== undefined) this.storage.applySnapshot(ready.snapshot);
    this.storage.append(ready.entries);
    const { hardState } = ready;
    if (hardState === undefined) return;
    const forgetful = this.#options.canary === 'voteNotPersisted';
    this.storage.setHardState(forgetful ? { ...hardState, vote: noNode } : hardState);
  }

  #finishApplies(now: number): void {
    for (let batch = this.#applies[0]; batch !== undefined && batch.at <= now;) {
      this.#applies.shift();
      for (const entry of batch.entries) this.#apply(entry);
      this.#node?.appliedTo(this.#state.applied);
      batch = this.#applies[0];
    }
  }

  #apply(entry: Entry): void {
    // A snapshot may have overtaken entries that were handed out before it.
    if (entry.index <= this.#state.applied) return;
    let { confState } = this.#state;
    if (entry.type !== 'normal' && this.#node !== undefined) {
      confState = this.#node.applyConfChange(decodeConfChange(entry));
    }
    this.#state = applyEntry(this.#state, entry, confState);
    this.#hooks.applied(this, entry, this.#state);
  }

  /** Makes the state machine durable, and with it a snapshot; then truncates the log behind it. */
  takeSnapshot(): void {
    const { applied, confState } = this.#state;
    // The state machine must not become durable before the log (`applyUnstable`).
    if (applied > this.storage.lastIndex() || this.#node?.appliedIndex !== applied) return;
    if (this.#node.status().stableIndex < applied) return;
    this.storage.createSnapshot(applied, confState, encodeState(this.#state));
  }

  /** Drops log entries behind the snapshot. */
  truncate(): void {
    const snapshot = this.storage.snapshot();
    const to = (snapshot?.metadata.index ?? 0) - this.#options.keepEntries;
    if (to > 0) this.storage.truncateTo(to);
  }

  /** Returns a status line. */
  describe(): string {
    const { firstIndex, lastIndex } = {
      firstIndex: this.storage.firstIndex(),
      lastIndex: this.storage.lastIndex(),
    };
    const stored = `stored=${firstIndex}..${lastIndex} applied=${this.#state.applied}`;
    const status = this.#node?.status();
    if (status === undefined) return `${this.id}: ${this.retired ? 'retired' : 'down'} ${stored}`;
    const { role, term, leader, commit, confState } = status;
    const learners = confState.learners.length > 0 ? ` learners=${confState.learners.join()}` : '';
    const joint = confState.votersOutgoing.length > 0 ? `&&${confState.votersOutgoing.join()}` : '';
    return (
      `${this.id}: ${role} term=${term} leader=${leader} commit=${commit} last=${status.lastIndex} ` +
      `${stored} writes=${this.#writes.length} voters=${confState.voters.join()}${joint}${learners}`
    );
  }
}
