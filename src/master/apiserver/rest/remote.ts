/** Requests whose group and version another server serves: sent on to it, with who asks, and its answer sent back. */
import type * as http from 'node:http';
import { errorMessage } from '../../../lib/errors.js';
import { staysOnConnection } from '../../../lib/hop-by-hop.js';
import type { RemoteApi, RemoteApis, RemoteCallDeps } from '../aggregator/index.js';
import { callRemote, identityHeaders, saysWhoAsks } from '../aggregator/index.js';
import type { UserInfo, Verbs } from '../verbs/index.js';
import { callOf, withoutToken } from './call.js';
import type { Exchange, HeaderMap, HttpRequest } from './exchange.js';
import { bodyFraming, drained, end, write, writeHead } from './exchange.js';
import { noteHeaders, sendBytes } from './respond.js';
import type { Upgrading } from './socket-switch.js';
import { carry, switched } from './socket-switch.js';

/** The servers, the ways to them, and who may ask. */
export interface RemoteDeps extends RemoteCallDeps {
  readonly remotes: RemoteApis;
  readonly verbs: Verbs;
}

/** Subresources that a client stays connected to (kube-apiserver's long-running requests). */
const lasting = new Set(['attach', 'exec', 'log', 'portforward', 'proxy']);

/** Serves a request of another server's group and version. */
export function serveRemote(exchange: Exchange, api: RemoteApi, deps: RemoteDeps): Promise<void> {
  const { verb, resource } = exchange.info;
  return deps.verbs.forward(callOf(exchange), {
    lives: verb === 'watch' || lasting.has(resource?.subresource ?? ''),
    use: async (user, started) => {
      if (!api.isAvailable) return refuse(exchange, 'service unavailable');
      const { request } = exchange;
      let answer: http.IncomingMessage;
      try {
        answer = await ask(exchange, api, deps, forwarded(request, user));
      } catch (error) {
        return refuse(exchange, unreached(error));
      }
      return relay(exchange, answer, started);
    },
  });
}

/** Answers with what the server says to `user`, for a request that has been let in already. @returns the code */
export async function askRemote(
  exchange: Exchange,
  api: RemoteApi,
  deps: RemoteCallDeps,
  user: UserInfo,
): Promise<number> {
  let answer: http.IncomingMessage;
  try {
    answer = await ask(exchange, api, deps, forwarded(exchange.request, user));
  } catch (error) {
    return refuse(exchange, unreached(error));
  }
  return relay(exchange, answer, () => undefined);
}

/** In plain text, as kube-aggregator's proxy says it. @returns the code */
async function refuse(exchange: Exchange, text: string): Promise<number> {
  await sendBytes(exchange, 503, Buffer.from(`${text}\n`), 'text/plain; charset=utf-8', {
    'x-content-type-options': 'nosniff',
  });
  return 503;
}

function unreached(error: unknown): string {
  return `error trying to reach service: ${errorMessage(error)}`;
}

/**
 * The fields that go on: without those of this connection, without the client's credentials, and without any that says
 * who asks; that is said anew.
 */
export function forwarded(
  request: Pick<HttpRequest, 'headers' | 'socket'>,
  user: UserInfo,
): http.OutgoingHttpHeaders {
  const { headers } = request;
  const stays = staysOnConnection(String(headers['connection'] ?? ''));
  const kept: http.OutgoingHttpHeaders = {};
  for (const [name, value] of Object.entries(headers)) {
    if (name.startsWith(':') || name === 'host' || stays(name) || saysWhoAsks(name)) continue;
    if (value === undefined) continue;
    // Among the protocols of a WebSocket there may be a token: nothing else is left of such a list.
    const shown = name === 'sec-websocket-protocol' ? withoutToken(String(value)) : value;
    if (shown !== '' || value === '') kept[name] = shown;
  }
  const before = headers['x-forwarded-for'];
  const client = request.socket.remoteAddress ?? '';
  kept['x-forwarded-for'] = before === undefined ? client : `${String(before)}, ${client}`;
  return { ...kept, ...identityHeaders(user) };
}

/** Sends a request with its body. @throws the error of the connection, or that there is no server */
async function ask(
  exchange: Exchange,
  api: RemoteApi,
  deps: RemoteCallDeps,
  headers: http.OutgoingHttpHeaders,
): Promise<http.IncomingMessage> {
  const { request, method, signal } = exchange;
  const path = request.url ?? '/';
  const sent = callRemote(deps, api.service, {
    method,
    path,
    signal,
    headers: { ...headers, connection: 'close', ...bodyFraming(request) },
  });
  return new Promise((resolve, reject) => {
    sent.once('response', resolve);
    sent.once('upgrade', (_, socket) => {
      socket.destroy();
      reject(new Error('unexpected switch of protocols'));
    });
    sent.on('error', reject);
    request.pipe(sent);
  });
}

/** The answer's fields, without those of the connection that it came on. */
function answered(answer: http.IncomingMessage): HeaderMap {
  const stays = staysOnConnection(answer.headers.connection);
  const kept: HeaderMap = {};
  for (const [name, value] of Object.entries(answer.headers)) {
    if (!stays(name) && value !== undefined) kept[name] = value;
  }
  return kept;
}

/** Sends the server's answer on, and lets go of the server: it may keep its side open for ever. @returns the code */
async function relay(
  exchange: Exchange,
  answer: http.IncomingMessage,
  started: (code: number) => void,
): Promise<number> {
  const { response } = exchange;
  // Node takes it from the answer that is over.
  const { statusCode: code = 502, socket: backend } = answer;
  try {
    writeHead(response, code, { ...answered(answer), ...noteHeaders(exchange) });
    // A watch may be silent for long: its client has the head at once.
    if ('flushHeaders' in response) response.flushHeaders();
    started(code);
    for await (const chunk of answer) {
      if (!write(response, chunk as Buffer)) await drained(response);
    }
    end(response);
  } finally {
    backend.destroy();
  }
  return code;
}

/** Serves a request that changes its protocol, such as an exec: the two connections become one. */
export function upgradeRemote(
  exchange: Exchange,
  api: RemoteApi,
  deps: RemoteDeps,
  upgrading: Upgrading,
): Promise<void> {
  return deps.verbs.forward(callOf(exchange), {
    lives: true,
    use: async (user, started) => {
      if (!api.isAvailable) return refuse(exchange, 'service unavailable');
      const { request } = upgrading;
      const headers = {
        ...forwarded(request, user),
        connection: 'upgrade',
        upgrade: request.headers.upgrade ?? '',
      };
      const path = request.url ?? '/';
      try {
        const { method, signal } = exchange;
        const sent = callRemote(deps, api.service, { method, path, headers, signal });
        const answer = await switched(sent, upgrading.socket);
        if (!('socket' in answer)) return await relay(exchange, answer.refusal, started);
        return await carry(upgrading, answer, started);
      } catch (error) {
        return refuse(exchange, unreached(error));
      }
    },
  });
}
