import type { IncomingMessage } from 'node:http';
import { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { endSocket } from '../../../lib/linger.js';
import type { Logger } from '../../../lib/log.js';
import { isStatusError } from '../status.js';
import type { Verbs } from '../verbs/index.js';
import { callOf } from './call.js';
import type { Exchange } from './exchange.js';
import { serveLogMessages } from './log.js';
import { watchMessages } from './message-answers.js';
import { open } from './pipeline.js';
import { upgradeProxy } from './proxy.js';
import type { RemoteDeps } from './remote.js';
import { upgradeRemote } from './remote.js';
import { sendError } from './respond.js';
import type { Upgrading } from './socket-switch.js';
import type { StreamDeps } from './stream-requests.js';
import { readStreamRequest } from './stream-requests.js';
import { readWatchRequest } from './watch-request.js';

/** The dependencies of the handler of upgrade requests. */
export interface UpgradeDeps extends StreamDeps {
  readonly verbs: Verbs;
  readonly log: Logger;
  readonly remote: RemoteDeps;
}

/**
 * Requests that turn their HTTP/1.1 connection into something else: exec, attach, port-forward, proxied ones, watches
 * and logs. Any other is served as if it had not asked.
 */
export class UpgradeHandler {
  readonly #deps: UpgradeDeps;

  constructor(deps: UpgradeDeps) {
    this.#deps = deps;
  }

  /** Never rejects. */
  async serve(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    decline: () => void,
  ): Promise<void> {
    const { remote, clock } = this.#deps;
    const response = new ServerResponse(request);
    const exchange = open(request, response);
    const api = remote.remotes.ofPath(exchange.info.path);
    if (api === undefined && !isStream(exchange) && !isOther(exchange, request)) {
      decline();
      return;
    }
    socket.on('error', () => undefined);
    response.assignSocket(socket as Socket);
    response.shouldKeepAlive = false;
    response.once('finish', () => endSocket(socket, clock));
    try {
      if (api !== undefined) {
        await upgradeRemote(exchange, api, remote, { request, response, socket, head });
        return;
      }
      if (await this.#served(exchange, { request, response, socket, head })) return;
      await this.#deps.verbs.connect(callOf(exchange), ({ subresource }) => {
        const stream = readStreamRequest(subresource, exchange.query, this.#deps);
        return {
          options: stream.options,
          use: async ({ target }, started) => {
            const takeOver = await stream.prepare(target);
            response.detachSocket(socket as Socket);
            started(101);
            takeOver({ request, socket, head });
            await closed(socket);
            return 101;
          },
        };
      });
    } catch (error) {
      if (!isStatusError(error)) this.#deps.log.error({ error }, 'an upgrade failed');
      // A handler that fails after it has taken the connection over leaves it without an answer.
      if (response.socket === null) socket.destroy();
      await sendError(exchange, error).catch(() => socket.destroy());
    }
  }

  /** Serves everything but streams. @returns false for a stream */
  async #served(exchange: Exchange, upgrading: Upgrading): Promise<boolean> {
    const subresource = exchange.info.resource?.subresource ?? '';
    if (isStream(exchange)) return false;
    if (subresource === 'proxy') await upgradeProxy(exchange, this.#deps, upgrading);
    else if (subresource === 'log') await serveLogMessages(exchange, this.#deps, upgrading);
    else {
      await this.#deps.verbs.watch(callOf(exchange), ({ kind }) =>
        readWatchRequest(exchange, kind, this.#deps.clock, (events) =>
          watchMessages(upgrading, events),
        ),
      );
    }
    return true;
  }
}

/** True where the connection is to become a stream of the pod. */
function isStream({ info }: Exchange): boolean {
  return /^(?:attach|exec|portforward)$/.test(info.resource?.subresource ?? '');
}

/** True for what else is served on a connection of its own. */
function isOther({ info }: Exchange, request: IncomingMessage): boolean {
  const subresource = info.resource?.subresource ?? '';
  if (subresource === 'proxy') return true;
  return isWebSocket(request) && (subresource === 'log' || info.verb === 'watch');
}

function isWebSocket({ headers }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === 'websocket';
}

function closed(socket: Duplex): Promise<void> {
  if (socket.closed) return Promise.resolve();
  return new Promise((resolve) => {
    socket.once('close', resolve);
  });
}
