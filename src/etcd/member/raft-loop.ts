/**
 * Runs a Raft node: takes proposals and messages, executes each Ready in the order that safety asks for (docs/RAFT.md),
 * and batches: whatever arrives in one turn of the event loop goes into one proposal batch, one log write, one sync.
 *
 *     messages leave (a leader's appends need no sync of its own)
 *     hard state and entries go into the log, one sync for all Readies of the turn
 *     committed entries are applied meanwhile
 *     the sync is done: votes and acks leave, the node is told
 */
import { assert, verifying } from '../../lib/assert.js';
import { delay } from '../../lib/clock.js';
import type { Clock } from '../../lib/clock.js';
import type { Logger } from '../../lib/log.js';
import type {
  DropReason,
  Entry,
  HardState,
  MemoryStorage,
  Message,
  MsgProp,
  MsgPropDropped,
  RaftNode,
  Ready,
  ReadState,
  Snapshot,
  SoftState,
} from '../../raft/index.js';
import { applySliceMs } from '../guards/limits.js';

/** The log's write side, as much of it as the loop needs. */
export interface LoopLog {
  append(hardState: HardState | undefined, entries: readonly Entry[]): void;
  sync(): Promise<void>;
}

/** The calls that wait for the log. */
export interface LoopRequests {
  /** Once a turn, before Readies are taken. */
  flush(): void;
  /** Once a tick. */
  tick(): void;
  /** Entries that were passed on to another member are in no log. */
  takeBack(message: MsgPropDropped): void;
  onReadStates(states: readonly ReadState[]): void;
}

/** The state that committed entries change. */
export interface LoopStateMachine {
  /** In log order, each once. */
  applyEntry(entry: Entry): void;
}

/** The callbacks that do the loop's other work. All but `installSnapshot` are synchronous. */
export interface LoopHandlers {
  send(messages: readonly Message[]): void;
  /** After a slice of entries: serve reads that waited. */
  onApplied(index: number): void;
  onSoftState(state: SoftState): void;
  /** Puts a received snapshot into the state machine and notes it in the log. */
  installSnapshot(snapshot: Snapshot): Promise<void>;
  /** The disk is full (syncs are tried again until they succeed), or has room again: undefined. */
  onLogFull(error: unknown): void;
  /** The log cannot be written, or apply broke: the member must stop. */
  onFatal(error: unknown): void;
}

/** The parts of a loop. */
export interface RaftLoopOptions {
  readonly node: RaftNode;
  readonly storage: MemoryStorage;
  readonly log: LoopLog;
  readonly requests: LoopRequests;
  readonly stateMachine: LoopStateMachine;
  readonly handlers: LoopHandlers;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly tickMs: number;
  /** Runs a function at the end of this turn of the event loop. */
  readonly defer: (fn: () => void) => void;
}

/** A failed sync that may work later is tried again after so long. */
const syncRetryMs = 500;

/** Drives one Raft node: ticks, messages, proposals in; entries durable, messages and committed entries out. */
export class RaftLoop {
  readonly #node: RaftNode;
  readonly #storage: MemoryStorage;
  readonly #log: LoopLog;
  readonly #handlers: LoopHandlers;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #tickMs: number;
  readonly #defer: (fn: () => void) => void;
  readonly #requests: LoopRequests;
  readonly #stateMachine: LoopStateMachine;
  /** Readies that are not durable yet, oldest first. */
  readonly #undurable: Ready[] = [];
  #committed: Entry[] = [];
  #committedAt = 0;
  #scheduled = false;
  #installing = false;
  #logFull = false;
  #retrying = false;
  #stopped = false;
  #cancelTick: (() => void) | undefined;

  constructor(options: RaftLoopOptions) {
    this.#node = options.node;
    this.#storage = options.storage;
    this.#log = options.log;
    this.#handlers = options.handlers;
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#tickMs = options.tickMs;
    this.#defer = options.defer;
    this.#requests = options.requests;
    this.#stateMachine = options.stateMachine;
  }

