import type { ApiClient } from '../../client/index.js';
import type { ObserveRequest } from '../../gen/cluster.js';
import type { Clock } from '../../lib/clock.js';
import { ApiLook } from './api-look.js';
import type { ObservationSink } from './observe.js';
import { observe } from './observe.js';
import type { StoreAdmin, StoreTelemetry } from './store-admin.js';

/** Callers that observe at once, by gRPC and HTTP together; more are refused. */
export const maxObservers = 32;

/** The dependencies of the {@link Observers}. */
export interface ObserversOptions {
  readonly client: ApiClient;
  readonly store: StoreAdmin & StoreTelemetry;
  readonly clock: Clock;
  /** This master's name. */
  readonly name: string;
}

/** All who observe the cluster through this master, whichever protocol they speak. */
export class Observers {
  readonly #options: ObserversOptions;
  readonly #api: ApiLook;
  #count = 0;

  constructor(options: ObserversOptions) {
    this.#options = options;
    this.#api = new ApiLook(options);
  }

  get areFull(): boolean {
    return this.#count >= maxObservers;
  }

  /** Observes for one caller until `signal` aborts. They must not be full. */
  async run(request: ObserveRequest, to: ObservationSink, signal: AbortSignal): Promise<void> {
    this.#count++;
    try {
      await observe({ ...this.#options, api: this.#api }, request, to, signal);
    } finally {
      this.#count--;
    }
  }
}
