import { peerCertificateOf } from '../../../lib/grpc/index.js';
import { bearerToken } from '../authn/authenticator.js';
import type { Call } from '../verbs/index.js';
import type { Exchange } from './exchange.js';
import { header } from './exchange.js';

const tokenProtocol = 'base64url.bearer.authorization.k8s.io.';
const selecting = new Set(['list', 'watch', 'deletecollection']);

/** A request over HTTP as the verbs see it. */
export function callOf(exchange: Exchange): Call {
  const { request, info, query } = exchange;
  return {
    caller: {
      credentials: {
        certificate: peerCertificateOf(request.socket),
        token: bearerToken(header(exchange, 'authorization')) || webSocketToken(exchange),
      },
      impersonation: impersonationOf(exchange),
      address: request.socket.remoteAddress ?? '',
      userAgent: header(exchange, 'user-agent'),
      uri: request.url ?? '',
    },
    verb: info.verb,
    resource: info.resource,
    path: info.path,
    fieldSelector: selecting.has(info.verb) ? (query.get('fieldSelector') ?? '') : '',
    warnings: exchange.warnings,
  };
}

/** Browsers cannot set headers on WebSockets: the token then travels as a subprotocol. */
function webSocketToken(exchange: Exchange): string {
  const protocols = header(exchange, 'sec-websocket-protocol');
  if (protocols === '') return '';
  for (const protocol of protocols.split(',')) {
    const name = protocol.trim();
    if (!name.startsWith(tokenProtocol)) continue;
    return Buffer.from(name.slice(tokenProtocol.length), 'base64url').toString();
  }
  return '';
}

const none: readonly string[] = [];

/** The `Impersonate-*` fields. Most requests have none, and pay for the look at their names only. */
function impersonationOf({ request }: Exchange): readonly string[] {
  let found: string[] | undefined;
  const { rawHeaders } = request;
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? '';
    if (name.length < 12 || name.slice(0, 12).toLowerCase() !== 'impersonate-') continue;
    (found ??= []).push(name, rawHeaders[at + 1] ?? '');
  }
  return found ?? none;
}
