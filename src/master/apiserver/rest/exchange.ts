import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import type { CallNotes } from '../verbs/index.js';
import type { RequestInfo } from './request-info.js';

/** A request of either version of HTTP. */
export type HttpRequest = IncomingMessage | Http2ServerRequest;

/** An answer of either version of HTTP. */
export type HttpResponse = ServerResponse | Http2ServerResponse;

/** One HTTP request on its way through the handlers. */
export interface Exchange {
  readonly request: HttpRequest;
  readonly response: HttpResponse;
  readonly method: string;
  readonly query: URLSearchParams;
  readonly info: RequestInfo;
  /** Sent as `Warning` headers. */
  readonly warnings: string[];
  readonly notes: CallNotes;
  /** Aborts when the client goes away. */
  readonly signal: AbortSignal;
}

/** A header's text; repeated ones joined. */
export function header(exchange: Pick<Exchange, 'request'>, name: string): string {
  const value = exchange.request.headers[name];
  return Array.isArray(value) ? value.join(', ') : (value ?? '');
}

/**
 * How the body of a request is framed when it is sent on: one whose length was not told would go without any frame
 * where its method has no body as a rule (DELETE), and be taken for the next request.
 */
export function bodyFraming(request: HttpRequest): { readonly 'transfer-encoding'?: 'chunked' } {
  const { headers } = request;
  if (headers['content-length'] !== undefined) return {};
  const comes =
    'stream' in request
      ? !request.stream.endAfterHeaders
      : headers['transfer-encoding'] !== undefined;
  return comes ? { 'transfer-encoding': 'chunked' } : {};
}

type Write = (chunk: Buffer | string) => boolean;

/** Writes to a response of either protocol. False means: wait for `drain`. */
export function write(response: HttpResponse, chunk: Buffer | string): boolean {
  return (response.write as Write).call(response, chunk);
}

/** Resolves when a response takes more, or is over. */
export function drained(response: HttpResponse): Promise<void> {
  if (!response.writableNeedDrain || response.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      response.removeListener('drain', done);
      response.removeListener('close', done);
      resolve();
    };
    response.on('drain', done);
    response.on('close', done);
  });
}

type End = (chunk?: Buffer | string) => void;

/** Ends an answer, with a last part if there is one. */
export function end(response: HttpResponse, chunk?: Buffer | string): void {
  (response.end as End).call(response, chunk);
}

/** Headers of an answer by name. */
export type HeaderMap = Record<string, string | number | string[]>;
type WriteHead = (status: number, headers: HeaderMap) => void;

/** Writes the status and the headers of an answer. */
export function writeHead(response: HttpResponse, status: number, headers: HeaderMap): void {
  (response.writeHead as WriteHead).call(response, status, headers);
}
