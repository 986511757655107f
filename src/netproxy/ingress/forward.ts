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
import { clientLimits, upstreamLimits } from './limits.js';
import type { IngressRequest, IngressResponse } from './messages.js';
import { breakOff, sendError } from './messages.js';
import type { Upstreams } from './upstreams.js';
import { connectOptions } from './upstreams.js';

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

  #open(target: Target): ClientRequest | undefined {
    const { upstreams, sender } = this.#options;
    const connection = connectOptions(target);
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
  // pipe() holds the endpoint back while the client is slow.
  answer.pipe(res);
  answer.on('close', () => {
    // A body cut off by the endpoint must not look whole to the client.
    if (!answer.complete) breakOff(res);
  });
  return true;
}

/** Ends an answer that the client does not take, or the endpoint does not go on with. */
export function keepMoving(answer: IncomingMessage, clock: Clock, give: () => void): void {
  const stop = (): void => {
    answer.destroy();
    give();
  };
  const quiet = new Patience(clock, upstreamLimits.quietMs, stop);
  let stalled: Patience | undefined;
  answer.on('data', () => quiet.renew());
  answer.on('pause', () => {
    stalled ??= new Patience(clock, clientLimits.stallMs, stop);
  });
  answer.on('resume', () => {
    stalled?.end();
    stalled = undefined;
  });
  answer.on('close', () => {
    quiet.end();
    stalled?.end();
  });
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

/** Time that runs anew with every `renew`, and acts when it is over. */
export class Patience {
  readonly #clock: Clock;
  readonly #ms: number;
  readonly #act: () => void;
  #untilMs: number;
  #cancel: () => void;

  constructor(clock: Clock, ms: number, act: () => void) {
    this.#clock = clock;
    this.#ms = ms;
    this.#act = act;
    this.#untilMs = clock.monotonicMs() + ms;
    this.#cancel = clock.schedule(ms, () => this.#look());
  }

  renew(): void {
    this.#untilMs = this.#clock.monotonicMs() + this.#ms;
  }

  end(): void {
    this.#cancel();
  }

  #look(): void {
    const leftMs = this.#untilMs - this.#clock.monotonicMs();
    if (leftMs <= 0) this.#act();
    else this.#cancel = this.#clock.schedule(leftMs, () => this.#look());
  }
}

/** Tells whether the request has a body of any length. */
export function hasBody(req: IngressRequest): boolean {
  const { headers } = req;
  if (headers['transfer-encoding'] !== undefined) return true;
  const length = headers['content-length'];
  if (length !== undefined) return Number(length) !== 0;
  // HTTP/2 tells the end of a request by a flag instead.
  return req.httpVersionMajor === 2 && !('stream' in req && req.stream.endAfterHeaders);
}
