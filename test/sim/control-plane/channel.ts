/** A client's channel to an API server, for one life of the client. */
import type {
  CallOptions,
  Channel,
  Client,
  ServiceDefinition,
} from '../../../src/lib/grpc/index.js';
import { Code, GrpcError } from '../../../src/lib/grpc/index.js';
import type { SimNetwork } from './network.js';
import type { Life, SimProcess } from './process.js';
import { Stream } from './stream.js';
import { UnaryCall } from './unary-call.js';
import type { Identity, Method, Reached } from './wire.js';
import { never } from './wire.js';

/** See above. */
export class SimChannel implements Channel {
  readonly state = 'ready';
  readonly target: string;
  readonly #network: SimNetwork;
  readonly #client: SimProcess;
  readonly #life: Life;
  readonly #identity: Identity;

  constructor(
    network: SimNetwork,
    client: SimProcess,
    life: Life,
    target: string,
    identity: Identity,
  ) {
    this.#network = network;
    this.#client = client;
    this.#life = life;
    this.target = target;
    this.#identity = identity;
  }

  onStateChange(): () => void {
    return () => undefined;
  }

  connect(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {}

  client<S extends ServiceDefinition>(definition: S): Client<S> {
    const stub: Record<string, unknown> = {};
    for (const [key, method] of Object.entries(definition.methods)) {
      const known = method as Method;
      stub[key] = known.responseStream
        ? (request: unknown, options: CallOptions = {}) =>
            this.#stream(key, known, request, options)
        : (request: unknown, options: CallOptions = {}) =>
            this.#unary(key, known, request, options);
    }
    return stub as Client<S>;
  }

  /** The server if it can be reached now; else why not. */
  #reach(): Reached {
    const server = this.#network.server(this.target);
    if (server?.life === undefined || server.handlers === undefined) return undefined;
    if (this.#network.isCut(this.#client, server)) return undefined;
    return { server, life: server.life };
  }

  #unary(key: string, method: Method, request: unknown, options: CallOptions): Promise<unknown> {
    if (this.#client.life !== this.#life) return never();
    if (options.signal?.aborted === true) {
      return Promise.reject(new GrpcError(Code.Cancelled, 'the call was cancelled'));
    }
    if (isEvent(request) && !this.#network.world.options.recordsEvents) return refusedEvent();
    this.#network.observer?.sent(this.#client, this.#life, key, request);
    const bytes = method.requestType.encode(request).finish();
    return new Promise((resolve, reject) => {
      const call = new UnaryCall({
        network: this.#network,
        client: this.#client,
        life: this.#life,
        method,
        key,
        identity: this.#identity,
        resolve,
        reject,
      });
      call.begin(this.#reach(), bytes, options);
    });
  }

  #stream(
    key: string,
    method: Method,
    request: unknown,
    options: CallOptions,
  ): AsyncIterable<unknown> {
    const bytes = method.requestType.encode(request).finish();
    const stream = new Stream({
      network: this.#network,
      client: this.#client,
      life: this.#life,
      method,
      key,
      identity: this.#identity,
      request,
    });
    stream.begin(this.#client.life === this.#life ? this.#reach() : undefined, bytes, options);
    return stream.inbox;
  }
}

function isEvent(request: unknown): boolean {
  const { ref } = request as { readonly ref?: { readonly resource: string } };
  return ref?.resource === 'events';
}

/** In most runs nobody may write Events: they double the writes, and nothing depends on them. */
function refusedEvent(): Promise<never> {
  return Promise.reject(new GrpcError(Code.PermissionDenied, 'no events in this run'));
}
