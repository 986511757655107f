import * as http2 from 'node:http2';
import type { OutgoingHttpHeaders } from 'node:http2';
import type * as net from 'node:net';
import type { Clock } from '../clock.js';
import { systemClock } from '../clock.js';
import type { Logger } from '../log.js';
import type { CallSetup } from './client-call.js';
import { streamCall, unaryCall } from './client-call.js';
import { PendingStream } from './pending-stream.js';
import type { ChannelTls } from './connect.js';
import { connectSocket } from './connect.js';
import { addMetadata, formatTimeout } from './metadata.js';
import type { CallOptions, Client, MethodDefinition, ServiceDefinition } from './types.js';
import { Code, GrpcError } from './types.js';

export interface ChannelOptions {
  /** `host:port`. */
  readonly target: string;
  readonly tls?: ChannelTls;
  readonly log: Logger;
  readonly clock?: Clock;
  /** @default 3,000 */
  readonly connectTimeoutMs?: number;
  /** A ping after so much silence; no answer in the same time breaks the connection. 0: none. @default 10,000 */
  readonly keepAliveMs?: number;
  /** The longest answer message in bytes. @default 64 MiB */
  readonly maxReceiveBytes?: number;
  /** For unary calls that name none. @default 30,000 */
  readonly defaultDeadlineMs?: number;
}

export type ChannelState = 'idle' | 'connecting' | 'ready' | 'broken' | 'closed';

/** One connection to one server, made when first needed and again when it broke. */
export interface Channel {
  client<S extends ServiceDefinition>(definition: S): Client<S>;
  readonly target: string;
  readonly state: ChannelState;
  /** Called at each change of state. @returns a function that ends it */
  onStateChange(listener: (state: ChannelState) => void): () => void;
  /** Connects now. Resolves when ready; rejects with UNAVAILABLE. */
  connect(): Promise<void>;
  close(): void;
}

/** Calls fail at once with UNAVAILABLE (definite) when the connection cannot be made; each new call tries again. */
export function createGrpcChannel(options: ChannelOptions): Channel {
  return new Http2Channel(options);
}

class Http2Channel implements Channel {
  readonly target: string;
  readonly #options: ChannelOptions;
  readonly #clock: Clock;
  #state: ChannelState = 'idle';
  readonly #listeners = new Set<(state: ChannelState) => void>();
  #session: http2.ClientHttp2Session | undefined;
  #connecting: Promise<http2.ClientHttp2Session> | undefined;
  #stopKeepAlive: (() => void) | undefined;

  constructor(options: ChannelOptions) {
    this.#options = options;
    this.target = options.target;
    this.#clock = options.clock ?? systemClock({ unref: true });
  }

  get state(): ChannelState {
    return this.#state;
  }

  onStateChange(listener: (state: ChannelState) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async connect(): Promise<void> {
    await this.#ready();
  }

  close(): void {
    this.#become('closed');
    this.#stopKeepAlive?.();
    const session = this.#session;
    this.#session = undefined;
    session?.destroy();
  }

  client<S extends ServiceDefinition>(definition: S): Client<S> {
    const client: Record<string, unknown> = {};
    for (const [key, method] of Object.entries(definition.methods)) {
      client[key] = this.#method(
        `/${definition.fullName}/${method.name}`,
        method as MethodDefinition,
      );
    }
    return client as Client<S>;
  }

