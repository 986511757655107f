import type * as net from 'node:net';
import type { Clock } from '../clock.js';
import { systemClock } from '../clock.js';
import { ClientConnection, encodeField, encodeFields, errorCode } from '../http2/index.js';
import type { Http2Stream } from '../http2/index.js';
import type { Logger } from '../log.js';
import type { TlsSource } from '../pki/tls-source.js';
import type { CallSetup } from './client-call.js';
import { StreamCall, UnaryCall } from './client-call.js';
import { PendingStream } from './pending-stream.js';
import type { ChannelTls } from './connect.js';
import { connectSocket } from './connect.js';
import { formatTimeout, metadataFields } from './metadata.js';
import type { CallOptions, Client, MethodDefinition, ServiceDefinition } from './types.js';
import { Code, GrpcError } from './types.js';

/** The server and the settings of a channel. */
export interface ChannelOptions {
  /** `host:port`, or `unix:path`. */
  readonly target: string;
  readonly tls?: TlsSource<ChannelTls>;
  readonly log: Logger;
  readonly clock?: Clock;
  /** @default 3,000 */
  readonly connectTimeoutMs?: number;
  /**
   * While calls are under way a ping each so many milliseconds; no answer in the same time breaks the connection. 0:
   * none. etcd's ports end connections that ping more often than each five seconds, or without calls. @default 10,000
   */
  readonly keepAliveMs?: number;
  /** Is told how long the answer to a ping took. */
  readonly onPing?: (roundTripMs: number) => void;
  /** The longest answer message in bytes. @default 64 MiB */
  readonly maxReceiveBytes?: number;
  /** For unary calls that name none. @default 30,000 */
  readonly defaultDeadlineMs?: number;
}

/** The state of a channel's connection. */
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

/** Header blocks that are kept: one for each method and length of deadline. */
const keptBlocksMax = 256;