  /** Starts ticking. @param onTick called after each tick of the node */
  start(onTick: () => void): void {
    const tick = (): void => {
      if (this.#stopped) return;
      this.#cancelTick = this.#clock.schedule(this.#tickMs, tick);
      this.#node.tick();
      this.#requests.tick();
      onTick();
      this.wake();
    };
    this.#cancelTick = this.#clock.schedule(this.#tickMs, tick);
    this.wake();
  }

  /** Stops the loop: it takes, sends and applies nothing any more. */
  stop(): void {
    this.#stopped = true;
    this.#cancelTick?.();
  }

  step(message: Message): void {
    if (this.#stopped) return;
    if (message.type === 'MsgPropDropped') {
      this.#requests.takeBack(message);
    } else {
      const reason = this.#stepNode(message);
      if (reason !== undefined && message.type === 'MsgProp') this.#giveBack(message, reason);
    }
    this.wake();
  }

  /**
   * Proposals for a leader that is none any more go back: passed on, they would arrive after their callers have been
   * told of the new term.
   * So do those for one that cannot write them, and hands over.
   */
  #stepNode(message: Message): DropReason | undefined {
    const takesNone = this.#node.role !== 'leader' || this.#logFull;
    if (message.type === 'MsgProp' && takesNone) return 'noLeader';
    return this.#node.step(message);
  }

  #giveBack({ from, to, entries }: MsgProp, reason: DropReason): void {
    this.#handlers.send([{ type: 'MsgPropDropped', to: from, from: to, term: 0, entries, reason }]);
  }

