/** The fake API over HTTP on this machine, for clients that are other programs. */
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { isApiError } from '../../client/index.js';
import { ManualClock, systemClock } from '../../lib/clock.js';
import { errorMessage } from '../../lib/errors.js';
import type { KubeRequest } from '../kube/types.js';
import type { FakeCluster } from './fake-cluster.js';

/** The fake API as an HTTP server. */
export class FakeKubeServer {
  readonly #server: Server;
  readonly url: string;

  private constructor(server: Server) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  static async start(cluster: FakeCluster): Promise<FakeKubeServer> {
    const clock = new ManualClock(systemClock().nowMs());
    const server = createServer((request, response) => {
      void answer(cluster, clock, request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new FakeKubeServer(server);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

async function answer(
  cluster: FakeCluster,
  clock: ManualClock,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
  const body = await text(request);
  const sent: KubeRequest = {
    method: request.method ?? 'GET',
    path: pathname,
    query: Object.fromEntries(searchParams),
    accept: request.headers.accept ?? '',
    contentType: request.headers['content-type'] ?? '',
    ...(body === '' ? {} : { body: JSON.parse(body) as unknown }),
  };
  const kube = cluster.kube({ v: 0 } as Parameters<FakeCluster['kube']>[0], clock);
  const isAggregated = pathname === '/api' || pathname === '/apis';
  const type = isAggregated
    ? 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'
    : 'application/json';
  try {
    const given = await kube.json(sent);
    response.writeHead(request.method === 'POST' ? 201 : 200, { 'content-type': type });
    response.end(JSON.stringify(given));
  } catch (error) {
    const { code, status } = refusal(error);
    response.writeHead(code, { 'content-type': 'application/json' });
    response.end(JSON.stringify(status));
  }
}

function refusal(error: unknown): { readonly code: number; readonly status: object } {
  const { code, reason, details } = isApiError(error)
    ? error
    : { code: 500, reason: 'InternalError', details: {} };
  const head = { apiVersion: 'v1', kind: 'Status', metadata: {}, status: 'Failure' };
  return { code, status: { ...head, code, reason, details, message: errorMessage(error) } };
}
