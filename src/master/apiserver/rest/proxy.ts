/**
 * `pods/<name>/proxy`, `services/<name>/proxy` and `nodes/<name>/proxy`: HTTP to a pod through its node's agent, so
 * that the API server needs no route into the pod network, or to a node itself.
 */
import * as http from 'node:http';
import { pipeline, Readable } from 'node:stream';
import type { Transform } from 'node:stream';
import * as zlib from 'node:zlib';
import { staysOnConnection } from '../../../lib/hop-by-hop.js';
import { saysWhoAsks } from '../aggregator/index.js';
import { failure, methodNotAllowed, unavailable } from '../status.js';
import type { Backend } from '../subresources/backends.js';
import type { Connector } from '../subresources/connector.js';
import type { ProxyOptions, Target, Verbs } from '../verbs/index.js';
import { proxyOptions } from '../verbs/index.js';
import { callOf, withoutToken } from './call.js';
import type { Exchange, HeaderMap } from './exchange.js';
import { bodyFraming, drained, end, write, writeHead } from './exchange.js';
import type { LinkPlaces } from './proxy-links.js';
import { HtmlLinks, joinPath, rewriteLink } from './proxy-links.js';
import type { RequestInfo } from './request-info.js';
import { noteHeaders, sendBytes } from './respond.js';
import type { Upgrading } from './socket-switch.js';
import { carry, switched } from './socket-switch.js';

/** The dependencies of `proxy` subresources. */
export interface ProxyDeps {
  readonly verbs: Verbs;
  readonly connector: Connector;
}

const methods = new Set(['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT']);

/** Serves a proxied request of a pod, a service or a node. */
export function serveProxy(exchange: Exchange, { verbs, connector }: ProxyDeps): Promise<void> {
  return verbs.connect(callOf(exchange), ({ kind }) => {
    if (!methods.has(exchange.method)) throw methodNotAllowed();
    const options = proxyOptions(kind.kind, proxiedPath(exchange.info));
    return {
      options,
      use: async ({ target }, started) => {
        if (isSummary(target, options)) {
          await sendBytes(exchange, 200, await connector.nodeSummary(target), 'application/json');
          return 200;
        }
        const backend = await connector.backend(target);
        if (options.path === '' && /^(?:GET|HEAD)$/.test(exchange.method)) return toRoot(exchange);
        return forward(exchange, { backend, options, started });
      },
    };
  });
}

/** Serves a proxied request that changes its protocol, such as a WebSocket. */
export function upgradeProxy(
  exchange: Exchange,
  { verbs, connector }: ProxyDeps,
  upgrading: Upgrading,
): Promise<void> {
  return verbs.connect(callOf(exchange), ({ kind }) => {
    const options = proxyOptions(kind.kind, proxiedPath(exchange.info));
    return {
      options,
      use: async ({ target }, started) => {
        const backend = await connector.backend(target);
        const sent = ask(exchange, backend, options, {
          connection: 'Upgrade',
          upgrade: upgrading.request.headers.upgrade ?? '',
        });
        const answer = await switched(sent, upgrading.socket).catch((error: Error) => {
          throw failure(500, '', error.message);
        });
        if ('socket' in answer) return carry(upgrading, answer, started);
        const code = answer.refusal.statusCode ?? 0;
        if (code >= 400) return relay(exchange, answer.refusal, { links: undefined, started });
        sent.destroy();
        throw failure(500, '', `invalid upgrade response: status code ${code}`);
      },
    };
  });
}

/** Everything behind `proxy`, with its slashes; empty where there is not even one. */
export function proxiedPath({ path, parts }: Pick<RequestInfo, 'path' | 'parts'>): string {
  const rest = parts.slice(3).join('/');
  const begun = rest === '' || rest.startsWith('/') ? rest : `/${rest}`;
  return path.endsWith('/') && !begun.endsWith('/') ? `${begun}/` : begun;
}

