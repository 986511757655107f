import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../../lib/clock.js';
import { clientLimits } from './limits.js';

/**
 * Lets a client that closes its sending side have the answers to what it sent, for {@link clientLimits.halfOpenMs}: a
 * client that has left looks the same, and an endpoint must not work for it for ever. Over TLS closing one side
 * closes both.
 */
export function answerHalfOpen(server: Pick<Server, 'on'>, clock: Clock): void {
  // Node's own switch, which its types do not name; without it the answers under way are broken off.
  Object.assign(server, { httpAllowHalfOpen: true });
  server.on('connection', (socket: Socket) => {
    socket.on('end', () => {
      const cancel = clock.schedule(clientLimits.halfOpenMs, () => socket.destroy());
      socket.on('close', cancel);
    });
  });
}
