import { STATUS_CODES } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { constants } from 'node:http2';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';

/** HTTP/1.1 or HTTP/2, by the same names. */
export type IngressRequest = IncomingMessage | Http2ServerRequest;
/** The common part of HTTP/1.1 and HTTP/2 answers. */
export type IngressResponse = (ServerResponse | Http2ServerResponse) &
  NodeJS.WritableStream & {
    readonly destroyed: boolean;
    readonly writableEnded: boolean;
    writeHead(status: number, headers: NodeJS.Dict<number | string | string[]>): unknown;
    destroy(error?: Error): unknown;
  };

const texts: Readonly<Record<number, string>> = {
  404: 'default backend - 404',
};

/** The text of an answer of our own. */
export function errorText(status: number): string {
  return `${texts[status] ?? `${status} ${STATUS_CODES[status] ?? ''}`.trimEnd()}\n`;
}

/** Ends the answer with an error, or breaks it off when it has begun. */
export function sendError(
  res: IngressResponse,
  status: number,
  headers: Readonly<Record<string, string>> = {},
): void {
  if (res.destroyed || res.writableEnded) return;
  if (res.headersSent) {
    breakOff(res);
    return;
  }
  const body = errorText(status);
  // The rest of a refused request must not be read as the next one.
  const close = 'stream' in res || status !== 400 ? {} : { connection: 'close' };
  res.writeHead(status, {
    'content-type': 'text/plain; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    ...close,
    ...headers,
  });
  res.end(body);
}

/** Ends an answer so that it does not look whole. */
export function breakOff(res: IngressResponse): void {
  if ('stream' in res && !res.stream.destroyed) {
    res.stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  } else res.destroy();
}
