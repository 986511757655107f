import type { ClientDuplex } from '../../../lib/grpc/index.js';

/** A call to a node: a test says what the node sends, and when it takes more. */
export class FakeCall<In, Out> implements ClientDuplex<In, Out> {
  readonly sent: Out[] = [];
  cancelled = false;
  ended = false;
  /** The messages that the node still takes before it asks to wait. */
  room = Infinity;
  readonly #held: (In | Error | undefined)[] = [];
  #wake: () => void = () => undefined;
  #drained: (() => void)[] = [];

  send(message: Out): boolean {
    this.sent.push(message);
    this.room -= 1;
    return this.room > 0;
  }

  sendEncoded(): boolean {
    throw new TypeError('nobody encodes');
  }

  drained(): Promise<void> {
    return new Promise((resolve) => this.#drained.push(resolve));
  }

  end(): void {
    this.ended = true;
  }

  cancel(): void {
    this.cancelled = true;
    this.#wake();
  }

  /** The node takes so many messages more. */
  take(room: number): void {
    this.room = room;
    for (const resolve of this.#drained.splice(0)) resolve();
  }

  /** The node says something, fails (an Error), or ends (undefined). */
  say(message: In | Error | undefined): void {
    this.#held.push(message);
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<In> {
    while (!this.cancelled) {
      if (this.#held.length === 0) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        continue;
      }
      const message = this.#held.shift();
      if (message === undefined) return;
      if (message instanceof Error) throw message;
      yield message;
    }
  }
}
