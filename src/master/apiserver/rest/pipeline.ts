import type { Http2Session } from 'node:http2';
import type { KindRegistry } from '../../../api/registry.js';
import { peerCertificateOf } from '../../../lib/grpc/index.js';
import type { Logger } from '../../../lib/log.js';
import { isStatusError, methodNotAllowed } from '../status.js';
import type { UserInfo, Verbs } from '../verbs/index.js';
import { callOf } from './call.js';
import type { Exchange, HttpRequest, HttpResponse } from './exchange.js';
import { header } from './exchange.js';
import { parseRequest } from './request-info.js';
import type { ResourceHandler } from './resource-handler.js';
import { timeoutOf } from './request-timeout.js';
import { sendBytes, sendError } from './respond.js';

/** Serves a path outside of the API. False: not mine. */
export type PathHandler = (exchange: Exchange) => Promise<boolean>;

/**
 * Answers a GET until its client goes away.
 * @param started tells the audit log that the answer has begun, with its code
 */
export type StreamHandler = (
  exchange: Exchange,
  started: (code: number) => void,
  user: UserInfo,
) => Promise<void>;

/** The parts of the pipeline that handles a request. */
export interface PipelineOptions {
  readonly verbs: Verbs;
  readonly kinds: KindRegistry;
  readonly discovery: {
    handle(exchange: Exchange): Promise<boolean>;
    /** True for a document's path, which is only read. */
    serves(path: string): boolean;
  };
  readonly resources: ResourceHandler;
  readonly paths: readonly PathHandler[];
  /** Answers what another server serves. False: none does. */
  readonly remote: PathHandler;
  /** Files that hold nothing of the cluster: served to everybody, unasked. */
  readonly files: PathHandler;
  /** By their paths: answers that go on until the client goes. */
  readonly streams: ReadonlyMap<string, StreamHandler>;
  readonly log: Logger;
}

/** Every HTTP request's way: read what it is about, hand it to the verbs, answer. */
export class Pipeline {
  readonly #options: PipelineOptions;

  constructor(options: PipelineOptions) {
    this.#options = options;
  }

  /** Never throws and never rejects. */
  async serve(request: HttpRequest, response: HttpResponse): Promise<void> {
    const exchange = open(request, response);
    response.on('error', () => undefined);
    request.on('error', () => undefined);
    try {
      if (await this.#options.files(exchange)) return;
      timeoutOf(exchange);
      if ('stream' in request) endAfterUnknownPeer(exchange, request.stream.session);
      if (await this.#options.remote(exchange)) return;
      if (this.#isServed(exchange)) await this.#options.resources.handle(exchange);
      else if (await this.#streamed(exchange)) return;
      else await this.#options.verbs.path(callOf(exchange), () => this.#path(exchange));
    } catch (error) {
      await this.#fail(exchange, error);
    }
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

  /** True for a resource of a group that is there; below another group's path there is nothing at all. */
  #isServed({ info: { resource: name } }: Exchange): boolean {
    const { kinds } = this.#options;
    if (name === undefined) return false;
    if (kinds.byResource(name.group, name.version, name.resource) !== undefined) return true;
    return kinds.list().some((kind) => kind.group === name.group);
  }

  async #streamed(exchange: Exchange): Promise<boolean> {
    const { streams, verbs } = this.#options;
    const stream = exchange.method === 'GET' ? streams.get(exchange.info.path) : undefined;
    if (stream === undefined) return false;
    await verbs.stream(callOf(exchange), (started, user) => stream(exchange, started, user));
    return true;
  }

  /** @returns the answer's code */
  async #path(exchange: Exchange): Promise<number> {
    if (!(await this.#handled(exchange))) {
      const type = 'text/plain; charset=utf-8';
      await sendBytes(exchange, 404, Buffer.from('404 page not found\n'), type, {
        'x-content-type-options': 'nosniff',
      });
    }
    return exchange.response.statusCode;
  }

  async #handled(exchange: Exchange): Promise<boolean> {
    const reads = exchange.method === 'GET' || (exchange.method === 'HEAD' && isGroups(exchange));
    if (!reads && this.#options.discovery.serves(exchange.info.path)) throw methodNotAllowed();
    if (reads && (await this.#options.discovery.handle(exchange))) return true;
    for (const handler of this.#options.paths) if (await handler(exchange)) return true;
    return false;
  }
}

/** The lists of groups and of a group's versions have a head, which no route of a resource or version has. */
function isGroups({ info }: Exchange): boolean {
  return /^\/apis(\/[^/]*)?\/?$/.test(info.path);
}

/**
 * An HTTP/2 connection ends in order after a request that showed no credentials, or none that are good, as
 * kube-apiserver's does (`UnauthenticatedHTTP2DOSMitigation`): streams in masses need a connection that stays.
 */
function endAfterUnknownPeer(exchange: Exchange, session: Http2Session | undefined): void {
  const { request, response } = exchange;
  response.once('finish', () => {
    const isAnonymous =
      header(exchange, 'authorization') === '' && peerCertificateOf(request.socket) === undefined;
    if (isAnonymous || response.statusCode === 401) session?.close();
  });
}

/** Reads what a request is about. @throws nothing; a URL that cannot be read becomes a path at which nothing is */
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
    warnings: [],
    notes: {},
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
