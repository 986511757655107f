/**
 * WebSocket to the JSON gateway, as etcd has it: each message is a piece of the body of one request, each line of its
 * answer is a message. A page can watch with it: `fetch` of browsers sends no body while it reads.
 */
import { createServer, request as httpRequest } from 'node:http';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { duplexPair } from 'node:stream';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import type { HttpHandler } from '../../lib/grpc/index.js';
import { http1Options } from '../../lib/http1.js';
import type { UpgradeHandler } from '../../lib/http1.js';
import { isAdmitted } from './access.js';
import type { AccessRules } from './access.js';

/** The bounds of a connection. */
export interface WebSocketLimits {
  /** The longest message of a client, in bytes. */
  readonly messageBytes: number;
  /** Bytes of answers that wait for a slow client before its request waits, too. */
  readonly unsentBytes: number;
}

/** What is used of a connection. */
export type Relayed = Pick<
  WebSocket,
  'bufferedAmount' | 'close' | 'on' | 'pause' | 'resume' | 'send' | 'terminate'
>;

/** Headers of the handshake that the request has as well. */
const forwarded = ['origin', 'referer'] as const;

/**
 * Serves WebSockets on `/v3/…`, and declines what else a request may want.
 * @param handler answers the request of each connection
 */
export function webSocketDoor(
  handler: HttpHandler,
  rules: AccessRules,
  limits: WebSocketLimits,
): UpgradeHandler {
  const inner = createServer(http1Options, handler);
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: limits.messageBytes,
    perMessageDeflate: false,
    handleProtocols: (offered) => (offered.has('Bearer') ? 'Bearer' : false),
  });
  return (request, socket, head, decline) => {
    if (!isWanted(request)) return decline();
    socket.on('error', () => undefined);
    if (!isAdmitted(rules, request)) return refuse(socket, '421 Misdirected Request');
    sockets.handleUpgrade(request, socket, head, (client) => {
      const [near, far] = duplexPair();
      const { remoteAddress, remotePort, encrypted } = request.socket as Partial<TLSSocket>;
      inner.emit('connection', Object.assign(far, { remoteAddress, remotePort, encrypted }));
      const call = httpRequest({
        createConnection: () => near,
        method: 'POST',
        path: request.url,
        headers: headersOf(request),
      });
      // One half of the pair does not close with the other.
      client.on('close', () => far.destroy());
      relay(client, call, limits);
    });
  };
}

function isWanted({ url = '/', headers }: IncomingMessage): boolean {
  return url.startsWith('/v3/') && headers.upgrade?.toLowerCase() === 'websocket';
}

function refuse(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

/** A browser cannot set the header of a token: it offers the protocols `Bearer` and the token. */
function headersOf({ headers }: IncomingMessage): Record<string, string> {
  const found: Record<string, string> = { host: headers.host ?? 'localhost' };
  for (const name of forwarded) {
    const value = headers[name];
    if (value !== undefined) found[name] = value;
  }
  const [, token] = (headers['sec-websocket-protocol'] ?? '').split(/Bearer,(.*)/s);
  if (token !== undefined) found['authorization'] = `Bearer ${token.trim()}`;
  return found;
}

/** Passes a client's messages to a request, and the lines of its answer back; each side waits for the other. */
export function relay(
  client: Relayed,
  call: ClientRequest,
  { unsentBytes }: Pick<WebSocketLimits, 'unsentBytes'>,
): void {
  // What is said before the handshake is answered is held back by its headers otherwise.
  call.flushHeaders();
  client.on('message', (data: Buffer) => {
    if (call.destroyed || call.writableEnded) return;
    call.write(data);
    if (call.write('\n')) return;
    client.pause();
    call.once('drain', () => client.resume());
  });
  client.on('error', () => call.destroy());
  client.on('close', () => call.destroy());
  call.on('error', () => client.terminate());
  call.on('response', (response) => {
    const lines = new LineReader((line) => {
      client.send(line, { binary: false }, () => {
        if (response.isPaused() && client.bufferedAmount <= unsentBytes) response.resume();
      });
      if (client.bufferedAmount > unsentBytes) response.pause();
    });
    response.on('data', (chunk: Buffer) => lines.push(chunk));
    response.on('end', () => {
      lines.end();
      client.close();
    });
    response.on('error', () => client.terminate());
  });
}

/** Cuts bytes into lines; empty ones are nothing. */
class LineReader {
  readonly #each: (line: Buffer) => void;
  #rest: Buffer[] = [];

  constructor(each: (line: Buffer) => void) {
    this.#each = each;
  }

  push(chunk: Buffer): void {
    let from = 0;
    for (let to = chunk.indexOf(10); to >= 0; to = chunk.indexOf(10, from)) {
      this.#rest.push(chunk.subarray(from, to));
      this.end();
      from = to + 1;
    }
    if (from < chunk.length) this.#rest.push(chunk.subarray(from));
  }

  end(): void {
    const line = Buffer.concat(this.#rest);
    this.#rest = [];
    if (line.length > 0) this.#each(line);
  }
}
