/** Decides which HTTP requests the client port admits: etcd's `--host-whitelist` and `--cors`. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import type { HttpHandler } from '../../lib/grpc/index.js';

/** The hosts and origins that are admitted; an empty set, or one with `*`, admits all. */
export interface AccessRules {
  /** Names in the Host header of requests without TLS. */
  readonly hosts: ReadonlySet<string>;
  /** Origins whose scripts may read the answers. */
  readonly origins: ReadonlySet<string>;
}

const allows = (set: ReadonlySet<string>, name: string): boolean =>
  set.size === 0 || set.has('*') || set.has(name);

/** True of a request whose host is served. Whoever speaks TLS is not asked for the host. */
export function isAdmitted(
  rules: AccessRules,
  request: IncomingMessage | Http2ServerRequest,
): boolean {
  const isSecure = (request.socket as Partial<TLSSocket>).encrypted === true;
  return isSecure || allows(rules.hosts, hostOf(request));
}

/** Puts the rules in front of a handler. */
export function withAccessRules(rules: AccessRules, handler: HttpHandler): HttpHandler {
  return (request, response) => {
    if (!isAdmitted(rules, request)) {
      response.writeHead(421, { 'content-type': 'text/plain; charset=utf-8' });
      response.end(refusal(hostOf(request)));
      return;
    }
    const { origin } = request.headers;
    if (allows(rules.origins, '*')) allowOrigin(response, '*');
    else if (origin !== undefined && rules.origins.has(origin)) allowOrigin(response, origin);
    if (request.method === 'OPTIONS') {
      response.writeHead(200);
      response.end();
      return;
    }
    handler(request, response);
  };
}

/** The host that the caller wanted, without the port. */
function hostOf(request: IncomingMessage | Http2ServerRequest): string {
  const text = request.headers.host ?? String(request.headers[':authority'] ?? '');
  return text.replace(/:\d*$/, '').replace(/^\[(.*)\]$/, '$1');
}

function allowOrigin(response: ServerResponse | Http2ServerResponse, origin: string): void {
  response.setHeader('Access-Control-Allow-Methods', 'POST, GET, OPTIONS, PUT, DELETE');
  response.setHeader('Access-Control-Allow-Origin', origin);
  response.setHeader('Access-Control-Allow-Headers', 'accept, content-type, authorization');
}

function refusal(host: string): string {
  return `the Host header of the request, "${host}", is not one that this member serves.

Use TLS, or add the name to those that are served without: --host-whitelist "${host}".
This keeps web pages from reaching the store by DNS rebinding (CVE-2018-5702).
`;
}
