import type { ListenOptions, Server } from 'node:net';
import type { Clock } from '../lib/clock.js';
import { delay } from '../lib/clock.js';
import type { Logger } from '../lib/log.js';

const againMs = 100;

/** Who waits for an address, and until when. */
export interface WaitForAddress {
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Listens as soon as the address is free: the netproxy of before may be about to let it go, and a stranger who has it
 * must not keep the rest of the node's network from working.
 * @throws what listening throws besides; the signal's reason
 */
export async function whenFree(
  listen: () => Promise<void>,
  { clock, log, signal }: WaitForAddress,
): Promise<void> {
  for (let told = false; ; told = true) {
    signal?.throwIfAborted();
    try {
      return await listen();
    } catch (error) {
      if (!isTaken(error)) throw error;
      if (!told) log.warn({ error }, 'an address is taken; waiting for it to be free');
    }
    await delay(clock, againMs, signal);
  }
}

function isTaken(error: unknown): boolean {
  return (error as NodeJS.ErrnoException | undefined)?.code === 'EADDRINUSE';
}

/** Resolves when the server listens. @throws what listening throws; it may be tried again */
export function listening(server: Server, options: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      // Given to `listen` it would stay, one more with each try.
      server.off('listening', succeed);
      reject(error);
    };
    const succeed = (): void => {
      server.off('error', fail);
      resolve();
    };
    server.once('error', fail);
    server.once('listening', succeed);
    server.listen(options);
  });
}
