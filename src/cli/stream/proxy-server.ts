/** A server on this machine that hands requests on to the API server with our credentials, as `kubectl proxy` does. */
import * as http from 'node:http';
import { posix } from 'node:path';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { matchesPattern } from '../../api/apiextensions/pattern.js';
import { isApiError } from '../../client/types.js';
import { errorMessage } from '../../lib/errors.js';
import { serveAgain } from '../../lib/http1.js';
import { CommandLineError } from '../command/command-line-error.js';
import type { KubeClient } from '../kube/types.js';

/** Of one request. */
const bodyBytesMax = 64 * 1024 * 1024;
/** Of the answer that refuses another protocol. */
const refusalBytesMax = 64 * 1024;
/** Of a request for another protocol, what negotiates it; who asks is ours to say. */
const negotiatingHeaders =
  /^(?:connection|upgrade|sec-websocket-.*|x-stream-protocol-version|accept|content-type)$/;
/** What clients without TLS offer to speak with any request, with a body too; nothing is streamed in it. */
const offeredWithAny = /^h2c$/i;
/** Of the answers' headers, those that are about the answer and not about the connection. */
const passedHeaders = ['content-type', 'warning', 'retry-after'];

/** The requests that are served: patterns of Go's regexp package. */
export interface ProxyFilter {
  /** The Host header, without a port, matches one of these: a page of another site does not. */
  readonly hosts: readonly string[];
  readonly rejectedMethods: readonly string[];
  readonly acceptedPaths: readonly string[];
  readonly rejectedPaths: readonly string[];
}

/** The server, and what ends it with all its connections. */
export interface ApiProxy {
  readonly server: http.Server;
  readonly close: () => void;
}

/** Creates the server; it does not listen yet. */
export function createProxy(kube: KubeClient, filter: ProxyFilter): ApiProxy {
  const server = http.createServer((request, response) => {
    if (isServed(request, filter)) void relay(kube, request, response);
    else response.writeHead(403).end('Forbidden');
  });
  /** Node's server forgets a connection that is upgraded. */
  const upgraded = new Set<Duplex>();
  server.on('upgrade', (request, socket: Duplex, head: Buffer) => {
    if (offeredWithAny.test(request.headers.upgrade ?? '')) {
      serveAgain(server, request, socket, head);
      return;
    }
    upgraded.add(socket);
    socket.once('close', () => upgraded.delete(socket));
    socket.on('error', () => socket.destroy());
    if (head.length > 0) socket.unshift(head);
    if (isServed(request, filter)) void relayUpgrade(kube, request, socket);
    else
      answer(socket, { code: 403, headers: { 'content-type': 'text/plain' }, body: 'Forbidden' });
  });
  const close = (): void => {
    server.close();
    server.closeAllConnections();
    for (const socket of upgraded) socket.destroy();
  };
  return { server, close };
}

function isServed(request: http.IncomingMessage, filter: ProxyFilter): boolean {
  const { hosts, rejectedMethods, acceptedPaths, rejectedPaths } = filter;
  const budget = { stepsLeft: Number.POSITIVE_INFINITY };
  const matches = (patterns: readonly string[], text: string): boolean =>
    patterns.some((pattern) => matchesPattern(pattern, text, budget) === true);
  const path = pathOf(request.url ?? '');
  return (
    matches(hosts, withoutPort(request.headers.host ?? '')) &&
    // A page may open a WebSocket to any host and read what comes, unlike other answers.
    hostsOfOrigin(request.headers.origin).every((host) => matches(hosts, host)) &&
    !matches(rejectedMethods, request.method ?? '') &&
    path !== undefined &&
    !matches(rejectedPaths, path) &&
    matches(acceptedPaths, path)
  );
}

function withoutPort(host: string): string {
  return host.replace(/:\d+$/, '');
}

/** The host of the page that asks; none where it is no page, '' where it has none to name. */
function hostsOfOrigin(origin: string | undefined): readonly string[] {
  if (origin === undefined) return [];
  return [URL.canParse(origin) ? new URL(origin).hostname : ''];
}

/** @returns the path as the API server reads it; undefined for what is none */
function pathOf(url: string): string | undefined {
  if (!url.startsWith('/')) return undefined;
  try {
    return posix.normalize(decodeURIComponent(url.replace(/\?.*$/s, '')));
  } catch {
    return undefined;
  }
}

