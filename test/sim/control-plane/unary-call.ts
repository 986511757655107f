/** A call with one answer. */
import type { CallOptions } from '../../../src/lib/grpc/index.js';
import { Code, GrpcError } from '../../../src/lib/grpc/index.js';
import type { SimServer } from './network.js';
import type { Life } from './process.js';
import type { Call, CallParts, Handler, Reached } from './wire.js';
import { certificateOf, copyError, Gone, onAbort, ServedCall, unavailable } from './wire.js';

/** The time that a client waits for a connection. */
export const connectTimeoutMs = 800;
const deadlineMsDefault = 30_000;

/** See above. */
export class UnaryCall implements Call {
  readonly #parts: CallParts & {
    readonly resolve: (answer: unknown) => void;
    readonly reject: (error: unknown) => void;
  };
  readonly #gone = new Gone();
  #server: Life | undefined;
  #ends: (() => void)[] = [];
  #over = false;

  constructor(parts: UnaryCall['parts']) {
    this.#parts = parts;
  }

  get parts(): CallParts & {
    readonly resolve: (answer: unknown) => void;
    readonly reject: (error: unknown) => void;
  } {
    return this.#parts;
  }

  get client(): Life {
    return this.#parts.life;
  }

  get server(): Life {
    return this.#server ?? this.#parts.life;
  }

  begin(reached: Reached, bytes: Uint8Array, options: CallOptions): void {
    const { network, client, life, key } = this.#parts;
    const { queue } = network.world;
    if (reached === undefined) {
      queue.add(
        connectTimeoutMs * 1000,
        () => this.broken(unavailable(true, 'no connection')),
        life,
      );
      return;
    }
    this.#server = reached.life;
    network.open(this);
    const deadlineMs = options.deadlineMs ?? deadlineMsDefault;
    this.#ends.push(
      client.clock.schedule(deadlineMs, () =>
        this.broken(new GrpcError(Code.DeadlineExceeded, 'deadline', { definite: false })),
      ),
      onAbort(options, () => {
        this.broken(new GrpcError(Code.Cancelled, 'the call was cancelled', { definite: false }));
        queue.add(network.delay(), () => this.abandoned());
      }),
    );
    if (network.world.fault('requestLost', key)) {
      queue.add(
        network.delay() * 4,
        () => this.broken(unavailable(false, 'connection reset')),
        life,
      );
      return;
    }
    queue.add(network.delay(), () => this.#serve(reached, bytes), reached.life);
  }

  #serve({ server, life }: NonNullable<Reached>, bytes: Uint8Array): void {
    const { network, client, method, key, identity } = this.#parts;
    const { handlers } = server;
    if (handlers === undefined || network.isCut(client, server)) return;
    const handler = handlers[key as keyof typeof handlers] as unknown as Handler;
    const context = new ServedCall(method.name, certificateOf(identity), this.#gone);
    const request = method.requestType.decode(bytes);
    network.observer?.arrived(this, key, request);
    const work = async (): Promise<unknown> => handler.call(handlers, request, context);
    work().then(
      (answer) => this.#reply(server, life, { request, answer }),
      (error: unknown) => this.#reply(server, life, { request, error: copyError(error) }),
    );
  }

  #reply(
    server: SimServer,
    serverLife: Life,
    outcome: { readonly request: unknown; readonly answer?: unknown; readonly error?: GrpcError },
  ): void {
    const { network, client, life, method, key } = this.#parts;
    const { world } = network;
    if (server.life !== serverLife) return;
    if (outcome.error !== undefined) world.refused(client, key, outcome.error);
    const seen =
      outcome.error === undefined
        ? network.observer?.answered(
            { call: this, life, method: key, request: outcome.request },
            outcome.answer,
          )
        : undefined;
    if (network.isCut(client, server)) return;
    if (world.fault('answerLost', key)) {
      world.queue.add(
        network.delay() * 4,
        () => this.broken(unavailable(false, 'connection reset')),
        life,
      );
      return;
    }
    const bytes =
      outcome.error === undefined ? method.responseType.encode(outcome.answer).finish() : undefined;
    world.queue.add(
      network.delay(),
      () => {
        if (this.#over) return;
        if (bytes === undefined) this.#end(() => this.#parts.reject(outcome.error));
        else {
          seen?.();
          this.#end(() => this.#parts.resolve(method.responseType.decode(bytes)));
        }
      },
      life,
    );
  }

  broken(error: GrpcError): void {
    this.#end(() => this.#parts.reject(error));
  }

  abandoned(): void {
    this.#gone.tell();
  }

  #end(act: () => void): void {
    if (this.#over) return;
    this.#over = true;
    this.#parts.network.close(this);
    for (const end of this.#ends) end();
    if (this.#parts.client.life === this.#parts.life) act();
  }
}
