/** Calls from clients to members: late, lost with a process that dies, given up after a while. */
import { clientError } from '../../src/etcd/grpc-status.js';
import { Code, GrpcError, isGrpcError } from '../../src/lib/grpc/types.js';
import type { CallContext } from '../../src/lib/grpc/types.js';
import type { SimProcess, Services } from './store-process.js';
import type { StoreWorld } from './store-world.js';

/** A client gives up then; no member may take that long, but it may be paused or cut off. */
const giveUpUs = 20_000_000;

/** The caller as handlers see it. */
export const callContext: CallContext = {
  metadata: new Map(),
  peer: 'client',
  peerCertificate: undefined,
  signal: new AbortController().signal,
  path: '',
  header: () => undefined,
  setTrailer: () => undefined,
};

/** A message with all fields but the given ones at their defaults. */
export function message<T>(codec: { decode(bytes: Uint8Array): T }, fields: Partial<T>): T {
  return { ...codec.decode(new Uint8Array(0)), ...fields };
}

/** Did the request surely not happen? The members say so themselves. */
export function isDefinite(error: unknown): boolean {
  return isGrpcError(error) && error.definite;
}

interface OpenCall {
  readonly process: SimProcess;
  fail(error: unknown): void;
}

/** All calls under way. */
export class Calls {
  readonly #world: StoreWorld;
  readonly #open = new Set<OpenCall>();

  constructor(world: StoreWorld) {
    this.#world = world;
    world.onLifeEnded((process) => {
      for (const call of this.#open) {
        if (call.process !== process) continue;
        const lost = new GrpcError(Code.Unavailable, 'connection lost', { definite: false });
        world.queue.add(world.delay(), () => call.fail(lost));
      }
    });
  }

  /** Calls without an answer yet. */
  get pending(): number {
    return this.#open.size;
  }

  /** Calls a member. Errors that no client may ever see fail the run. */
  call<T>(process: SimProcess, run: (services: Services) => Promise<T> | T): Promise<T> {
    const { queue } = this.#world;
    return new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        if (!this.#open.delete(call)) return;
        cancel();
        settle();
      };
      const call: OpenCall = { process, fail: (error) => end(() => reject(error)) };
      const cancel = queue.add(giveUpUs, () => {
        call.fail(new GrpcError(Code.DeadlineExceeded, 'given up', { definite: false }));
      });
      this.#open.add(call);
      const arrive = (): void => {
        void this.#serve(process, run).then(
          (value) => this.#reply(process, () => end(() => resolve(value))),
          (error: unknown) => this.#reply(process, () => call.fail(error)),
        );
      };
      queue.add(this.#world.delay(), () => {
        if (process.services === undefined) {
          call.fail(new GrpcError(Code.Unavailable, 'connection refused'));
        } else {
          queue.add(0, arrive, process);
        }
      });
    });
  }

  async #serve<T>(process: SimProcess, run: (services: Services) => Promise<T> | T): Promise<T> {
    const { services, life } = process;
    if (services === undefined) throw new GrpcError(Code.Unavailable, 'connection refused');
    try {
      return await run(services);
    } catch (error) {
      const known = clientError(error);
      // In a process that has died nobody cares.
      if (known === undefined && process.life === life) this.#world.failure ??= error;
      throw known ?? error;
    }
  }

  #reply(process: SimProcess, settle: () => void): void {
    const { queue } = this.#world;
    const { life } = process;
    if (process.services === undefined) return;
    queue.add(this.#world.delay(), () => {
      if (process.life === life) settle();
    });
  }
}
