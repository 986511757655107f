import type { Clock } from '../clock.js';

/** Treats pings of clients, and sends a server's own: grpc-go's enforcement policy and keep-alive parameters. */
export interface KeepAliveOptions {
  /** A client whose calls are under way should not ping more often. */
  readonly minTimeMs: number;
  /** A connection that has been silent for as long is pinged. */
  readonly intervalMs: number;
  /** The connection is given up when the answer takes longer. */
  readonly timeoutMs: number;
}

/** The least time that a client without calls must leave between two pings (two hours). */
const idleMinTimeMs = 2 * 60 * 60 * 1000;
const strikesMax = 2;

/**
 * Counts the pings of a client that come too early. What the server sends wipes the count out: whoever is served may
 * ping.
 *
 * With a least time of 5 s, a client that waits for an answer and pings each second: the first ping is free, the next
 * two are strikes, the fourth is one too many.
 */
export class PingPolice {
  readonly #minTimeMs: number;
  #strikes = 0;
  #lastMs = -Infinity;

  constructor(minTimeMs: number) {
    this.#minTimeMs = minTimeMs;
  }

  /**
   * @param hasSent headers or data went to the client since its last ping
   * @returns false when the client has pinged too often
   */
  allows(nowMs: number, hasStreams: boolean, hasSent: boolean): boolean {
    const isEarly = nowMs < this.#lastMs + (hasStreams ? this.#minTimeMs : idleMinTimeMs);
    this.#lastMs = nowMs;
    if (hasSent) this.#strikes = 0;
    else if (isEarly) this.#strikes++;
    return this.#strikes <= strikesMax;
  }
}

/** The calls that a {@link Heartbeat} makes to its connection. */
export interface Silent {
  ping(): void;
  /** The ping was not answered in time. */
  giveUp(): void;
}

/**
 * Pings a client that has been silent, and gives it up when it stays so. Any bytes of the client are a sign of life.
 */
export class Heartbeat {
  readonly #clock: Clock;
  readonly #options: KeepAliveOptions;
  readonly #target: Silent;
  #heard = false;
  #cancel: () => void;

  constructor(clock: Clock, options: KeepAliveOptions, target: Silent) {
    this.#clock = clock;
    this.#options = options;
    this.#target = target;
    this.#cancel = this.#wait();
  }

  /** Something came. Not the time of it is kept, so a silence is noticed after one to two intervals. */
  heard(): void {
    this.#heard = true;
  }

  stop(): void {
    this.#cancel();
  }

  #wait(): () => void {
    return this.#clock.schedule(this.#options.intervalMs, () => this.#look());
  }

  #look(): void {
    if (this.#heard) {
      this.#heard = false;
      this.#cancel = this.#wait();
      return;
    }
    this.#cancel = this.#clock.schedule(this.#options.timeoutMs, () => {
      if (this.#heard) this.#look();
      else this.#target.giveUp();
    });
    this.#target.ping();
  }
}
