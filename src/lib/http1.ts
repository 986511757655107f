/**
 * The common part of every HTTP/1.1 listener: bounds of its requests, answers to what is no request, and upgrades that
 * come while answers of their connection are outstanding.
 */
import type { EventEmitter } from 'node:events';
import { ServerResponse } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import type { Http2SecureServer, Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import type { Duplex } from 'node:stream';
import type { Clock } from './clock.js';
import { endSocket } from './linger.js';
import { http1Limits } from './net-limits.js';

/** Answers that a connection owes, oldest first. */
const outstanding = new WeakMap<object, Set<ServerResponse>>();

/**
 * A response that its connection knows of until it is over. Node makes one for each request, also for those that it
 * answers itself (417, a missing Host) and tells nobody about.
 */
export class OwedResponse extends ServerResponse {
  constructor(...parameters: ConstructorParameters<typeof ServerResponse>) {
    super(...parameters);
    const { socket } = parameters[0];
    const owed = outstanding.get(socket) ?? new Set();
    outstanding.set(socket, owed);
    owed.add(this);
    this.once('close', () => owed.delete(this));
  }
}

/**
 * Options for `http.createServer`. With `requestTimeout: 0`, which lets a body take its time, Node takes
 * `headersTimeout` for 0 too unless it is given.
 */
export const http1Options = {
  ServerResponse: OwedResponse,
  maxHeaderSize: http1Limits.headBytes,
  headersTimeout: http1Limits.headMs,
  requestTimeout: 0,
  keepAliveTimeout: http1Limits.idleMs,
  connectionsCheckingInterval: http1Limits.checkEveryMs,
  insecureHTTPParser: false,
} as const;

/** Gives a secure server of HTTP/2 the same bounds for its connections of HTTP/1.1, which it takes no options for. */
export function boundHttp1(server: Http2SecureServer): void {
  const { ServerResponse: _response, insecureHTTPParser: _parser, ...options } = http1Options;
  Object.assign(server, options, { requireHostHeader: true });
}

/**
 * Takes over the connection of a request, or declines to: then the request is answered as if it had not asked
 * (RFC 9110, section 7.8).
 */
export type UpgradeHandler = (
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  decline: () => void,
) => void;

/**
 * Refuses what breaks the protocol and hands over upgrades, each when the answers before it are sent.
 * @param server made with {@link http1Options}, or with {@link OwedResponse} as `Http1ServerResponse` and {@link
 * boundHttp1}
 * @param onUpgrade without it what a request wants to upgrade to is ignored (RFC 9110, section 7.8): it is answered
 */
export function guardHttp1(
  server: Server | Http2SecureServer,
  clock: Clock,
  onUpgrade?: UpgradeHandler,
): void {
  if (onUpgrade !== undefined) {
    server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      const decline = (): void => serveAgain(server, request, socket, head);
      afterAnswers(socket, clock, () => onUpgrade(request, socket, head, decline));
    });
  } else {
    // Node drops what came with such a request: nothing after it may count as a request of its own.
    server.prependListener('request', ({ headers }: IncomingMessage, response: ServerResponse) => {
      if (headers.upgrade !== undefined && response instanceof ServerResponse) {
        response.shouldKeepAlive = false;
      }
    });
  }
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    // In the midst of an answer a status line would be a part of its body.
    if (!socket.writable || owes(socket)) socket.destroy();
    else refuseHttp1(socket, clock, parserRefusals[error.code ?? ''] ?? '400 Bad Request');
  });
}

/**
 * Leaves the rest of a request's body unread: it is dropped as it comes, and the connection ends after the answer. It
 * ends its own half first and leaves the client time to read: a close with bytes unread resets the connection, which
 * takes the answer away from a client that is still sending (net/http: `closeWriteAndWait`).
 */
export function leaveBody(request: IncomingMessage, response: ServerResponse, clock: Clock): void {
  const { socket } = request;
  if (!response.headersSent) response.setHeader('connection', 'close');
  // Node calls this after the last answer of a connection.
  socket.destroySoon = () => endSocket(socket, clock);
  request.resume();
}

