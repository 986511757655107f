/** A server on this machine that hands requests on to the API server with our credentials, as `kubectl proxy` does. */
import * as http from 'node:http';
import { posix } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { isApiError } from '../../client/types.js';
import { errorMessage } from '../../lib/errors.js';
import { CommandLineError } from '../command/command-line-error.js';
import type { KubeClient } from '../kube/types.js';

/** Of one request. */
const bodyBytesMax = 64 * 1024 * 1024;
/** As kubectl: exec and attach are not for whoever is on this machine. */
const rejectedPaths = /^\/api\/.*\/pods\/.*\/(?:exec|attach)/;
/** Of the answers' headers, those that are about the answer and not about the connection. */
const passedHeaders = ['content-type', 'warning', 'retry-after'];

/** The requests that are served. */
export interface ProxyFilter {
  /** The Host header, without a port, matches one of these: a page of another site does not. */
  readonly hosts: readonly RegExp[];
  readonly rejectedMethods: readonly RegExp[];
}

/** Creates the server; it does not listen yet. */
export function createProxy(kube: KubeClient, filter: ProxyFilter): http.Server {
  return http.createServer((request, response) => {
    if (isServed(request, filter)) void relay(kube, request, response);
    else response.writeHead(403).end('Forbidden');
  });
}

function isServed(request: http.IncomingMessage, { hosts, rejectedMethods }: ProxyFilter): boolean {
  const host = (request.headers.host ?? '').replace(/:\d+$/, '');
  const path = pathOf(request.url ?? '');
  return (
    hosts.some((pattern) => pattern.test(host)) &&
    !rejectedMethods.some((pattern) => pattern.test(request.method ?? '')) &&
    path !== undefined &&
    !rejectedPaths.test(path)
  );
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
    for (const name of passedHeaders) {
      const value = answer.headers[name];
      if (value !== undefined) response.setHeader(name, value);
    }
    response.writeHead(answer.code);
    await pipeline(answer.body, response);
  } catch (error) {
    fail(response, error);
  }
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
  const { code, reason } = isApiError(error) ? error : { code: 502, reason: 'BadGateway' };
  const message = errorMessage(error);
  const status = { kind: 'Status', apiVersion: 'v1', status: 'Failure', message, reason, code };
  response.writeHead(code, { 'content-type': 'application/json' });
  response.end(JSON.stringify(status));
}
