import type { ServerMetrics } from '../telemetry/server-metrics.js';
import type { ReadState } from '../../raft/index.js';
import { etcdError } from '../apply/errors.js';
import { maxPendingReads, readIndexRetryMs, readSliceMs } from '../guards/limits.js';

interface Waiter {
  readonly deadlineMs: number;
  readonly run: () => void;
  readonly fail: (error: unknown) => void;
}

interface Round {
  readonly sequence: number;
  askedMs: number;
  waiters: Waiter[];
}

/** The Raft node, as far as it answers read indexes. */
export interface ReadIndexSource {
  readIndex(context: Uint8Array): boolean;
  readonly appliedIndex: number;
}

/** Counts read indexes that were lost or slow. */
export type ReadIndexMetrics = Pick<ServerMetrics, 'readIndexFailed' | 'slowReadIndex'>;

/** Bytes of a question's context: the origin, then the sequence. */
const originBytes = 4;
const sequenceBytes = 6;

/**
 * Linearizable reads: one read index at a time serves all that were waiting when it was asked for (thesis 6.4). Reads
 * run inside the loop, right after the entry that they wait for has been applied. A question names the member's run:
 * the answer to one that was asked before a restart, of the same number, may come late, and its index is too low.
 */
export class ReadIndexQueue {
  readonly #source: ReadIndexSource;
  readonly #origin: number;
  readonly #nowMs: () => number;
  readonly #metrics: ReadIndexMetrics;
  #waiting: Waiter[] = [];
  #round: Round | undefined;
  /** Rounds that were confirmed and wait for apply, by index. */
  #confirmed: { readonly index: number; readonly waiters: Waiter[] }[] = [];
  #sequence = 0;
  #count = 0;

  /** @param options.origin uint32, drawn at the member's start */
  constructor(
    source: ReadIndexSource,
    options: {
      readonly origin: number;
      readonly nowMs: () => number;
      readonly metrics: ReadIndexMetrics;
    },
  ) {
    this.#source = source;
    this.#origin = options.origin;
    this.#nowMs = options.nowMs;
    this.#metrics = options.metrics;
  }

  get pending(): number {
    return this.#count;
  }

  /** Calls `run` when this member has applied all that was committed at the time of the call. */
  wait(deadlineMs: number, run: () => void, fail: (error: unknown) => void): void {
    if (this.#count >= maxPendingReads) {
      fail(etcdError('tooManyRequests'));
      return;
    }
    this.#count++;
    this.#waiting.push({ deadlineMs, run, fail });
  }

  /** Asks, if somebody waits and no round is under way. The loop calls it once a turn. */
  flush(): void {
    if (this.#round !== undefined || this.#waiting.length === 0) return;
    const context = Buffer.allocUnsafe(originBytes + sequenceBytes);
    const sequence = ++this.#sequence;
    context.writeUInt32BE(this.#origin, 0);
    context.writeUIntBE(sequence, originBytes, sequenceBytes);
    if (!this.#source.readIndex(context)) return;
    this.#round = { sequence, askedMs: this.#nowMs(), waiters: this.#waiting };
    this.#waiting = [];
  }

  onReadStates(states: readonly ReadState[]): void {
    for (const { context, index } of states) {
      if (this.#round === undefined || !this.#isAnswer(context, this.#round)) continue;
      this.#confirmed.push({ index, waiters: this.#round.waiters });
      this.#round = undefined;
    }
  }

  #isAnswer(context: Uint8Array, { sequence }: Round): boolean {
    if (context.length !== originBytes + sequenceBytes) return false;
    const bytes = Buffer.from(context.buffer, context.byteOffset, context.byteLength);
    return (
      bytes.readUInt32BE(0) === this.#origin &&
      bytes.readUIntBE(originBytes, sequenceBytes) === sequence
    );
  }

  /**
   * Serves what can be served within a slice of time. The loop calls it after it has applied. Large reads that come
   * together would else hold up everything else, watches and heartbeats too, for as long as all of them take.
   * @returns whether reads are left that can be served in the next turn
   */
  serve(): boolean {
    const applied = this.#source.appliedIndex;
    let first = this.#confirmed[0];
    if (first === undefined || first.index > applied) return false;
    const untilMs = this.#nowMs() + readSliceMs;
    for (; first !== undefined && first.index <= applied; first = this.#confirmed[0]) {
      const { index, waiters } = first;
      let served = 0;
      for (const waiter of waiters) {
        served++;
        this.#count--;
        waiter.run();
        if (this.#nowMs() >= untilMs) break;
      }
      const left = waiters.slice(served);
      if (left.length > 0) {
        this.#confirmed[0] = { index, waiters: left };
        return true;
      }
      this.#confirmed.shift();
    }
    return false;
  }

  /** The leader changed: a round that was asked of the old one is asked again. */
  leaderChanged(): void {
    if (this.#round !== undefined) this.#metrics.readIndexFailed();
    this.#askAgain();
  }

  /** Once a tick: asks again what was lost, ends what waited too long. */
  tick(error: () => unknown): void {
    const nowMs = this.#nowMs();
    if (this.#round !== undefined && nowMs - this.#round.askedMs >= readIndexRetryMs) {
      this.#metrics.slowReadIndex();
      this.#askAgain();
    }
    this.#waiting = this.#expire(this.#waiting, nowMs, error);
    this.#confirmed = this.#confirmed
      .map(({ index, waiters }) => ({ index, waiters: this.#expire(waiters, nowMs, error) }))
      .filter(({ waiters }) => waiters.length > 0);
  }

  #askAgain(): void {
    if (this.#round === undefined) return;
    this.#waiting = [...this.#round.waiters, ...this.#waiting];
    this.#round = undefined;
  }

  #expire(waiters: Waiter[], nowMs: number, error: () => unknown): Waiter[] {
    const first = waiters[0];
    if (first === undefined || first.deadlineMs > nowMs) return waiters;
    return waiters.filter((waiter) => {
      if (waiter.deadlineMs > nowMs) return true;
      this.#count--;
      waiter.fail(error());
      return false;
    });
  }

  failAll(error: () => unknown): void {
    const all = [
      ...this.#waiting,
      ...(this.#round?.waiters ?? []),
      ...this.#confirmed.flatMap((round) => round.waiters),
    ];
    this.#waiting = [];
    this.#round = undefined;
    this.#confirmed = [];
    this.#count = 0;
    for (const waiter of all) waiter.fail(error());
  }
}
