/**
 * Sends a request to an endpoint. Another endpoint is tried only while that is safe: as long as nothing of the request
 * was sent, or, for an idempotent one without a body, until an answer begins. The client always gets an answer: 502
 * when the endpoint's is malformed.
 */
import { request as httpRequest } from 'node:http';
import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Clock } from '../../lib/clock.js';
import type { Target } from './backends.js';
import type { Forwarded } from './decide.js';
import type { Sender } from './fields.js';
import { answerFields, requestFields } from './fields.js';
import { upstreamLimits } from './limits.js';
import type { IngressRequest, IngressResponse } from './messages.js';
import { addTrailers, breakOff, hasBody, sendError } from './messages.js';
import { keepMoving, Patience } from './patience.js';
import { attemptHttp2 } from './forward-http2.js';
import type { Upstreams } from './upstreams.js';

/** The tools and limits of forwarding. */
export interface ForwardOptions {
  readonly upstreams: Upstreams;
  readonly clock: Clock;
  /** From the end of the request until an answer's head has arrived. */
  readonly timeoutMs: number;
  readonly sender: Sender;
}

const idempotent = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']);

/** Answers `res`, at the latest after the timeout. */
export function forward(
  req: IngressRequest,
  res: IngressResponse,
  request: Forwarded,
  options: ForwardOptions,
): void {
  new Exchange(req, res, request, options).attempt();
}

class Exchange {
  readonly #req: IngressRequest;
  readonly #res: IngressResponse;
  readonly #request: Forwarded;
  readonly #options: ForwardOptions;
  readonly #hasBody: boolean;
  #attempts = 0;

  constructor(
    req: IngressRequest,
    res: IngressResponse,
    request: Forwarded,
    options: ForwardOptions,
  ) {
    this.#req = req;
    this.#res = res;
    this.#request = request;
    this.#options = options;
    this.#hasBody = hasBody(req);
    // A client that leaves is seen by the response's end.
    req.on('error', () => undefined);
    res.on('error', () => undefined);
  }

