/**
 * `pods/<name>/proxy`, `services/<name>/proxy` and `nodes/<name>/proxy`: plain HTTP through the node's agent, so that
 * the API server needs no route into the pod network.
 */
import * as http from 'node:http';
import { staysOnConnection } from '../../../lib/hop-by-hop.js';
import { noSuchResource, unavailable } from '../status.js';
import type { Backend, Connector } from '../subresources/connector.js';
import type { ProxyOptions, Verbs } from '../verbs/index.js';
import { proxyOptions } from '../verbs/index.js';
import type { BodyReader } from './body-reader.js';
import { callOf } from './call.js';
import type { Exchange, HeaderMap } from './exchange.js';
import { drained, end, write, writeHead } from './exchange.js';
import { sendBytes } from './respond.js';

/** The dependencies of `proxy` subresources and aggregated APIs. */
export interface ProxyDeps {
  readonly verbs: Verbs;
  readonly connector: Connector;
  readonly bodies: BodyReader;
}

/** Serves a proxied request of a pod, a service or a node. */
export function serveProxy(exchange: Exchange, deps: ProxyDeps): Promise<void> {
  const { verbs, connector, bodies } = deps;
  return verbs.connect(callOf(exchange), ({ kind }) => {
    const options = proxyOptions(kind.kind, exchange.info.parts.slice(3).join('/'));
    return {
      options,
      use: async ({ target, user }, started) => {
        if (kind.plural === 'nodes') {
          if (options.path !== 'stats/summary') throw noSuchResource();
          await sendBytes(exchange, 200, await connector.nodeSummary(target), 'application/json');
          return 200;
        }
        const backend = await connector.backend(target);
        const body = await bodies.read(exchange, user.name);
        return forward(exchange, { backend, body, options, started });
      },
    };
  });
}

/** The headers that must not reach a pod, or are made anew. */
const dropped = new Set(['authorization', 'content-length', 'host']);

/** The headers that go on: without those of this connection, which `Connection` may name as well. */
export function endToEnd(headers: NodeJS.Dict<string | string[]>): HeaderMap {
  const stays = staysOnConnection(String(headers['connection'] ?? ''));
  const kept: HeaderMap = {};
  for (const [name, value] of Object.entries(headers)) {
    const special = dropped.has(name) || name.startsWith(':') || name.startsWith('impersonate-');
    if (!special && !stays(name) && value !== undefined) kept[name] = value;
  }
  return kept;
}

async function forward(
  exchange: Exchange,
  proxied: {
    readonly backend: Backend;
    readonly body: Buffer;
    readonly options: ProxyOptions;
    readonly started: (code: number) => void;
  },
): Promise<number> {
  const { backend, body, options, started } = proxied;
  const rest = options.path.split('/').map(encodeURIComponent).join('/');
  const slash = exchange.info.path.endsWith('/') && rest !== '' ? '/' : '';
  const query = exchange.query.size === 0 ? '' : `?${exchange.query.toString()}`;
  const answer = await new Promise<http.IncomingMessage>((resolve, reject) => {
    const request = http.request({
      method: exchange.method,
      path: `/${rest}${slash}${query}`,
      headers: {
        ...endToEnd(exchange.request.headers),
        host: `${backend.pod}:${backend.port}`,
        connection: 'close',
        ...(body.length > 0 ? { 'content-length': body.length } : {}),
      },
      createConnection: backend.connect,
      signal: exchange.signal,
    });
    const refuse = (why: string): void =>
      reject(unavailable(`error trying to reach service: ${why}`));
    request.once('response', (found) => {
      const { statusCode = 0 } = found;
      if (statusCode >= 200 && statusCode <= 599) resolve(found);
      else request.destroy(new Error(`malformed HTTP status code "${statusCode}"`));
    });
    // Node tells of a 101 by this alone, and of nothing when nobody listens: the request would hang.
    request.once('upgrade', (_, socket) => {
      socket.destroy();
      refuse('unexpected switch of protocols');
    });
    request.on('error', (error) => refuse(error.message));
    request.end(body);
  });
  const { response } = exchange;
  const code = answer.statusCode ?? 502;
  writeHead(response, code, endToEnd(answer.headers));
  started(code);
  for await (const chunk of answer) {
    if (!write(response, chunk as Buffer)) await drained(response);
  }
  end(response);
  return code;
}
