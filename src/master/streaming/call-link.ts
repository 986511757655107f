import type { Clock } from '../../lib/clock.js';
import { delay } from '../../lib/clock.js';
import type { ClientDuplex } from '../../lib/grpc/index.js';
import type { Session } from '../../lib/session.js';

/** The client's end of a connection, which can be told to wait. */
export interface ClientFlow {
  pause(): void;
  resume(): void;
  /** Writes something that says nothing, to find out whether the client is still there. */
  ping(): void;
}

/** Shares a connection's flow among several sessions: it waits while any of them does. */
export function sharedFlow(flow: ClientFlow): ClientFlow {
  let waiting = 0;
  return {
    pause: () => {
      waiting += 1;
      flow.pause();
    },
    resume: () => {
      waiting -= 1;
      if (waiting === 0) flow.resume();
    },
    ping: () => flow.ping(),
  };
}

/** Nothing is read from a client that waits, so that its going is found by writing only. */
const pingMs = 3000;

/**
 * The bound on messages that still come from a client that was told to wait: its connection had read them before. One
 * WebSocket message of the longest kind and a chunk of a socket, in messages as small as they get.
 */
const heldMax = { bytes: 8 * 1024 * 1024, count: 16 * 1024 } as const;

/**
 * The node's end of one session of a client: what the client sends goes there in order, never faster than the node
 * takes it.
 */
export class CallLink<In, Out> {
  readonly call: ClientDuplex<In, Out>;
  readonly #session: Session;
  readonly #flow: ClientFlow;
  readonly #clock: Clock;
  #held: { readonly message: Out; readonly bytes: number }[] = [];
  #heldBytes = 0;
  #waiting = false;

  /** The call is cancelled when the session ends. */
  constructor(
    session: Session,
    call: ClientDuplex<In, Out>,
    client: { readonly flow: ClientFlow; readonly clock: Clock },
  ) {
    this.call = call;
    this.#session = session;
    this.#flow = client.flow;
    this.#clock = client.clock;
    session.onEnd(() => call.cancel());
  }

  /** Sends in turn. @param bytes of the message, about */
  push(message: Out, bytes: number): void {
    if (this.#session.over) return;
    if (this.#waiting) this.#hold(message, bytes);
    else if (!this.#send(message)) this.#session.run(() => this.#drain());
  }

  #send(message: Out): boolean {
    return this.call.ended || this.call.send(message);
  }

  #hold(message: Out, bytes: number): void {
    this.#held.push({ message, bytes });
    this.#heldBytes += bytes;
    if (this.#heldBytes <= heldMax.bytes && this.#held.length <= heldMax.count) return;
    this.#held = [];
    this.#session.end(new Error('the client sends more than the node takes'));
  }

  /** Until the node takes more, the client waits. */
  async #drain(): Promise<void> {
    this.#waiting = true;
    this.#flow.pause();
    const pinging = new AbortController();
    this.#session.run(() => this.#pingUntil(pinging.signal));
    do {
      await this.#session.until(this.call.drained());
    } while (!this.#session.over && !this.#sendHeld());
    pinging.abort();
    this.#waiting = false;
    // After the end too: what the client says last, and that it goes, is to be read.
    this.#flow.resume();
  }

  async #pingUntil(over: AbortSignal): Promise<void> {
    while (!over.aborted) {
      await delay(this.#clock, pingMs, over);
      if (!over.aborted) this.#flow.ping();
    }
  }

  /** @returns false when the node is to be waited for again */
  #sendHeld(): boolean {
    for (let next = this.#held.shift(); next !== undefined; next = this.#held.shift()) {
      this.#heldBytes -= next.bytes;
      if (!this.#send(next.message)) return false;
    }
    return true;
  }
}