/** Carries one request. */
async function relay(
  kube: KubeClient,
  request: http.IncomingMessage,
  response: http.ServerResponse,
): Promise<void> {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  try {
    const body = await bodyOf(request);
    const { 'content-type': contentType, accept } = request.headers;
    const answer = await kube.exchange(
      {
        method: request.method ?? 'GET',
        path: request.url ?? '/',
        ...(body.length === 0 ? {} : { body }),
        ...(contentType === undefined ? {} : { contentType }),
        ...(accept === undefined ? {} : { accept }),
      },
      gone.signal,
    );
    response.writeHead(answer.code, passedOf(answer.headers));
    await pipeline(answer.body, response);
  } catch (error) {
    fail(response, error);
  }
}

/** Carries one request for another protocol, and then that protocol's bytes. */
async function relayUpgrade(
  kube: KubeClient,
  request: http.IncomingMessage,
  socket: Duplex,
): Promise<void> {
  const gone = new AbortController();
  socket.once('close', () => gone.abort());
  try {
    const headers = Object.entries(request.headers).filter(([name]) =>
      negotiatingHeaders.test(name),
    );
    const upgraded = await kube.upgrade(
      { method: request.method ?? 'GET', path: request.url ?? '/' },
      Object.fromEntries(headers.map(([name, value]) => [name, String(value)])),
      gone.signal,
    );
    if (upgraded.socket === undefined) {
      const body = await textOf(upgraded.body ?? []);
      answer(socket, { ...upgraded, headers: passedOf(upgraded.headers), body });
    } else join(socket, upgraded.socket, upgraded.headers);
  } catch (error) {
    const { code, text } = statusOf(error);
    answer(socket, { code, headers: { 'content-type': 'application/json' }, body: text });
  }
}

/** Carries bytes both ways; what breaks off one side breaks off the other. */
function join(socket: Duplex, upstream: Duplex, headers: http.IncomingHttpHeaders): void {
  socket.write(headText(101, headers));
  upstream.on('error', () => upstream.destroy());
  for (const [from, to] of [
    [socket, upstream],
    [upstream, socket],
  ] as const) {
    from.pipe(to);
    from.once('close', () => {
      if (!from.readableEnded) to.destroy();
    });
  }
}

function passedOf(headers: http.IncomingHttpHeaders): http.IncomingHttpHeaders {
  return Object.fromEntries(
    passedHeaders.map((name) => [name, headers[name]]).filter(([, value]) => value !== undefined),
  ) as http.IncomingHttpHeaders;
}

async function textOf(body: AsyncIterable<Buffer> | readonly Buffer[]): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > refusalBytesMax) break;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Answers on a connection that Node's server has given away. */
function answer(
  socket: Duplex,
  answer: {
    readonly code: number;
    readonly headers: http.IncomingHttpHeaders;
    readonly body: string;
  },
): void {
  const { code, headers, body } = answer;
  const length = String(Buffer.byteLength(body));
  const all = { ...headers, 'content-length': length, connection: 'close' };
  if (socket.writable) socket.end(`${headText(code, all)}${body}`);
}

function headText(code: number, headers: http.IncomingHttpHeaders): string {
  const lines = Object.entries(headers).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((one) => `${name}: ${one}\r\n`),
  );
  return `HTTP/1.1 ${code} ${http.STATUS_CODES[code] ?? ''}\r\n${lines.join('')}\r\n`;
}

async function bodyOf(request: http.IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > bodyBytesMax) {
      throw new CommandLineError('the request is too large', { plain: true });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function fail(response: http.ServerResponse, error: unknown): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const { code, text } = statusOf(error);
  response.writeHead(code, { 'content-type': 'application/json' });
  response.end(text);
}

/** What we say when no answer of the API server is there to be passed on. */
function statusOf(error: unknown): { readonly code: number; readonly text: string } {
  const { code, reason } = isApiError(error) ? error : { code: 502, reason: 'BadGateway' };
  const message = errorMessage(error);
  const status = { kind: 'Status', apiVersion: 'v1', status: 'Failure', message, reason, code };
  return { code, text: JSON.stringify(status) };
}