  attempt(): void {
    const { targets } = this.#request;
    const target = targets[this.#attempts % targets.length];
    this.#attempts++;
    const release = target === undefined ? undefined : this.#options.upstreams.take(target);
    if (target === undefined || release === undefined) {
      this.#again(503);
      return;
    }
    if (target.http2 === true) {
      this.#attemptHttp2(target, release);
      return;
    }
    let upstream: ClientRequest | undefined;
    try {
      upstream = this.#open(target);
    } catch {
      // Fields that only HTTP/2 lets pass.
      release();
      sendError(this.#res, 400);
      return;
    }
    if (upstream === undefined) {
      release();
      this.#again(502);
      return;
    }
    upstream.once('close', release);
    this.#watch(upstream);
  }

  #attemptHttp2(target: Target, release: () => void): void {
    const { upstreams, clock, timeoutMs, sender } = this.#options;
    const session = upstreams.http2.session(target, clock);
    if (session === undefined) {
      release();
      this.#again(502);
      return;
    }
    const { method, target: path, host } = this.#request;
    const isIdempotent = !this.#hasBody && idempotent.has(method);
    attemptHttp2({
      session,
      req: this.#req,
      res: this.#res,
      head: { ':method': method, ':path': path, ':authority': host, ':scheme': 'http' },
      fields: requestFields(this.#req.headers, host, sender, this.#hasBody),
      hasBody: this.#hasBody,
      clock,
      timeoutMs,
      onUnanswered: ({ wasSent, status }) => {
        const isSafe = !wasSent || isIdempotent;
        if (status === undefined && isSafe) this.#again(502);
        else sendError(this.#res, status ?? 502);
      },
      onEnd: release,
    });
  }

  #open(target: Target): ClientRequest | undefined {
    const { upstreams, sender } = this.#options;
    const connection = upstreams.connectOptions(target);
    if (connection === undefined) return undefined;
    const { method, target: path, host } = this.#request;
    return httpRequest({
      ...connection,
      agent: upstreams.agent,
      method,
      path,
      headers: requestFields(this.#req.headers, host, sender, this.#hasBody),
      setHost: false,
      maxHeaderSize: upstreamLimits.headBytes,
    });
  }

  /** Follows one attempt to its end. */
  #watch(upstream: ClientRequest): void {
    const { clock, timeoutMs } = this.#options;
    let sent = false;
    let answered = false;
    let problem: number | undefined;
    const fail = (status: number): void => {
      problem ??= status;
      upstream.destroy(new Error('given up'));
    };
    const head = new Patience(clock, timeoutMs, () =>
      fail(this.#hasBody && !this.#req.readableEnded && !this.#req.isPaused() ? 408 : 504),
    );
    const abandon = (): void => {
      if (!this.#res.writableEnded) upstream.destroy();
    };
    this.#res.on('close', abandon);
    onConnected(upstream, clock, () => {
      sent = true;
      if (this.#hasBody) this.#sendBody(upstream, head);
      else upstream.end();
    });
    let interim = 0;
    upstream.on('information', () => {
      if (++interim > upstreamLimits.interim) fail(502);
    });
    // Nobody asked for another protocol. Without a listener Node would only close; with one the request counts as over.
    upstream.on('upgrade', (_, socket) => {
      socket.destroy();
      problem = 502;
    });
    upstream.on('response', (answer) => {
      answered = true;
      head.end();
      if (!relay(answer, this.#res, clock)) upstream.destroy();
    });
    upstream.on('error', () => undefined);
    // The end of every attempt, with an answer or without, after an error or not.
    upstream.on('close', () => {
      head.end();
      this.#res.off('close', abandon);
      if (answered || this.#res.destroyed) return;
      const safe = !sent || (!this.#hasBody && idempotent.has(this.#request.method));
      if (problem === undefined && safe) this.#again(502);
      else sendError(this.#res, problem ?? 502);
    });
    // The request's head goes out with the first byte of its body or its end, thus after `sent`.
  }

  /** At another endpoint, or at the same once more; in vain the status tells. */
  #again(status: number): void {
    const most = Math.max(2, Math.min(this.#request.targets.length, upstreamLimits.attempts));
    if (this.#attempts < most) this.attempt();
    else sendError(this.#res, status);
  }

  #sendBody(upstream: ClientRequest, head: Patience): void {
    this.#req.on('data', () => head.renew());
    this.#req.on('end', () => head.renew());
    this.#req.pipe(upstream);
  }
}

/** @returns false for an answer that is none */
function relay(answer: IncomingMessage, res: IngressResponse, clock: Clock): boolean {
  answer.on('error', () => breakOff(res));
  const status = answer.statusCode ?? 0;
  // RFC 9110, section 15: there are no others; HTTP/2 of Node throws for them.
  if (status < 200 || status > 599) {
    sendError(res, 502);
    return false;
  }
  try {
    res.writeHead(status, answerFields(answer.headers, status));
  } catch {
    sendError(res, 502);
    return false;
  }
  keepMoving(answer, clock, () => breakOff(res));
  // Before pipe() ends the answer.
  answer.on('end', () => addTrailers(res, answer.trailers));
  // pipe() holds the endpoint back while the client is slow.
  answer.pipe(res);
  answer.on('close', () => {
    // A body cut off by the endpoint must not look whole to the client.
    if (!answer.complete) breakOff(res);
  });
  return true;
}

/** Calls `then` when the request has its connection; one that takes too long to be made is broken off. */
function onConnected(upstream: ClientRequest, clock: Clock, then: () => void): void {
  upstream.on('socket', (socket) => {
    if (!socket.connecting) {
      then();
      return;
    }
    const cancel = clock.schedule(upstreamLimits.connectMs, () =>
      upstream.destroy(new Error('no connection in time')),
    );
    socket.once('connect', () => {
      cancel();
      then();
    });
    socket.once('close', cancel);
  });
}
