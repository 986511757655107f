import { peerCertificateOf } from '../../../lib/grpc/index.js';
import type { Clock } from '../../../lib/clock.js';
import type { Logger } from '../../../lib/log.js';
import type { AuditLog } from './audit.js';
import type { Authenticator } from '../authn/authenticator.js';
import { anonymous, bearerToken } from '../authn/authenticator.js';
import { impersonate } from '../authn/impersonation.js';
import { attributesOf } from '../authz/attributes.js';
import type { Authorization } from '../authz/authorizers.js';
import { mustBeAllowed } from '../authz/authorizers.js';
import type { DiscoveryHandler } from '../discovery/discovery-handler.js';
import { maxMutatingInFlight, maxRequestsInFlight, requestTimeoutMs } from '../limits.js';
import type { ServerMetrics } from '../metrics.js';
import { isStatusError, timeout } from '../status.js';
import type { Exchange, HttpRequest, HttpResponse } from './exchange.js';
import { end, header, writeHead } from './exchange.js';
import { parseRequest } from './request-info.js';
import type { ResourceHandler } from './resource-handler.js';
import { sendBytes, sendError } from './respond.js';

/** Serves a path outside of the API. False: not mine. */
export type PathHandler = (exchange: Exchange) => Promise<boolean>;

export interface PipelineOptions {
  readonly authenticator: Authenticator;
  readonly authorization: Authorization;
  readonly discovery: DiscoveryHandler;
  readonly resources: ResourceHandler;
  readonly paths: readonly PathHandler[];
  readonly knowsVersion: (group: string, version: string) => boolean;
  readonly audit: AuditLog | undefined;
  readonly metrics: ServerMetrics;
  readonly clock: Clock;
  readonly log: Logger;
}

const longSubresources = new Set(['log', 'exec', 'attach', 'portforward', 'proxy']);
const readVerbs = new Set(['get', 'list', 'watch', 'head', 'options']);

/** Every HTTP request's way: read, authenticate, limit, authorize, serve, record. */
export class Pipeline {
  readonly #options: PipelineOptions;
  #reading = 0;
  #mutating = 0;

  constructor(options: PipelineOptions) {
    this.#options = options;
  }

  /** Never throws and never rejects. */
  async serve(request: HttpRequest, response: HttpResponse): Promise<void> {
    const startMs = this.#options.clock.monotonicMs();
    const exchange = open(request, response);
    response.on('error', () => undefined);
    request.on('error', () => undefined);
    try {
      await this.#run(exchange);
    } catch (error) {
      await this.#fail(exchange, error);
    }
    const elapsedMs = this.#options.clock.monotonicMs() - startMs;
    this.#options.metrics.onRequest(exchange, elapsedMs);
    this.#options.audit?.record(exchange, elapsedMs);
  }

  async #fail(exchange: Exchange, error: unknown): Promise<void> {
    if (!isStatusError(error) && !exchange.response.destroyed) {
      this.#options.log.error({ error, path: exchange.info.path }, 'a request failed');
    }
    try {
      await sendError(exchange, error);
    } catch (failed) {
      this.#options.log.debug({ error: failed }, 'an error could not be sent');
      exchange.response.destroy();
    }
  }

  /** Authenticates and authorizes a request that will upgrade its connection. @throws StatusError */
  async admit(exchange: Exchange): Promise<void> {
    const { authenticator, authorization } = this.#options;
    const user = await authenticator.authenticate({
      certificate: peerCertificateOf(exchange.request.socket),
      token: bearerToken(header(exchange, 'authorization')) || webSocketToken(exchange),
    });
    exchange.user = await impersonate(user, exchange.request.headers, authorization);
    await mustBeAllowed(authorization, attributesOf(exchange.user, exchange.info));
  }

  async #run(exchange: Exchange): Promise<void> {
    await this.admit(exchange);
    const { info } = exchange;
    if (info.verb === 'watch' || longSubresources.has(info.subresource)) {
      await this.#dispatch(exchange);
      return;
    }
    const reads = readVerbs.has(info.verb);
    if (reads ? this.#reading >= maxRequestsInFlight : this.#mutating >= maxMutatingInFlight) {
      writeHead(exchange.response, 429, { 'retry-after': '1', 'content-type': 'text/plain' });
      end(exchange.response, 'Too many requests, please try again later.\n');
      return;
    }
    if (reads) this.#reading++;
    else this.#mutating++;
    const cancel = this.#options.clock.schedule(requestTimeoutMs, () => {
      const text = 'request did not complete within the allotted timeout';
      void this.#fail(exchange, timeout(text));
    });
    try {
      await this.#dispatch(exchange);
    } finally {
      cancel();
      if (reads) this.#reading--;
      else this.#mutating--;
    }
  }

  async #dispatch(exchange: Exchange): Promise<void> {
    const { info } = exchange;
    if (info.isResource && this.#options.knowsVersion(info.group, info.version)) {
      await this.#options.resources.handle(exchange);
      return;
    }
    if (exchange.method === 'GET' || exchange.method === 'HEAD') {
      if (await this.#options.discovery.handle(exchange)) return;
    }
    for (const handler of this.#options.paths) if (await handler(exchange)) return;
    const type = 'text/plain; charset=utf-8';
    await sendBytes(exchange, 404, Buffer.from('404 page not found\n'), type, {
      'x-content-type-options': 'nosniff',
    });
  }

  get inFlight(): { readonly reading: number; readonly mutating: number } {
    return { reading: this.#reading, mutating: this.#mutating };
  }
}

const tokenProtocol = 'base64url.bearer.authorization.k8s.io.';

/** Browsers cannot set headers on WebSockets: the token then travels as a subprotocol. */
function webSocketToken(exchange: Exchange): string {
  for (const protocol of header(exchange, 'sec-websocket-protocol').split(',')) {
    const name = protocol.trim();
    if (!name.startsWith(tokenProtocol)) continue;
    return Buffer.from(name.slice(tokenProtocol.length), 'base64url').toString();
  }
  return '';
}

/** Reads what a request is about. @throws nothing; a URL that cannot be read becomes the path `/` */
export function open(request: HttpRequest, response: HttpResponse): Exchange {
  let abort: AbortController | undefined;
  const target = request.url ?? '/';
  const mark = target.indexOf('?');
  const path = mark < 0 ? target : target.slice(0, mark);
  const query = new URLSearchParams(mark < 0 ? '' : target.slice(mark + 1));
  const method = request.method ?? 'GET';
  return {
    request,
    response,
    method,
    query,
    info: parseRequest(method, path, query),
    user: anonymous,
    warnings: [],
    /** Made when it is asked for: most requests are over before anybody could wait for it. */
    get signal(): AbortSignal {
      if (abort === undefined) {
        const made = new AbortController();
        abort = made;
        if (response.destroyed) made.abort();
        else response.once('close', () => made.abort());
      }
      return abort.signal;
    },
  };
}
