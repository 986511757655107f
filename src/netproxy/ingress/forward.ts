/**
 * One request to one of its endpoints. A request is tried elsewhere only while that is safe: as long as nothing of it
 * was sent, or, for an idempotent one without a body, until an answer begins.
 */
import { request as httpRequest } from 'node:http';
import type { Agent, IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import type { Clock } from '../../lib/clock.js';
import type { IngressRequest, IngressResponse } from './messages.js';
import { sendError } from './messages.js';
import type { Target } from './backends.js';

export interface ForwardOptions {
  readonly agent: Agent;
  readonly clock: Clock;
  /** Until an answer's head has arrived. */
  readonly timeoutMs: number;
  readonly scheme: 'http' | 'https';
  readonly port: number;
}

const connectMs = 3000;
const attemptsMax = 4;
const idempotent = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
]);

/** Answers `res`, at the latest after the timeout. */
export function forward(
  req: IngressRequest,
  res: IngressResponse,
  targets: readonly Target[],
  options: ForwardOptions,
): void {
  new Exchange(req, res, targets, options).attempt();
}

class Exchange {
  readonly #req: IngressRequest;
  readonly #res: IngressResponse;
  readonly #targets: readonly Target[];
  readonly #options: ForwardOptions;
  readonly #hasBody: boolean;
  #attempts = 0;

  constructor(
    req: IngressRequest,
    res: IngressResponse,
    targets: readonly Target[],
    options: ForwardOptions,
  ) {
    this.#req = req;
    this.#res = res;
    this.#targets = targets;
    this.#options = options;
    this.#hasBody = hasBody(req);
  }

  attempt(): void {
    const target = this.#targets[this.#attempts % this.#targets.length];
    this.#attempts++;
    if (target === undefined) {
      sendError(this.#res, 503);
      return;
    }
    const { agent, clock, timeoutMs } = this.#options;
    const upstream = httpRequest({
      agent,
      host: target.host,
      port: target.port,
      method: this.#req.method ?? 'GET',
      path: this.#req.url ?? '/',
      headers: upstreamHeaders(this.#req, this.#options, this.#hasBody),
      setHost: false,
    });
    let sent = false;
    let answered = false;
    let late = false;
    let cancelConnect = (): void => undefined;
    const cancelHead = clock.schedule(timeoutMs, () => {
      late = true;
      upstream.destroy(new Error('no answer in time'));
    });
    const abandon = (): void => {
      if (!this.#res.writableEnded) upstream.destroy();
    };
    this.#res.on('close', abandon);
    const send = (): void => {
      cancelConnect();
      sent = true;
      if (this.#hasBody) this.#req.pipe(upstream);
      else upstream.end();
    };
    upstream.on('socket', (socket) => {
      if (!socket.connecting) {
        send();
        return;
      }
      cancelConnect = clock.schedule(connectMs, () =>
        upstream.destroy(new Error('no connection in time')),
      );
      socket.once('connect', send);
    });
    upstream.on('response', (answer) => {
      answered = true;
      cancelHead();
      relay(answer, this.#res);
    });
    upstream.on('error', () => {
      cancelConnect();
      cancelHead();
      this.#res.off('close', abandon);
      if (answered || this.#res.destroyed) return;
      const safe = !sent || (!this.#hasBody && idempotent.has(this.#req.method ?? ''));
      const untried = this.#attempts < Math.max(2, Math.min(this.#targets.length, attemptsMax));
      if (!late && safe && untried) this.attempt();
      else sendError(this.#res, late ? 504 : 502);
    });
    // The request's head goes out with the first byte of its body or its end, thus after `send`.
  }
}

function relay(answer: IncomingMessage, res: IngressResponse): void {
  const headers: OutgoingHttpHeaders = {};
  for (const [name, value] of Object.entries(answer.headers)) {
    if (value !== undefined && !hopByHop.has(name)) headers[name] = value;
  }
  res.writeHead(answer.statusCode ?? 502, headers);
  // pipe() holds the endpoint back while the client is slow.
  answer.pipe(res);
  // A body cut off by the endpoint must not look whole to the client.
  answer.on('error', () => res.destroy());
  answer.on('close', () => {
    if (!answer.complete) res.destroy();
  });
}

/** Also used for upgrades, which keep their two hop-by-hop headers. */
export function upstreamHeaders(
  req: IngressRequest,
  options: Pick<ForwardOptions, 'scheme' | 'port'>,
  body: boolean,
): OutgoingHttpHeaders {
  const headers: OutgoingHttpHeaders = {};
  const named = connectionTokens(req.headers);
  for (const [name, value] of Object.entries(req.headers)) {
    if (name.startsWith(':') || hopByHop.has(name) || named.has(name)) continue;
    if (value !== undefined) headers[name] = value;
  }
  const host = requestHost(req);
  const client = (req.socket.remoteAddress ?? '').replace(/^::ffff:/, '');
  const before = req.headers['x-forwarded-for'];
  headers['host'] = host;
  headers['x-forwarded-for'] =
    before === undefined
      ? client
      : `${Array.isArray(before) ? before.join(', ') : before}, ${client}`;
  headers['x-real-ip'] = client;
  headers['x-forwarded-host'] = host;
  headers['x-forwarded-proto'] = options.scheme;
  headers['x-forwarded-port'] = String(options.port);
  headers['x-forwarded-scheme'] = options.scheme;
  if (body && req.headers['content-length'] === undefined) headers['transfer-encoding'] = 'chunked';
  return headers;
}

/** HTTP/2 names the host in a pseudo header. */
export function requestHost(req: IngressRequest): string {
  const authority = req.headers[':authority'];
  return typeof authority === 'string' ? authority : (req.headers.host ?? '');
}

function connectionTokens(headers: IncomingHttpHeaders): Set<string> {
  const text = headers.connection ?? '';
  return new Set(text.split(',').map((token) => token.trim().toLowerCase()));
}

function hasBody(req: IngressRequest): boolean {
  const { headers } = req;
  if (headers['transfer-encoding'] !== undefined) return true;
  const length = headers['content-length'];
  if (length !== undefined) return length !== '0';
  // HTTP/2 tells the end of a request by a flag instead.
  return req.httpVersionMajor === 2 && !('stream' in req && req.stream.endAfterHeaders);
}
