import type { MemberReport, WatchRequest } from '../../gen/telemetry.js';
import { firstAbort } from '../../lib/abort.js';
import type { Clock } from '../../lib/clock.js';
import { delay } from '../../lib/clock.js';
import { Code, isGrpcError } from '../../lib/grpc/index.js';
import type { StoreAdmin, StoreMemberStatus, StoreTelemetry } from './store-admin.js';

/** Up to where the events of a member are known. */
export interface Position {
  readonly startedMs: number;
  readonly sequence: number;
}

/** A member, and who is told what it says. */
export interface MemberRelayOptions {
  readonly store: Pick<StoreAdmin, 'status'> & StoreTelemetry;
  readonly clock: Clock;
  readonly url: string;
  readonly known: Position | undefined;
  /** Resolves when it may be told more. */
  readonly report: (report: MemberReport) => Promise<void>;
  /** Told once, when the member stops answering. */
  readonly silent: (error: unknown) => Promise<void>;
}

/** A member tells its state so often. */
const stateIntervalMs = 250;
/** A member without a message for this long counts as silent and is asked anew: its connection may be dead. */
const silenceMs = 2000;
/** Between attempts. */
const retryMs = 300;

/**
 * Reads the telemetry of one member until it is stopped, across its restarts and outages, without a gap: it asks for
 * what follows the last event that it passed on. A store that knows no telemetry (a real etcd) is asked for its status
 * instead.
 */
export class MemberRelay {
  readonly url: string;
  readonly #options: MemberRelayOptions;
  readonly #abort = new AbortController();
  #known: Position;
  #isSilent = false;

  constructor(options: MemberRelayOptions) {
    this.#options = options;
    this.url = options.url;
    this.#known = options.known ?? { startedMs: 0, sequence: 0 };
  }

  stop(): void {
    this.#abort.abort();
  }

  async run(): Promise<void> {
    const { signal } = this.#abort;
    while (!signal.aborted) {
      try {
        await this.#read();
      } catch (error) {
        if (signal.aborted) return;
        if (isGrpcError(error) && error.code === Code.Unimplemented) await this.#poll();
        else await this.#fellSilent(error);
      }
      await delay(this.#options.clock, retryMs, signal);
    }
  }

  async #fellSilent(error: unknown): Promise<void> {
    if (this.#isSilent) return;
    this.#isSilent = true;
    await this.#options.silent(error);
  }

  async #read(): Promise<void> {
    const { store } = this.#options;
    const { startedMs, sequence } = this.#known;
    const request: WatchRequest = { startedMs, afterSequence: sequence, stateIntervalMs };
    const call = firstAbort([this.#abort.signal]);
    const reports = store.watchTelemetry(this.url, request, call.signal)[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await this.#within(reports.next());
        if (next.done === true) return;
        const report = next.value;
        this.#isSilent = false;
        await this.#options.report(report);
        this.#known = positionAfter(report, this.#known);
      }
    } finally {
      call.abort();
    }
  }

  /** @throws Error when it takes longer than a member may be silent */
  async #within<T>(answer: Promise<T>): Promise<T> {
    const over = new AbortController();
    const late = delay(this.#options.clock, silenceMs, over.signal).then(() => {
      throw new Error(`it has said nothing for ${silenceMs / 1000} s`);
    });
    late.catch(() => undefined);
    answer.catch(() => undefined);
    try {
      return await Promise.race([answer, late]);
    } finally {
      over.abort();
    }
  }

  /** Until the member does not answer. */
  async #poll(): Promise<void> {
    const { store, clock, report } = this.#options;
    const { signal } = this.#abort;
    try {
      while (!signal.aborted) {
        const status = await store.status(this.url, silenceMs);
        this.#isSilent = false;
        await report(reportOf(status, clock.nowMs()));
        await delay(clock, 2 * stateIntervalMs, signal);
      }
    } catch (error) {
      if (!signal.aborted) await this.#fellSilent(error);
    }
  }
}

/** Events are numbered within a run of the member. */
function positionAfter({ startedMs, events }: MemberReport, before: Position): Position {
  const last = events.at(-1)?.sequence;
  return { startedMs, sequence: last ?? (startedMs === before.startedMs ? before.sequence : 0) };
}

/** The little that a status tells, as a report without events. */
function reportOf(status: StoreMemberStatus, nowMs: number): MemberReport {
  const { id, leader, term, raftIndex, appliedIndex, errors } = status;
  return {
    member: id,
    name: '',
    startedMs: 0,
    nowMs,
    missed: 0,
    events: [],
    state: {
      role: leader === id ? 'leader' : 'follower',
      learner: false,
      term,
      vote: 0n,
      leader,
      commit: raftIndex,
      applied: appliedIndex,
      lastIndex: raftIndex,
      peers: [],
      syncP99Ms: 0,
      pendingWrites: 0,
      trouble: errors.join('; '),
    },
  };
}
