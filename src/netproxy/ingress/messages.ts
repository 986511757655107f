import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';

/** HTTP/1.1 or HTTP/2, by the same names. */
export type IngressRequest = IncomingMessage | Http2ServerRequest;
export type IngressResponse = (ServerResponse | Http2ServerResponse) &
  NodeJS.WritableStream & {
    readonly destroyed: boolean;
    readonly writableEnded: boolean;
    writeHead(status: number, headers: NodeJS.Dict<number | string | string[]>): unknown;
    destroy(error?: Error): unknown;
  };

const texts: Readonly<Record<number, string>> = {
  400: 'bad request',
  404: 'default backend - 404',
  502: '502 bad gateway',
  503: '503 service temporarily unavailable',
  504: '504 gateway time-out',
};

/** Ends the answer with an error, or breaks it off when it has begun. */
export function sendError(res: IngressResponse, status: number): void {
  if (res.destroyed || res.writableEnded) return;
  if (res.headersSent) {
    res.destroy();
    return;
  }
  const body = `${texts[status] ?? String(status)}\n`;
  res.writeHead(status, {
    'content-type': 'text/plain; charset=utf-8',
    'content-length': Buffer.byteLength(body),
  });
  res.end(body);
}
