import type { Socket } from 'node:net';
import type { Clock } from '../clock.js';
import { listenerLimits } from '../net-limits.js';

interface Progress {
  /** The bytes that had left the process. */
  readonly sentBytes: number;
  readonly sinceMs: number;
}

/** The members of a socket that are used. */
type Sending = Pick<Socket, 'writableLength' | 'bytesWritten' | 'destroy'>;

/**
 * Ends connections whose peer takes nothing of much that waits for it: TCP itself waits for ever for a peer that is
 * there and does not read.
 * @param sockets all that are open @returns stops it
 */
export function dropSilentReaders(sockets: ReadonlySet<Sending>, clock: Clock): () => void {
  const stalled = new WeakMap<Sending, Progress>();
  let cancel: () => void = () => undefined;
  const look = (): void => {
    const nowMs = clock.monotonicMs();
    for (const socket of sockets) {
      if (socket.writableLength < listenerLimits.unreadBytes) continue;
      const sentBytes = socket.bytesWritten - socket.writableLength;
      const before = stalled.get(socket);
      if (before === undefined || before.sentBytes !== sentBytes) {
        stalled.set(socket, { sentBytes, sinceMs: nowMs });
      } else if (nowMs - before.sinceMs >= listenerLimits.unreadMs) socket.destroy();
    }
    cancel = clock.schedule(listenerLimits.checkEveryMs, look);
  };
  cancel = clock.schedule(listenerLimits.checkEveryMs, look);
  return () => cancel();
}
