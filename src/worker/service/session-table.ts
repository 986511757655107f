import type { Clock } from '../../lib/clock.js';
import { Code, GrpcError } from '../../lib/grpc/index.js';
import { IdleError, Session } from '../../lib/session.js';
import { sessionLimits } from './session-limits.js';

/** The streams that a caller may open. */
export type SessionKind = 'exec' | 'attach' | 'portForward' | 'logs';

/** The open streams of a node; refuses more than {@link sessionLimits} allows. */
export class SessionTable {
  readonly #clock: Clock;
  readonly #limits: Readonly<Record<keyof typeof sessionLimits, number>>;
  readonly #open = new Set<Session>();
  readonly #byPod = new Map<string, number>();

  constructor(clock: Clock, limits: Partial<Record<keyof typeof sessionLimits, number>> = {}) {
    this.#clock = clock;
    this.#limits = { ...sessionLimits, ...limits };
  }

  /** Sessions that have not ended with all that is theirs. */
  get size(): number {
    return this.#open.size;
  }

  /**
   * Serves one call in a session of its own; resolves when everything of it has ended.
   * @throws GrpcError ResourceExhausted when there are too many; what `work` or a part of the session failed with
   */
  async serve(
    kind: SessionKind,
    signal: AbortSignal,
    work: (session: Session) => Promise<void>,
  ): Promise<void> {
    const { countMax, idleMs } = this.#limits;
    if (this.#open.size >= countMax) {
      throw new GrpcError(Code.ResourceExhausted, `the node has ${countMax} streams already`);
    }
    const session = new Session({ clock: this.#clock, ...(kind === 'logs' ? {} : { idleMs }) });
    this.#open.add(session);
    session.endWith(signal);
    try {
      await work(session);
      session.end();
    } catch (error) {
      session.end(error);
    }
    const { error } = await session.ended;
    this.#open.delete(session);
    // A caller that went away hears nothing more.
    if (error !== undefined && !signal.aborted) throw told(error);
  }

  /** Waits for the caller's first message. @throws GrpcError when it does not come in time */
  async first<T>(session: Session, message: Promise<T>): Promise<T> {
    const { startMs } = this.#limits;
    const cancel = this.#clock.schedule(startMs, () => {
      session.end(new GrpcError(Code.DeadlineExceeded, 'the first message did not come in time'));
    });
    try {
      const value = await session.until(message);
      if (value === undefined) throw new GrpcError(Code.Cancelled, 'the caller has gone');
      return value;
    } finally {
      cancel();
    }
  }

  /** Counts the session for a pod. @throws GrpcError ResourceExhausted when that one has too many */
  claim(session: Session, podUid: string): void {
    const { perPodMax } = this.#limits;
    const count = this.#byPod.get(podUid) ?? 0;
    if (count >= perPodMax) {
      throw new GrpcError(Code.ResourceExhausted, `the pod has ${perPodMax} streams already`);
    }
    this.#byPod.set(podUid, count + 1);
    session.onEnd(() => {
      const left = (this.#byPod.get(podUid) ?? 1) - 1;
      if (left > 0) this.#byPod.set(podUid, left);
      else this.#byPod.delete(podUid);
    });
  }
}

function told(error: Error): Error {
  return error instanceof IdleError ? new GrpcError(Code.Aborted, error.message) : error;
}
