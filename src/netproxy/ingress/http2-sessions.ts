/** HTTP/2 connections to endpoints without TLS (`kubernetes.io/h2c`, gRPC): one for each, kept while it is used. */
import { connect as connectHttp2 } from 'node:http2';
import type {
  ClientHttp2Session,
  ClientHttp2Stream,
  ClientSessionRequestOptions,
  OutgoingHttpHeaders,
} from 'node:http2';
import { connect } from 'node:net';
import type { Clock } from '../../lib/clock.js';
import type { Target } from './backends.js';
import { upstreamLimits } from './limits.js';
import type { connectOptions } from './upstream-address.js';

/** Where a target is; undefined for one that must not be connected to. */
type ConnectOptions = (target: Target) => ReturnType<typeof connectOptions>;

/** The sessions that are open, by endpoint. Bounded by the requests under way: an idle one ends. */
export class Http2Sessions {
  readonly #connectOptions: ConnectOptions;
  readonly #sessions = new Map<string, Http2Session>();

  constructor(options: ConnectOptions) {
    this.#connectOptions = options;
  }

  /**
   * One that takes requests, connected or about to be.
   * @returns undefined for a target that must not be connected to
   */
  session(target: Target, clock: Clock): Http2Session | undefined {
    const key = `${target.host}:${target.port}`;
    const present = this.#sessions.get(key);
    if (present?.isOpen === true) return present;
    const connection = this.#connectOptions(target);
    if (connection === undefined) return undefined;
    const http2 = connectHttp2('http://backend', {
      createConnection: () => connect({ ...connection, noDelay: true }),
      settings: { enablePush: false, maxHeaderListSize: upstreamLimits.headBytes },
    });
    const session = new Http2Session(http2, clock, () => {
      if (this.#sessions.get(key) === session) this.#sessions.delete(key);
    });
    this.#sessions.set(key, session);
    return session;
  }

  close(): void {
    for (const session of this.#sessions.values()) session.destroy();
    this.#sessions.clear();
  }
}

/** One connection to one endpoint. */
export class Http2Session {
  readonly #session: ClientHttp2Session;
  readonly #forget: () => void;
  #streams = 0;

  /** @param forget called when it takes no more requests */
  constructor(session: ClientHttp2Session, clock: Clock, forget: () => void) {
    this.#session = session;
    this.#forget = forget;
    // Every request that comes before it is connected waits for that: as many as an endpoint may have.
    session.setMaxListeners(upstreamLimits.requestsPerTarget + 1);
    const cancel = clock.schedule(upstreamLimits.connectMs, () => session.destroy());
    session.once('connect', cancel);
    session.on('goaway', () => this.retire());
    session.on('error', forget);
    session.on('close', () => {
      cancel();
      forget();
    });
    session.setTimeout(upstreamLimits.idleMs, () => {
      if (this.#streams === 0) session.close();
    });
  }

  get isOpen(): boolean {
    return !this.#session.closed && !this.#session.destroyed;
  }

  /** Calls when requests can reach the endpoint, at once if they can now. */
  onConnected(then: () => void): void {
    if (this.#session.connecting) this.#session.once('connect', then);
    else then();
  }

  /** @throws for fields that HTTP/2 does not let pass, and when the session has just ended */
  request(headers: OutgoingHttpHeaders, options: ClientSessionRequestOptions): ClientHttp2Stream {
    const stream = this.#session.request(headers, options);
    this.#streams++;
    stream.once('close', () => this.#streams--);
    return stream;
  }

  /** It goes on with the streams that it has, and takes no others. */
  retire(): void {
    this.#forget();
    this.#session.close();
  }

  destroy(): void {
    this.#session.destroy();
  }
}