/** The agents measure when they are called, which is what the metrics are made of as well. */
function isSummary({ kind }: Target, { path }: ProxyOptions): boolean {
  return kind.plural === 'nodes' && path === '/stats/summary';
}

/** Relative links of a page need the slash at the end of its path. @returns the code */
function toRoot(exchange: Exchange): number {
  const { response, info } = exchange;
  writeHead(response, 301, { location: `${info.path}/${queryOf(exchange)}`, 'content-length': 0 });
  end(response);
  return 301;
}

function queryOf({ request }: Exchange): string {
  const target = request.url ?? '';
  const mark = target.indexOf('?');
  return mark < 0 ? '' : target.slice(mark);
}

/** The headers that must not reach a pod, or are made anew. */
const dropped = new Set(['host', 'x-forwarded-for', 'x-forwarded-uri']);

/**
 * The headers that go on to a backend: without those of this connection, and without any that shows or says who asks,
 * be it to this server or to one behind it (`WithAuthentication` and `WithImpersonation` of k8s.io/apiserver take them
 * off).
 */
function sentOn(headers: NodeJS.Dict<string | string[]>): HeaderMap {
  const kept = endToEnd(headers);
  for (const name of Object.keys(kept)) if (saysWhoAsks(name)) delete kept[name];
  return kept;
}

/** Headers without those of their connection. */
function endToEnd(headers: NodeJS.Dict<string | string[]>): HeaderMap {
  const stays = staysOnConnection(String(headers['connection'] ?? ''));
  const kept: HeaderMap = {};
  for (const [name, value] of Object.entries(headers)) {
    if (dropped.has(name) || name.startsWith(':') || stays(name) || value === undefined) continue;
    const shown = name === 'sec-websocket-protocol' ? withoutToken(String(value)) : value;
    if (shown !== '') kept[name] = shown;
  }
  return kept;
}