/**
 * Gives a request back to the server whose parser has let go of it, with what came behind its head: now it does not ask
 * for another protocol. All its fields are kept but the one that makes it ask, which loses that word: a field less
 * could hide that there were too many of them.
 */
export function serveAgain(
  server: EventEmitter,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): void {
  const { method = '', url = '', httpVersion, rawHeaders } = request;
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const [name = '', value = ''] = rawHeaders.slice(at, at + 2);
    const kept = name.toLowerCase() === 'connection' ? withoutUpgrade(value) : value;
    lines.push(`${name}: ${kept}`);
  }
  socket.unshift(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), head]));
  server.emit('connection', socket);
}

function withoutUpgrade(connection: string): string {
  const options = connection.split(',').map((option) => option.trim());
  return options.filter((option) => option.toLowerCase() !== 'upgrade').join(', ');
}

/** Ends a connection with a status as net/http has it. @param status its number and text */
function refuseHttp1(socket: Duplex, clock: Clock, status: string): void {
  const type = 'Content-Type: text/plain; charset=utf-8';
  socket.write(`HTTP/1.1 ${status}\r\n${type}\r\nConnection: close\r\n\r\n${status}`);
  endSocket(socket, clock);
}

const parserRefusals: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

/**
 * Answers a request that nobody should see: with too many header fields (Node keeps the first and drops the others),
 * with several Host fields (RFC 9112, section 3.2), with a coding whose end is not known (section 6.3; Node's parser
 * lets a single one pass), or behind too many others that wait for their answers. Statuses and texts are those of
 * net/http. Requests of HTTP/2 pass.
 * @returns true when the request is answered
 */
export function refusedAtOnce(
  request: IncomingMessage | Http2ServerRequest,
  response: ServerResponse | Http2ServerResponse,
): boolean {
  if (!(response instanceof ServerResponse)) return false;
  const { socket, rawHeaders } = request;
  const coding = request.headers['transfer-encoding'];
  if ((outstanding.get(socket)?.size ?? 0) > http1Limits.pipelined) {
    socket.destroy();
    return true;
  }
  let hosts = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    if (rawHeaders[at]?.length === 4 && rawHeaders[at]?.toLowerCase() === 'host') hosts++;
  }
  if (rawHeaders.length > 2 * http1Limits.headerCount) refuse(response, 431, 'too many headers');
  else if (hosts > 1) refuse(response, 400, '400 Bad Request: too many Host headers');
  else if (coding !== undefined && coding.toLowerCase() !== 'chunked') {
    refuse(response, 501, 'Unsupported transfer encoding');
  } else return false;
  return true;
}

function refuse(response: ServerResponse, code: number, text: string): void {
  response.writeHead(code, { 'content-type': 'text/plain; charset=utf-8', connection: 'close' });
  response.end(text);
}

function owes(socket: Duplex): boolean {
  return (outstanding.get(socket)?.size ?? 0) > 0;
}

/**
 * Calls `then` when no answer is outstanding on a connection. Node has let go of the connection by then: it does not
 * tell the answers when there is room again, nor all of them when it closes. So one that has much to say ends with the
 * wait, and the connection too.
 */
function afterAnswers(socket: Duplex, clock: Clock, then: () => void): void {
  const owed = outstanding.get(socket);
  if (owed === undefined || owed.size === 0) {
    then();
    return;
  }
  const ignore = (): void => undefined;
  const done = (): void => {
    cancel();
    socket.removeListener('close', onClose);
  };
  const onClose = (): void => {
    done();
    for (const response of owed) response.destroy();
  };
  const look = (): void => {
    if (owed.size > 0) return;
    done();
    socket.removeListener('error', ignore);
    if (socket.destroyed || !socket.writable) socket.destroy();
    else then();
  };
  const cancel = clock.schedule(http1Limits.upgradeWaitMs, () => socket.destroy());
  socket.on('error', ignore);
  socket.once('close', onClose);
  for (const response of owed) response.once('close', look);
}
