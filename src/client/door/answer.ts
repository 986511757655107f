/** Requests and answers of a component's HTTP door, over either version of HTTP. */
import { IncomingMessage } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import { leaveBody } from '../../lib/http1.js';
import type { Clock } from '../../lib/clock.js';
import { peerCertificateOf } from '../../lib/grpc/index.js';
import type { Registry } from '../../lib/metrics.js';
import type { DoorCredentials } from './delegated-access.js';

/** A request of either version of HTTP. */
export type DoorRequest = IncomingMessage | Http2ServerRequest;

/** An answer of either version of HTTP. */
export type DoorResponse = ServerResponse | Http2ServerResponse;

/** A body that takes longer is not waited for. */
const bodyMs = 10_000;

/** The type of texts. */
export const plainText = 'text/plain; charset=utf-8';

/** Writes one whole answer, of which HEAD gets the head. */
export function answer(
  response: DoorResponse,
  status: number,
  contentType: string,
  body: string,
): void {
  response.writeHead(status, {
    'content-type': contentType,
    'content-length': Buffer.byteLength(body),
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-cache, private',
  });
  response.end(body);
}

/** Shows registries, one after the other. */
export function answerMetrics(response: DoorResponse, registries: readonly Registry[]): void {
  const text = registries.map((registry) => registry.metrics()).join('\n');
  answer(response, 200, registries[0]?.contentType ?? plainText, text);
}

/** The path of a request and its query. A target that is no path is the empty path. */
export function targetOf(request: DoorRequest): {
  readonly path: string;
  readonly query: URLSearchParams;
} {
  const [path = '', query = ''] = (request.url ?? '').split('?', 2);
  return { path: path.startsWith('/') ? path : '', query: new URLSearchParams(query) };
}

/** What a request shows of its sender. */
export function credentialsOf(request: DoorRequest): DoorCredentials {
  const { socket, headers } = request;
  return {
    certificate: peerCertificateOf(socket),
    authorization: headers.authorization ?? '',
    address: socket.remoteAddress,
  };
}

/**
 * Reads a short body.
 * @returns undefined when it is longer than `bytesMax`, breaks off, or takes too long: its rest is left unread
 */
export async function readShort(
  request: DoorRequest,
  response: DoorResponse,
  { bytesMax, clock }: { readonly bytesMax: number; readonly clock: Clock },
): Promise<string | undefined> {
  const body = await new Promise<string | undefined>((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const cancel = clock.schedule(bodyMs, () => resolve(undefined));
    const done = (text: string | undefined): void => {
      cancel();
      request.removeListener('data', take);
      resolve(text);
    };
    const take = (chunk: Buffer): void => {
      size += chunk.length;
      if (size > bytesMax) done(undefined);
      else chunks.push(chunk);
    };
    request.on('data', take);
    request.on('end', () => done(Buffer.concat(chunks).toString()));
    request.on('close', () => done(undefined));
    request.on('error', () => done(undefined));
  });
  if (body === undefined) leave(request, response, clock);
  return body;
}

/** Leaves the body of a request unread that is answered without it, if it has one. */
export function leave(request: DoorRequest, response: DoorResponse, clock: Clock): void {
  const { 'content-length': length = '0', 'transfer-encoding': coding } = request.headers;
  if (length === '0' && coding === undefined && request instanceof IncomingMessage) return;
  if (request instanceof IncomingMessage) leaveBody(request, response as ServerResponse, clock);
  else request.pause();
}
