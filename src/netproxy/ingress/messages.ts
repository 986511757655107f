import { STATUS_CODES } from 'node:http';
import type {
  IncomingHttpHeaders,
  IncomingMessage,
  OutgoingHttpHeaders,
  ServerResponse,
} from 'node:http';
import { constants } from 'node:http2';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import { staysOnConnection } from '../../lib/hop-by-hop.js';

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

/** Tells whether the request has a body of any length. */
export function hasBody(req: IngressRequest): boolean {
  const { headers } = req;
  if (headers['transfer-encoding'] !== undefined) return true;
  const length = headers['content-length'];
  if (length !== undefined) return Number(length) !== 0;
  // HTTP/2 tells the end of a request by a flag instead.
  return req.httpVersionMajor === 2 && !('stream' in req && req.stream.endAfterHeaders);
}

/** Fields that end a message would change what has gone before (RFC 9110, section 6.5.1), if they were about it. */
const neverTrailers =
  /^(?::.*|content-.*|host|authorization|cookie|set-cookie|te|trailer|cache-control|age|date|expires|location|vary)$/;

/** The fields after a body that may go on. */
export function trailersOf(fields: IncomingHttpHeaders): OutgoingHttpHeaders {
  const stays = staysOnConnection(undefined);
  const kept = Object.entries(fields).filter(
    ([name, value]) => value !== undefined && !stays(name) && !neverTrailers.test(name),
  );
  return Object.fromEntries(kept);
}

/** The sender takes fields after a body (RFC 9110, section 10.1.4). */
export function takesTrailers({ te = '' }: IncomingHttpHeaders): boolean {
  return String(te)
    .toLowerCase()
    .split(',')
    .some((coding) => coding.trim() === 'trailers');
}

/** Call before the end of the answer. HTTP/1.1 has room for trailers only where the body has no length. */
export function addTrailers(res: IngressResponse, fields: IncomingHttpHeaders): void {
  const trailers = trailersOf(fields);
  if (res.destroyed || Object.keys(trailers).length === 0) return;
  if ('stream' in res) res.addTrailers(trailers);
  else if (res.chunkedEncoding && takesTrailers(res.req.headers)) res.addTrailers(trailers);
}