  /** Runs at the end of this turn. */
  wake(): void {
    if (this.#scheduled || this.#stopped) return;
    this.#scheduled = true;
    this.#defer(() => {
      this.#scheduled = false;
      this.#run();
    });
  }

  #run(): void {
    if (this.#stopped) return;
    try {
      this.#requests.flush();
      this.#takeReadies();
      this.#apply();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    if (this.#stopped) return;
    this.stop();
    this.#handlers.onFatal(error);
  }

  #takeReadies(): void {
    let mustSync = false;
    while (!this.#installing && this.#node.hasReady()) {
      const ready = this.#node.ready();
      if (ready.softState !== undefined) this.#handlers.onSoftState(ready.softState);
      if (ready.messages.length > 0) this.#handlers.send(ready.messages);
      if (ready.readStates.length > 0) this.#requests.onReadStates(ready.readStates);
      if (ready.snapshot !== undefined) {
        this.#install(ready, ready.snapshot);
        return;
      }
      this.#log.append(ready.hardState, ready.entries);
      if (ready.hardState !== undefined) this.#storage.setHardState(ready.hardState);
      if (ready.entries.length > 0) this.#storage.append(ready.entries);
      if (verifying) this.#storage.verify();
      if (ready.committedEntries.length > 0) this.#queueCommitted(ready.committedEntries);
      mustSync ||= ready.mustSync;
      if (!ready.mustSync && this.#undurable.length === 0) this.#durable(ready);
      else this.#undurable.push(ready);
    }
    if (mustSync) this.#sync();
  }

  #queueCommitted(entries: readonly Entry[]): void {
    if (this.#committedAt === this.#committed.length) {
      this.#committed = [...entries];
      this.#committedAt = 0;
    } else {
      for (const entry of entries) this.#committed.push(entry);
    }
  }

  /** Makes everything durable that has been appended so far, then tells the node. */
  #sync(): void {
    const last = this.#undurable.at(-1);
    assert(last !== undefined, 'a sync has a Ready to report');
    const upTo = last.number;
    this.#log.sync().then(
      () => this.#onDurable(upTo),
      (error: unknown) => {
        if (!isRetryable(error)) {
          this.#fail(error);
          return;
        }
        this.#isFull(error);
        this.#retrySync();
      },
    );
  }

  /**
   * Tries a failed sync again. One retry runs at a time and covers all; there is nothing left to do if a later sync has
   * succeeded meanwhile.
   */
  #retrySync(): void {
    if (this.#retrying) return;
    this.#retrying = true;
    this.#clock.schedule(syncRetryMs, () => {
      this.#retrying = false;
      if (!this.#stopped && this.#undurable.length > 0) this.#sync();
    });
  }

  #onDurable(upTo: number): void {
    if (this.#stopped) return;
    this.#hasRoom();
    try {
      // Rounds that came after the sync began and need none of their own only waited for those before them.
      for (let next = this.#undurable[0]; next !== undefined; next = this.#undurable[0]) {
        if (next.number > upTo && next.mustSync) break;
        this.#undurable.shift();
        this.#durable(next);
      }
      // Without waiting for the end of the turn: this may have committed entries.
      this.#takeReadies();
      this.#apply();
    } catch (error) {
      this.#fail(error);
    }
  }

  #durable(ready: Ready): void {
    if (ready.messagesAfterAppend.length > 0) this.#handlers.send(ready.messagesAfterAppend);
    this.#node.onAppendDone(ready);
  }

  #apply(): void {
    if (this.#committedAt === this.#committed.length) {
      if (!this.#installing) this.#handlers.onApplied(this.#node.appliedIndex);
      return;
    }
    const untilMs = this.#clock.monotonicMs() + applySliceMs;
    let index = 0;
    let sinceCheck = 0;
    while (this.#committedAt < this.#committed.length) {
      const entry = this.#committed[this.#committedAt++] as Entry;
      this.#stateMachine.applyEntry(entry);
      ({ index } = entry);
      if (++sinceCheck >= 64) {
        sinceCheck = 0;
        if (this.#clock.monotonicMs() >= untilMs) break;
      }
    }
    if (this.#committedAt === this.#committed.length) {
      this.#committed = [];
      this.#committedAt = 0;
    }
    this.#node.appliedTo(index);
    this.#handlers.onApplied(index);
    if (this.#committed.length > 0 || this.#node.hasReady()) this.wake();
  }

  /** Nothing else is taken until the snapshot stands: what comes after builds on it. */
  #install(ready: Ready, snapshot: Snapshot): void {
    this.#installing = true;
    this.#finishApplying();
    const run = async (): Promise<void> => {
      await this.#syncPatiently();
      await this.#handlers.installSnapshot(snapshot);
      this.#storage.applySnapshot(snapshot);
      this.#log.append(ready.hardState, ready.entries);
      if (ready.hardState !== undefined) this.#storage.setHardState(ready.hardState);
      if (ready.entries.length > 0) this.#storage.append(ready.entries);
      await this.#syncPatiently();
    };
    run().then(
      () => {
        this.#installing = false;
        if (this.#stopped) return;
        this.#hasRoom();
        try {
          // Earlier Readies became durable with the syncs above.
          for (const earlier of this.#undurable.splice(0)) this.#durable(earlier);
          this.#durable(ready);
          if (ready.committedEntries.length > 0) this.#queueCommitted(ready.committedEntries);
          this.#run();
        } catch (error) {
          this.#fail(error);
        }
      },
      (error: unknown) => this.#fail(error),
    );
  }

  /** A full disk may have room again. */
  async #syncPatiently(): Promise<void> {
    for (;;) {
      try {
        await this.#log.sync();
        return;
      } catch (error) {
        if (!isRetryable(error) || this.#stopped) throw error;
        this.#isFull(error);
        await delay(this.#clock, syncRetryMs);
      }
    }
  }

  #isFull(error: unknown): void {
    if (!this.#logFull) this.#logger.error({ error }, 'the disk is full; trying again');
    this.#logFull = true;
    this.#handlers.onLogFull(error);
  }

  #hasRoom(): void {
    if (!this.#logFull) return;
    this.#logFull = false;
    this.#handlers.onLogFull(undefined);
  }

  #finishApplying(): void {
    while (this.#committedAt < this.#committed.length) this.#apply();
  }
}

function isRetryable(error: unknown): boolean {
  return error instanceof Error && 'retryable' in error && error.retryable === true;
}
