import * as http2 from 'node:http2';
import type { OutgoingHttpHeaders } from 'node:http2';
import * as net from 'node:net';
import * as tls from 'node:tls';
import type { Clock } from '../clock.js';
import { systemClock } from '../clock.js';
import type { Logger } from '../log.js';
import type { CallSetup } from './client-call.js';
import { streamCall, unaryCall } from './client-call.js';
import { addMetadata, formatTimeout } from './metadata.js';
import type { CallOptions, Client, MethodDefinition, ServiceDefinition } from './types.js';
import { Code, GrpcError } from './types.js';

export interface ChannelTls {
  /** PEM of the authorities that are believed. */
  readonly ca?: string | Buffer;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  /** The name that the server's certificate must bear. @default the target's host */
  readonly serverName?: string;
  /** Checks the server beyond or instead of the chain; an Error refuses it. With it, `ca` may be absent. */
  readonly verify?: (peer: tls.PeerCertificate) => Error | undefined;
}

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

  #dial(): Promise<http2.ClientHttp2Session> {
    this.#become('connecting');
    return new Promise((resolve, reject) => {
      const session = http2.connect(
        `${this.#options.tls === undefined ? 'http' : 'https'}://${this.target}`,
        {
          createConnection: () => this.#createSocket(),
          settings: { initialWindowSize: 1024 * 1024, enablePush: false },
          maxSessionMemory: 256,
        },
      );
      let failure: unknown;
      const cancelTimeout = this.#clock.schedule(this.#options.connectTimeoutMs ?? 3000, () => {
        session.destroy(new Error('timed out'));
      });
      session.on('error', (error) => {
        failure = error;
      });
      session.once('connect', () => {
        cancelTimeout();
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
        cancelTimeout();
        this.#lost(session);
        reject(unavailable(this.target, failure));
      });
    });
  }

  #createSocket(): net.Socket {
    const { host, port } = splitTarget(this.target);
    const security = this.#options.tls;
    if (security === undefined) return net.connect({ host, port, noDelay: true });
    const { verify } = security;
    const serverName = security.serverName ?? host;
    const socket = tls.connect({
      host,
      port,
      ALPNProtocols: ['h2'],
      ...(net.isIP(serverName) === 0 ? { servername: serverName } : {}),
      ...(security.ca === undefined ? {} : { ca: security.ca }),
      ...(security.cert === undefined ? {} : { cert: security.cert }),
      ...(security.key === undefined ? {} : { key: security.key }),
      ...(verify !== undefined && security.ca === undefined ? { rejectUnauthorized: false } : {}),
      checkServerIdentity: (name, certificate) =>
        tls.checkServerIdentity(security.serverName ?? name, certificate) ?? verify?.(certificate),
    });
    socket.setNoDelay(true);
    if (verify !== undefined && security.ca === undefined) {
      // Without a chain to check, Node calls no identity check; ours must pass before anything is sent.
      socket.prependOnceListener('secureConnect', () => {
        const refusal = verify(socket.getPeerCertificate(true));
        if (refusal !== undefined) socket.destroy(refusal);
      });
    }
    return socket;
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

/** Messages that a caller may send before the connection stands, without awaiting `drained()`. */
const earlyMessagesMax = 1024;

/** A stream whose connection is still being made. */
class PendingStream {
  readonly #opening: Promise<ReturnType<typeof streamCall>>;
  #stream: ReturnType<typeof streamCall> | undefined;
  #early: unknown[] = [];
  #ending = false;
  #cancelled = false;
  #failed = false;

  constructor(opening: Promise<ReturnType<typeof streamCall>>, signal: AbortSignal | undefined) {
    this.#opening = opening;
    const onAbort = (): void => this.cancel();
    signal?.addEventListener('abort', onAbort, { once: true });
    opening.then(
      (stream) => {
        signal?.removeEventListener('abort', onAbort);
        this.#stream = stream;
        if (this.#cancelled) {
          stream.cancel();
          return;
        }
        for (const message of this.#early) stream.send(message);
        this.#early = [];
        if (this.#ending) stream.end();
      },
      () => {
        this.#failed = true;
      },
    );
  }

  send(message: unknown): boolean {
    if (this.#stream !== undefined) return this.#stream.send(message);
    if (this.ended) return true;
    if (this.#early.length >= earlyMessagesMax) {
      throw new GrpcError(Code.ResourceExhausted, 'too many messages before the connection stands');
    }
    this.#early.push(message);
    return false;
  }

  sendEncoded(bytes: Uint8Array): boolean {
    if (this.#stream === undefined) {
      throw new GrpcError(
        Code.Unavailable,
        'encoded messages need an open stream: await drained() first',
      );
    }
    return this.#stream.sendEncoded(bytes);
  }

  async drained(): Promise<void> {
    if (this.#stream === undefined) {
      await this.#opening.catch(() => undefined);
    }
    await this.#stream?.drained();
  }

  get ended(): boolean {
    return this.#failed || this.#cancelled || (this.#stream?.ended ?? false);
  }

  end(): void {
    this.#ending = true;
    this.#stream?.end();
  }

  cancel(): void {
    this.#cancelled = true;
    this.#stream?.cancel();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator {
    const stream = await this.#opening;
    yield* stream;
  }
}

function unavailable(target: string, cause: unknown): GrpcError {
  const reason = cause instanceof Error ? cause.message : 'the connection ended';
  return new GrpcError(Code.Unavailable, `cannot connect to ${target}: ${reason}`, { cause });
}

function splitTarget(target: string): { host: string; port: number } {
  const at = target.lastIndexOf(':');
  return {
    host: target.slice(0, at).replace(/^\[|\]$/g, ''),
    port: Number(target.slice(at + 1)),
  };
}
