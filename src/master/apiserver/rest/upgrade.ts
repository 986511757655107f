import type { IncomingMessage } from 'node:http';
import { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { KindRegistry } from '../../../api/registry.js';
import type { Logger } from '../../../lib/log.js';
import type { Target } from '../registry/types.js';
import { badRequest, isStatusError, noSuchResource } from '../status.js';
import { readTerminalRequest, runTerminal } from '../subresources/terminal.js';
import type { TerminalDeps } from '../subresources/terminal.js';
import { WebSocketTerminal } from '../subresources/websocket-terminal.js';
import type { Exchange } from './exchange.js';
import { header } from './exchange.js';
import type { Pipeline } from './pipeline.js';
import { open } from './pipeline.js';
import { sendError } from './respond.js';

const terminalProtocols = [
  'v5.channel.k8s.io',
  'v4.channel.k8s.io',
  'base64.channel.k8s.io',
  'channel.k8s.io',
];
const maxMessageBytes = 32 * 1024 * 1024;

export interface UpgradeDeps extends TerminalDeps {
  readonly kinds: KindRegistry;
  readonly pipeline: Pipeline;
  readonly log: Logger;
}

/** Requests that turn their HTTP/1.1 connection into something else: exec and attach over WebSockets. */
export class UpgradeHandler {
  readonly #deps: UpgradeDeps;
  readonly #sockets: WebSocketServer;

  constructor(deps: UpgradeDeps) {
    this.#deps = deps;
    this.#sockets = new WebSocketServer({
      noServer: true,
      maxPayload: maxMessageBytes,
      perMessageDeflate: false,
      handleProtocols: (offered) => terminalProtocols.find((name) => offered.has(name)) ?? false,
    });
  }

  /** Never rejects. */
  async serve(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on('error', () => undefined);
    const response = new ServerResponse(request);
    response.assignSocket(socket as Socket);
    const exchange = open(request, response);
    try {
      await this.#deps.pipeline.admit(exchange);
      await this.#upgrade(exchange, request, { socket, head, response });
    } catch (error) {
      if (!isStatusError(error)) this.#deps.log.error({ error }, 'an upgrade failed');
      response.shouldKeepAlive = false;
      await sendError(exchange, error).catch(() => undefined);
      response.once('finish', () => socket.end());
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
    const wanted = header(exchange, 'upgrade').toLowerCase();
    if (wanted !== 'websocket') throw badRequest('unable to upgrade: unable to negotiate protocol');
    if (target.subresource !== 'exec' && target.subresource !== 'attach') {
      throw badRequest('unable to upgrade: unable to negotiate protocol');
    }
    const offered = header(exchange, 'sec-websocket-protocol')
      .split(',')
      .map((name) => name.trim());
    if (!offered.some((name) => terminalProtocols.includes(name))) {
      throw badRequest('unable to upgrade: unable to negotiate protocol');
    }
    const terminal = await readTerminalRequest(target, exchange.query, this.#deps);
    const { socket, head, response } = connection;
    response.detachSocket(socket as Socket);
    this.#sockets.handleUpgrade(request, socket, head, (webSocket) => {
      void runTerminal(terminal, new WebSocketTerminal(webSocket), this.#deps);
    });
  }

  #target(exchange: Exchange): Target {
    const { info } = exchange;
    const kind = this.#deps.kinds.byResource(info.group, info.version, info.resource);
    if (kind === undefined || kind.plural !== 'pods') throw noSuchResource();
    return { kind, namespace: info.namespace, name: info.name, subresource: info.subresource };
  }
}
