import type { Duplex } from 'node:stream';
import type { Clock } from './clock.js';

/** The time that written bytes have to get on their way after the end, and again as long as they move. */
const lingerMs = 2000;

/**
 * Ends our half of a connection, and destroys it, however the peer behaves, once what was written has gone or goes no
 * further.
 */
export function endSocket(socket: Duplex, clock: Clock): void {
  if (socket.destroyed) return;
  socket.end();
  linger(socket, clock, socket.writableLength);
}

function linger(socket: Duplex, clock: Clock, waitingBytes: number): void {
  const cancel = clock.schedule(lingerMs, () => {
    socket.removeListener('close', cancel);
    const leftBytes = socket.writableLength;
    if (leftBytes > 0 && leftBytes < waitingBytes) linger(socket, clock, leftBytes);
    else socket.destroy();
  });
  socket.once('close', cancel);
}
