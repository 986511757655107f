import * as http from 'node:http';
import * as http2 from 'node:http2';
import type * as net from 'node:net';
import * as tls from 'node:tls';
import { ByteBudget } from '../byte-budget.js';
import { BytePool } from '../byte-pool.js';
import type { Clock } from '../clock.js';
import { systemClock } from '../clock.js';
import { guardHttp1, http1Options, refusedAtOnce } from '../http1.js';
import type { UpgradeHandler } from '../http1.js';
import { superviseSession } from '../http2-sessions.js';
import type { Logger } from '../log.js';
import type { TlsSource } from '../pki/tls-source.js';
import {
  http1Limits,
  knownPeer,
  listenerLimits,
  openPeer,
  restLimits,
  unknownPeer,
} from '../net-limits.js';
import type { PeerLimits } from '../net-limits.js';
import { ServerConnection } from '../http2/index.js';
import type { Headers, Http2Stream, KeepAliveOptions } from '../http2/index.js';
import { refuse, refuseHttp } from './answer-head.js';
import type { BoundMethod, CallHost } from './call-host.js';
import { removeSocket } from './listen-address.js';
import type { ListenAddress } from './listen-address.js';
import { createListener } from './listener.js';
import type { Listener, ServerTls } from './listener.js';
import { peerCertificateOf } from './peer.js';
import { ServerCall } from './server-call.js';
import { sniff } from './sniff.js';
import type { CallObserver, Handlers, ServiceDefinition } from './types.js';
import { Code } from './types.js';
import { dropSilentReaders } from './silent-readers.js';

/** Answers requests that are no gRPC calls, on the same port. */
export type HttpHandler = (
  request: http.IncomingMessage | http2.Http2ServerRequest,
  response: http.ServerResponse | http2.Http2ServerResponse,
) => void;

/** The services of a server, its address and its bounds. */
export interface GrpcServerOptions {
  readonly log: Logger;
  readonly tls?: TlsSource<ServerTls>;
  /** With `tls`: who speaks no TLS is served as well, on the same port. @default false */
  readonly acceptsPlain?: boolean;
  /** Serves everything on the port that is not gRPC, over HTTP/1.1 and HTTP/2. Without it such requests get 415. */
  readonly fallback?: HttpHandler;
  /** Called when the answers to all requests before it on its connection are sent. */
  readonly onUpgrade?: UpgradeHandler;
  /** The longest request message in bytes. @default 4 MiB */
  readonly maxReceiveBytes?: number;
  /** Calls under way at once on one connection. @default 10,000 */
  readonly maxConcurrentStreams?: number;
  /** The keep-alive of gRPC connections. @default clients ping as they like, and are not pinged */
  readonly keepAlive?: KeepAliveOptions | undefined;
  /** A connection was refused: TLS failed, or `verifyClient` did. @default it is logged */
  readonly onRejected?: (error: Error, peer: string | undefined) => void;
  readonly clock?: Clock;
}

/** A server that listens until it is closed. */
export interface GrpcServer {
  addService<S extends ServiceDefinition>(
    definition: S,
    handlers: Handlers<S>,
    observer?: CallObserver,
  ): void;
  /**
   * Starts to accept. Port 0 takes a free one; a socket that was left at the path gives way.
   * @throws the system's error, such as EADDRINUSE
   */
  listen(address: ListenAddress): Promise<{ port: number }>;
  /** Hands over a connection that was accepted elsewhere. */
  accept(socket: net.Socket): void;
  /** The bytes that went over all its connections so far. */
  traffic(): { readonly receivedBytes: number; readonly sentBytes: number };
  /** Stops accepting, lets calls under way end for `graceMs`, then cuts them. */
  close(options?: { readonly graceMs?: number }): Promise<void>;
}

/**
 * A gRPC server on our own HTTP/2 (`../http2`). gRPC and plain HTTP share one port: HTTP/1 is told from HTTP/2 by ALPN
 * on TLS and by the preface without, and a connection of HTTP/2 is gRPC's or `node:http2`'s by its first request. Plain
 * requests on a connection of gRPC get 421 (RFC 9110): their client may try again on a connection of its own.
 */
export function createGrpcServer(options: GrpcServerOptions): GrpcServer {
  return new Server(options);
}

class Server implements GrpcServer {
  readonly #log: Logger;
  readonly #options: GrpcServerOptions;
  readonly #methods = new Map<string, BoundMethod>();
  readonly #services = new Set<string>();
  readonly #clock: Clock;
  readonly #http2: http2.Http2Server;
  readonly #http1: http.Server;
  readonly #listener: Listener;
  readonly #sessions = new Set<http2.ServerHttp2Session>();
  readonly #connections = new Set<ServerConnection>();
  readonly #sockets = new Set<net.Socket>();
  /** Connections of which it is not known yet what they carry. */
  readonly #undecided = new Set<net.Socket>();
  readonly #callHost: CallHost;
  readonly #unknownPeerHost: CallHost;
  readonly #unknownPeersPool = new BytePool(listenerLimits.unknownPeersBytes);
  readonly #unknownPeersBudget: ByteBudget;
  readonly #othersPool = new BytePool(listenerLimits.othersBytes);
  #stopDropping: (() => void) | undefined;
  #closing = false;
  /** Bytes that ended connections had received. */
  #closedReceivedBytes = 0;
  #closedSentBytes = 0;

