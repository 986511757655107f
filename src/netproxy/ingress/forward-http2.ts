/** One attempt to have a request answered by an endpoint that speaks HTTP/2 without TLS. */
import type { OutgoingHttpHeaders } from 'node:http';
import type { ClientHttp2Stream, IncomingHttpHeaders, IncomingHttpStatusHeader } from 'node:http2';
import { constants } from 'node:http2';
import type { Clock } from '../../lib/clock.js';
import { answerFields } from './fields.js';
import type { Http2Session } from './http2-sessions.js';
import { upstreamLimits } from './limits.js';
import type { IngressRequest, IngressResponse } from './messages.js';
import { addTrailers, breakOff, sendError, takesTrailers, trailersOf } from './messages.js';
import { keepMoving, Patience } from './patience.js';

/** The parts of an attempt. */
export interface Http2Attempt {
  readonly session: Http2Session;
  readonly req: IngressRequest;
  readonly res: IngressResponse;
  /** The pseudo-header fields. */
  readonly head: Readonly<Record<`:${string}`, string>>;
  readonly fields: OutgoingHttpHeaders;
  readonly hasBody: boolean;
  readonly clock: Clock;
  /** From the end of the request until an answer's head has arrived. */
  readonly timeoutMs: number;
  /** There is no answer; `status` where it is known what to say instead. */
  readonly onUnanswered: (why: { readonly wasSent: boolean; readonly status?: number }) => void;
  /** Called once, at the end of every attempt. */
  readonly onEnd: () => void;
}

/** Only these hold for a connection of HTTP/2 (RFC 9113, section 8.2.2); the host is a pseudo-header field. */
const notInHttp2 = ['host', 'transfer-encoding', 'connection', 'keep-alive', 'upgrade'] as const;

/** Sends the request and relays what comes back. */
export function attemptHttp2(attempt: Http2Attempt): void {
  const { session, res, onEnd, onUnanswered } = attempt;
  let stream: ClientHttp2Stream;
  try {
    stream = session.request(requestHead(attempt), {
      endStream: !attempt.hasBody,
      waitForTrailers: attempt.hasBody,
    });
  } catch {
    onEnd();
    if (session.isOpen) sendError(res, 400);
    else onUnanswered({ wasSent: false });
    return;
  }
  stream.once('close', onEnd);
  new Http2Exchange(attempt, stream).follow();
}

function requestHead({ head, fields, req }: Http2Attempt): OutgoingHttpHeaders {
  const own = { ...fields };
  for (const name of notInHttp2) delete own[name];
  // gRPC servers refuse requests whose client does not say that it takes trailers; we do.
  return { ...head, ...own, ...(takesTrailers(req.headers) && { te: 'trailers' }) };
}

class Http2Exchange {
  readonly #attempt: Http2Attempt;
  readonly #stream: ClientHttp2Stream;
  readonly #patience: Patience;
  #isAnswered = false;
  #wasSent = false;
  #status: number | undefined;
  #trailers: IncomingHttpHeaders = {};

  constructor(attempt: Http2Attempt, stream: ClientHttp2Stream) {
    this.#attempt = attempt;
    this.#stream = stream;
    const { clock, timeoutMs, hasBody, req, session } = attempt;
    this.#patience = new Patience(clock, timeoutMs, () => {
      const isClientSlow = hasBody && !req.readableEnded && !req.isPaused();
      // The endpoint's machine may be gone without a word: the next request must not wait for it in vain as well.
      if (!isClientSlow) session.retire();
      this.#fail(isClientSlow ? 408 : 504);
    });
  }

  follow(): void {
    const { res, session } = this.#attempt;
    const stream = this.#stream;
    const abandon = (): void => {
      if (!res.writableEnded) stream.close(constants.NGHTTP2_CANCEL);
    };
    res.on('close', abandon);
    session.onConnected(() => {
      if (stream.destroyed) return;
      this.#wasSent = true;
      this.#sendBody();
    });
    let interim = 0;
    stream.on('headers', () => {
      if (++interim > upstreamLimits.interim) this.#fail(502);
    });
    stream.on('response', (headers, flags) =>
      this.#relay(headers, (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0),
    );
    stream.on('trailers', (trailers) => (this.#trailers = trailers));
    stream.on('error', () => undefined);
    stream.on('close', () => {
      this.#patience.end();
      res.off('close', abandon);
      if (this.#isAnswered || res.destroyed) return;
      const isRefused = stream.rstCode === constants.NGHTTP2_REFUSED_STREAM;
      const wasSent = this.#wasSent && !(isRefused && !this.#attempt.hasBody);
      const status = this.#status;
      this.#attempt.onUnanswered({ wasSent, ...(status !== undefined && { status }) });
    });
  }

  #fail(status: number): void {
    this.#status ??= status;
    this.#stream.close(constants.NGHTTP2_CANCEL);
  }

  #sendBody(): void {
    const { req, hasBody } = this.#attempt;
    const stream = this.#stream;
    if (!hasBody) return;
    req.on('data', () => this.#patience.renew());
    req.on('end', () => this.#patience.renew());
    // Also after the answer, which may be whole before the request is.
    req.on('close', () => {
      if (!stream.writableEnded && !stream.closed) stream.close(constants.NGHTTP2_CANCEL);
    });
    stream.on('wantTrailers', () => stream.sendTrailers(trailersOf(req.trailers)));
    req.pipe(stream);
  }

  #relay(headers: IncomingHttpHeaders & IncomingHttpStatusHeader, isOver: boolean): void {
    const { res, clock } = this.#attempt;
    const stream = this.#stream;
    this.#isAnswered = true;
    this.#patience.end();
    const status = headers[':status'] ?? 0;
    const own = Object.entries(headers).filter(([name]) => !name.startsWith(':'));
    const fields = answerFields(Object.fromEntries(own), status);
    try {
      if (status < 200 || status > 599) throw new RangeError(`${status} is no status`);
      if (isOver) {
        endAtOnce(res, status, fields);
        return;
      }
      res.writeHead(status, fields);
    } catch {
      sendError(res, 502);
      stream.close(constants.NGHTTP2_CANCEL);
      return;
    }
    // A call that goes on, as those of gRPC do, is begun for its client before the first message.
    if ('flushHeaders' in res) res.flushHeaders();
    keepMoving(stream, clock, () => breakOff(res));
    stream.pipe(res, { end: false });
    const finish = (): void => {
      addTrailers(res, this.#trailers);
      res.end();
    };
    let isWhole = false;
    stream.on('end', () => {
      isWhole = true;
      // The endpoint's side has ended; the client's may go on, and its sender waits for no more than this.
      if (!stream.closed) finish();
    });
    stream.on('close', () => {
      if (res.writableEnded) return;
      // A body cut off by the endpoint must not look whole to the client.
      if (isWhole && stream.rstCode === constants.NGHTTP2_NO_ERROR) finish();
      else breakOff(res);
    });
  }
}

/** Head and end together: where gRPC's status is in the head, its clients insist that nothing follows. */
function endAtOnce(res: IngressResponse, status: number, fields: OutgoingHttpHeaders): void {
  res.statusCode = status;
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined) res.setHeader(name, value);
  }
  res.end();
}
