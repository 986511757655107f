/** A call with many answers: a watch, or a list in chunks. */
import type { CallOptions, Sender } from '../../../src/lib/grpc/index.js';
import { Code, GrpcError } from '../../../src/lib/grpc/index.js';
import type { Life, SimProcess } from './process.js';
import { connectTimeoutMs } from './unary-call.js';
import type { Call, CallParts, Handler, Reached } from './wire.js';
import { certificateOf, copyError, Gone, Inbox, onAbort, ServedCall, unavailable } from './wire.js';

/** Messages of one stream under way; beyond it the server waits. */
const windowMessages = 32;

/** See above. */
export class Stream implements Call, Sender<unknown> {
  readonly #parts: CallParts & { readonly request: unknown };
  readonly #gone = new Gone();
  readonly inbox: Inbox<unknown>;
  #server: Reached;
  #underWay = 0;
  #lastUs = 0;
  #silent = false;
  #drained: (() => void)[] = [];
  #endAbort: () => void = () => undefined;

  constructor(parts: CallParts & { readonly request: unknown }) {
    this.#parts = parts;
    this.inbox = new Inbox(() => this.#leave());
  }

  get client(): Life {
    return this.#parts.life;
  }

  get server(): Life {
    return this.#server?.life ?? this.#parts.life;
  }

  get owner(): SimProcess {
    return this.#parts.client;
  }

  get ended(): boolean {
    return this.#gone.isTold || this.inbox.ended;
  }

  begin(reached: Reached, bytes: Uint8Array, options: CallOptions): void {
    const { network, life, key, method, client, identity } = this.#parts;
    const { queue } = network.world;
    if (reached === undefined) {
      queue.add(
        connectTimeoutMs * 1000,
        () => this.broken(unavailable(true, 'no connection')),
        life,
      );
      return;
    }
    this.#server = reached;
    network.open(this);
    network.streams.add(this);
    this.#endAbort = onAbort(options, () => {
      this.broken(new GrpcError(Code.Cancelled, 'the call was cancelled', { definite: false }));
      this.#leave();
    });
    queue.add(
      network.delay(),
      () => {
        const { handlers } = reached.server;
        if (handlers === undefined || network.isCut(client, reached.server)) return;
        const handler = handlers[key as keyof typeof handlers] as unknown as Handler;
        const context = new ServedCall(method.name, certificateOf(identity), this.#gone);
        const request = method.requestType.decode(bytes);
        const work = async (): Promise<unknown> => handler.call(handlers, request, this, context);
        work().then(
          () => this.#finish(undefined),
          (error: unknown) => this.#finish(copyError(error)),
        );
      },
      reached.life,
    );
  }

  send(message: unknown): boolean {
    const { method } = this.#parts;
    return this.#post(method.responseType.encode(message).finish());
  }

  sendEncoded(parts: readonly Uint8Array[]): boolean {
    return this.#post(Buffer.concat(parts));
  }

  #post(bytes: Uint8Array): boolean {
    const { method, network, life, request } = this.#parts;
    if (this.ended || !this.#alive()) return false;
    this.#underWay += 1;
    this.#deliver(() => {
      this.#underWay -= 1;
      if (this.#underWay === 0) for (const go of this.#drained.splice(0)) go();
      const message = method.responseType.decode(bytes);
      network.observer?.delivered(life, this, request, message);
      this.inbox.push(message);
    });
    return this.#underWay < windowMessages;
  }

  drained(): Promise<void> {
    if (this.#underWay === 0 || this.ended) return Promise.resolve();
    return new Promise((resolve) => {
      this.#drained.push(resolve);
    });
  }

  #alive(): boolean {
    const server = this.#server;
    return server !== undefined && server.server.life === server.life;
  }

  /** In order, after the slowest that went before. */
  #deliver(act: () => void): void {
    const { network, life, client } = this.#parts;
    const { queue } = network.world;
    // A lost message is never sent again: none that follow it arrive either.
    this.#silent ||= this.#server !== undefined && network.isCut(client, this.#server.server);
    if (this.#silent) return;
    const stalled = network.stalls.get(life) ?? 0;
    const at = Math.max(queue.now + network.delay(), this.#lastUs, stalled);
    this.#lastUs = at;
    queue.add(at - queue.now, act, life);
  }

  #finish(error: GrpcError | undefined): void {
    if (this.#alive()) this.#deliver(() => this.#over(error));
  }

  broken(error: GrpcError): void {
    this.#over(error);
  }

  #over(error: GrpcError | undefined): void {
    const { network } = this.#parts;
    network.close(this);
    network.streams.delete(this);
    this.#endAbort();
    this.inbox.finish(error);
    for (const go of this.#drained.splice(0)) go();
  }

  abandoned(): void {
    this.#gone.tell();
    for (const go of this.#drained.splice(0)) go();
  }

  /** The client reads no more. */
  #leave(): void {
    const { network } = this.#parts;
    network.close(this);
    network.streams.delete(this);
    this.#endAbort();
    network.world.queue.add(network.delay(), () => this.abandoned());
  }

  /** The connection breaks: both sides learn so. */
  break(): void {
    this.broken(unavailable(false, 'connection reset'));
    const { network } = this.#parts;
    network.world.queue.add(network.delay(), () => this.abandoned());
  }
}
