/** Reads a request's destination from its line and fields; refuses a request that names two, or none. Pure. */
import type { IncomingHttpHeaders } from 'node:http';
import { clientLimits } from './limits.js';
import { normalPath } from './request-path.js';

/** The parts of a request that decide its destination. */
export interface RequestFacts {
  readonly httpVersionMajor: number;
  readonly httpVersionMinor: number;
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
}

/** The destination of a request. */
export interface RequestLine {
  readonly method: string;
  /** As it was sent, "" with HTTP/1.0 only. */
  readonly host: string;
  /** In normal form. */
  readonly path: string;
  /** With its "?"; "" when there is none. */
  readonly query: string;
}

/** Why a request goes no further. */
export interface Refusal {
  readonly status: number;
}

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const bad: Refusal = { status: 400 };

/** Reads what a request asks for; refuses what two readers could understand differently. */
export function readRequest(req: RequestFacts): RequestLine | Refusal {
  const method = req.method ?? '';
  if (!token.test(method)) return bad;
  // As nginx: TRACE shows a client's fields to scripts, and a tunnel to anywhere is not offered.
  if (method === 'TRACE' || method === 'CONNECT') return { status: 405 };
  if (breaksFraming(req)) return bad;
  const target = req.url ?? '';
  if (target.length > clientLimits.targetBytes) return { status: 414 };
  const host = readHost(req);
  if (host === undefined) return bad;
  const origin = originForm(target, host);
  if (origin === undefined) return bad;
  const question = origin.indexOf('?');
  const path = normalPath(question === -1 ? origin : origin.slice(0, question));
  const query = question === -1 ? '' : origin.slice(question);
  if (path === undefined || /[\0-\x20\x7f#\u0100-\uffff]/.test(query)) return bad;
  return { method, host, path, query };
}

/** RFC 9112, section 6.1: a coding together with a length, or in HTTP/1.0, is an attempt to be read in two ways. */
function breaksFraming({ headers, httpVersionMajor, httpVersionMinor }: RequestFacts): boolean {
  if (headers['transfer-encoding'] === undefined) return false;
  const old = httpVersionMajor === 1 && httpVersionMinor === 0;
  return old || httpVersionMajor > 1 || headers['content-length'] !== undefined;
}

/** The one host of a request. @returns undefined when there are several, none, or it is no host */
function readHost(req: RequestFacts): string | undefined {
  const named = req.rawHeaders.filter(
    (name, index) => index % 2 === 0 && /^(?:host|:authority)$/i.test(name),
  );
  const authority = req.headers[':authority'];
  const { host } = req.headers;
  const http2 = req.httpVersionMajor > 1;
  if (named.length > (http2 ? 2 : 1)) return undefined;
  if (typeof authority === 'string' && host !== undefined) {
    if (authority.toLowerCase() !== host.toLowerCase()) return undefined;
  }
  const found = (typeof authority === 'string' ? authority : undefined) ?? host;
  if (found === undefined) {
    return req.httpVersionMajor === 1 && req.httpVersionMinor === 0 ? '' : undefined;
  }
  return isHost(found) ? found : undefined;
}

/** A name or an address, with or without a port. Underscores occur in names of hosts, whatever DNS says. */
export function isHost(text: string): boolean {
  if (text.length > 261) return false;
  if (/^\[[0-9a-f:.]{2,45}\](?::\d{1,5})?$/i.test(text)) return true;
  return /^(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*\.?(?::\d{1,5})?$/i.test(
    text,
  );
}

/**
 * "/path" as it is; of "http://host/path" the path, when the host is the request's own. "*" has no path to be
 * matched.
 */
function originForm(target: string, host: string): string | undefined {
  if (target.startsWith('/')) return target;
  const absolute = /^https?:\/\/([^/?#]*)(.*)$/i.exec(target);
  if (absolute === null) return undefined;
  const [, authority = '', rest = ''] = absolute;
  if (authority.toLowerCase() !== host.toLowerCase()) return undefined;
  return rest.startsWith('/') ? rest : `/${rest}`;
}