  #method(path: string, definition: MethodDefinition): unknown {
    if (definition.requestStream) {
      return (options: CallOptions = {}) => this.#openStream(path, definition, undefined, options);
    }
    const { requestType } = definition;
    if (definition.responseStream) {
      return (request: unknown, options: CallOptions = {}) =>
        this.#openStream(path, definition, requestType.encode(request).finish(), options);
    }
    return (request: unknown, options: CallOptions = {}): Promise<unknown> => {
      const bytes = requestType.encode(request).finish();
      const deadlineMs = options.deadlineMs ?? this.#options.defaultDeadlineMs ?? 30_000;
      const session = this.#live();
      if (session === undefined)
        return this.#unaryWhenReady(path, definition, bytes, { ...options, deadlineMs });
      return this.#startUnary(session, path, definition, bytes, { ...options, deadlineMs });
    };
  }

  async #unaryWhenReady(
    path: string,
    definition: MethodDefinition,
    bytes: Uint8Array,
    options: CallOptions,
  ): Promise<unknown> {
    const session = await this.#ready();
    return this.#startUnary(session, path, definition, bytes, options);
  }

  #startUnary(
    session: http2.ClientHttp2Session,
    path: string,
    definition: MethodDefinition,
    bytes: Uint8Array,
    options: CallOptions,
  ): Promise<unknown> {
    let stream: http2.ClientHttp2Stream;
    try {
      stream = this.#request(session, path, options);
    } catch (cause) {
      return Promise.reject(unavailable(this.target, cause));
    }
    return unaryCall(stream, bytes, this.#setup(definition, options));
  }

  /** A stream is usable at once; what it says goes out when the connection stands. */
  #openStream(
    path: string,
    definition: MethodDefinition,
    request: Uint8Array | undefined,
    options: CallOptions,
  ): unknown {
    const session = this.#live();
    if (session !== undefined) {
      try {
        const stream = this.#request(session, path, options);
        return streamCall(stream, request, this.#setup(definition, options));
      } catch {
        // The session ended under our hands: connect anew below.
      }
    }
    return new PendingStream(
      this.#ready().then((ready) =>
        streamCall(this.#request(ready, path, options), request, this.#setup(definition, options)),
      ),
      options.signal,
    );
  }

  #setup(definition: MethodDefinition, options: CallOptions): CallSetup {
    return {
      definition,
      maxReceiveBytes: this.#options.maxReceiveBytes ?? 64 * 1024 * 1024,
      signal: options.signal,
      deadline:
        options.deadlineMs === undefined
          ? undefined
          : { ms: options.deadlineMs, schedule: (ms, fn) => this.#clock.schedule(ms, fn) },
    };
  }

  #request(
    session: http2.ClientHttp2Session,
    path: string,
    options: CallOptions,
  ): http2.ClientHttp2Stream {
    const headers: OutgoingHttpHeaders = {
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc+proto',
      te: 'trailers',
      'user-agent': 'grpc-trireme/1',
    };
    if (options.deadlineMs !== undefined)
      headers['grpc-timeout'] = formatTimeout(options.deadlineMs);
    if (options.metadata !== undefined) addMetadata(headers, options.metadata);
    return session.request(headers);
  }

  #live(): http2.ClientHttp2Session | undefined {
    const session = this.#session;
    return session === undefined || session.closed || session.destroyed ? undefined : session;
  }

  #ready(): Promise<http2.ClientHttp2Session> {
    if (this.#state === 'closed') {
      return Promise.reject(new GrpcError(Code.Unavailable, 'the channel is closed'));
    }
    const session = this.#live();
    if (session !== undefined) return Promise.resolve(session);
    this.#connecting ??= this.#dial().finally(() => {
      this.#connecting = undefined;
    });
    return this.#connecting;
  }

  async #dial(): Promise<http2.ClientHttp2Session> {
    this.#become('connecting');
    let socket: net.Socket;
    try {
      socket = await connectSocket({
        target: this.target,
        tls: this.#options.tls,
        clock: this.#clock,
        timeoutMs: this.#options.connectTimeoutMs ?? 3000,
      });
    } catch (cause) {
      this.#become('broken');
      throw unavailable(this.target, cause);
    }
    if (this.#state === 'closed') {
      socket.destroy();
      throw new GrpcError(Code.Unavailable, 'the channel is closed');
    }
    return this.#openSession(socket);
  }

  #openSession(socket: net.Socket): Promise<http2.ClientHttp2Session> {
    return new Promise((resolve, reject) => {
      const scheme = this.#options.tls === undefined ? 'http' : 'https';
      const session = http2.connect(`${scheme}://${this.target}`, {
        createConnection: () => socket,
        settings: { initialWindowSize: 1024 * 1024, enablePush: false },
        maxSessionMemory: 256,
      });
      let failure: unknown;
      session.on('error', (error) => {
        failure = error;
      });
      session.once('connect', () => {
        session.setLocalWindowSize(16 * 1024 * 1024);
        this.#session = session;
        this.#keepAlive(session);
        this.#become('ready');
        resolve(session);
      });
      session.on('goaway', () => {
        if (this.#session === session) this.#lost(session);
      });
      session.once('close', () => {
        this.#lost(session);
        reject(unavailable(this.target, failure));
      });
    });
  }

  #keepAlive(session: http2.ClientHttp2Session): void {
    const everyMs = this.#options.keepAliveMs ?? 10_000;
    if (everyMs === 0) return;
    let answered = true;
    const beat = (): void => {
      if (session.destroyed || session.closed) return;
      if (!answered) {
        session.destroy(new Error('keep-alive timed out'));
        return;
      }
      answered = false;
      session.ping((error) => {
        answered = error === null;
      });
      this.#stopKeepAlive = this.#clock.schedule(everyMs, beat);
    };
    this.#stopKeepAlive = this.#clock.schedule(everyMs, beat);
  }

  #lost(session: http2.ClientHttp2Session): void {
    if (this.#session !== undefined && this.#session !== session) return;
    this.#session = undefined;
    this.#stopKeepAlive?.();
    if (this.#state !== 'closed') this.#become('broken');
  }

  #become(state: ChannelState): void {
    if (this.#state === state || this.#state === 'closed') return;
    this.#state = state;
    for (const listener of this.#listeners) listener(state);
  }
}

function unavailable(target: string, cause: unknown): GrpcError {
  const reason = cause instanceof Error ? cause.message : 'the connection ended';
  return new GrpcError(Code.Unavailable, `cannot connect to ${target}: ${reason}`, { cause });
}
