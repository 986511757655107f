/** The API of this page's master, as the signed-in user. */
import { parseJson } from '../../../lib/json.js';
import { ApiFailure, failureOf } from '../../model/api-failure.js';
import { LineSplitter } from '../../model/json-lines.js';

/** A request; `accept` is JSON unless it is named. */
export interface Request {
  readonly method?: string;
  readonly accept?: string;
  readonly contentType?: string;
  readonly body?: string;
  readonly signal?: AbortSignal;
}

/** Kubernetes' way for the token of a browser, which cannot set headers on WebSockets. */
const tokenProtocol = 'base64url.bearer.authorization.k8s.io.';

/** Asks the API with the user's token; without one the browser's client certificate says who asks, if it has one. */
export class Api {
  readonly #token: string;
  readonly #unauthorized: () => void;

  /** @param unauthorized told when the token is not taken any more */
  constructor(token: string, unauthorized: () => void) {
    this.#token = token;
    this.#unauthorized = unauthorized;
  }

  /** @throws ApiFailure */
  async json<T>(path: string, request: Request = {}): Promise<T> {
    return parseJson(await this.text(path, request)) as T;
  }

  /** @throws ApiFailure */
  async text(path: string, request: Request = {}): Promise<string> {
    return (await this.#send(path, request)).text();
  }

  /**
   * Reads an answer that goes on, piece by piece as text.
   * @param signal ends it
   * @throws ApiFailure
   */
  async *pieces(
    path: string,
    request: Request & { readonly signal: AbortSignal },
  ): AsyncIterable<string> {
    const response = await this.#send(path, request);
    const { body } = response;
    if (body === null) return;
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    try {
      for (;;) {
        const { done, value } = await lost(reader.read());
        if (done) return;
        yield value;
      }
    } finally {
      await reader.cancel().catch(() => undefined);
    }
  }

  /** As {@link pieces}, in lines. */
  async *lines(
    path: string,
    request: Request & { readonly signal: AbortSignal },
  ): AsyncIterable<string[]> {
    const splitter = new LineSplitter();
    for await (const piece of this.pieces(path, request)) {
      const whole = splitter.push(piece);
      if (whole.length > 0) yield whole;
    }
    const last = splitter.end();
    if (last !== '') yield [last];
  }

  /** Opens a WebSocket; the token travels as a subprotocol. */
  socket(path: string, protocol: string): WebSocket {
    const url = new URL(path, location.href);
    url.protocol = 'wss:';
    const token = base64url(this.#token);
    const protocols = this.#token === '' ? [protocol] : [`${tokenProtocol}${token}`, protocol];
    const socket = new WebSocket(url, protocols);
    socket.binaryType = 'arraybuffer';
    return socket;
  }

  async #send(path: string, request: Request): Promise<Response> {
    const { method = 'GET', accept = 'application/json', contentType, body, signal } = request;
    const headers: Record<string, string> = { accept };
    if (this.#token !== '') headers['authorization'] = `Bearer ${this.#token}`;
    if (body !== undefined) headers['content-type'] = contentType ?? 'application/json';
    const ask = (): Promise<Response> =>
      fetch(path, {
        method,
        headers,
        credentials: 'same-origin',
        cache: 'no-store',
        redirect: 'error',
        ...(body === undefined ? {} : { body }),
        ...(signal === undefined ? {} : { signal }),
      });
    // A connection that the server has just ended costs a second try, of what may be asked twice.
    const response = await lost(method === 'GET' ? ask().catch(ask) : ask());
    if (response.ok) return response;
    const failure = failureOf(response.status, await lost(response.text()));
    if (failure.code === 401) this.#unauthorized();
    throw failure;
  }
}

/** What the browser throws where no answer comes, in words of ours. */
async function lost<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new ApiFailure(0, '', 'the master does not answer');
  }
}

function base64url(text: string): string {
  return btoa(text).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}
