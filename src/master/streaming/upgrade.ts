import { STATUS_CODES } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** The kernel probes a peer after this long a silence, so that a client whose machine is gone is noticed. */
const keepAliveMs = 60_000;

/**
 * Node takes its own handlers off a connection that is to be upgraded, and an error that nobody handles ends the
 * process. So this comes first; the end of the connection is told by `close`.
 */
export function guardSocket(socket: Duplex): void {
  socket.on('error', () => socket.destroy());
  if (socket instanceof Socket) socket.setKeepAlive(true, keepAliveMs);
}

/** Answers an HTTP/1.1 upgrade request with 101: from here on the socket speaks the other protocol. */
export function acceptUpgrade(socket: Duplex, headers: Readonly<Record<string, string>>): void {
  const lines = Object.entries({ Connection: 'Upgrade', ...headers }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join('')}\r\n`);
}

/** Answers an upgrade request with an error in Kubernetes' form, and closes. */
export function refuseUpgrade(socket: Duplex, code: number, message: string): void {
  guardSocket(socket);
  const status = {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    reason: code === 403 ? 'Forbidden' : code === 400 ? 'BadRequest' : 'InternalError',
    code,
  };
  const body = Buffer.from(`${JSON.stringify(status)}\n`);
  if (!socket.writable) return;
  socket.end(
    `HTTP/1.1 ${code} ${STATUS_CODES[code] ?? 'Error'}\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${body.length}\r\nConnection: close\r\n\r\n${body.toString('utf8')}`,
  );
}
