/**
 * Streams between a Kubernetes client and a node: exec, attach and port-forward, over WebSocket and SPDY/3.1. The API
 * server has authenticated and authorized the request and found the pod before it comes here; this folder knows
 * transports and nothing of the API.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ExecStart, PortForwardData } from '../../gen/agent.js';
import type { Clock } from '../../lib/clock.js';
import type { ClientDuplex } from '../../lib/grpc/index.js';
import { Session } from '../../lib/session.js';
import { serveSpdyPortForward, serveWebSocketPortForward } from './port-forward.js';
import type { ExecCall } from './remote-command.js';
import { serveSpdyCommand } from './spdy-command.js';
import { guardSocket, refuseUpgrade } from './upgrade.js';
import { serveWebSocketCommand } from './websocket-command.js';

export { acceptMessages } from './message-socket.js';
export type { MessageSocket } from './message-socket.js';

/** An HTTP/1.1 request that asks to become something else: what Node's `upgrade` event gives. */
export interface UpgradeRequest {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
}

/**
 * Exec, or attach when `start.command` is empty. `open` opens the call to the node; the first message is sent here.
 * Everything that the connection keeps busy ends with it, whichever side goes first.
 */
export function upgradeCommand(
  upgrade: UpgradeRequest,
  options: { readonly start: ExecStart; readonly open: () => ExecCall; readonly clock: Clock },
): void {
  if (hasGone(upgrade.socket)) return;
  const session = new Session({ clock: options.clock });
  if (isWebSocket(upgrade.request)) serveWebSocketCommand({ ...upgrade, ...options, session });
  else if (isSpdy(upgrade.request)) serveSpdyCommand({ ...withHead(upgrade), ...options, session });
  else refuseUpgrade(upgrade.socket, 400, 'Upgrade request required');
}

/**
 * Port-forward. `open` opens a call to the node and sends its first message for that port.
 * @param ports of the request's query; only some WebSocket clients use them
 */
export function upgradePortForward(
  upgrade: UpgradeRequest,
  options: {
    readonly ports: readonly number[];
    readonly clock: Clock;
    readonly open: (port: number) => ClientDuplex<PortForwardData, PortForwardData>;
  },
): void {
  if (hasGone(upgrade.socket)) return;
  if (isWebSocket(upgrade.request)) serveWebSocketPortForward({ ...upgrade, ...options });
  else if (isSpdy(upgrade.request)) serveSpdyPortForward({ ...withHead(upgrade), ...options });
  else refuseUpgrade(upgrade.socket, 400, 'Upgrade request required');
}

/** True when the client left while its request was looked at; the connection does not tell again. Else guards it. */
function hasGone(socket: Duplex): boolean {
  guardSocket(socket);
  if (!socket.destroyed && !socket.readableEnded) return false;
  socket.destroy();
  return true;
}

function isWebSocket(request: IncomingMessage): boolean {
  return request.headers.upgrade?.toLowerCase() === 'websocket';
}

function isSpdy(request: IncomingMessage): boolean {
  return request.headers.upgrade?.toLowerCase() === 'spdy/3.1';
}

/** Bytes that came right behind the request belong to the new protocol. */
function withHead(upgrade: UpgradeRequest): UpgradeRequest {
  if (upgrade.head.length > 0) upgrade.socket.unshift(upgrade.head);
  return upgrade;
}
