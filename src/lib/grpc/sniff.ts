import type { Socket } from 'node:net';
import type { BytePool } from '../byte-pool.js';
import type { Clock } from '../clock.js';
import { preface } from '../http2/index.js';
import { connectionLimits } from '../net-limits.js';
import { FirstRequestFinder } from './first-request.js';

/** The protocol of a connection, and the bytes that were read of it. */
export interface Found {
  readonly protocol: 'http1' | 'http2' | 'grpc';
  readonly seen: Buffer;
}

/** The limits of finding out a connection's protocol. */
export interface SniffOptions {
  readonly clock: Clock;
  /** The memory that all connections that are looked at may hold together. */
  readonly pool: BytePool;
  /** HTTP/2 may carry something else than gRPC. */
  readonly mayBePlain: boolean;
  /** Called once. @param found undefined when the connection is gone */
  readonly decided: (found: Found | undefined) => void;
}

const noBytes = Buffer.alloc(0);

/**
 * Finds out by its first bytes what a connection speaks: HTTP/2 opens with its preface, HTTP/1 never does; what HTTP/2
 * carries, its first request tells. A connection that says too little for too long is closed.
 */
export function sniff(socket: Socket, options: SniffOptions): void {
  const { clock, decided } = options;
  const giveUp = (): void => {
    socket.destroy();
  };
  let cancel = clock.schedule(connectionLimits.firstBytesMs, giveUp);
  let seen: Buffer = noBytes;
  let finder: FirstRequestFinder | undefined;
  let isDone = false;
  const done = (found: Found | undefined): void => {
    if (isDone) return;
    isDone = true;
    cancel();
    finder?.release();
    socket.removeListener('readable', onReadable);
    socket.removeListener('close', onClose);
    decided(found);
  };
  const onClose = (): void => done(undefined);
  const onReadable = (): void => {
    const chunk = socket.read() as Buffer | null;
    if (chunk === null) return;
    if (finder === undefined) {
      seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
      const length = Math.min(seen.length, preface.length);
      if (!seen.subarray(0, length).equals(preface.subarray(0, length))) {
        done({ protocol: 'http1', seen });
        return;
      }
      if (length < preface.length) return;
      if (!options.mayBePlain) {
        done({ protocol: 'grpc', seen });
        return;
      }
      cancel();
      // Clients may connect ahead of their first request.
      cancel = clock.schedule(connectionLimits.idleMs, giveUp);
      finder = new FirstRequestFinder(socket, options.pool);
    }
    const found = finder.take(seen.length > 0 ? seen.subarray(preface.length) : chunk);
    seen = noBytes;
    if (found === undefined) return;
    if (found.isGrpc) {
      done({ protocol: 'grpc', seen: found.seen });
      return;
    }
    socket.removeListener('readable', onReadable);
    finder.whenWritten(() => done({ protocol: 'http2', seen: found.seen }));
  };
  socket.on('readable', onReadable);
  socket.on('close', onClose);
}
