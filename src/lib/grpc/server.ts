import * as http from 'node:http';
import * as http2 from 'node:http2';
import * as net from 'node:net';
import * as tls from 'node:tls';
import type { Clock } from '../clock.js';
import { systemClock } from '../clock.js';
import { guardHttp1, http1Options, refusedAtOnce } from '../http1.js';
import type { UpgradeHandler } from '../http1.js';
import type { Logger } from '../log.js';
import { http1Limits } from '../net-limits.js';
import { preface, ServerConnection } from '../http2/index.js';
import type { Headers, Http2Stream, KeepAliveOptions } from '../http2/index.js';
import { refuse, refuseHttp } from './answer-head.js';
import { FirstRequestFinder } from './first-request.js';
import { removeSocket } from './listen-address.js';
import type { ListenAddress } from './listen-address.js';
import type { BoundMethod, CallHost } from './server-call.js';
import { ServerCall } from './server-call.js';
import type { Handlers, ServiceDefinition } from './types.js';
import { Code } from './types.js';

/** Certificates in PEM. */
export interface ServerTls {
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
  /** Whose client certificates are believed. */
  readonly ca?: string | Buffer;
  /**
   * `required` refuses the connection without a certificate that verifies; `optional` takes it and leaves
   * `peerCertificate` undefined. @default 'none'
   */
  readonly requestClientCert?: 'none' | 'optional' | 'required';
  /** @default 'TLSv1.2' */
  readonly minVersion?: tls.SecureVersion;
  /** @default 'TLSv1.3' */
  readonly maxVersion?: tls.SecureVersion;
  /** OpenSSL's list of cipher suites. @default Node's */
  readonly ciphers?: string;
  /** A further check of a client whose certificate verified; an Error ends the connection. */
  readonly verifyClient?: (peer: tls.DetailedPeerCertificate) => Error | undefined;
}

export type HttpHandler = (
  request: http.IncomingMessage | http2.Http2ServerRequest,
  response: http.ServerResponse | http2.Http2ServerResponse,
) => void;

export interface GrpcServerOptions {
  readonly log: Logger;
  readonly tls?: ServerTls;
  /** Serves everything on the port that is not gRPC, over HTTP/1.1 and HTTP/2. Without it such requests get 415. */
  readonly fallback?: HttpHandler;
  /** Called when the answers to all requests before it on its connection are sent. */
  readonly onUpgrade?: UpgradeHandler;
  /** The longest request message in bytes. @default 4 MiB */
  readonly maxReceiveBytes?: number;
  /** Calls under way at once on one connection. @default 10,000 */
  readonly maxConcurrentStreams?: number;
  /** How connections of gRPC are kept alive. @default clients ping as they like, and are not pinged */
  readonly keepAlive?: KeepAliveOptions | undefined;
  /** A connection was refused: TLS failed, or `verifyClient` did. @default it is logged */
  readonly onRejected?: (error: Error, peer: string | undefined) => void;
  readonly clock?: Clock;
}

export interface GrpcServer {
  addService<S extends ServiceDefinition>(definition: S, handlers: Handlers<S>): void;
  /**
   * Starts to accept. Port 0 takes a free one; a socket that was left at the path gives way.
   * @throws the system's error, such as EADDRINUSE
   */
  listen(address: ListenAddress): Promise<{ port: number }>;
  /** Hands over a connection that was accepted elsewhere. */
  accept(socket: net.Socket): void;
  /** What went over all its connections so far. */
  traffic(): { readonly receivedBytes: number; readonly sentBytes: number };
  /** Replaces the certificate and key for new connections. */
  reloadTls(tls: ServerTls): void;
  /** Stops accepting, lets calls under way end for `graceMs`, then cuts them. */
  close(options?: { readonly graceMs?: number }): Promise<void>;
}

/** TCP itself finds out that a silent peer is gone; calls that only listen, such as watches, would never. */
const socketOptions = { noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000 } as const;
/** How long a new connection may take to show what it speaks. */
const sniffTimeoutMs = 10_000;

