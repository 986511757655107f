import { peerCertificateOf } from '../../../lib/grpc/index.js';
import type { PeerCertificate } from '../../../lib/grpc/index.js';
import type { Credentials } from '../authn/authenticator.js';
import { bearerToken } from '../authn/authenticator.js';
import type { Call, Caller, Sender } from '../verbs/index.js';
import type { Exchange } from './exchange.js';
import { header } from './exchange.js';
import { timeoutOf } from './request-timeout.js';

const tokenProtocol = 'base64url.bearer.authorization.k8s.io.';
const selecting = new Set(['list', 'watch', 'deletecollection']);

/** A request over HTTP as the verbs see it. */
export function callOf(exchange: Exchange): Call {
  const { info, query } = exchange;
  return {
    caller: new HttpCaller(exchange),
    verb: info.verb,
    resource: info.resource,
    path: info.path,
    fieldSelector: selecting.has(info.verb) ? (query.get('fieldSelector') ?? '') : '',
    warnings: exchange.warnings,
    notes: exchange.notes,
    sender: new HttpSender(exchange),
  };
}

/** The sender of an HTTP request; whether it is gone is asked for those that have to wait. */
class HttpSender implements Sender {
  readonly lastsMs: number | undefined;
  readonly #exchange: Exchange;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
    this.lastsMs = timeoutOf(exchange);
  }

  get signal(): AbortSignal {
    return this.#exchange.signal;
  }
}

/** The caller of an HTTP request; its fields for the audit log are read on demand. */
class HttpCaller implements Caller, Credentials {
  readonly credentials = this;
  readonly certificate: PeerCertificate | undefined;
  readonly token: string;
  readonly impersonation: readonly string[];
  readonly #exchange: Exchange;
  /** Read at once: a connection that is gone has no address. */
  readonly address: string;

  constructor(exchange: Exchange) {
    const { socket } = exchange.request;
    this.#exchange = exchange;
    this.certificate = peerCertificateOf(socket);
    this.token = bearerToken(header(exchange, 'authorization')) || webSocketToken(exchange);
    this.impersonation = impersonationOf(exchange);
    this.address = socket.remoteAddress ?? '';
  }

  get userAgent(): string {
    return header(this.#exchange, 'user-agent');
  }

  get uri(): string {
    return this.#exchange.request.url ?? '';
  }
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

/** The offered subprotocols without the token, which is nobody else's business. */
export function withoutToken(protocols: string): string {
  return protocols
    .split(',')
    .map((protocol) => protocol.trim())
    .filter((protocol) => !protocol.startsWith(tokenProtocol))
    .join(', ');
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
