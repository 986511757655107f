import { setImmediate as turn } from 'node:timers/promises';
import type { KindRegistry } from '../../../api/registry.js';
import type { RemoteApi, RemoteApis } from '../aggregator/index.js';
import type { Exchange, HeaderMap } from '../rest/exchange.js';
import { end, header, writeHead } from '../rest/exchange.js';
import type { PathHandler } from '../rest/pipeline.js';
import { sendBytes } from '../rest/respond.js';
import { notAcceptable } from '../status.js';
import type { Rendered } from './documents.js';
import { OpenApiDocuments } from './documents.js';

const jsonType = 'application/json';
const protobufType = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';
/** The same with the sign that media types may not hold, as clients up to 1.26 ask for it. */
const oldProtobufType = 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf';
const prefix = '/openapi/v3/';

/** Serves `/openapi/v2`, `/openapi/v3` and the documents below it, with ETags. */
export function openApiPaths(
  kinds: KindRegistry,
  { remotes, forward }: RemoteDocuments,
): PathHandler {
  const documents = new OpenApiDocuments(kinds, remotes);
  return async (exchange) => {
    const { path } = exchange.info;
    if (!path.startsWith('/openapi/')) return false;
    if (exchange.method !== 'GET' && exchange.method !== 'HEAD') return false;
    if (path === '/openapi/v2') {
      const type = chooseType(header(exchange, 'accept'));
      const document = documents.v2(type === jsonType ? 'json' : 'protobuf');
      await send(exchange, document, type);
      return true;
    }
    if (path === '/openapi/v3' || path === prefix) {
      const bytes = Buffer.from(JSON.stringify({ paths: await index(documents) }));
      await sendBytes(exchange, 200, bytes, jsonType);
      return true;
    }
    const remote = path.startsWith(prefix)
      ? remotes.ofPath(`/${path.slice(prefix.length)}`)
      : undefined;
    if (remote !== undefined) {
      await forward(exchange, remote);
      return true;
    }
    const document = path.startsWith(prefix) ? documents.v3(path.slice(prefix.length)) : undefined;
    if (document === undefined) return false;
    await sendHashed(exchange, document);
    return true;
  };
}

/** The documents of other servers. */
export interface RemoteDocuments {
  readonly remotes: Pick<RemoteApis, 'list' | 'ofPath'>;
  /** Answers with what the server answers. */
  readonly forward: (exchange: Exchange, api: RemoteApi) => Promise<void>;
}

/** Lists all documents. Other requests are served between two that must be rendered first. */
async function index(
  documents: OpenApiDocuments,
): Promise<Record<string, { serverRelativeURL: string }>> {
  const paths: Record<string, { serverRelativeURL: string }> = {};
  for (const path of documents.paths()) {
    if (!documents.isRendered(path)) await turn();
    const hash = documents.v3(path)?.hash;
    if (hash !== undefined) {
      paths[path] = { serverRelativeURL: `${prefix}${path}?hash=${hash}` };
    }
  }
  for (const { path, hash } of documents.remote()) {
    paths[path] = {
      serverRelativeURL: `${prefix}${path}${hash === '' ? '' : `?hash=${hash}`}`,
    };
  }
  return paths;
}

/** Content type of version 2 for an Accept header. @throws StatusError NotAcceptable */
export function chooseType(accept: string): string {
  if (accept === '') return jsonType;
  const clauses = accept
    .split(',')
    .map((clause) => {
      const [type = '', ...parameters] = clause.split(';').map((part) => part.trim());
      const quality = parameters.find((part) => part.startsWith('q='))?.slice(2) ?? '1';
      return { type: type.toLowerCase(), quality: Number(quality) };
    })
    .sort((a, b) => b.quality - a.quality);
  for (const { type } of clauses) {
    if (type === protobufType || type === oldProtobufType) return protobufType;
    if (type === jsonType || type === '*/*' || type === 'application/*') return jsonType;
  }
  throw notAcceptable([jsonType, protobufType]);
}

/** A document asked for by its hash never changes; a hash of the past leads to the present one. */
async function sendHashed(exchange: Exchange, document: Rendered): Promise<void> {
  const asked = exchange.query.get('hash');
  if (asked === null || asked === '') return send(exchange, document, jsonType);
  if (asked !== document.hash) {
    const location = `${exchange.info.path}?hash=${document.hash}`;
    writeHead(exchange.response, 301, { location });
    return end(exchange.response);
  }
  return send(exchange, document, jsonType, {
    'cache-control': 'public, immutable',
    expires: 'Thu, 31 Dec 2099 23:59:59 GMT',
  });
}

async function send(
  exchange: Exchange,
  document: Rendered,
  type: string,
  headers: HeaderMap = {},
): Promise<void> {
  const etag = `"${document.hash}"`;
  const all = { ...headers, etag, vary: 'Accept' };
  const known = header(exchange, 'if-none-match')
    .split(',')
    .map((text) => text.trim().replace(/^W\//, ''));
  if (known.includes(etag) || known.includes('*')) {
    writeHead(exchange.response, 304, all);
    return end(exchange.response);
  }
  return sendBytes(exchange, 200, document.bytes, type, all);
}
