import type { IncomingMessage } from 'node:http';
import { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { KindRegistry } from '../../../api/registry.js';
import { endSocket } from '../../../lib/linger.js';
import type { Logger } from '../../../lib/log.js';
import type { Target } from '../registry/types.js';
import { badRequest, isStatusError, noSuchResource } from '../status.js';
import { prepareStream } from '../subresources/stream-requests.js';
import type { StreamDeps } from '../subresources/stream-requests.js';
import type { Exchange } from './exchange.js';
import type { Pipeline } from './pipeline.js';
import { open } from './pipeline.js';
import { sendError } from './respond.js';

const streams = new Set(['exec', 'attach', 'portforward']);

export interface UpgradeDeps extends StreamDeps {
  readonly kinds: KindRegistry;
  readonly pipeline: Pipeline;
  readonly log: Logger;
}

/** Requests that turn their HTTP/1.1 connection into something else: exec, attach and port-forward. */
export class UpgradeHandler {
  readonly #deps: UpgradeDeps;

  constructor(deps: UpgradeDeps) {
    this.#deps = deps;
  }

  /** Never rejects. */
  async serve(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on('error', () => undefined);
    const response = new ServerResponse(request);
    response.assignSocket(socket as Socket);
    response.shouldKeepAlive = false;
    response.once('finish', () => endSocket(socket, this.#deps.clock));
    const exchange = open(request, response);
    try {
      await this.#deps.pipeline.admit(exchange);
      await this.#upgrade(exchange, request, { socket, head, response });
    } catch (error) {
      if (!isStatusError(error)) this.#deps.log.error({ error }, 'an upgrade failed');
      // Whoever has taken the connection over and failed leaves it without an answer.
      if (response.socket === null) socket.destroy();
      await sendError(exchange, error).catch(() => socket.destroy());
    }
  }

  async #upgrade(
    exchange: Exchange,
    request: IncomingMessage,
    connection: {
      readonly socket: Duplex;
      readonly head: Buffer;
      readonly response: ServerResponse;
    },
  ): Promise<void> {
    const target = this.#target(exchange);
    if (!streams.has(target.subresource)) {
      throw badRequest('Upgrade request is not supported for this resource');
    }
    const takeOver = await prepareStream(target, exchange.query, this.#deps);
    const { socket, head, response } = connection;
    response.detachSocket(socket as Socket);
    takeOver({ request, socket, head });
  }

  #target(exchange: Exchange): Target {
    const { info } = exchange;
    const kind = this.#deps.kinds.byResource(info.group, info.version, info.resource);
    if (kind === undefined || kind.plural !== 'pods') throw noSuchResource();
    return { kind, namespace: info.namespace, name: info.name, subresource: info.subresource };
  }
}
