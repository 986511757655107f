import type { StreamCall } from './client-call.js';
import { Code, GrpcError } from './types.js';

/** Messages that a caller may send before the connection stands, without awaiting `drained()`. */
const earlyMessagesMax = 1024;

/** A stream whose connection is still being made. */
export class PendingStream {
  readonly #opening: Promise<StreamCall>;
  #stream: StreamCall | undefined;
  #early: unknown[] = [];
  #ending = false;
  #cancelled = false;
  #failed = false;

  constructor(opening: Promise<StreamCall>, signal: AbortSignal | undefined) {
    this.#opening = opening;
    const onAbort = (): void => this.cancel();
    signal?.addEventListener('abort', onAbort, { once: true });
    opening.then(
      (stream) => {
        signal?.removeEventListener('abort', onAbort);
        this.#stream = stream;
        if (this.#cancelled) {
          stream.cancel();
          return;
        }
        for (const message of this.#early) stream.send(message);
        this.#early = [];
        if (this.#ending) stream.end();
      },
      () => {
        signal?.removeEventListener('abort', onAbort);
        this.#failed = true;
      },
    );
  }

  send(message: unknown): boolean {
    if (this.#stream !== undefined) return this.#stream.send(message);
    if (this.ended) return true;
    if (this.#early.length >= earlyMessagesMax) {
      throw new GrpcError(Code.ResourceExhausted, 'too many messages before the connection stands');
    }
    this.#early.push(message);
    return false;
  }

  sendEncoded(parts: readonly Uint8Array[]): boolean {
    if (this.#stream === undefined) {
      throw new GrpcError(
        Code.Unavailable,
        'encoded messages need an open stream: await drained() first',
      );
    }
    return this.#stream.sendEncoded(parts);
  }

  async drained(): Promise<void> {
    if (this.#stream === undefined) {
      await this.#opening.catch(() => undefined);
    }
    await this.#stream?.drained();
  }

  get ended(): boolean {
    return this.#failed || this.#cancelled || (this.#stream?.ended ?? false);
  }

  end(): void {
    this.#ending = true;
    this.#stream?.end();
  }

  cancel(): void {
    this.#cancelled = true;
    this.#stream?.cancel();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator {
    const stream = await this.#opening;
    yield* stream;
  }
}