/**
 * A gRPC server on our own HTTP/2 (`../http2`). gRPC and plain HTTP share one port: HTTP/1 is told from HTTP/2 by ALPN on TLS and
 * by the preface without, and a connection of HTTP/2 is gRPC's or `node:http2`'s by its first request. Plain requests on a
 * connection of gRPC get 421 (RFC 9110): their client may try again on a connection of its own.
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
  readonly #listener: net.Server | tls.Server;
  readonly #sessions = new Set<http2.ServerHttp2Session>();
  readonly #connections = new Set<ServerConnection>();
  readonly #sockets = new Set<net.Socket>();
  /** Connections of which it is not known yet what they carry. */
  readonly #undecided = new Set<net.Socket>();
  readonly #callHost: CallHost;
  #closing = false;
  /** Of connections that have ended. */
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
    this.#http1 = this.#createHttp1(options);
    this.#http2 = this.#createHttp2(options);
    this.#listener = this.#createListener(options.tls);
  }

  #createHttp1(options: GrpcServerOptions): http.Server {
    const server = http.createServer(http1Options);
    server.maxHeadersCount = http1Limits.headerCount + 1;
    // It never listens itself. On this event it begins to watch over its connections: slow heads of requests, and idle ones at the end.
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
        initialWindowSize: 1024 * 1024,
        maxConcurrentStreams: options.maxConcurrentStreams ?? 10_000,
      },
      maxSessionMemory: 256,
    });
    server.on('request', (request, response) => options.fallback?.(request, response));
    server.on('session', (session) => {
      this.#sessions.add(session);
      session.setLocalWindowSize(16 * 1024 * 1024);
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

  #createListener(options: ServerTls | undefined): net.Server | tls.Server {
    if (options === undefined) {
      return net.createServer(socketOptions, (socket) => this.accept(socket));
    }
    const server = tls.createServer({
      ...secureContextOptions(options),
      ...socketOptions,
      ALPNProtocols: ['h2', 'http/1.1'],
      handshakeTimeout: sniffTimeoutMs,
    });
    const rejected =
      this.#options.onRejected ??
      ((error, peer) => this.#log.debug({ error, peer }, 'a connection was refused'));
    server.on('secureConnection', (socket) => {
      const { verifyClient } = options;
      const refusal = socket.authorized
        ? verifyClient?.(socket.getPeerCertificate(true))
        : undefined;
      if (refusal !== undefined) {
        rejected(refusal, socket.remoteAddress);
        socket.destroy();
        return;
      }
      this.accept(socket);
    });
    server.on('tlsClientError', (error, socket) => rejected(error, socket.remoteAddress));
    return server;
  }

  accept(socket: net.Socket): void {
    if (this.#closing) {
      socket.destroy();
      return;
    }
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
    } else this.#sniff(socket);
  }

  /** The first bytes tell: HTTP/2 opens with its preface, HTTP/1 never does. What HTTP/2 carries, its first request tells. */
  #sniff(socket: net.Socket): void {
    const cancel = this.#clock.schedule(sniffTimeoutMs, () => {
      socket.destroy();
    });
    this.#undecided.add(socket);
    let seen: Buffer = Buffer.alloc(0);
    let finder: FirstRequestFinder | undefined;
    const onReadable = (): void => {
      const chunk = socket.read() as Buffer | null;
      if (chunk === null) return;
      if (finder === undefined) {
        seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
        const length = Math.min(seen.length, preface.length);
        if (!seen.subarray(0, length).equals(preface.subarray(0, length))) {
          done();
          socket.unshift(seen);
          this.#http1.emit('connection', socket);
          return;
        }
        if (length < preface.length) return;
        cancel();
        if (this.#options.fallback === undefined) {
          done();
          this.#serveGrpc(socket, seen);
          return;
        }
        finder = new FirstRequestFinder(socket);
      }
      const found = finder.take(seen.length > 0 ? seen.subarray(preface.length) : chunk);
      seen = noBytes;
      if (found === undefined) return;
      done();
      if (found.isGrpc) {
        this.#serveGrpc(socket, found.seen);
      } else {
        socket.unshift(found.seen);
        this.#http2.emit('connection', socket);
      }
    };
    const done = (): void => {
      cancel();
      this.#undecided.delete(socket);
      socket.removeListener('readable', onReadable);
      socket.removeListener('close', done);
    };
    socket.on('readable', onReadable);
    socket.on('close', done);
  }

  #serveGrpc(socket: net.Socket, seen: Buffer): void {
    const connection: ServerConnection = new ServerConnection(
      socket,
      {
        clock: this.#clock,
        maxConcurrentStreams: this.#options.maxConcurrentStreams ?? 10_000,
        keepAlive: this.#options.keepAlive,
        onRequest: (stream, headers) => this.#onRequest(socket, stream, headers),
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

  #onRequest(socket: net.Socket, stream: Http2Stream, headers: Headers): void {
    const path = headers[':path'] ?? '';
    const method = this.#methods.get(path);
    if (method !== undefined && isGrpc(headers)) {
      new ServerCall(stream, socket, headers, method, this.#callHost).start();
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

  addService<S extends ServiceDefinition>(definition: S, handlers: Handlers<S>): void {
    this.#services.add(definition.fullName);
    for (const [key, method] of Object.entries(definition.methods)) {
      const handler = (handlers as Record<string, unknown>)[key];
      if (typeof handler !== 'function') throw new TypeError(`no handler for ${key}`);
      const path = `/${definition.fullName}/${method.name}`;
      this.#methods.set(path, {
        path,
        definition: method as BoundMethod['definition'],
        handler: handler.bind(handlers) as BoundMethod['handler'],
      });
    }
  }

  listen(address: ListenAddress): Promise<{ port: number }> {
    if ('path' in address) removeSocket(address.path);
    return new Promise((resolve, reject) => {
      this.#listener.once('error', reject);
      this.#listener.listen({ ...address, backlog: 1024 }, () => {
        this.#listener.removeListener('error', reject);
        this.#listener.on('error', (error) => {
          this.#log.warn({ error }, 'the listener failed to accept');
        });
        const bound = this.#listener.address();
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

  reloadTls(options: ServerTls): void {
    if (this.#listener instanceof tls.Server) {
      this.#listener.setSecureContext(secureContextOptions(options));
    }
  }

  async close(options: { readonly graceMs?: number } = {}): Promise<void> {
    this.#closing = true;
    const closed = new Promise<void>((resolve) => {
      if (!this.#listener.listening) resolve();
      else this.#listener.close(() => resolve());
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

const noBytes = Buffer.alloc(0);

function isGrpc(headers: Headers): boolean {
  return (
    headers[':method'] === 'POST' &&
    /^application\/grpc(?:[+;]|$)/.test(headers['content-type'] ?? '')
  );
}

function secureContextOptions(options: ServerTls): tls.TlsOptions {
  const request = options.requestClientCert ?? 'none';
  return {
    cert: options.cert,
    key: options.key,
    ...(options.ca === undefined ? {} : { ca: options.ca }),
    requestCert: request !== 'none',
    rejectUnauthorized: request === 'required',
    minVersion: options.minVersion ?? 'TLSv1.2',
    ...(options.maxVersion === undefined ? {} : { maxVersion: options.maxVersion }),
    ...(options.ciphers === undefined ? {} : { ciphers: options.ciphers }),
  };
}