  constructor(options: GrpcServerOptions) {
    this.#options = options;
    this.#log = options.log;
    this.#clock = options.clock ?? systemClock({ unref: true });
    this.#callHost = {
      log: options.log,
      clock: this.#clock,
      maxReceiveBytes: options.maxReceiveBytes ?? 4 * 1024 * 1024,
    };
    this.#unknownPeerHost = {
      ...this.#callHost,
      requestMs: unknownPeer.requestMs,
      inflateBudget: new ByteBudget(this.#clock, listenerLimits.unknownPeersInflate),
    };
    this.#unknownPeersBudget = new ByteBudget(this.#clock, listenerLimits.unknownPeersParts);
    this.#http1 = this.#createHttp1(options);
    this.#http2 = this.#createHttp2(options);
    const events = {
      accept: (socket: net.Socket) => this.accept(socket),
      rejected:
        options.onRejected ??
        ((error: Error, peer: string | undefined) =>
          this.#log.debug({ error, peer }, 'a connection was refused')),
    };
    const plain = options.acceptsPlain === true ? { clock: this.#clock } : undefined;
    this.#listener = createListener(options.tls, events, plain);
  }

  #createHttp1(options: GrpcServerOptions): http.Server {
    const server = http.createServer(http1Options);
    server.maxHeadersCount = http1Limits.headerCount + 1;
    // It never listens itself. On this event it begins to watch over its connections: slow heads of requests, and idle
    // ones at the end.
    server.emit('listening');
    server.on('request', (request, response) => {
      if (refusedAtOnce(request, response)) return;
      if (options.fallback === undefined) {
        response.writeHead(415, { 'content-type': 'text/plain' });
        response.end('invalid gRPC request: HTTP/2 is needed\n');
      } else {
        options.fallback(request, response);
      }
    });
    guardHttp1(server, this.#clock, options.onUpgrade);
    return server;
  }

  /** For what is not gRPC. */
  #createHttp2(options: GrpcServerOptions): http2.Http2Server {
    const server = http2.createServer({
      settings: {
        initialWindowSize: restLimits.streamWindowBytes,
        maxConcurrentStreams: Math.min(
          options.maxConcurrentStreams ?? restLimits.streams,
          restLimits.streams,
        ),
        maxHeaderListSize: http1Limits.headBytes,
      },
      maxSessionMemory: restLimits.sessionMegabytes,
      maxHeaderListPairs: restLimits.headerCount,
    });
    server.on('request', (request, response) => options.fallback?.(request, response));
    server.on('session', (session) => {
      this.#sessions.add(session);
      session.setLocalWindowSize(restLimits.connectionWindowBytes);
      superviseSession(session, this.#clock);
      session.on('close', () => this.#sessions.delete(session));
      session.on('error', (error) => {
        this.#log.debug({ error }, 'an HTTP/2 session failed');
      });
    });
    server.on('sessionError', (error) => {
      this.#log.debug({ error }, 'an HTTP/2 session failed');
    });
    return server;
  }

  accept(socket: net.Socket): void {
    if (this.#closing) {
      socket.destroy();
      return;
    }
    this.#stopDropping ??= dropSilentReaders(this.#sockets, this.#clock);
    this.#sockets.add(socket);
    socket.on('close', () => {
      this.#sockets.delete(socket);
      this.#closedReceivedBytes += socket.bytesRead;
      this.#closedSentBytes += socket.bytesWritten;
    });
    socket.on('error', (error) => {
      this.#log.debug({ error }, 'a connection failed');
    });
    if (socket instanceof tls.TLSSocket && socket.alpnProtocol === 'http/1.1') {
      this.#http1.emit('connection', socket);
      return;
    }
    this.#undecided.add(socket);
    sniff(socket, {
      clock: this.#clock,
      pool: this.#unknownPeersPool,
      mayBePlain: this.#options.fallback !== undefined,
      decided: (found) => {
        this.#undecided.delete(socket);
        if (found === undefined) return;
        if (found.protocol === 'grpc') {
          this.#serveGrpc(socket, found.seen);
          return;
        }
        socket.unshift(found.seen);
        (found.protocol === 'http1' ? this.#http1 : this.#http2).emit('connection', socket);
      },
    });
  }

  #limitsOf(socket: net.Socket): PeerLimits {
    const knowsPeers = (this.#options.tls?.current.requestClientCert ?? 'none') !== 'none';
    if (!knowsPeers) return openPeer;
    return peerCertificateOf(socket) === undefined ? unknownPeer : knownPeer;
  }

  #serveGrpc(socket: net.Socket, seen: Buffer): void {
    const limits = this.#limitsOf(socket);
    const isUnknown = limits === unknownPeer;
    const host = isUnknown ? this.#unknownPeerHost : this.#callHost;
    const connection: ServerConnection = new ServerConnection(
      socket,
      {
        clock: this.#clock,
        limits: {
          ...limits,
          streams: Math.min(this.#options.maxConcurrentStreams ?? limits.streams, limits.streams),
          // One message must pass, and another while it waits.
          receivedBytes: Math.max(limits.receivedBytes, 2 * this.#callHost.maxReceiveBytes),
        },
        pool: isUnknown ? this.#unknownPeersPool : this.#othersPool,
        ...(isUnknown ? { budget: this.#unknownPeersBudget } : {}),
        keepAlive: this.#options.keepAlive,
        onRequest: (stream, headers) => this.#onRequest(socket, stream, headers, host),
      },
      {
        onClosed: (error) => {
          this.#connections.delete(connection);
          if (error !== undefined) this.#log.debug({ error }, 'a connection failed');
        },
      },
    );
    this.#connections.add(connection);
    connection.start(seen);
    if (this.#closing) connection.close();
  }

  #onRequest(socket: net.Socket, stream: Http2Stream, headers: Headers, host: CallHost): void {
    const path = headers[':path'] ?? '';
    const method = this.#methods.get(path);
    if (method !== undefined && isGrpc(headers)) {
      new ServerCall(stream, socket, headers, method, host).start();
    } else if (isGrpc(headers)) {
      refuse(stream, Code.Unimplemented, this.#unknownMethod(path));
    } else {
      refuseHttp(stream, this.#options.fallback === undefined ? 415 : 421);
    }
  }

  #unknownMethod(path: string): string {
    if (!path.slice(1).includes('/')) return `malformed method name: ${JSON.stringify(path)}`;
    const [, service = '', name = ''] = path.split('/');
    return this.#services.has(service)
      ? `unknown method ${name} for service ${service}`
      : `unknown service ${service}`;
  }

  addService<S extends ServiceDefinition>(
    definition: S,
    handlers: Handlers<S>,
    observer?: CallObserver,
  ): void {
    this.#services.add(definition.fullName);
    for (const [key, method] of Object.entries(definition.methods)) {
      const handler = (handlers as Record<string, unknown>)[key];
      if (typeof handler !== 'function') throw new TypeError(`no handler for ${key}`);
      const path = `/${definition.fullName}/${method.name}`;
      this.#methods.set(path, {
        path,
        definition: method as BoundMethod['definition'],
        handler: handler.bind(handlers) as BoundMethod['handler'],
        observer,
      });
    }
  }

  listen(address: ListenAddress): Promise<{ port: number }> {
    if ('path' in address) removeSocket(address.path);
    const listener = this.#listener.server;
    return new Promise((resolve, reject) => {
      listener.once('error', reject);
      listener.listen({ ...address, backlog: 1024 }, () => {
        listener.removeListener('error', reject);
        listener.on('error', (error) => {
          this.#log.warn({ error }, 'the listener failed to accept');
        });
        const bound = listener.address();
        resolve({ port: typeof bound === 'object' && bound !== null ? bound.port : 0 });
      });
    });
  }

  traffic(): { readonly receivedBytes: number; readonly sentBytes: number } {
    let receivedBytes = this.#closedReceivedBytes;
    let sentBytes = this.#closedSentBytes;
    for (const socket of this.#sockets) {
      receivedBytes += socket.bytesRead;
      sentBytes += socket.bytesWritten;
    }
    return { receivedBytes, sentBytes };
  }

  async close(options: { readonly graceMs?: number } = {}): Promise<void> {
    this.#closing = true;
    this.#stopDropping?.();
    this.#listener.release();
    const closed = new Promise<void>((resolve) => {
      if (!this.#listener.server.listening) resolve();
      else this.#listener.server.close(() => resolve());
    });
    for (const session of this.#sessions) session.close();
    for (const connection of this.#connections) connection.close();
    for (const socket of this.#undecided) socket.destroy();
    this.#http1.close();
    const cancel = this.#clock.schedule(options.graceMs ?? 0, () => {
      for (const session of this.#sessions) session.destroy();
      for (const connection of this.#connections) connection.destroy();
      for (const socket of this.#sockets) socket.destroy();
    });
    await closed;
    cancel();
    for (const socket of this.#sockets) socket.destroy();
  }
}

function isGrpc(headers: Headers): boolean {
  return (
    headers[':method'] === 'POST' &&
    /^application\/grpc(?:[+;]|$)/.test(headers['content-type'] ?? '')
  );
}
