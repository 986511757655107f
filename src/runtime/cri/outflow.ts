import type { SpdyConnection, SpdyStream } from '../../lib/spdy/connection.js';
import type { ExecOutput } from '../types.js';

/**
 * Carries output to its receiver, and holds the whole connection while that takes no more: streams of SPDY have no
 * windows of their own here.
 */
export class Outflow {
  readonly #connection: SpdyConnection;
  #isClosed = false;
  #isWaiting = false;

  constructor(connection: SpdyConnection) {
    this.#connection = connection;
  }

  /** @param tell returns false when no more can be taken */
  take(tell: () => boolean): void {
    if (!this.#isClosed && !tell()) this.#connection.pause();
  }

  /** The output has ended. */
  ended(output: ExecOutput): void {
    if (!this.#isClosed) output.ended?.();
  }

  resume(): void {
    this.#connection.resume();
  }

  /** Nothing is told any more. */
  close(): void {
    this.#isClosed = true;
  }

  /** Sends input. @returns false: {@link ExecOutput.drain} tells when more may come */
  write(stream: SpdyStream | undefined, data: Uint8Array, output: ExecOutput): boolean {
    if (stream === undefined || stream.write(data)) return true;
    if (!this.#isWaiting) {
      this.#isWaiting = true;
      const tell = (): void => {
        this.#isWaiting = false;
        if (!this.#isClosed) output.drain?.();
      };
      this.#connection.drained().then(tell, tell);
    }
    return false;
  }
}