/** As Go writes a path: more signs stay than `encodeURIComponent` leaves, and some do not. */
function encodePath(path: string): string {
  return path
    .split('/')
    .map((part) =>
      encodeURIComponent(part)
        .replace(/%(?:24|26|2B|2C|3A|3B|3D|40)/g, decodeURIComponent)
        .replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`),
    )
    .join('/');
}

/** Opens a request to the backend; the caller ends it. */
function ask(
  exchange: Exchange,
  backend: Backend,
  { path }: ProxyOptions,
  connection: http.OutgoingHttpHeaders,
): http.ClientRequest {
  const { request, method, signal } = exchange;
  const { headers, socket } = request;
  const before = headers['x-forwarded-for'];
  const client = socket.remoteAddress ?? '';
  return http.request({
    method,
    path: `${encodePath(joinPath(path))}${queryOf(exchange)}`,
    headers: {
      ...sentOn(headers),
      // The name that the client knows: backends make links of it.
      host: askedHost(exchange) ?? backend.host,
      'x-forwarded-for': before === undefined ? client : `${String(before)}, ${client}`,
      'x-forwarded-uri': encodePath(joinPath(prefixOf(exchange.info.path, path), path)),
      ...connection,
    },
    createConnection: backend.connect,
    signal,
  });
}

function askedHost({ request: { headers } }: Exchange): string | undefined {
  const authority = headers[':authority'];
  return headers.host ?? (Array.isArray(authority) ? authority[0] : authority);
}

/** The part of the request's path before the backend's own. */
function prefixOf(whole: string, path: string): string {
  return whole.endsWith(path) ? whole.slice(0, whole.length - path.length) : whole;
}

async function forward(
  exchange: Exchange,
  proxied: {
    readonly backend: Backend;
    readonly options: ProxyOptions;
    readonly started: (code: number) => void;
  },
): Promise<number> {
  const { backend, options, started } = proxied;
  const { request } = exchange;
  const answer = await new Promise<http.IncomingMessage>((resolve, reject) => {
    const sent = ask(exchange, backend, options, {
      connection: 'close',
      ...bodyFraming(request),
    });
    const refuse = (why: string): void =>
      reject(unavailable(`error trying to reach service: ${why}`));
    sent.once('response', (found) => {
      const { statusCode = 0 } = found;
      if (statusCode >= 200 && statusCode <= 599) resolve(found);
      else sent.destroy(new Error(`malformed HTTP status code "${statusCode}"`));
    });
    // Node tells of a 101 by this alone, and of nothing when nobody listens: the request would hang.
    sent.once('upgrade', (_, socket) => {
      socket.destroy();
      refuse('unexpected switch of protocols');
    });
    sent.on('error', (error) => refuse(error.message));
    request.pipe(sent);
  });
  const hosts = [backend.host, askedHost(exchange) ?? ''];
  const links = { prefix: prefixOf(exchange.info.path, options.path), hosts };
  return relay(exchange, answer, { links, started });
}

/** Fields that would let any page of any site read what this server serves. */
const crossOrigin = /^access-control-allow-(?:credentials|headers|methods|origin)$/;

interface Relayed {
  /** Where links lead; undefined: they stay as they are. */
  readonly links: LinkPlaces | undefined;
  readonly started: (code: number) => void;
}

/** Sends the backend's answer on, and lets go of the backend: it may keep its side open for ever. @returns the code */
async function relay(
  exchange: Exchange,
  answer: http.IncomingMessage,
  { links, started }: Relayed,
): Promise<number> {
  const { response, method } = exchange;
  // Node takes it from the answer that is over.
  const { statusCode: code = 502, socket: backend } = answer;
  const headers = endToEnd(answer.headers);
  for (const name of Object.keys(headers)) if (crossOrigin.test(name)) delete headers[name];
  const { location } = answer.headers;
  let rewriting: Rewriting | undefined;
  if (links !== undefined && location !== undefined && location !== '') {
    headers['location'] = rewriteLink(location, links);
  } else if (links !== undefined && method !== 'HEAD') rewriting = rewritingOf(answer, links);
  if (rewriting !== undefined) delete headers['content-length'];
  try {
    writeHead(response, code, { ...headers, ...noteHeaders(exchange) });
    // An answer may be silent for long: its client has the head at once.
    if ('flushHeaders' in response) response.flushHeaders();
    started(code);
    for await (const chunk of rewriting === undefined ? answer : rewriting(answer)) {
      if (!write(response, chunk)) await drained(response);
    }
    end(response);
  } finally {
    backend.destroy();
  }
  return code;
}

type Rewriting = (body: AsyncIterable<Buffer>) => AsyncIterable<Buffer>;

/** The codings that are undone for the links' sake, and made again. */
const codings: Readonly<Record<string, readonly [() => Transform, () => Transform]>> = {
  gzip: [() => zlib.createGunzip(), () => zlib.createGzip()],
  deflate: [() => zlib.createInflateRaw(), () => zlib.createDeflateRaw()],
};

/** How the links of a page are rewritten; undefined for what is no page, or is coded in a way that nobody knows. */
function rewritingOf({ headers }: http.IncomingMessage, links: LinkPlaces): Rewriting | undefined {
  const type = (headers['content-type'] ?? '').split(';')[0]?.trim();
  if (type !== 'text/html') return undefined;
  const coding = headers['content-encoding'] ?? '';
  if (coding === '') return (body) => rewritten(body, links);
  const [decode, encode] = codings[coding] ?? [];
  if (decode === undefined || encode === undefined) return undefined;
  return (body) => piped(rewritten(piped(body, decode()), links), encode());
}

async function* rewritten(body: AsyncIterable<Buffer>, links: LinkPlaces): AsyncGenerator<Buffer> {
  const html = new HtmlLinks(links);
  for await (const chunk of body) yield html.push(chunk);
  yield html.end();
}

/** Ends with an error when either side does. */
function piped(body: AsyncIterable<Buffer>, through: Transform): AsyncIterable<Buffer> {
  const source = Readable.from(body, { objectMode: false });
  pipeline(source, through, () => undefined);
  return through as AsyncIterable<Buffer>;
}