class Http2Channel implements Channel {
  readonly target: string;
  readonly #options: ChannelOptions;
  readonly #clock: Clock;
  readonly #blocks = new Map<string, Buffer>();
  readonly #listeners = new Set<(state: ChannelState) => void>();
  #state: ChannelState = 'idle';
  #connection: ClientConnection | undefined;
  /** The one in use, and those on which calls go on after the server asked for no more. */
  readonly #connections = new Set<ClientConnection>();
  #connecting: Promise<ClientConnection> | undefined;

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
    this.#connection = undefined;
    for (const connection of this.#connections) connection.destroy();
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
      const connection = this.#live();
      const timed = { ...options, deadlineMs };
      if (connection !== undefined) {
        return this.#startUnary(connection, path, definition, bytes, timed);
      }
      return this.#ready().then((ready) => this.#startUnary(ready, path, definition, bytes, timed));
    };
  }

  #startUnary(
    connection: ClientConnection,
    path: string,
    definition: MethodDefinition,
    bytes: Uint8Array,
    options: CallOptions,
  ): Promise<unknown> {
    if (options.signal?.aborted === true) return Promise.reject(cancelled());
    return new Promise((resolve, reject) => {
      const call = new UnaryCall(this.#setup(definition, options), { resolve, reject });
      connection.request((stream) => {
        if (stream === undefined) {
          call.giveUp(unavailable(this.target, undefined));
        } else if (call.ended) {
          // Its time was over before its turn came; the server never hears of it.
          stream.reset(errorCode.cancel);
        } else {
          call.attach(stream);
          stream.headers(this.#block(path, options), false);
          stream.endWith(bytes);
        }
      });
    });
  }

  /** A stream is usable at once; what it says goes out when the connection stands and the server takes more streams. */
  #openStream(
    path: string,
    definition: MethodDefinition,
    request: Uint8Array | undefined,
    options: CallOptions,
  ): unknown {
    if (options.signal?.aborted === true) {
      return new PendingStream(Promise.reject<StreamCall>(cancelled()), undefined);
    }
    const connection = this.#live();
    if (connection?.hasRoom === true) {
      let opened: StreamCall | undefined;
      connection.request((stream) => {
        if (stream !== undefined) {
          opened = this.#startStream(stream, path, definition, request, options);
        }
      });
      if (opened !== undefined) return opened;
    }
    const opening = this.#ready().then(
      (ready) =>
        new Promise<StreamCall>((resolve, reject) => {
          ready.request((stream) => {
            if (stream === undefined) reject(unavailable(this.target, undefined));
            else resolve(this.#startStream(stream, path, definition, request, options));
          });
        }),
    );
    return new PendingStream(opening, options.signal);
  }

  #startStream(
    stream: Http2Stream,
    path: string,
    definition: MethodDefinition,
    request: Uint8Array | undefined,
    options: CallOptions,
  ): StreamCall {
    const call = new StreamCall(this.#setup(definition, options));
    call.attach(stream);
    stream.headers(this.#block(path, options), false);
    if (request !== undefined) stream.endWith(request);
    return call;
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

  /** The header block of a request. */
  #block(path: string, options: CallOptions): Buffer {
    const timeout =
      options.deadlineMs === undefined ? undefined : formatTimeout(options.deadlineMs);
    const key = timeout === undefined ? path : `${path} ${timeout}`;
    let block = this.#blocks.get(key);
    if (block === undefined) {
      block = encodeFields([
        [':method', 'POST'],
        [':scheme', this.#options.tls === undefined ? 'http' : 'https'],
        [':path', path],
        [':authority', this.target],
        ['content-type', 'application/grpc'],
        ['te', 'trailers'],
        ['user-agent', 'grpc-trireme/1'],
        ...(timeout === undefined ? [] : ([['grpc-timeout', timeout]] as const)),
      ]);
      if (this.#blocks.size >= keptBlocksMax) this.#blocks.clear();
      this.#blocks.set(key, block);
    }
    if (options.metadata === undefined) return block;
    const fields = [...metadataFields(options.metadata)].map(([name, value]) =>
      encodeField(name, value),
    );
    return Buffer.concat([block, ...fields]);
  }

  #live(): ClientConnection | undefined {
    const connection = this.#connection;
    return connection?.usable === true ? connection : undefined;
  }

  #ready(): Promise<ClientConnection> {
    if (this.#state === 'closed') {
      return Promise.reject(new GrpcError(Code.Unavailable, 'the channel is closed'));
    }
    const connection = this.#live();
    if (connection !== undefined) return Promise.resolve(connection);
    this.#connecting ??= this.#dial().finally(() => {
      this.#connecting = undefined;
    });
    return this.#connecting;
  }

  async #dial(): Promise<ClientConnection> {
    this.#become('connecting');
    let socket: net.Socket;
    try {
      socket = await connectSocket({
        target: this.target,
        tls: this.#options.tls?.current,
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
    return this.#open(socket);
  }

  #open(socket: net.Socket): ClientConnection {
    // A connection that has used up its streams ends when the last of them does.
    this.#connection?.close();
    const connection: ClientConnection = new ClientConnection(
      socket,
      {
        onClosed: () => {
          this.#connections.delete(connection);
          stopKeepAlive();
          this.#lost(connection);
        },
        onGoaway: () => this.#lost(connection),
      },
      this.#clock,
    );
    const stopKeepAlive = this.#keepAlive(connection);
    this.#connections.add(connection);
    this.#connection = connection;
    this.#become('ready');
    return connection;
  }

  /** @returns a function that ends it */
  #keepAlive(connection: ClientConnection): () => void {
    const everyMs = this.#options.keepAliveMs ?? 10_000;
    if (everyMs === 0) return () => undefined;
    let answered = true;
    let cancel: () => void = () => undefined;
    const beat = (): void => {
      if (!answered) {
        connection.destroy(new Error('keep-alive timed out'));
        return;
      }
      cancel = this.#clock.schedule(everyMs, beat);
      if (connection.streamCount === 0) return;
      answered = false;
      const sentMs = this.#clock.monotonicMs();
      connection.ping(() => {
        answered = true;
        this.#options.onPing?.(this.#clock.monotonicMs() - sentMs);
      });
    };
    cancel = this.#clock.schedule(everyMs, beat);
    return () => cancel();
  }

  #lost(connection: ClientConnection): void {
    if (this.#connection !== connection) return;
    this.#connection = undefined;
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

function cancelled(): GrpcError {
  return new GrpcError(Code.Cancelled, 'context canceled');
}
